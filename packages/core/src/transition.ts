import { defaults, priorityStepMs } from './defaults.ts';
import type { ErrorCode, TaskError } from './errors.ts';
import type { NewEvent } from './events.ts';
import { seededRandom } from './random.ts';
import { backoffMs, maxCrashes, type RetryPolicy } from './retry.ts';
import type { RoutingDecision } from './routing.ts';
import type { TaskBody, TaskRow, TaskStatus } from './task.ts';
import {
  limitsAfterAttempt,
  limitsGiven,
  limitsOfAttempt,
  limitsWhileHeld,
  ownLimits,
  passedLimit,
  postponed,
  withTimeLimits,
} from './time-limits.ts';
import type { TaskTimeouts } from './timeouts.ts';
import type { Times } from './times.ts';

/** What can be asked of a task. `until` times are on the lease clock, all others on the wall clock. */
export type TaskCommand =
  /** Makes a stored task due. */
  | { readonly type: 'submit'; readonly dueAt: number }
  /** Gives a task without assignment to one worker, which decides on its route. */
  | { readonly type: 'bind'; readonly workerId: string; readonly until: number }
  | { readonly type: 'unbind' }
  /** Writes the route of a task whose agent is hosted elsewhere. */
  | {
      readonly type: 'assign';
      readonly decision: RoutingDecision;
      /** The agent's defaults, as the catalogue has them. */
      readonly timeouts?: TaskTimeouts;
    }
  /** Notes that nobody can take the task now; the binding keeps it from being looked at before `until`. */
  | { readonly type: 'defer'; readonly until: number; readonly code: string; readonly reason: string }
  /** Ends a task that nobody will ever take. */
  | { readonly type: 'reject'; readonly error: Omit<TaskError, 'attempt'> }
  /** Takes the assignment from a task whose agent nobody hosts any more. */
  | { readonly type: 'unassign'; readonly reason: string }
  | { readonly type: 'hold'; readonly held: boolean }
  /** Starts an attempt. */
  | {
      readonly type: 'claim';
      readonly workerId: string;
      readonly agentId: string;
      readonly pinned?: boolean;
      readonly retry?: RetryPolicy;
      readonly decision?: RoutingDecision;
      /** The agent's defaults, as the process that runs it has them. */
      readonly timeouts?: TaskTimeouts;
      /** Retries by which that process judges a failure, unless the task has a policy of its own. */
      readonly defaultMaxRetries?: number;
    }
  | { readonly type: 'complete'; readonly output: string; readonly unusedSteps?: readonly string[] }
  | {
      readonly type: 'fail';
      readonly error: TaskError;
      readonly retryable: boolean;
      /** A number in [0, 1) for the jitter. */
      readonly draw: number;
      readonly defaultMaxRetries: number;
      readonly retryAfterMs?: number;
      /** Keeps the task for this worker between its attempts. */
      readonly bindTo?: string;
    }
  | { readonly type: 'refuse'; readonly reason: string }
  /** Hands an attempt back; costs nothing. */
  | { readonly type: 'release'; readonly reason: string }
  /** Takes the task from a worker that died. */
  | { readonly type: 'crash'; readonly charged: boolean }
  | { readonly type: 'suspend' }
  | { readonly type: 'resume' }
  /** One of the tasks that it waits for has completed. */
  | { readonly type: 'unblock' }
  | {
      readonly type: 'cancel';
      readonly graceMs: number;
      readonly reason?: string;
      /** What a task that never started is cancelled for. */
      readonly error?: Omit<TaskError, 'attempt'>;
    }
  /**
   * Does what a time that has passed asks for: gives up an attempt whose cancellation was asked for and whose grace is
   * over, or that has outlived a limit which its own process does not enforce; fails a task that has waited too long.
   */
  | { readonly type: 'expire'; /** Why a task has not been started. */ readonly why?: string }
  /** Starts a task that ended without a result anew, by hand. */
  | {
      readonly type: 'retry';
      /** Tasks that it still waits for. */
      readonly openDependencies: number;
      /** The defaults of its agent, as the catalogue has them. */
      readonly timeouts?: TaskTimeouts;
    }
  | { readonly type: 'addToWorkflow'; readonly workflowId: string };

