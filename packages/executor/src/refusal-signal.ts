/** Thrown by `context.refuse`: the agent does not take the task, for this reason, of 4,000 characters at most. */
export class RefusalSignal extends Error {
  override readonly name = 'RefusalSignal';

  constructor(reason: string) {
    super(reason.slice(0, 4_000));
  }
}
