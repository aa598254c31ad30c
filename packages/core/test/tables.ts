import {
  isTerminal,
  type AgentRow,
  type BodyPatch,
  type DueCursor,
  type EventRow,
  type StepRow,
  type Tables,
  type TaskBody,
  type TaskRecord,
  type TaskRow,
  type WorkerRow,
  type WorkflowRow,
} from '../src/index.ts';
import { deepFreeze } from './freeze.ts';

/**
 * The rows of a store in plain maps: the least that keeps the promises of `Tables`. Like a database it hands out rows
 * that nobody can change, and refuses a second row under a unique key, an update of nothing and a gap in a log.
 */
export class MapTables implements Tables {
  readonly #tasks = new Map<string, TaskRecord>();
  readonly #dependants = new Map<string, Set<string>>();
  readonly #workflows = new Map<string, WorkflowRow>();
  readonly #steps = new Map<string, StepRow>();
  readonly #agents = new Map<string, AgentRow>();
  readonly #workers = new Map<string, WorkerRow>();
  readonly #lastSeqs = new Map<string, number>();
  readonly #events: EventRow[] = [];
  /** Reads of due tasks so far. */
  dueReads = 0;

  get events(): readonly EventRow[] {
    return this.#events;
  }

  get steps(): readonly StepRow[] {
    return [...this.#steps.values()];
  }

  get tasks(): readonly TaskRecord[] {
    return [...this.#tasks.values()];
  }

  get workflows(): readonly WorkflowRow[] {
    return [...this.#workflows.values()];
  }

  /** All that is stored, as one value to compare; rows never change, so it is a copy. */
  dump(): readonly (readonly unknown[])[] {
    const maps = [this.#tasks, this.#workflows, this.#steps, this.#agents, this.#workers];
    return [...maps.map((map) => [...map.values()]), [...this.#events]];
  }

  /** Puts a row in place as it is, whatever the rules say. */
  force(record: TaskRecord): void {
    this.#tasks.set(record.id, deepFreeze(record));
    this.#lastSeqs.set(record.id, record.lastSeq);
  }

  task(id: string): TaskRow | undefined {
    return this.#tasks.get(id);
  }

  taskRecord(id: string): TaskRecord | undefined {
    return this.#tasks.get(id);
  }

  taskHash(by: { readonly id: string } | { readonly key: string }): TaskRecord | undefined {
    return find(this.#tasks, by);
  }

  insertTask(record: TaskRecord): void {
    insert(this.#tasks, record);
    for (const { taskId } of record.dependsOn) {
      this.#dependants.set(taskId, (this.#dependants.get(taskId) ?? new Set()).add(record.id));
    }
  }

  updateTask(row: TaskRow, body: BodyPatch): void {
    const known = present(this.#tasks, row.id);
    // Columns of the body change only by the patch, even where a whole record is passed as the row.
    const kept = Object.fromEntries(bodyColumns.map((column) => [column, known[column]])) as unknown as TaskBody;
    this.#tasks.set(row.id, deepFreeze({ ...row, ...kept, ...body }));
  }

  deleteTask(id: string): void {
    present(this.#tasks, id);
    this.#tasks.delete(id);
    for (const [key, step] of this.#steps) if (step.taskId === id) this.#steps.delete(key);
    this.#deleteLog(id);
  }

  dependants(taskId: string, after: string | undefined, limit: number): readonly TaskRow[] {
    return [...(this.#dependants.get(taskId) ?? [])]
      .filter((id) => id > (after ?? '') && this.#tasks.has(id))
      .sort()
      .slice(0, limit)
      .map((id) => present(this.#tasks, id));
  }

  workflow(id: string): WorkflowRow | undefined {
    return this.#workflows.get(id);
  }

  workflowHash(by: { readonly id: string } | { readonly key: string }): WorkflowRow | undefined {
    return find(this.#workflows, by);
  }

  insertWorkflow(row: WorkflowRow): void {
    insert(this.#workflows, row);
  }

  updateWorkflow(row: WorkflowRow): void {
    present(this.#workflows, row.id);
    this.#workflows.set(row.id, deepFreeze(row));
  }

  deleteWorkflow(id: string): void {
    present(this.#workflows, id);
    this.#workflows.delete(id);
    this.#deleteLog(id);
  }

  hasStep(taskId: string, agentId: string, identity: string): boolean {
    return this.#steps.has(`${taskId}/${agentId}/${identity}`);
  }

  insertStep(step: StepRow): void {
    if (this.hasStep(step.taskId, step.agentId, step.identity)) throw new Error(`step ${step.identity} is there twice`);
    this.#steps.set(`${step.taskId}/${step.agentId}/${step.identity}`, deepFreeze(step));
  }

  insertEvent(event: EventRow): void {
    const expected = (this.#lastSeqs.get(event.subject) ?? 0) + 1;
    if (event.seq !== expected) throw new Error(`event ${event.seq} of ${event.subject} where ${expected} should be`);
    this.#lastSeqs.set(event.subject, event.seq);
    this.#events.push(deepFreeze(event));
  }

  agent(id: string): AgentRow | undefined {
    return this.#agents.get(id);
  }

  putAgent(row: AgentRow): void {
    this.#agents.set(row.id, deepFreeze(row));
  }

  agents(): readonly AgentRow[] {
    return [...this.#agents.values()];
  }

  countRunning(agentId: string): number {
    return this.#where((task) => task.status === 'running' && task.agentId === agentId).length;
  }

  worker(id: string): WorkerRow | undefined {
    return this.#workers.get(id);
  }

  workers(): readonly WorkerRow[] {
    return [...this.#workers.values()];
  }

  putWorker(row: WorkerRow): void {
    this.#workers.set(row.id, deepFreeze(row));
  }

  deleteWorker(id: string): void {
    this.#workers.delete(id);
  }

  dueTasks(query: {
    readonly agentId: string | null;
    readonly now: number;
    readonly after?: DueCursor;
    readonly limit: number;
  }): readonly TaskRow[] {
    this.dueReads++;
    const { agentId, now, after, limit } = query;
    return this.#where(
      (task) =>
        task.status === 'pending' &&
        task.agentId === agentId &&
        task.dueAt !== null &&
        task.dueAt <= now &&
        !task.held &&
        task.boundTo === null &&
        task.openDependencies === 0,
    )
      .map((task) => ({ task, key: task.claimKey ?? Number.NaN }))
      .filter(
        ({ task, key }) =>
          after === undefined || key > after.claimKey || (key === after.claimKey && task.id > after.id),
      )
      .sort((first, second) => first.key - second.key || (first.task.id < second.task.id ? -1 : 1))
      .slice(0, limit)
      .map(({ task }) => task);
  }

  runningTasks(workerId: string): readonly TaskRow[] {
    return this.#where((task) => task.status === 'running' && task.workerId === workerId);
  }

  crashedTasks(workerId: string): readonly TaskRow[] {
    return this.runningTasks(workerId).filter(({ crashes }) => crashes > 0);
  }

  boundTasks(workerId: string): readonly TaskRow[] {
    return this.#where((task) => task.boundTo === workerId);
  }

  missingWorkers(limit: number): readonly string[] {
    const named = this.tasks.flatMap(({ workerId, boundTo }) => [workerId, boundTo]).filter((id) => id !== null);
    return [...new Set(named)].filter((id) => !this.#workers.has(id)).slice(0, limit);
  }

  expiredBindings(lease: number, limit: number): readonly TaskRow[] {
    return this.#where((task) => task.boundUntil !== null && task.boundUntil <= lease).slice(0, limit);
  }

  overdueTasks(now: number, limit: number): readonly TaskRow[] {
    const overdue = this.tasks.flatMap((task) => (task.expiresAt !== null && task.expiresAt <= now ? [task] : []));
    return overdue.sort((first, second) => Number(first.expiresAt) - Number(second.expiresAt)).slice(0, limit);
  }

  pendingTasks(workflowId: string, held: boolean, limit: number): readonly TaskRow[] {
    return this.#where(
      (task) => task.status === 'pending' && task.workflowId === workflowId && task.held === held,
    ).slice(0, limit);
  }

  openTasks(workflowId: string, limit: number): readonly TaskRow[] {
    return this.#where(
      (task) => !isTerminal(task.status) && task.workflowId === workflowId && task.cancelAt === null,
    ).slice(0, limit);
  }

  misalignedWorkflows(limit: number): readonly string[] {
    return this.workflows
      .filter(
        ({ id, paused, cancelRequested }) =>
          (!paused && this.pendingTasks(id, true, 1).length > 0) ||
          (cancelRequested && this.openTasks(id, 1).length > 0),
      )
      .map(({ id }) => id)
      .slice(0, limit);
  }

  unpinnedTasks(agentId: string, started: boolean, limit: number): readonly TaskRow[] {
    return this.#where(
      (task) =>
        task.status === 'pending' && task.agentId === agentId && !task.pinned && (started || task.attempt === 0),
    ).slice(0, limit);
  }

  expiredWorkflows(before: number, limit: number): readonly string[] {
    return this.workflows
      .filter(({ settledAt }) => settledAt !== null && settledAt <= before)
      .map(({ id }) => id)
      .slice(0, limit);
  }

  expiredTasks(before: number, limit: number): readonly string[] {
    const isOpen = (task: TaskRow): boolean => !isTerminal(task.status);
    return this.#where(
      ({ id, finishedAt, workflowId, parentId }) =>
        finishedAt !== null &&
        !(parentId !== null && this.#where((task) => task.id === parentId).some(isOpen)) &&
        finishedAt <= before &&
        (workflowId === null || !this.#workflows.has(workflowId)) &&
        !this.dependants(id, undefined, Infinity).some(isOpen),
    )
      .map(({ id }) => id)
      .slice(0, limit);
  }

  #deleteLog(subject: string): void {
    this.#lastSeqs.delete(subject);
    this.#events.splice(0, Infinity, ...this.#events.filter((event) => event.subject !== subject));
  }

  #where(condition: (task: TaskRecord) => boolean): readonly TaskRecord[] {
    return [...this.#tasks.values()].filter(condition);
  }
}

const bodyColumns = [
  'name',
  'description',
  'input',
  'tags',
  'requirements',
  'metadata',
  'dependsOn',
  'parentId',
  'idempotencyKey',
  'bodyHash',
  'output',
  'error',
  'progress',
] as const satisfies readonly (keyof TaskBody)[];

interface Keyed {
  readonly id: string;
  readonly idempotencyKey: string | null;
}

function find<Row extends Keyed>(
  rows: ReadonlyMap<string, Row>,
  by: { readonly id: string } | { readonly key: string },
): Row | undefined {
  return 'id' in by ? rows.get(by.id) : [...rows.values()].find((row) => row.idempotencyKey === by.key);
}

function insert<Row extends Keyed>(rows: Map<string, Row>, row: Row): void {
  if (rows.has(row.id)) throw new Error(`${row.id} is there twice`);
  if (row.idempotencyKey !== null && find(rows, { key: row.idempotencyKey }) !== undefined) {
    throw new Error(`key ${row.idempotencyKey} is there twice`);
  }
  rows.set(row.id, deepFreeze(row));
}

function present<Row>(rows: ReadonlyMap<string, Row>, id: string): Row {
  const row = rows.get(id);
  if (row === undefined) throw new Error(`${id} is not there to be updated`);
  return row;
}