/** The name of a command on a task. */
export type TaskCommandType = TaskCommand['type'];

/**
 * What may happen to a task in each status, and the statuses it can lead to. A missing cell is a refusal. Diagrams,
 * documentation and tests are made from this table.
 */
export const transitionTable: {
  readonly [Type in TaskCommandType]: { readonly [From in TaskStatus]?: readonly TaskStatus[] };
} = {
  submit: { pending: ['pending'] },
  bind: { pending: ['pending'] },
  unbind: { pending: ['pending'] },
  assign: { pending: ['pending'] },
  defer: { pending: ['pending'] },
  reject: { pending: ['failed'] },
  unassign: { pending: ['pending'] },
  hold: { pending: ['pending'] },
  claim: { pending: ['running'] },
  complete: { running: ['completed', 'cancelled'] },
  fail: { running: ['pending', 'failed', 'cancelled'] },
  refuse: { running: ['pending', 'failed', 'cancelled'] },
  release: { running: ['pending', 'cancelled'] },
  crash: { running: ['pending', 'failed', 'cancelled'] },
  suspend: { running: ['waiting', 'cancelled'] },
  resume: { waiting: ['pending'] },
  unblock: { pending: ['pending'] },
  cancel: { pending: ['cancelled'], running: ['running'], waiting: ['cancelled'] },
  expire: {
    pending: ['pending', 'failed'],
    running: ['running', 'pending', 'failed', 'cancelled'],
    waiting: ['waiting', 'failed'],
  },
  retry: { failed: ['pending'], cancelled: ['pending'] },
  addToWorkflow: {
    pending: ['pending'],
    running: ['running'],
    waiting: ['waiting'],
    completed: ['completed'],
    failed: ['failed'],
    cancelled: ['cancelled'],
  },
};

/** What a command does to a task: the new row, what changes in its body, and the events that explain it. */
export interface Transition {
  readonly task: TaskRow;
  readonly body: Partial<Pick<TaskBody, 'output' | 'error'>>;
  readonly events: readonly NewEvent[];
}

/** Why a command does nothing. */
export interface TransitionRefusal {
  readonly refused: ErrorCode;
  readonly message: string;
}

/** Decides what a command does to a task. Pure: looks at nothing but its arguments, changes none of them. */
export function transition(task: TaskRow, command: TaskCommand, times: Times): Transition | TransitionRefusal {
  if (transitionTable[command.type][task.status] === undefined) {
    return {
      refused: 'TASK_INVALID_TRANSITION',
      message: `Task ${task.id} is ${task.status}; ${command.type} is not possible then.`,
    };
  }
  const change = effect(task, command, times);
  const raised = change.task.status === task.status ? change.task : { ...change.task, version: task.version + 1 };
  return { ...change, task: withTimeLimits(raised, times) };
}

