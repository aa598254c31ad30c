import {
  checkDescription,
  checkKeys,
  checkName,
  checkReason,
  decodeJson,
  defaults,
  describe,
  encodeJson,
  failurePolicies,
  isSettled,
  SymphonyError,
  toTask,
  toWorkflow,
  workflowStatus,
  workflowStatuses,
  type Clock,
  type Command,
  type FailurePolicy,
  type MakeId,
  type NewWorkflowRow,
  type Store,
  type SymphonyEvent,
  type Task,
  type Workflow,
  type WorkflowRow,
  type WorkflowStatus,
} from '@symphony/core';
import { comparableTask, hashOf } from './body-hash.ts';
import { commitCreation, commitGroup, commitValue } from './commands.ts';
import type { FollowOptions } from './follow-log.ts';
import { inOrder, planTasks, type PlannedTask, type WorkflowTask } from './graph.ts';
import { readHistory } from './history.ts';
import { someOf, toPageQuery, type ListPage } from './list-input.ts';
import type { LogFollower, WaitOptions } from './log-follower.ts';
import { toTrackerServices, type TrackerServices } from './services.ts';

/** What a workflow is created from. */
export interface CreateWorkflow {
  readonly name: string;
  readonly description?: string;
  /** Any JSON value. Default null. */
  readonly metadata?: unknown;
  /** Its tasks, stored and submitted together with it. A workflow created with tasks takes no more. */
  readonly tasks?: readonly WorkflowTask[];
  /** What happens to the other tasks when one fails for good. Default `continue`. */
  readonly onFailure?: FailurePolicy;
  readonly idempotencyKey?: string;
}

/** Which workflows to list. */
export interface ListWorkflows extends ListPage {
  readonly status?: WorkflowStatus | readonly WorkflowStatus[];
}

/** Tasks that one transaction brings in line with a paused or cancelled workflow. */
const alignLimit = 1_000;

/** Follows workflows, collections of tasks, from creation to completion. */
export class WorkflowTracker {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #makeId: MakeId;
  readonly #follower: LogFollower;

  constructor(services: TrackerServices) {
    const { store, clock, makeId, follower } = toTrackerServices(services, 'WorkflowTracker');
    this.#store = store;
    this.#clock = clock;
    this.#makeId = makeId;
    this.#follower = follower;
  }

  /**
   * Stores a workflow, whole or not at all.
   *
   * @returns the workflow; the known one if its idempotency key and values are known
   * @throws SymphonyError `INVALID_NAME`, `INVALID_ARGUMENT`, `INVALID_JSON`, `PAYLOAD_TOO_LARGE`, `IDEMPOTENCY_CONFLICT`,
   *   `DEPENDENCY_CYCLE`, `DEPENDENCY_NOT_FOUND`
   */
  async createWorkflow(given: CreateWorkflow): Promise<Workflow> {
    const id = this.#makeId('wf');
    const unhashed = toNewWorkflow(given, id);
    const tasks = given.tasks === undefined ? [] : planTasks(given.tasks, id, this.#makeId);
    const workflow = withHash(given, unhashed, tasks);
    const group: readonly Command[] = [
      { type: 'createWorkflow', workflow },
      ...inOrder(tasks).map(({ record }): Command => ({ type: 'createTask', submit: true, task: record })),
    ];
    try {
      const result = await commitCreation(this.#store, this.#clock, group);
      return await this.#get(result.status === 'ok' ? id : result.id);
    } catch (error) {
      throw inCallersWords(error, tasks);
    }
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
   * Workflows in the order of their creation, a page at a time.
   *
   * @throws SymphonyError `INVALID_ARGUMENT`, `INVALID_NAME`
   */
  async listWorkflows(query: ListWorkflows = {}): Promise<readonly Workflow[]> {
    const { status } = query;
    const rows = await this.#store.listWorkflows({
      ...toPageQuery(query, ['status'], 'listWorkflows'),
      ...(status === undefined ? {} : { status: someOf(status, workflowStatuses, 'status') }),
    });
    return rows.map(toWorkflow);
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
   * Follows what is recorded of a workflow and of its tasks, from the beginning or from a position, by whichever process;
   * ends when no task is open any more.
   *
   * @throws SymphonyError `WORKFLOW_NOT_FOUND`, `STORE_CLOSED`, `INVALID_ARGUMENT`; the signal's reason
   */
  watch(workflowId: string, options?: FollowOptions): AsyncGenerator<SymphonyEvent, undefined> {
    const end = async (): Promise<number | undefined> => {
      const row = await this.#row(workflowId);
      return row.settledAt === null ? undefined : row.lastSeq;
    };
    const subject = checkName(workflowId, 'workflow id');
    return this.#follower.follow({ subject, query: { workflowId: subject }, end }, options);
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

function toNewWorkflow(given: CreateWorkflow, id: string): NewWorkflowRow {
  checkKeys(given, ['name', 'description', 'metadata', 'tasks', 'onFailure', 'idempotencyKey'], 'workflow');
  const { onFailure = 'continue', idempotencyKey: key } = given;
  if (!failurePolicies.includes(onFailure)) {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `workflow.onFailure must be ${failurePolicies.map((policy) => `"${policy}"`).join(' or ')}, got ${describe(onFailure)}.`,
    );
  }
  return {
    id,
    name: checkName(given.name, 'workflow.name'),
    description: checkDescription(given.description, 'workflow.description'),
    metadata: encodeJson(given.metadata, 'workflow.metadata', defaults.inputBytes),
    onFailure,
    idempotencyKey: key === undefined ? null : checkName(key, 'workflow.idempotencyKey'),
    bodyHash: '',
    sealed: given.tasks !== undefined,
  };
}

/** The row with the hash by which a repeat under its key is told from a conflict. */
function withHash(given: CreateWorkflow, row: NewWorkflowRow, tasks: readonly PlannedTask[]): NewWorkflowRow {
  if (row.idempotencyKey === null) return row;
  const compared = {
    ...given,
    metadata: decodeJson(row.metadata),
    ...(given.tasks === undefined ? {} : { tasks: tasks.map((task) => comparableTask(task.given, task.record)) }),
  };
  return { ...row, bodyHash: hashOf(compared) };
}

/** The ids of its tasks mean nothing to a caller whose workflow was refused. */
function inCallersWords(error: unknown, tasks: readonly PlannedTask[]): unknown {
  if (!SymphonyError.is(error, 'DEPENDENCY_NOT_FOUND')) return error;
  const { taskId, dependsOn } = error.details;
  const task = tasks.find(({ record }) => record.id === taskId);
  return new SymphonyError(
    'DEPENDENCY_NOT_FOUND',
    `${task?.what ?? 'A task'} depends on ${describe(dependsOn)}, which is neither the key of a task of this workflow nor the id of a stored one. Nothing was created.`,
    { details: { dependsOn }, cause: error },
  );
}
