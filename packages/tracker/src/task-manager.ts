import {
  checkKeys,
  checkName,
  checkReason,
  checkTime,
  defaults,
  isTerminal,
  SymphonyError,
  taskStatuses,
  toNewTask,
  toTask,
  type Clock,
  type CreateTask,
  type JsonValue,
  type MakeId,
  type NewTaskRecord,
  type Store,
  type SubmitTask,
  type SymphonyEvent,
  type Task,
  type TaskRecord,
  type TaskStatus,
} from '@symphony/core';
import { comparableTask, hashOf } from './body-hash.ts';
import { commitCreation, commitGroup, commitValue } from './commands.ts';
import type { FollowOptions } from './follow-log.ts';
import { readHistory } from './history.ts';
import { someOf, toPageQuery, type ListPage } from './list-input.ts';
import type { LogFollower, WaitOptions } from './log-follower.ts';
import { toTrackerServices, type TrackerServices } from './services.ts';
import { TaskHandle, type TaskAccess } from './task-handle.ts';

/** Which tasks to list. */
export interface ListTasks extends ListPage {
  readonly status?: TaskStatus | readonly TaskStatus[];
  readonly workflowId?: string;
  readonly agentId?: string;
  /** Only tasks that have this tag. */
  readonly tag?: string;
}

/** Creates, submits, finds and cancels tasks. */
export class TaskManager implements TaskAccess {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #makeId: MakeId;
  readonly #follower: LogFollower;

  constructor(services: TrackerServices) {
    const { store, clock, makeId, follower } = toTrackerServices(services, 'TaskManager');
    this.#store = store;
    this.#clock = clock;
    this.#makeId = makeId;
    this.#follower = follower;
  }

  /**
   * Stores a task that is nobody's to take yet: it is the caller's to execute or to submit.
   *
   * @returns the task, `pending`; the known one if its idempotency key and values are known
   * @throws SymphonyError `INVALID_NAME`, `INVALID_ARGUMENT`, `INVALID_JSON`, `PAYLOAD_TOO_LARGE`, `IDEMPOTENCY_CONFLICT`,
   *   `DEPENDENCY_NOT_FOUND`, `WORKFLOW_NOT_FOUND`, `WORKFLOW_SEALED`, `WORKFLOW_CANCELLED`; nothing is stored then
   */
  createTask(task: CreateTask): Promise<Task> {
    return this.#create(task, false);
  }

  /**
   * Stores a task that is due, or releases one that was created before. When it resolves, the task is durable and will
   * be worked on by whichever worker hosts a suitable agent.
   *
   * @param task the task, or the id of a created one
   * @param options when a created task falls due; a task that is created here says so itself
   * @throws SymphonyError as {@link createTask}; `TASK_NOT_FOUND` for an unknown id
   */
  async submit<Output = JsonValue>(
    task: SubmitTask | string,
    options: { readonly dueAt?: Date | number } = {},
  ): Promise<TaskHandle<Output>> {
    checkKeys(options, ['dueAt'], 'submit');
    if (typeof task === 'string') {
      checkName(task, 'task id');
      const dueAt = options.dueAt === undefined ? null : checkTime(options.dueAt, 'dueAt');
      await commitGroup(this.#store, [{ type: 'submitTask', id: task, dueAt }]);
      return new TaskHandle(task, this);
    }
    if (options.dueAt !== undefined) {
      throw new SymphonyError('INVALID_ARGUMENT', 'submit takes dueAt beside an id only; put it into the task.');
    }
    return new TaskHandle((await this.#create(task, true)).id, this);
  }

  /** Follows a task that was stored before, by this process or another. */
  handle<Output = JsonValue>(id: string): TaskHandle<Output> {
    return new TaskHandle(id, this);
  }

  /** The task as it is now; undefined if there is none of that id. */
  async getTask(id: string): Promise<Task | undefined> {
    const record = await this.#store.getTask(checkName(id, 'task id'));
    return record === undefined ? undefined : toTask(record);
  }

  /**
   * Tasks in the order of their creation, a page at a time.
   *
   * @throws SymphonyError `INVALID_ARGUMENT`, `INVALID_NAME`
   */
  async listTasks(query: ListTasks = {}): Promise<readonly Task[]> {
    const { status, workflowId, agentId, tag } = query;
    const records = await this.#store.listTasks({
      ...toPageQuery(query, ['status', 'workflowId', 'agentId', 'tag'], 'listTasks'),
      ...(status === undefined ? {} : { status: someOf(status, taskStatuses, 'status') }),
      ...(workflowId === undefined ? {} : { workflowId: checkName(workflowId, 'workflowId') }),
      ...(agentId === undefined ? {} : { agentId: checkName(agentId, 'agentId') }),
      ...(tag === undefined ? {} : { tag: checkName(tag, 'tag') }),
    });
    return records.map(toTask);
  }

  /**
   * Asks for cancellation. A task that is not running is cancelled at once; a running one aborts its signal and is
   * cancelled when its attempt ends, at the latest after a grace of 5 s. An ended one stays as it is.
   *
   * @returns the task as it then is
   * @throws SymphonyError `TASK_NOT_FOUND`
   */
  async cancelTask(id: string, options: { readonly reason?: string } = {}): Promise<Task> {
    const reason = checkReason(options, 'cancelTask');
    const value = await commitValue(this.#store, [
      { type: 'cancelTask', id: checkName(id, 'task id'), graceMs: defaults.graceMs, ...reason },
    ]);
    return toTask(value.task as TaskRecord);
  }

