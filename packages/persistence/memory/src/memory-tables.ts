import {
  isTerminal,
  type AgentRow,
  type BodyPatch,
  type DueCursor,
  type EventRow,
  type StepRow,
  type Tables,
  type TaskBody,
  type TaskQuery,
  type TaskRecord,
  type TaskRow,
  type WorkerRow,
  type WorkflowRow,
} from '@symphony/core';
import { throughJson } from './copy.ts';
import { DueIndex, isTakeable } from './due-index.ts';
import { partition, SortedKeys, type Key } from './sorted-keys.ts';
import { TaskIndex } from './task-index.ts';

/** An event with its place in the log. */
export type StoredEvent = EventRow & { readonly position: number };

type Hash = { readonly id: string; readonly bodyHash: string };

/** The one group of indexes that have no groups. */
const all = '';

/**
 * The rows of a memory store: maps, the indexes that follow them, and a note of how to take back what was written since
 * the last {@link MemoryTables.keep}. No rule is here.
 */
export class MemoryTables implements Tables {
  readonly #tasks = new Map<string, TaskRow>();
  readonly #bodies = new Map<string, TaskBody>();
  readonly #taskKeys = new Map<string, string>();
  /** Ids of dependants, sorted, by what they depend on. */
  readonly #dependants = new Map<string, SortedKeys>();
  readonly #workflows = new Map<string, WorkflowRow>();
  readonly #workflowKeys = new Map<string, string>();
  /** By task, agent and identity. */
  readonly #steps = new Map<string, Map<string, Map<string, StepRow>>>();
  #events: StoredEvent[] = [];
  /** The logs that are removed when the transaction is kept: one pass over the log, however many they are. */
  readonly #forgotten = new Set<StoredEvent[]>();
  #position = 0;
  readonly #eventsOf = new Map<string, StoredEvent[]>();
  readonly #agents = new Map<string, AgentRow>();
  readonly #workers = new Map<string, WorkerRow>();
  readonly #states = new Map<string, { readonly value: string; readonly version: number }>();
  readonly #undo: (() => void)[] = [];

