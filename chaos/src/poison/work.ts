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
  readonly lease: PoisonLease;
}

/** How long the workers of the lane hold their leases, and how often they look. */
export interface PoisonLease {
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly sweepMs: number;
  readonly pollMs: number;
}

/** Short, so that the work of the dead is soon taken over; a little longer where an answer comes from another process. */
export const poisonLeases = {
  sqlite: { leaseMs: 400, renewMs: 120, sweepMs: 100, pollMs: 100 },
  postgres: { leaseMs: 800, renewMs: 240, sweepMs: 100, pollMs: 100 },
} as const satisfies Readonly<Record<string, PoisonLease>>;
