import { checkDuration, checkKeys } from './names.ts';

/**
 * Time limits of a task, in milliseconds, from 1 to ten years. One that is left out is that of the task's agent
 * (`limits.timeouts`), where that has one; else there is none.
 */
export interface TaskTimeouts {
  /**
   * From when a worker may take it to the claim of an attempt: from its `dueAt`, and anew from each retry. It passes neither
   * while the task waits for others or its workflow is paused, nor once its caller runs it (`executeTask`). The task then
   * fails with `SCHEDULE_TO_START_TIMEOUT` and is not tried again.
   */
  readonly scheduleToStartMs?: number;
  /** From the claim of an attempt to its end; `START_TO_CLOSE_TIMEOUT`, a failure like others. */
  readonly startToCloseMs?: number;
  /**
   * From when the task may first be taken, or is first run by its caller, to its end, over all attempts, waits and pauses.
   * It then fails with `SCHEDULE_TO_CLOSE_TIMEOUT` and is not tried again.
   */
  readonly scheduleToCloseMs?: number;
  /**
   * How long a running agent may give no sign of life: a progress, a recorded step, a spawned task, or a line that an
   * isolated agent prints. `IDLE_TIMEOUT`, a failure like others.
   */
  readonly idleMs?: number;
}

/** The end of a time limit, on both clocks of the store. */
export interface Deadline {
  /** Wall time in epoch milliseconds: for finding what may be over, and what counts once another boot has begun. */
  readonly at: number;
  /** The same on the lease clock of `bootId`. While that runs it alone decides: nobody can set it on. */
  readonly lease: number;
  readonly bootId: string;
}

/** The time limits that hold for a task now: its own, and those of its agent where it has none; and until when. */
export interface TimeLimits extends TaskTimeouts {
  /** Until when a pending task is to be claimed. */
  readonly startBy?: Deadline;
  /** Until when the task is to end. */
  readonly closeBy?: Deadline;
  /** Until when the attempt may run. */
  readonly runUntil?: Deadline;
  /** How much of schedule-to-close was left at the claim, in milliseconds. */
  readonly closeAfterMs?: number;
  /** Retries by which whoever runs the attempt would judge it, unless the task has a policy of its own. */
  readonly maxRetries?: number;
}

const timeoutKeys = [
  'scheduleToStartMs',
  'startToCloseMs',
  'scheduleToCloseMs',
  'idleMs',
] as const satisfies readonly (keyof TaskTimeouts)[];

/**
 * Checks time limits and copies those that are set: whole milliseconds, from 1 to ten years.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`
 */
export function checkTimeouts(value: TaskTimeouts | undefined, what: string): TaskTimeouts {
  if (value === undefined) return {};
  checkKeys(value, timeoutKeys, what);
  const set = timeoutKeys.flatMap((key) => {
    const ms = value[key];
    return ms === undefined ? [] : [[key, checkDuration(ms, `${what}.${key}`)] as const];
  });
  return Object.fromEntries(set);
}
