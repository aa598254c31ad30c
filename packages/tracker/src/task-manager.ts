import {
  checkInteger,
  checkKeys,
  checkName,
  checkReason,
  checkTime,
  createMakeId,
  defaults,
  describe,
  isTerminal,
  SymphonyError,
  systemClock,
  taskStatuses,
  toNewTask,
  toTask,
  type Clock,
  type CreateTask,
  type JsonValue,
  type MakeId,
  type Store,
  type SubmitTask,
  type SymphonyEvent,
  type Task,
  type TaskRecord,
  type TaskStatus,
} from '@symphony/core';
import { commitCreation, commitGroup, commitValue } from './commands.ts';
import { readHistory } from './history.ts';
import { LogFollower, type WaitOptions } from './log-follower.ts';
import { TaskHandle, type TaskAccess } from './task-handle.ts';

/** What a {@link TaskManager} is made of. */
export interface TrackerServices {
  readonly store: Store;
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly makeId?: MakeId;
  /** Shared by those who wait on one store. Default: one of its own. */
  readonly follower?: LogFollower;
}

/** Which tasks to list. */
export interface ListTasks {
  readonly status?: TaskStatus | readonly TaskStatus[];
  readonly workflowId?: string;
  readonly agentId?: string;
  /** The id of the last task of the page before. */
  readonly after?: string;
  /** 1 to 1,000. Default 100. */
  readonly limit?: number;
}

/**
 * Refuses what a tracker cannot be made of.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`
 */
export function checkServices(services: TrackerServices, what: string): TrackerServices {
  checkKeys(services, ['store', 'clock', 'makeId', 'follower'], what);
  if (typeof (services.store as Partial<Store> | undefined)?.commit === 'function') return services;
  throw new SymphonyError('INVALID_ARGUMENT', `${what} needs a store, got ${describe(services.store)}.`);
}

/** Creates, submits, finds and cancels tasks. */
export class TaskManager implements TaskAccess {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #makeId: MakeId;
  readonly #follower: LogFollower;

  constructor(services: TrackerServices) {
    const {
      store,
      clock = systemClock,
      makeId = createMakeId(clock),
      follower,
    } = checkServices(services, 'TaskManager');
    this.#store = store;
    this.#clock = clock;
    this.#makeId = makeId;
    this.#follower = follower ?? new LogFollower(store, clock);
  }

  /**
   * Stores a task that is nobody's to take yet: it is the caller's to execute or to submit.
   *
   * @returns the task, `pending`; the known one if its idempotency key and values are known
   * @throws SymphonyError `INVALID_NAME`, `INVALID_ARGUMENT`, `INVALID_JSON`, `PAYLOAD_TOO_LARGE`, `IDEMPOTENCY_CONFLICT`,
   *   `WORKFLOW_NOT_FOUND`, `WORKFLOW_SEALED`, `WORKFLOW_CANCELLED`; nothing is stored then
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
      const dueAt = options.dueAt === undefined ? this.#clock.now() : checkTime(options.dueAt, 'dueAt');
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
    checkKeys(query, ['status', 'workflowId', 'agentId', 'after', 'limit'], 'listTasks');
    const records = await this.#store.listTasks({
      limit: query.limit === undefined ? 100 : checkInteger(query.limit, 'limit', 1, 1_000),
      ...(query.status === undefined ? {} : { status: checkStatuses(query.status) }),
      ...(query.workflowId === undefined ? {} : { workflowId: checkName(query.workflowId, 'workflowId') }),
      ...(query.agentId === undefined ? {} : { agentId: checkName(query.agentId, 'agentId') }),
      ...(query.after === undefined ? {} : { after: checkName(query.after, 'after') }),
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
   * @throws SymphonyError `TASK_NOT_FOUND`, `TASK_INVALID_TRANSITION`
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
      { type: 'createTask', task: toNewTask(given, this.#makeId('tsk'), { submit }), submit },
    ]);
    if (result.status === 'ok') return toTask(result.value.task as TaskRecord);
    return toTask((await this.#store.getTask(result.id)) as TaskRecord);
  }
}

function checkStatuses(value: TaskStatus | readonly TaskStatus[]): readonly TaskStatus[] {
  const statuses: readonly unknown[] = Array.isArray(value) ? value : [value];
  for (const status of statuses as readonly TaskStatus[]) {
    if (!taskStatuses.includes(status)) {
      throw new SymphonyError(
        'INVALID_ARGUMENT',
        `status must be one of ${taskStatuses.join(', ')}, got ${describe(status)}.`,
      );
    }
  }
  return statuses as readonly TaskStatus[];
}

function notFound(taskId: string): SymphonyError {
  return new SymphonyError('TASK_NOT_FOUND', `There is no task ${taskId}.`, { details: { taskId } });
}