  /**
   * Starts a failed or cancelled task anew: its failures, crashes and refusals are forgotten, its journal and the
   * numbers of its attempts go on.
   *
   * @throws SymphonyError `TASK_NOT_FOUND`, `TASK_INVALID_TRANSITION`, `TASK_BLOCKED` while a task that it depends on has
   *   failed, `DEPENDENCY_NOT_FOUND` if one was removed, `WORKFLOW_CANCELLED`, `WORKFLOW_NOT_FOUND`
   */
  async retryTask(id: string): Promise<Task> {
    const value = await commitValue(this.#store, [{ type: 'retryTask', id: checkName(id, 'task id') }]);
    return toTask(value.task as TaskRecord);
  }

  /**
   * Everything recorded of a task, in order.
   *
   * @throws SymphonyError `TASK_NOT_FOUND`
   */
  async history(id: string): Promise<readonly SymphonyEvent[]> {
    const events = await readHistory(this.#store, checkName(id, 'task id'));
    if (events.length === 0) throw notFound(id);
    return events;
  }

  /**
   * Follows what is recorded of a task, from the beginning or from a position, by whichever process; ends after the last
   * event.
   *
   * @throws SymphonyError `TASK_NOT_FOUND`, `STORE_CLOSED`, `INVALID_ARGUMENT`; the signal's reason
   */
  watch(id: string, options?: FollowOptions): AsyncGenerator<SymphonyEvent, undefined> {
    const end = async (): Promise<number | undefined> => {
      const task = await this.#store.getTask(id);
      if (task === undefined) throw notFound(id);
      return isTerminal(task.status) ? task.lastSeq : undefined;
    };
    return this.#follower.follow({ subject: checkName(id, 'task id'), query: { subject: id }, end }, options);
  }

  /**
   * Waits until the task has ended, whichever process ends it.
   *
   * @throws SymphonyError `TASK_NOT_FOUND`, `WAIT_TIMEOUT`; the signal's reason
   */
  async waitForTask(id: string, options?: WaitOptions): Promise<Task> {
    return this.#follower.waitFor(
      id,
      async () => {
        const task = await this.getTask(id);
        if (task === undefined) throw notFound(id);
        return isTerminal(task.status) ? task : undefined;
      },
      options,
    );
  }

  async #create(given: SubmitTask, submit: boolean): Promise<Task> {
    const result = await commitCreation(this.#store, this.#clock, [
      { type: 'createTask', task: withHash(given, toNewTask(given, this.#makeId('tsk'), { submit })), submit },
    ]);
    if (result.status === 'ok') return toTask(result.value.task as TaskRecord);
    return toTask((await this.#store.getTask(result.id)) as TaskRecord);
  }
}

/** The record with the hash by which a repeat under its key is told from a conflict. */
function withHash(given: SubmitTask, record: NewTaskRecord): NewTaskRecord {
  if (record.idempotencyKey === null) return record;
  return { ...record, bodyHash: hashOf(comparableTask(given, record)) };
}

function notFound(taskId: string): SymphonyError {
  return new SymphonyError('TASK_NOT_FOUND', `There is no task ${taskId}.`, { details: { taskId } });
}