function effect(task: TaskRow, command: TaskCommand, times: Times): Transition {
  const { now } = times;
  switch (command.type) {
    case 'submit':
      return to(due(task, command.dueAt), { type: 'task.submitted', data: { dueAt: command.dueAt } });
    case 'bind':
      return to({ ...task, boundTo: command.workerId, boundUntil: command.until });
    case 'unbind':
      return to(unbound(task));
    case 'assign':
      return to(
        {
          ...unbound(task),
          ...inTurn(task),
          agentId: command.decision.agentId,
          unroutable: false,
          timeLimits: limitsGiven(task, command.timeouts),
        },
        { type: 'task.routed', data: command.decision },
      );
    case 'defer':
      return defer(task, command, now);
    case 'reject':
      return ended(task, 'failed', now, { error: { ...command.error, attempt: task.attempt } });
    case 'unassign':
      return to(
        { ...task, agentId: null, timeLimits: ownLimits(task) },
        { type: 'task.unassigned', data: { agentId: task.agentId ?? '', reason: command.reason } },
      );
    case 'hold':
      return to({ ...task, held: command.held, timeLimits: command.held ? limitsWhileHeld(task) : task.timeLimits });
    case 'claim':
      return claim(task, command, times);
    case 'complete':
      return complete(task, command, now);
    case 'fail':
      return fail(task, command, now);
    case 'refuse':
      return refuse(task, command.reason, now);
    case 'release':
      return release(task, command.reason, now);
    case 'crash':
      return crash(task, command.charged, now);
    case 'suspend':
      if (task.cancelAt !== null) return cancelled(task, now);
      return to(
        { ...task, status: 'waiting', workerId: null, timeLimits: limitsAfterAttempt(task) },
        { type: 'task.suspended', data: { attempt: task.attempt } },
      );
    case 'resume':
      return to(due({ ...task, status: 'pending' }, now), { type: 'task.resumed', data: { dueAt: now } });
    case 'unblock':
      return unblock(task, now);
    case 'cancel':
      return cancel(task, command, now);
    case 'expire':
      return expire(task, command, times);
    case 'retry':
      return retry(task, command, now);
    case 'addToWorkflow':
      return to(
        { ...task, workflowId: command.workflowId },
        { type: 'task.added_to_workflow', data: { workflowId: command.workflowId } },
      );
  }
}

type Command<Type extends TaskCommandType> = Extract<TaskCommand, { readonly type: Type }>;

function to(task: TaskRow, event?: NewEvent, body: Transition['body'] = {}): Transition {
  return { task, body, events: event === undefined ? [] : [event] };
}

/** The order of claims: what is due earlier goes first, and each step of priority is worth a minute. */
export function claimKey(dueAt: number, priority: number): number {
  return dueAt - priority * priorityStepMs;
}

function due(task: TaskRow, dueAt: number): TaskRow {
  return { ...task, dueAt, claimKey: claimKey(dueAt, task.priority) };
}

/** The place in the order that its age gives a task, whatever it was put behind while nobody could take it. */
function inTurn({ dueAt, priority }: TaskRow): Pick<TaskRow, 'claimKey'> {
  return { claimKey: dueAt === null ? null : claimKey(dueAt, priority) };
}

function unbound(task: TaskRow): TaskRow {
  return { ...task, boundTo: null, boundUntil: null };
}

function defer(task: TaskRow, command: Command<'defer'>, now: number): Transition {
  // Behind all that is due now: tasks that nobody can take must not stand in the way of those that somebody can.
  const order = claimKey(now, task.priority);
  const waiting = { ...task, boundUntil: command.until, claimKey: order, unroutable: true };
  if (task.unroutable) return to(waiting); // said once; the log must not grow while the task waits
  return to(waiting, { type: 'task.unroutable', data: { code: command.code, reason: command.reason } });
}

function claim(task: TaskRow, command: Command<'claim'>, times: Times): Transition {
  const attempt = task.attempt + 1;
  const running: TaskRow = {
    ...unbound(task),
    status: 'running',
    attempt,
    agentId: command.agentId,
    pinned: task.pinned || command.pinned === true,
    retry: command.retry ?? task.retry,
    workerId: command.workerId,
    dueAt: null,
    claimKey: null,
    held: false,
    unroutable: false,
    startedAt: task.startedAt ?? times.now,
    timeLimits: limitsOfAttempt(task, { ...command, byCaller: command.pinned === true }, times),
  };
  const claimed: NewEvent = {
    type: 'task.claimed',
    data: { attempt, workerId: command.workerId, agentId: command.agentId },
  };
  const routed: readonly NewEvent[] =
    command.decision === undefined ? [] : [{ type: 'task.routed', data: command.decision }];
  return { task: running, body: {}, events: [...routed, claimed] };
}

