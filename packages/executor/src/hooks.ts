import {
  checkKeys,
  defaults,
  delay,
  describe,
  SymphonyError,
  toTaskError,
  type AnyAgent,
  type Clock,
  type Task,
} from '@symphony/core';

/**
 * Runs before the agent, in every attempt, at most 30 s. The task is a copy: what the hook does to it, the agent does
 * not see.
 *
 * Errors: one that throws or takes longer fails the attempt before the agent runs, which costs a retry.
 */
export type PreExecutionHook = (task: Task, agent: AnyAgent) => void | Promise<void>;

/**
 * Runs once, after the commit that ends the task, not after attempts that will be retried. `result` is the output of a
 * completed task, else undefined; `task.error` says why. Both are copies of what is stored.
 *
 * Errors: one that throws or takes longer than 30 s never touches the committed result; it is recorded as the event
 * `task.hook_failed`. After a crash between the commit and the hook it does not run again.
 */
export type PostExecutionHook = (task: Task, agent: AnyAgent, result: unknown) => void | Promise<void>;

/** Hooks for every attempt, in a list: those of the application first, then those of the call. */
export interface ExecutionHooks {
  readonly preExecution?: PreExecutionHook;
  readonly postExecution?: PostExecutionHook;
}

/**
 * Runs a hook within its time limit.
 *
 * @param signal ends the wait for the hook; what it does then is of no interest
 * @throws SymphonyError `HOOK_TIMEOUT`, `HOOK_FAILED` with what it threw as the cause; the signal's reason
 */
export async function runHook(
  clock: Clock,
  phase: 'pre' | 'post',
  hook: () => void | Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  const done = new AbortController();
  const stop = (): void => done.abort(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  const limit = delay(clock, defaults.hookMs, done.signal).then(() => {
    throw new SymphonyError('HOOK_TIMEOUT', `The ${phase}-execution hook took longer than ${defaults.hookMs} ms.`, {
      details: { phase },
    });
  });
  try {
    await Promise.race([call(phase, hook), limit]);
  } finally {
    done.abort();
    signal?.removeEventListener('abort', stop);
  }
}

async function call(phase: 'pre' | 'post', hook: () => void | Promise<void>): Promise<void> {
  try {
    await hook();
  } catch (cause) {
    throw new SymphonyError('HOOK_FAILED', `The ${phase}-execution hook threw: ${toTaskError(cause, 0).message}`, {
      details: { phase },
      cause,
    });
  }
}

/**
 * Refuses what is no set of hooks.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`
 */
export function checkHooks(hooks: ExecutionHooks, what: string): ExecutionHooks {
  checkKeys(hooks, ['preExecution', 'postExecution'], what);
  checkHook(hooks.preExecution, `${what}.preExecution`);
  checkHook(hooks.postExecution, `${what}.postExecution`);
  return hooks;
}

/** Refuses what is neither a hook nor left out. */
export function checkHook(hook: unknown, what: string): void {
  if (hook === undefined || typeof hook === 'function') return;
  throw new SymphonyError('INVALID_ARGUMENT', `${what} must be a function, got ${describe(hook)}.`, {
    details: { what },
  });
}
