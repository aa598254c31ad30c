/** What a task of the lane is to do. */
export interface ClockWork {
  readonly kind: 'steady' | 'flaky' | 'limited';
  readonly ms: number;
  readonly steps: number;
}

/** What a process of the lane notes. */
export type ClockFact =
  | { readonly kind: 'acknowledged'; readonly task: string }
  | { readonly kind: 'begin' | 'failed' | 'returned'; readonly task: string; readonly attempt: number };

/** What a process of the lane is started with. */
export interface ClockConfig {
  readonly role: 'worker' | 'submitter';
  readonly store: string;
  readonly notes: string;
  readonly seed: number;
}

/** Short, so that there is a takeover for every kill. */
export const clockLease = { leaseMs: 600, renewMs: 180, sweepMs: 120, pollMs: 100 } as const;

/** How long a flaky task waits for its second try. */
export const backoffMs = 700;

/** Time limit of an attempt at a limited task, which needs far less. */
export const limitMs = 20_000;
