/** What a task of the lane is to do: so many steps, each with an output of so many characters. */
export interface DiskWork {
  readonly steps: number;
  readonly ms: number;
  readonly characters: number;
}

/** What a worker of the lane notes, on another disk. */
export interface DiskFact {
  readonly kind: 'begin' | 'effect' | 'recorded' | 'replayed' | 'returned' | 'aborted';
  readonly task: string;
  readonly attempt: number;
  readonly step?: number;
}

/** What a worker of the lane is started with. */
export interface DiskConfig {
  readonly store: string;
  readonly notes: string;
  readonly concurrency: number;
}

/** Short, so that a full disk is at times shorter and at times longer than a lease. */
export const diskLease = { leaseMs: 1_500, renewMs: 450, sweepMs: 300, pollMs: 200 } as const;

/** The exit code of a worker that could not begin because the disk was full. */
export const startRefused = 75;
