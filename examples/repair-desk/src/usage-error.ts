/** The caller has asked for something that cannot be done; the message says what, in words for the terminal. */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UsageError';
  }
}
