/** Every default of the execution layer, in one place. Times are milliseconds, sizes bytes of UTF-8. */
export const defaults = {
  /** How long a worker counts as alive after its last renewal. */
  leaseMs: 10_000,
  /** How often a worker renews. */
  renewMs: 3_000,
  /** How long the main thread of a worker may be busy without a break until it counts as hung: 5 minutes. */
  stallMs: 5 * 60 * 1_000,
  /** How often a worker looks for dead ones. */
  sweepMs: 2_000,
  /** How often a worker looks for due tasks and cancelled ones when nothing wakes it. */
  pollMs: 1_000,
  /** How long one worker may hold a task to decide on its route. */
  routingMs: 5_000,
  /** How long a task that nobody can take waits until its route is looked for again. */
  unroutableMs: 1_000,
  /** How long an agent counts as hosted after its last host went away. */
  unhostedMs: 60_000,
  /** From the wish to cancel, or a timeout, until the attempt is given up. */
  graceMs: 5_000,
  /**
   * From the end of a time limit of an attempt until others end it, where its own process does not: the grace that the
   * agent has there, and as much again for the process to say so.
   */
  overdueMs: 10_000,
  /** Time limit of a hook. */
  hookMs: 30_000,
  /** Time limit of a strategy's answer. */
  rankMs: 1_000,
  /** How long a stopping worker lets its attempts go on. */
  drainMs: 10_000,
  /** Attempts that one worker runs at once. */
  concurrency: 8,
  /** Tasks that `batchExecute` runs at once. */
  maxConcurrent: 10,
  /** Retries of a task run by a worker, unless the task says otherwise; `executeTask` retries nothing. */
  maxRetries: 3,
  /** Crashes in a row after which a task counts as poison. */
  maxCrashes: 3,
  /** How long a worker starts nothing for the sake of a suspect, before it starts what waits beside what it runs. */
  aloneMs: 10_000,
  /** How long what has ended is kept: 30 days. */
  retentionMs: 30 * 24 * 60 * 60 * 1_000,
  /** How often a worker removes what is older. */
  pruneMs: 60_000,
  /** Tasks, and workflows, that one transaction removes. */
  pruneLimit: 500,
  /** Pause between two batches of removals. */
  prunePauseMs: 50,
  inputBytes: 1024 * 1024,
  outputBytes: 4 * 1024 * 1024,
} as const;

/** A priority step is worth this much waiting: one higher overtakes what is due up to a minute earlier. */
export const priorityStepMs = 60_000;

/** Priorities lie within ± this. */
export const priorityLimit = 100;
