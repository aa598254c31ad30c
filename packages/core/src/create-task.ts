import type { RetryPolicy } from './retry.ts';
import type { TaskRequirements } from './task.ts';
import type { TaskTimeouts } from './timeouts.ts';

/** What a task is created from. */
export interface CreateTask {
  readonly name: string;
  readonly description?: string;
  /** Any JSON value, at most 1 MiB as text. Default null. */
  readonly input?: unknown;
  /** Soft hints for routing. */
  readonly tags?: readonly string[];
  /** −100 to 100, higher first. One step is worth a minute of waiting. Default 0. */
  readonly priority?: number;
  readonly requirements?: TaskRequirements;
  /** Pins the task to this agent: it is never routed to another. */
  readonly agentId?: string;
  /** The workflow that it is added to. */
  readonly workflowId?: string;
  /**
   * Tasks that must complete before this one can start: their ids, or their ids by the names under which their outputs
   * are found in `context.dependencies`. A list names them by what it holds.
   */
  readonly dependsOn?: readonly string[] | Readonly<Record<string, string>>;
  readonly retry?: RetryPolicy;
  readonly timeouts?: TaskTimeouts;
  /** The same key and values give the same task, however often it is created. Lives as long as the task. */
  readonly idempotencyKey?: string;
  /** Any JSON value that the application wants to find again. Default null. */
  readonly metadata?: unknown;
}

/** What a task is submitted from. */
export interface SubmitTask extends CreateTask {
  /** From when it may be taken: a Date or epoch milliseconds. Default: at once. */
  readonly dueAt?: Date | number;
}

/** What an attempt creates a task from; it belongs to the workflow of the attempt. */
export type SpawnTask = Omit<SubmitTask, 'workflowId' | 'idempotencyKey'>;
