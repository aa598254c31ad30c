import {
  checkKeys,
  checkName,
  createMakeId,
  defaults,
  describe,
  encodeJson,
  isSettled,
  SymphonyError,
  systemClock,
  toTask,
  toWorkflow,
  workflowStatus,
  type Clock,
  type Command,
  type MakeId,
  type NewWorkflowRow,
  type Store,
  type SymphonyEvent,
  type Task,
  type Workflow,
  type WorkflowRow,
  type WorkflowStatus,
} from '@symphony/core';
import { commitCreation, commitGroup, commitValue } from './commands.ts';
import { readHistory } from './history.ts';
import { LogFollower, type WaitOptions } from './log-follower.ts';
import { checkDescription, checkReason, hashOf, taskKeys, toNewTask, type SubmitTask } from './task-input.ts';
import { checkServices, type TrackerServices } from './task-manager.ts';

/** What a workflow is created from. */
export interface CreateWorkflow {
  readonly name: string;
  readonly description?: string;
  /** Any JSON value. Default null. */
  readonly metadata?: unknown;
  /** Its tasks, stored and submitted together with it. A workflow created with tasks takes no more. */
  readonly tasks?: readonly Omit<SubmitTask, 'workflowId' | 'idempotencyKey'>[];
  /** What happens to the other tasks when one fails: they go on. */
  readonly onFailure?: 'continue';
  readonly idempotencyKey?: string;
}

/** Most tasks that a workflow is created with. */
const taskLimit = 100_000;

/** Tasks that one transaction brings in line with a paused or cancelled workflow. */
const alignLimit = 1_000;

/** Follows workflows, collections of tasks, from creation to completion. */
export class WorkflowTracker {
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
    } = checkServices(services, 'WorkflowTracker');
    this.#store = store;
    this.#clock = clock;
    this.#makeId = makeId;
    this.#follower = follower ?? new LogFollower(store, clock);
  }

  /**
   * Stores a workflow, whole or not at all.
   *
   * @returns the workflow; the known one if its idempotency key and values are known
   * @throws SymphonyError `INVALID_NAME`, `INVALID_ARGUMENT`, `INVALID_JSON`, `PAYLOAD_TOO_LARGE`, `IDEMPOTENCY_CONFLICT`
   */
  async createWorkflow(given: CreateWorkflow): Promise<Workflow> {
    const id = this.#makeId('wf');
    const result = await commitCreation(this.#store, this.#clock, toGroup(given, id, this.#makeId));
    return this.#get(result.status === 'ok' ? id : result.id);
  }

  /**
   * Adds a task to an open workflow; adding it again changes nothing.
   *
   * @returns the task
   * @throws SymphonyError `WORKFLOW_NOT_FOUND`, `TASK_NOT_FOUND`, `TASK_IN_OTHER_WORKFLOW`, `WORKFLOW_SEALED`, `WORKFLOW_CANCELLED`
   */
  async addTaskToWorkflow(workflowId: string, taskId: string): Promise<Task> {
    const group: readonly Command[] = [
      { type: 'addTask', workflowId: checkName(workflowId, 'workflow id'), taskId: checkName(taskId, 'task id') },
    ];
    const { task } = await commitValue(this.#store, group);
    return toTask(task as NonNullable<typeof task>);
  }

  /**
   * The status of a workflow: a function of its tasks.
   *
   * @throws SymphonyError `WORKFLOW_NOT_FOUND`
   */
  async computeWorkflowStatus(workflowId: string): Promise<WorkflowStatus> {
    return workflowStatus(await this.#row(workflowId));
  }

  /** The workflow as it is now, its status computed; undefined if there is none of that id. */
  async getWorkflow(workflowId: string): Promise<Workflow | undefined> {
    const row = await this.#store.getWorkflow(checkName(workflowId, 'workflow id'));
    return row === undefined ? undefined : toWorkflow(row);
  }

  /**
   * All tasks of a workflow in the order of their creation.
   *
   * @throws SymphonyError `WORKFLOW_NOT_FOUND`
   */
  async getWorkflowTasks(workflowId: string): Promise<readonly Task[]> {
    await this.#row(workflowId);
    const tasks: Task[] = [];
    for (;;) {
      const last = tasks.at(-1);
      const page = await this.#store.listTasks({
        workflowId,
        limit: 1_000,
        ...(last === undefined ? {} : { after: last.id }),
      });
      tasks.push(...page.map(toTask));
      if (page.length < 1_000) return tasks;
    }
  }

  /**
   * Holds back what has not started; what runs goes on. Nothing of the workflow is started until {@link resume}.
   *
   * @throws SymphonyError `WORKFLOW_NOT_FOUND`, `WORKFLOW_CANCELLED`
   */
  async pause(workflowId: string): Promise<Workflow> {
    return this.#command({ type: 'pauseWorkflow', id: checkName(workflowId, 'workflow id') });
  }

  /**
   * @throws SymphonyError `WORKFLOW_NOT_FOUND`, `WORKFLOW_CANCELLED`
   */
  async resume(workflowId: string): Promise<Workflow> {
    return this.#command({ type: 'resumeWorkflow', id: checkName(workflowId, 'workflow id') });
  }

  /**
   * Cancels what has not started at once, and asks what runs to stop. A settled workflow stays as it is.
   *
   * @throws SymphonyError `WORKFLOW_NOT_FOUND`
   */
  async cancel(workflowId: string, options: { readonly reason?: string } = {}): Promise<Workflow> {
    const reason = checkReason(options, 'cancel');
    return this.#command({ type: 'cancelWorkflow', id: checkName(workflowId, 'workflow id'), ...reason });
  }

  /**
   * Everything recorded of the workflow itself, in order; its tasks have logs of their own.
   *
   * @throws SymphonyError `WORKFLOW_NOT_FOUND`
   */
  async history(workflowId: string): Promise<readonly SymphonyEvent[]> {
    await this.#row(workflowId);
    return readHistory(this.#store, workflowId);
  }

  /**
   * Waits until no task of the workflow is open any more, whichever process ends them.
   *
   * @throws SymphonyError `WORKFLOW_NOT_FOUND`, `WAIT_TIMEOUT`; the signal's reason
   */
  waitForWorkflow(workflowId: string, options?: WaitOptions): Promise<Workflow> {
    return this.#follower.waitFor(
      workflowId,
      async () => {
        const row = await this.#row(workflowId);
        return isSettled(row) ? toWorkflow(row) : undefined;
      },
      options,
    );
  }

  async #command(
    command: Extract<Command, { readonly type: 'pauseWorkflow' | 'resumeWorkflow' | 'cancelWorkflow' }>,
  ): Promise<Workflow> {
    await commitGroup(this.#store, [command]);
    // The row is the truth from here on; its tasks follow in batches, and a sweep ends what a crash leaves undone.
    for (;;) {
      const { count } = await commitValue(this.#store, [
        { type: 'alignTasks', workflowId: command.id, limit: alignLimit, graceMs: defaults.graceMs },
      ]);
      if ((count ?? 0) < alignLimit) return this.#get(command.id);
    }
  }

  async #get(id: string): Promise<Workflow> {
    return toWorkflow(await this.#row(id));
  }

  async #row(id: string): Promise<WorkflowRow> {
    const row = await this.#store.getWorkflow(checkName(id, 'workflow id'));
    if (row === undefined)
      throw new SymphonyError('WORKFLOW_NOT_FOUND', `There is no workflow ${id}.`, { details: { workflowId: id } });
    return row;
  }
}

