/** How a poison task ends its process. */
export type Death = 'kill' | 'abort' | 'exit' | 'heap';

/** What a task of the lane is to do. */
export interface PoisonWork {
  readonly ms: number;
  /** Whether it records a step first. */
  readonly step: boolean;
  /** How it ends its process; left out by the innocent. */
  readonly death?: Death;
}

/** What a worker of the lane notes. */
export interface PoisonFact {
  readonly kind: 'begin' | 'end';
  readonly task: string;
  readonly attempt: number;
  readonly death?: Death;
}

/** What a worker of the lane is started with. */
export interface PoisonConfig {
  readonly store: string;
  readonly notes: string;
  readonly concurrency: number;
}

/** Short, so that the work of the dead is soon taken over. */
export const poisonLease = { leaseMs: 400, renewMs: 120, sweepMs: 100, pollMs: 100 } as const;