  readonly #due = new DueIndex();
  readonly #all = new TaskIndex({ group: () => all });
  readonly #ofWorkflow = new TaskIndex({ group: (row) => row.workflowId ?? undefined });
  readonly #running = new TaskIndex({
    group: (row) => (row.status === 'running' ? (row.workerId ?? undefined) : undefined),
  });
  readonly #crashed = new TaskIndex({
    group: (row) => (row.status === 'running' && row.crashes > 0 ? (row.workerId ?? undefined) : undefined),
  });
  readonly #runningAgents = new TaskIndex({ group: (row) => (row.status === 'running' ? row.agentId : undefined) });
  readonly #bound = new TaskIndex({ group: (row) => row.boundTo ?? undefined });
  readonly #bindings = new TaskIndex({
    group: (row) => (row.boundTo !== null && row.boundUntil !== null ? all : undefined),
    order: (row) => row.boundUntil as number,
  });
  readonly #expiring = new TaskIndex({
    group: (row) => (row.expiresAt === null ? undefined : all),
    order: (row) => row.expiresAt as number,
  });
  readonly #held = new TaskIndex({
    group: (row) => (row.status === 'pending' && row.held ? (row.workflowId ?? undefined) : undefined),
  });
  readonly #free = new TaskIndex({
    group: (row) => (row.status === 'pending' && !row.held ? (row.workflowId ?? undefined) : undefined),
  });
  readonly #open = new TaskIndex({
    group: (row) => (isTerminal(row.status) || row.cancelAt !== null ? undefined : (row.workflowId ?? undefined)),
  });
  readonly #unpinned = new TaskIndex({
    group: (row) => (isTakeable(row) && !row.pinned ? (row.agentId ?? undefined) : undefined),
  });
  readonly #finished = new TaskIndex({
    group: (row) => (row.finishedAt === null ? undefined : all),
    order: (row) => row.finishedAt as number,
  });
  readonly #indexes = [
    this.#due,
    this.#all,
    this.#ofWorkflow,
    this.#running,
    this.#crashed,
    this.#runningAgents,
    this.#bound,
    this.#bindings,
    this.#expiring,
    this.#held,
    this.#free,
    this.#open,
    this.#unpinned,
    this.#finished,
  ];

  /** Makes everything written so far stay; answers whether there was anything. */
  keep(): boolean {
    const written = this.#undo.length > 0;
    this.#undo.length = 0;
    this.#forget();
    return written;
  }

  /** A point to go back to. */
  mark(): number {
    return this.#undo.length;
  }

  /** Takes back what was written since a point. */
  goBack(mark: number): void {
    while (this.#undo.length > mark) this.#undo.pop()?.();
  }

  task(id: string): TaskRow | undefined {
    return this.#tasks.get(id);
  }

  taskRecord(id: string): TaskRecord | undefined {
    const row = this.#tasks.get(id);
    return row === undefined ? undefined : { ...row, ...(this.#bodies.get(id) as TaskBody) };
  }

  taskHash(by: { readonly id: string } | { readonly key: string }): Hash | undefined {
    const id = 'id' in by ? by.id : this.#taskKeys.get(by.key);
    const body = id === undefined ? undefined : this.#bodies.get(id);
    return body === undefined ? undefined : { id: id as string, bodyHash: body.bodyHash };
  }

  insertTask(record: TaskRecord): void {
    const { id, idempotencyKey } = record;
    unique('task', id, this.#tasks.has(id));
    if (idempotencyKey !== null) {
      unique('key of a task', idempotencyKey, this.#taskKeys.has(idempotencyKey));
      this.#put(this.#taskKeys, idempotencyKey, id);
    }
    this.#put(this.#bodies, id, bodyOf(record));
    this.#putTask(record);
    for (const taskId of idsOf(record)) this.#link(taskId, id);
  }

  deleteTask(id: string): void {
    const row = this.#row(id);
    const body = this.#bodies.get(id) as TaskBody;
    const { idempotencyKey } = body;
    if (idempotencyKey !== null) this.#put(this.#taskKeys, idempotencyKey, undefined);
    for (const taskId of idsOf(body)) this.#unlink(taskId, id);
    this.#put(this.#dependants, id, undefined);
    this.#put(this.#steps, id, undefined);
    this.#deleteLog(id);
    this.#put(this.#bodies, id, undefined);
    this.#setTask(id, row, undefined);
    this.#undo.push(() => this.#setTask(id, undefined, row));
  }

  dependants(taskId: string, after: string | undefined, limit: number): readonly TaskRow[] {
    const keys = this.#dependants.get(taskId)?.after(after === undefined ? undefined : { order: 0, id: after });
    return this.#rows(keys ?? [], limit);
  }

  updateTask(row: TaskRow, body: BodyPatch): void {
    this.#putTask(row);
    if (Object.keys(body).length === 0) return;
    const patch = body.error === undefined ? body : { ...body, error: throughJson(body.error) };
    this.#put(this.#bodies, row.id, { ...(this.#bodies.get(row.id) as TaskBody), ...patch });
  }

  workflow(id: string): WorkflowRow | undefined {
    return this.#workflows.get(id);
  }

  workflowHash(by: { readonly id: string } | { readonly key: string }): Hash | undefined {
    const id = 'id' in by ? by.id : this.#workflowKeys.get(by.key);
    const row = id === undefined ? undefined : this.#workflows.get(id);
    return row === undefined ? undefined : { id: row.id, bodyHash: row.bodyHash };
  }

  insertWorkflow(row: WorkflowRow): void {
    unique('workflow', row.id, this.#workflows.has(row.id));
    if (row.idempotencyKey !== null) {
      unique('key of a workflow', row.idempotencyKey, this.#workflowKeys.has(row.idempotencyKey));
      this.#put(this.#workflowKeys, row.idempotencyKey, row.id);
    }
    this.#put(this.#workflows, row.id, { ...row });
  }

  updateWorkflow(row: WorkflowRow): void {
    this.#put(this.#workflows, row.id, { ...row });
  }

  deleteWorkflow(id: string): void {
    const { idempotencyKey } = this.#workflows.get(id) as WorkflowRow;
    if (idempotencyKey !== null) this.#put(this.#workflowKeys, idempotencyKey, undefined);
    this.#deleteLog(id);
    this.#put(this.#workflows, id, undefined);
  }

  hasStep(taskId: string, agentId: string, identity: string): boolean {
    return this.#steps.get(taskId)?.get(agentId)?.has(identity) === true;
  }

  insertStep(step: StepRow): void {
    const journals = this.#steps.get(step.taskId) ?? new Map<string, Map<string, StepRow>>();
    const journal = journals.get(step.agentId) ?? new Map<string, StepRow>();
    unique('step', step.identity, journal.has(step.identity));
    this.#steps.set(step.taskId, journals);
    journals.set(step.agentId, journal);
    this.#put(journal, step.identity, { ...step });
  }

  insertEvent(event: EventRow): void {
    const stored = { ...event, position: ++this.#position };
    const log = this.#eventsOf.get(event.subject) ?? [];
    unique('event', `${event.subject} ${event.seq}`, (log.at(-1)?.seq ?? 0) >= event.seq);
    this.#eventsOf.set(event.subject, log);
    this.#events.push(stored);
    log.push(stored);
    this.#undo.push(() => {
      this.#position--;
      this.#events.pop();
      log.pop();
    });
  }

  agent(id: string): AgentRow | undefined {
    return this.#agents.get(id);
  }

  putAgent(row: AgentRow): void {
    this.#put(this.#agents, row.id, throughJson(row));
  }

  agents(): readonly AgentRow[] {
    return byId(this.#agents);
  }

  countRunning(agentId: string): number {
    return this.#runningAgents.size(agentId);
  }

  worker(id: string): WorkerRow | undefined {
    return this.#workers.get(id);
  }

  workers(): readonly WorkerRow[] {
    return byId(this.#workers);
  }

  putWorker(row: WorkerRow): void {
    this.#put(this.#workers, row.id, { ...row, hosts: [...row.hosts] });
  }

  deleteWorker(id: string): void {
    this.#put(this.#workers, id, undefined);
  }

  dueTasks(query: {
    readonly agentId: string | null;
    readonly now: number;
    readonly after?: DueCursor;
    readonly limit: number;
  }): readonly TaskRow[] {
    const { agentId, now, after, limit } = query;
    const cursor = after === undefined ? undefined : { order: after.claimKey, id: after.id };
    const keys = this.#due.keys(agentId, now, (id) => this.#row(id), cursor);
    return this.#rows(keys, limit, (row) => (row.dueAt as number) <= now);
  }

  runningTasks(workerId: string): readonly TaskRow[] {
    return this.#rows(this.#running.keys(workerId));
  }

  crashedTasks(workerId: string): readonly TaskRow[] {
    return this.#rows(this.#crashed.keys(workerId));
  }

  boundTasks(workerId: string): readonly TaskRow[] {
    return this.#rows(this.#bound.keys(workerId));
  }

  missingWorkers(limit: number): readonly string[] {
    const holders = new Set([...this.#running.groups(), ...this.#bound.groups()] as string[]);
    const missing = [...holders].filter((id) => !this.#workers.has(id));
    return missing.sort().slice(0, limit);
  }

  expiredBindings(lease: number, limit: number): readonly TaskRow[] {
    return this.#rows(upTo(this.#bindings.keys(all), lease), limit);
  }

  overdueTasks(now: number, limit: number): readonly TaskRow[] {
    return this.#rows(upTo(this.#expiring.keys(all), now), limit);
  }

  pendingTasks(workflowId: string, held: boolean, limit: number): readonly TaskRow[] {
    return this.#rows((held ? this.#held : this.#free).keys(workflowId), limit);
  }

  openTasks(workflowId: string, limit: number): readonly TaskRow[] {
    return this.#rows(this.#open.keys(workflowId), limit);
  }

  misalignedWorkflows(limit: number): readonly string[] {
    const held = ([...this.#held.groups()] as string[]).filter((id) => this.#workflows.get(id)?.paused === false);
    const open = ([...this.#open.groups()] as string[]).filter(
      (id) => this.#workflows.get(id)?.cancelRequested === true,
    );
    return [...new Set([...held, ...open])].sort().slice(0, limit);
  }

  unpinnedTasks(agentId: string, started: boolean, limit: number): readonly TaskRow[] {
    return this.#rows(this.#unpinned.keys(agentId), limit, ({ attempt }) => started || attempt === 0);
  }

  expiredWorkflows(before: number, limit: number): readonly string[] {
    return [...this.#workflows.values()]
      .flatMap(({ id, settledAt }) => (settledAt === null || settledAt > before ? [] : [{ id, settledAt }]))
      .sort((first, second) => first.settledAt - second.settledAt || (first.id < second.id ? -1 : 1))
      .slice(0, limit)
      .map(({ id }) => id);
  }

  expiredTasks(before: number, limit: number): readonly string[] {
    const isFree = ({ id, workflowId }: TaskRow): boolean =>
      (workflowId === null || !this.#workflows.has(workflowId)) &&
      this.dependants(id, undefined, Infinity).every(({ status }) => isTerminal(status)) &&
      isTerminal(this.#tasks.get(this.#bodies.get(id)?.parentId ?? id)?.status ?? 'completed');
    return this.#rows(upTo(this.#finished.keys(all), before), limit, isFree).map(({ id }) => id);
  }

  /** Tasks in the order of their ids, of one workflow or of all, behind an id. */
  *list({ workflowId, after, order }: Pick<TaskQuery, 'workflowId' | 'after' | 'order'>): Generator<TaskRow> {
    const descends = order === 'descending';
    const cursor = after === undefined || descends ? undefined : { order: 0, id: after };
    const keys = workflowId === undefined ? this.#all.keys(all, cursor) : this.#ofWorkflow.keys(workflowId, cursor);
    // Read backwards, the order has no cursor of its own; what lies behind it is passed over.
    for (const { id } of descends ? [...keys].reverse() : keys)
      if (!descends || after === undefined || id < after) yield this.#row(id);
  }

  /** The tasks of some ids, in the order and of the workflow that a list asks for. */
  named(ids: ReadonlySet<string>, { workflowId, after, order }: TaskQuery): readonly TaskRow[] {
    const descends = order === 'descending';
    const isBehind = (id: string): boolean => after === undefined || (descends ? id < after : id > after);
    const sorted = [...ids].sort((first, second) => (first < second === descends ? 1 : -1));
    return sorted
      .flatMap((id) => this.#tasks.get(id) ?? [])
      .filter((row) => isBehind(row.id) && (workflowId === undefined || row.workflowId === workflowId));
  }

  /** Workflows in the order of their ids. */
  workflows(): readonly WorkflowRow[] {
    return byId(this.#workflows);
  }

  /** Tasks that a worker may take, now or when they fall due. */
  *takeable(): Generator<TaskRow> {
    for (const row of this.#tasks.values()) if (isTakeable(row)) yield row;
  }

  /** Events behind a position, of one subject or of all. */
  *log(subject: string | undefined, after: number): Generator<StoredEvent> {
    const log = subject === undefined ? this.#events : (this.#eventsOf.get(subject) ?? []);
    const start = partition(log.length, (index) => (log[index] as StoredEvent).position <= after);
    for (let index = start; index < log.length; index++) yield log[index] as StoredEvent;
  }

  lastPosition(): number {
    return this.#events.at(-1)?.position ?? 0;
  }

  /** A journal in the order of recording. */
  journal(taskId: string, agentId: string): readonly StepRow[] {
    return [...(this.#steps.get(taskId)?.get(agentId)?.values() ?? [])];
  }

  /** Running attempts, and tasks that wait for a worker, by agent. */
  loads(): Map<string, { readonly running: number; readonly queued: number }> {
    const loads = new Map<string, { readonly running: number; readonly queued: number }>();
    for (const agentId of new Set([...this.#runningAgents.groups(), ...this.#due.groups()])) {
      if (agentId !== null)
        loads.set(agentId, { running: this.#runningAgents.size(agentId), queued: this.#due.size(agentId) });
    }
    return loads;
  }

  state(key: string): { readonly value: string; readonly version: number } | undefined {
    return this.#states.get(key);
  }

  putState(key: string, value: string, version: number): void {
    this.#put(this.#states, key, { value, version });
  }

  #link(taskId: string, dependant: string): void {
    const keys = this.#dependants.get(taskId) ?? new SortedKeys();
    this.#dependants.set(taskId, keys);
    const key = { order: 0, id: dependant };
    keys.add(key);
    this.#undo.push(() => void keys.delete(key));
  }

  #unlink(taskId: string, dependant: string): void {
    const keys = this.#dependants.get(taskId);
    if (keys === undefined) return; // what it depended on has been removed before it
    const key = { order: 0, id: dependant };
    keys.delete(key);
    this.#undo.push(() => keys.add(key));
  }

  #deleteLog(subject: string): void {
    const log = this.#eventsOf.get(subject);
    if (log === undefined) return;
    this.#forgotten.add(log);
    this.#undo.push(() => void this.#forgotten.delete(log));
    this.#put(this.#eventsOf, subject, undefined);
  }

  #forget(): void {
    if (this.#forgotten.size === 0) return;
    const gone = new Set([...this.#forgotten].flat());
    this.#events = this.#events.filter((event) => !gone.has(event));
    this.#forgotten.clear();
  }

  #row(id: string): TaskRow {
    return this.#tasks.get(id) as TaskRow;
  }

  #rows(keys: Iterable<Key>, limit = Infinity, isMeant: (row: TaskRow) => boolean = () => true): TaskRow[] {
    const rows: TaskRow[] = [];
    for (const { id } of keys) {
      if (rows.length >= limit) break;
      const row = this.#row(id);
      if (isMeant(row)) rows.push(row);
    }
    return rows;
  }

  #putTask(record: TaskRow): void {
    const known = this.#tasks.get(record.id);
    const stored = rowOf(record, known);
    this.#setTask(stored.id, known, stored);
    this.#undo.push(() => this.#setTask(stored.id, stored, known));
  }

  #setTask(id: string, from: TaskRow | undefined, to: TaskRow | undefined): void {
    if (to === undefined) this.#tasks.delete(id);
    else this.#tasks.set(id, to);
    for (const index of this.#indexes) index.move(from, to);
  }

  #put<Value>(map: Map<string, Value>, key: string, value: Value | undefined): void {
    const known = map.get(key);
    set(map, key, value);
    this.#undo.push(() => set(map, key, known));
  }
}

/** The columns of a row and no others: whoever hands in a whole record must not find its body here. */
function rowOf(row: TaskRow, known: TaskRow | undefined): TaskRow {
  return {
    id: row.id,
    status: row.status,
    version: row.version,
    attempt: row.attempt,
    failures: row.failures,
    crashes: row.crashes,
    priority: row.priority,
    dueAt: row.dueAt,
    claimKey: row.claimKey,
    agentId: row.agentId,
    pinned: row.pinned,
    workerId: row.workerId,
    boundTo: row.boundTo,
    boundUntil: row.boundUntil,
    held: row.held,
    cancelAt: row.cancelAt,
    workflowId: row.workflowId,
    openDependencies: row.openDependencies,
    refusedBy: row.refusedBy === known?.refusedBy ? known.refusedBy : throughJson(row.refusedBy),
    retry: row.retry === known?.retry ? known.retry : throughJson(row.retry),
    timeouts: row.timeouts === known?.timeouts ? known.timeouts : throughJson(row.timeouts),
    timeLimits: row.timeLimits === known?.timeLimits ? known.timeLimits : throughJson(row.timeLimits),
    expiresAt: row.expiresAt,
    lastSeq: row.lastSeq,
    createdAt: row.createdAt,
    startedAt: row.startedAt,
    finishedAt: row.finishedAt,
    unroutable: row.unroutable,
  };
}

function bodyOf(record: TaskBody): TaskBody {
  const { name, description, input, metadata, idempotencyKey, bodyHash, output, progress } = record;
  const { tags, requirements, error, dependsOn, parentId } = record;
  const small = throughJson({ tags, requirements, error, dependsOn });
  return { name, description, input, metadata, parentId, idempotencyKey, bodyHash, output, progress, ...small };
}

function idsOf({ dependsOn }: Pick<TaskBody, 'dependsOn'>): ReadonlySet<string> {
  return new Set(dependsOn.map(({ taskId }) => taskId));
}

function set<Value>(map: Map<string, Value>, key: string, value: Value | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

// A database refuses these by its indexes; what it would not take must not get through here either.
function unique(what: string, name: string, exists: boolean): void {
  if (exists) throw new Error(`There is a ${what} ${name} already.`);
}

function byId<Row>(rows: ReadonlyMap<string, Row>): Row[] {
  return [...rows].sort(([first], [second]) => (first < second ? -1 : 1)).map(([, row]) => row);
}

function* upTo(keys: Iterable<Key>, order: number): Generator<Key> {
  for (const key of keys) {
    if (key.order > order) return;
    yield key;
  }
}