function complete(task: TaskRow, command: Command<'complete'>, now: number): Transition {
  if (task.cancelAt !== null) return cancelled(task, now);
  const unused: readonly NewEvent[] =
    command.unusedSteps === undefined || command.unusedSteps.length === 0
      ? []
      : [{ type: 'task.steps_unused', data: { attempt: task.attempt, steps: command.unusedSteps } }];
  return {
    task: over(task, 'completed', now),
    body: { output: command.output, error: null },
    events: [...unused, { type: 'task.completed', data: { attempt: task.attempt } }],
  };
}

function fail(task: TaskRow, command: Command<'fail'>, now: number): Transition {
  if (task.cancelAt !== null) return cancelled(task, now);
  const failures = task.failures + 1;
  const failed = { ...task, failures };
  const { error } = command;
  if (!command.retryable || failures > (task.retry.maxRetries ?? command.defaultMaxRetries)) {
    return ended(failed, 'failed', now, { error });
  }
  const dueAt = now + Math.ceil(command.retryAfterMs ?? backoffMs(task.retry, failures, command.draw));
  return to(
    { ...due(idle(failed), dueAt), boundTo: command.bindTo ?? null },
    { type: 'task.retry_scheduled', data: { attempt: task.attempt, error, failures, dueAt } },
    { error },
  );
}

function refuse(task: TaskRow, reason: string, now: number): Transition {
  if (task.cancelAt !== null) return cancelled(task, now);
  const agentId = task.agentId ?? '';
  const refused: NewEvent = { type: 'task.refused', data: { attempt: task.attempt, agentId, reason } };
  if (task.pinned) {
    const error = {
      name: 'SymphonyError',
      code: 'REFUSED',
      message: `Agent "${agentId}" refused the task: ${reason}`,
      attempt: task.attempt,
    };
    const end = ended(task, 'failed', now, { error });
    return { ...end, events: [refused, ...end.events] };
  }
  const refusedBy = [...task.refusedBy, { agentId, reason }];
  const free = { ...idle(task), agentId: null, timeLimits: ownLimits(task) };
  return to({ ...due(free, now), refusedBy }, refused);
}

function release(task: TaskRow, reason: string, now: number): Transition {
  if (task.cancelAt !== null) return cancelled(task, now);
  return to(due(idle(task), now), {
    type: 'task.released',
    data: { attempt: task.attempt, workerId: task.workerId ?? '', reason },
  });
}

function crash(task: TaskRow, charged: boolean, now: number): Transition {
  const crashes = charged ? task.crashes + 1 : task.crashes;
  const crashed: NewEvent = {
    type: 'task.crashed',
    data: { attempt: task.attempt, workerId: task.workerId ?? '', charged, crashes },
  };
  const released = { ...task, crashes };
  const end =
    task.cancelAt !== null
      ? cancelled(released, now)
      : charged && crashes >= maxCrashes(task.retry)
        ? ended(released, 'failed', now, { error: poison(task, crashes) })
        : to(due(idle(released), now));
  return { ...end, events: [crashed, ...end.events] };
}

function poison(task: TaskRow, crashes: number): TaskError {
  const message = `The worker died ${crashes} times in a row while it ran this task, without a new step in between.`;
  return { name: 'SymphonyError', code: 'POISON', message, attempt: task.attempt };
}

function unblock(task: TaskRow, now: number): Transition {
  const openDependencies = Math.max(0, task.openDependencies - 1);
  if (openDependencies > 0) return to({ ...task, openDependencies });
  const free = { ...task, openDependencies };
  // Not submitted yet: it stays its creator's.
  if (task.dueAt === null) return to(free, { type: 'task.unblocked', data: {} });
  const dueAt = Math.max(task.dueAt, now);
  return to(due(free, dueAt), { type: 'task.unblocked', data: { dueAt } });
}

