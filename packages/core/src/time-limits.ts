import { defaults } from './defaults.ts';
import { isTerminal, type TaskRow } from './task.ts';
import type { Deadline, TaskTimeouts, TimeLimits } from './timeouts.ts';
import type { Times } from './times.ts';

/** A time limit that ends a task or an attempt from outside. Idleness is seen by the attempt's own process alone. */
export type LimitName = 'scheduleToStart' | 'startToClose' | 'scheduleToClose';

/** What an agent's defaults say of the task before any attempt: how long it may wait, and live. */
function scheduleOf({ scheduleToStartMs, scheduleToCloseMs }: TaskTimeouts): TaskTimeouts {
  return {
    ...(scheduleToStartMs === undefined ? {} : { scheduleToStartMs }),
    ...(scheduleToCloseMs === undefined ? {} : { scheduleToCloseMs }),
  };
}

/**
 * The limits of a task that is given to an agent, before it is claimed: its own, and the agent's schedule limits.
 *
 * @param defaults those of the agent, as the catalogue has it; undefined where it has none, or there is no agent
 */
export function limitsGiven(task: Pick<TaskRow, 'timeouts' | 'timeLimits'>, defaults?: TaskTimeouts): TimeLimits {
  return { ...(defaults === undefined ? {} : scheduleOf(defaults)), ...ownLimits(task) };
}

/** The limits that a task has whoever its agent is: what the last agent's defaults had set going ends with it. */
export function ownLimits({ timeouts, timeLimits }: Pick<TaskRow, 'timeouts' | 'timeLimits'>): TimeLimits {
  const { startBy, closeBy } = timeLimits;
  return {
    ...timeouts,
    ...(startBy === undefined || timeouts.scheduleToStartMs === undefined ? {} : { startBy }),
    ...(closeBy === undefined || timeouts.scheduleToCloseMs === undefined ? {} : { closeBy }),
  };
}

/** What a claim says of the limits of its attempt. */
export interface AttemptTerms {
  readonly agentId: string;
  /** The agent's defaults, as the process that runs it has them. */
  readonly timeouts?: TaskTimeouts;
  readonly defaultMaxRetries?: number;
  /** The task's caller runs it: then no time is set for a worker to start it. */
  readonly byCaller: boolean;
}

/** The limits of a task whose attempt starts. */
export function limitsOfAttempt(task: TaskRow, terms: AttemptTerms, times: Times): TimeLimits {
  const { timeouts } = task;
  const known: TimeLimits = task.agentId === terms.agentId ? task.timeLimits : ownLimits(task);
  if (isNone(known) && isNone(timeouts) && isNone(terms.timeouts ?? none)) return known;
  const { scheduleToStartMs, ...others }: TaskTimeouts = { ...terms.timeouts, ...scheduleOf(known), ...timeouts };
  const { startToCloseMs, scheduleToCloseMs } = others;
  const closeBy = known.closeBy ?? (scheduleToCloseMs === undefined ? undefined : deadline(times, scheduleToCloseMs));
  return {
    ...others,
    ...(scheduleToStartMs === undefined || terms.byCaller ? {} : { scheduleToStartMs }),
    ...(closeBy === undefined ? {} : { closeBy, closeAfterMs: Math.max(1, Math.ceil(leftMs(closeBy, times))) }),
    ...(startToCloseMs === undefined ? {} : { runUntil: deadline(times, startToCloseMs) }),
    ...(startToCloseMs === undefined || terms.defaultMaxRetries === undefined
      ? {}
      : { maxRetries: terms.defaultMaxRetries }),
  };
}

/** The limits of a task that nobody runs any more: its attempt's are over, and the wait for the next begins anew. */
export function limitsAfterAttempt({ timeLimits }: Pick<TaskRow, 'timeLimits'>): TimeLimits {
  if (isNone(timeLimits)) return timeLimits;
  const { startBy: _start, runUntil: _run, closeAfterMs: _left, maxRetries: _retries, ...lasting } = timeLimits;
  return lasting;
}

/** The limits of a task that is held back, whose time to start does not pass. */
export function limitsWhileHeld({ timeLimits }: Pick<TaskRow, 'timeLimits'>): TimeLimits {
  const { startBy: _start, ...others } = timeLimits;
  return others;
}

