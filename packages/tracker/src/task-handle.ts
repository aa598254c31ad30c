import {
  fromTaskError,
  SymphonyError,
  type JsonValue,
  type SymphonyEvent,
  type Task,
  type TaskStatus,
} from '@symphony/core';
import type { FollowOptions } from './follow-log.ts';
import type { WaitOptions } from './log-follower.ts';

/** What a handle needs of the task manager. */
export interface TaskAccess {
  getTask(id: string): Promise<Task | undefined>;
  waitForTask(id: string, options?: WaitOptions): Promise<Task>;
  watch(id: string, options?: FollowOptions): AsyncGenerator<SymphonyEvent, undefined>;
  cancelTask(id: string, options?: { readonly reason?: string }): Promise<Task>;
}

/** A stored task, to be followed from any process. */
export class TaskHandle<Output = JsonValue> {
  readonly id: string;
  readonly #access: TaskAccess;

  constructor(id: string, access: TaskAccess) {
    this.id = id;
    this.#access = access;
  }

  /**
   * Waits for the result, whichever process computes it.
   *
   * @throws SymphonyError the recorded error, `DEPENDENCY_FAILED`, `TASK_CANCELLED`, `TASK_NOT_FOUND`, `WAIT_TIMEOUT`; the signal's reason
   */
  async result(options?: WaitOptions): Promise<Output> {
    const task = await this.#access.waitForTask(this.id, options);
    if (task.status === 'completed') return task.output as Output;
    const isCancelled = task.status === 'cancelled' && task.error?.code !== 'DEPENDENCY_FAILED';
    if (isCancelled || task.error === undefined) {
      throw new SymphonyError('TASK_CANCELLED', `Task ${this.id} was cancelled.`, { details: { taskId: this.id } });
    }
    throw fromTaskError(this.id, task.error);
  }

  /**
   * @throws SymphonyError `TASK_NOT_FOUND`
   */
  async status(): Promise<TaskStatus> {
    return (await this.task()).status;
  }

  /**
   * The task as it is now.
   *
   * @throws SymphonyError `TASK_NOT_FOUND`
   */
  async task(): Promise<Task> {
    const task = await this.#access.getTask(this.id);
    if (task === undefined)
      throw new SymphonyError('TASK_NOT_FOUND', `There is no task ${this.id}.`, { details: { taskId: this.id } });
    return task;
  }

  /**
   * Follows what is recorded of the task, from the beginning or from a position, by whichever process; ends after the
   * last event.
   *
   * @throws SymphonyError `TASK_NOT_FOUND`, `STORE_CLOSED`, `INVALID_ARGUMENT`; the signal's reason
   */
  events(options?: FollowOptions): AsyncGenerator<SymphonyEvent, undefined> {
    return this.#access.watch(this.id, options);
  }

  /** Asks for cancellation: a pending task is cancelled at once, a running one within its grace. */
  cancel(options?: { readonly reason?: string }): Promise<Task> {
    return this.#access.cancelTask(this.id, options);
  }
}
