import { defaults, delay, SymphonyError, type Agent, type Clock, type Task } from '@symphony/core';

/**
 * Runs before the agent, in every attempt, at most 30 s.
 *
 * Errors: one that throws or takes longer fails the attempt before the agent runs, which costs a retry.
 */
export type PreExecutionHook = (task: Task, agent: Agent) => void | Promise<void>;

/**
 * Runs once, after the commit that ends the task, not after attempts that will be retried. `result` is the output of a
 * completed task, else undefined; `task.error` says why.
 *
 * Errors: one that throws or takes longer than 30 s never touches the committed result; it is recorded as the event
 * `task.hook_failed`. After a crash between the commit and the hook it does not run again.
 */
export type PostExecutionHook = (task: Task, agent: Agent, result: unknown) => void | Promise<void>;

/** Hooks for every attempt, in a list: those of the application first, then those of the call. */
export interface ExecutionHooks {
  readonly preExecution?: PreExecutionHook;
  readonly postExecution?: PostExecutionHook;
}

/**
 * Runs a hook within its time limit.
 *
 * @throws SymphonyError `HOOK_TIMEOUT`, `HOOK_FAILED` with what it threw as the cause
 */
export async function runHook(clock: Clock, phase: 'pre' | 'post', hook: () => void | Promise<void>): Promise<void> {
  const done = new AbortController();
  const limit = delay(clock, defaults.hookMs, done.signal).then(
    () => {
      throw new SymphonyError('HOOK_TIMEOUT', `The ${phase}-execution hook took longer than ${defaults.hookMs} ms.`, {
        details: { phase },
      });
    },
    () => undefined,
  );
  try {
    await Promise.race([call(phase, hook), limit]);
  } finally {
    done.abort();
  }
}

async function call(phase: 'pre' | 'post', hook: () => void | Promise<void>): Promise<void> {
  try {
    await hook();
  } catch (cause) {
    throw new SymphonyError(
      'HOOK_FAILED',
      `The ${phase}-execution hook threw: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        details: { phase },
        cause,
      },
    );
  }
}