function cancel(task: TaskRow, command: Command<'cancel'>, now: number): Transition {
  if (task.status !== 'running') {
    const body = command.error === undefined ? {} : { error: { ...command.error, attempt: task.attempt } };
    return { ...cancelled(task, now, command.reason), body };
  }
  if (task.cancelAt !== null) return to(task); // asked twice: the first grace counts
  const cancelAt = now + command.graceMs;
  return to(
    { ...task, cancelAt },
    {
      type: 'task.cancel_requested',
      data: { attempt: task.attempt, cancelAt, ...(command.reason === undefined ? {} : { reason: command.reason }) },
    },
  );
}

function expire(task: TaskRow, { why }: Command<'expire'>, times: Times): Transition {
  const { now } = times;
  if (task.cancelAt !== null) return task.cancelAt <= now ? cancelled(task, now) : to(task);
  const { scheduleToStartMs, startToCloseMs, scheduleToCloseMs, maxRetries } = task.timeLimits;
  switch (passedLimit(task, times)) {
    case 'scheduleToStart': {
      const message = `Task ${task.id} was not started within ${String(scheduleToStartMs)} ms${why === undefined ? '' : `: ${why}`}.`;
      return ended(task, 'failed', now, { error: timeout(task, 'SCHEDULE_TO_START_TIMEOUT', message) });
    }
    case 'scheduleToClose': {
      const message = `Task ${task.id} did not end within ${String(scheduleToCloseMs)} ms.`;
      const error = timeout(task, 'SCHEDULE_TO_CLOSE_TIMEOUT', message);
      // An attempt that runs fails of it, as it would have said itself.
      const failures = task.status === 'running' ? task.failures + 1 : task.failures;
      return ended({ ...task, failures }, 'failed', now, { error });
    }
    case 'startToClose': {
      const message = `The attempt at task ${task.id} took longer than ${String(startToCloseMs)} ms, and its process did not end it.`;
      const failure: Command<'fail'> = {
        type: 'fail',
        error: timeout(task, 'START_TO_CLOSE_TIMEOUT', message),
        retryable: true,
        draw: seededRandom(`${task.id}:${task.attempt}`)(),
        defaultMaxRetries: maxRetries ?? defaults.maxRetries,
      };
      return fail(task, failure, now);
    }
    case undefined:
      return to({ ...task, timeLimits: postponed(task, times) });
  }
}

function timeout({ attempt }: TaskRow, code: ErrorCode, message: string): TaskError {
  return { name: 'SymphonyError', code, message, attempt };
}

function retry(task: TaskRow, { openDependencies, timeouts }: Command<'retry'>, now: number): Transition {
  const fresh: TaskRow = {
    ...task,
    status: 'pending',
    failures: 0,
    crashes: 0,
    refusedBy: [],
    unroutable: false,
    finishedAt: null,
    cancelAt: null,
    openDependencies,
    timeLimits: limitsGiven(task, timeouts),
  };
  const data = { dueAt: now, ...(openDependencies === 0 ? {} : { openDependencies }) };
  return to(due(fresh, now), { type: 'task.retried', data }, { error: null });
}

function cancelled(task: TaskRow, now: number, reason?: string): Transition {
  return to(over(task, 'cancelled', now), {
    type: 'task.cancelled',
    data: { attempt: task.attempt, ...(reason === undefined ? {} : { reason }) },
  });
}

function ended(task: TaskRow, status: 'failed', now: number, body: { readonly error: TaskError }): Transition {
  return to(over(task, status, now), { type: 'task.failed', data: { attempt: task.attempt, error: body.error } }, body);
}

function over(task: TaskRow, status: TaskStatus, now: number): TaskRow {
  return { ...idle(task), status, finishedAt: now, openDependencies: 0 };
}

function idle(task: TaskRow): TaskRow {
  const timeLimits = limitsAfterAttempt(task);
  return { ...unbound(task), status: 'pending', workerId: null, dueAt: null, claimKey: null, held: false, timeLimits };
}