function toGroup(given: CreateWorkflow, id: string, makeId: MakeId): readonly Command[] {
  checkKeys(given, ['name', 'description', 'metadata', 'tasks', 'onFailure', 'idempotencyKey'], 'workflow');
  if (given.onFailure !== undefined && given.onFailure !== 'continue') {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `workflow.onFailure must be "continue", got ${describe(given.onFailure)}.`,
    );
  }
  const key = given.idempotencyKey;
  const workflow: NewWorkflowRow = {
    id,
    name: checkName(given.name, 'workflow.name'),
    description: checkDescription(given.description, 'workflow.description'),
    metadata: encodeJson(given.metadata, 'workflow.metadata', defaults.inputBytes),
    idempotencyKey: key === undefined ? null : checkName(key, 'workflow.idempotencyKey'),
    bodyHash: '',
    sealed: given.tasks !== undefined,
  };
  const tasks = toTasks(given.tasks, id, makeId);
  const bodyHash = key === undefined ? '' : hashOf(given);
  return [{ type: 'createWorkflow', workflow: { ...workflow, bodyHash } }, ...tasks];
}

function toTasks(given: CreateWorkflow['tasks'], workflowId: string, makeId: MakeId): readonly Command[] {
  if (given === undefined) return [];
  if (!Array.isArray(given) || given.length === 0 || given.length > taskLimit) {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `workflow.tasks must be an array of 1 to ${taskLimit} tasks. Leave it out to add tasks later.`,
    );
  }
  // Not map, which passes over holes.
  return Array.from(given as readonly SubmitTask[], (task, index): Command => {
    const what = `tasks[${index}]`;
    checkKeys(task, taskKeys, what);
    if (task.workflowId !== undefined || task.idempotencyKey !== undefined) {
      throw new SymphonyError(
        'INVALID_ARGUMENT',
        `${what} must have neither workflowId nor idempotencyKey: it is created with its workflow, whose key covers it.`,
      );
    }
    return {
      type: 'createTask',
      submit: true,
      task: toNewTask({ ...task, workflowId }, makeId('tsk'), { submit: true, what }),
    };
  });
}