/** The task with its limits under way as its status has it, and with the next moment at which one may be over. */
export function withTimeLimits<Row extends TaskRow>(task: Row, times: Times): Row {
  const timeLimits = isNone(task.timeLimits) ? task.timeLimits : isTerminal(task.status) ? none : underWay(task, times);
  const expiresAt = nextExpiry(task, timeLimits);
  return timeLimits === task.timeLimits && expiresAt === task.expiresAt ? task : { ...task, timeLimits, expiresAt };
}

const none: TimeLimits = {};

function isNone(limits: TimeLimits): boolean {
  return Object.keys(limits).length === 0;
}

/** Starts what counts from the moment at which a task may be taken. */
function underWay(task: TaskRow, times: Times): TimeLimits {
  const { timeLimits, dueAt } = task;
  if (task.status !== 'pending' || dueAt === null || task.openDependencies > 0) return timeLimits;
  const { scheduleToStartMs, scheduleToCloseMs } = timeLimits;
  const starts = scheduleToStartMs !== undefined && timeLimits.startBy === undefined && !task.held;
  const closes = scheduleToCloseMs !== undefined && timeLimits.closeBy === undefined;
  if (!starts && !closes) return timeLimits;
  const inMs = Math.max(0, dueAt - times.now);
  return {
    ...timeLimits,
    ...(starts ? { startBy: deadline(times, inMs + scheduleToStartMs) } : {}),
    ...(closes ? { closeBy: deadline(times, inMs + scheduleToCloseMs) } : {}),
  };
}

/** When a sweep has something to do with a task next, by the wall clock; null: never. */
function nextExpiry({ status, cancelAt }: TaskRow, { startBy, closeBy, runUntil }: TimeLimits): number | null {
  if (status === 'running') {
    // Once it is to be cancelled, no other limit changes how it ends.
    return cancelAt ?? earliest(runUntil?.at, closeBy?.at, defaults.overdueMs);
  }
  return isTerminal(status) ? null : earliest(status === 'pending' ? startBy?.at : undefined, closeBy?.at, 0);
}

function earliest(first: number | undefined, second: number | undefined, more: number): number | null {
  if (first === undefined && second === undefined) return null;
  return Math.min(first ?? Infinity, second ?? Infinity) + more;
}

/**
 * The limit that a task has passed, if any. Of one that runs only where its process has let the end of the grace go by as
 * well: until then it is that process's to say how the attempt ended.
 */
export function passedLimit(
  { status, timeLimits }: Pick<TaskRow, 'status' | 'timeLimits'>,
  times: Times,
): LimitName | undefined {
  const { startBy, closeBy, runUntil } = timeLimits;
  const late = status === 'running' ? defaults.overdueMs : 0;
  if (closeBy !== undefined && leftMs(closeBy, times) + late <= 0) return 'scheduleToClose';
  if (status === 'running')
    return runUntil !== undefined && leftMs(runUntil, times) + late <= 0 ? 'startToClose' : undefined;
  return status === 'pending' && startBy !== undefined && leftMs(startBy, times) <= 0 ? 'scheduleToStart' : undefined;
}

/** The same limits for a wall clock that was set on: none has passed yet, and they are looked at again when they have. */
export function postponed({ timeLimits }: Pick<TaskRow, 'timeLimits'>, times: Times): TimeLimits {
  const later = (known: Deadline | undefined): Deadline | undefined =>
    known?.bootId === times.bootId ? deadline(times, known.lease - times.lease) : known;
  const [startBy, closeBy, runUntil] = [timeLimits.startBy, timeLimits.closeBy, timeLimits.runUntil].map(later);
  return {
    ...timeLimits,
    ...(startBy === undefined ? {} : { startBy }),
    ...(closeBy === undefined ? {} : { closeBy }),
    ...(runUntil === undefined ? {} : { runUntil }),
  };
}

function deadline({ now, lease, bootId }: Times, inMs: number): Deadline {
  return { at: now + Math.ceil(inMs), lease: lease + inMs, bootId };
}

/** Negative once the deadline has passed. */
function leftMs({ at, lease, bootId }: Deadline, times: Times): number {
  return bootId === times.bootId ? lease - times.lease : at - times.now;
}
