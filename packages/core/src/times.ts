/** The times of one transaction. */
export interface Times {
  /** The store's wall time. */
  readonly now: number;
  /** The store's lease clock. */
  readonly lease: number;
  /** Tells one run of the lease clock from the next: leases of another boot are over. */
  readonly bootId: string;
}
