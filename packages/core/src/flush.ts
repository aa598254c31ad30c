import type { AgentConfig } from './agent.ts';
import { defaults } from './defaults.ts';
import type { ErrorCode, ErrorDetails } from './errors.ts';
import type { EventRow, NewEvent } from './events.ts';
import { maxCrashes } from './retry.ts';
import type { Claimed, ClaimRequest, Command, CommandValue, Group, GroupResult, NewTaskRecord } from './store.ts';
import type { BodyPatch, DueCursor, Tables } from './tables.ts';
import { isTerminal, type TaskRecord, type TaskRow } from './task.ts';
import { claimKey, transition, type TaskCommand } from './transition.ts';
import {
  addCounters,
  counterDelta,
  isSettled,
  workflowStatus,
  type WorkflowCounters,
  type WorkflowRow,
} from './workflow.ts';

/** The times of one transaction. */
export interface Times {
  /** The store's wall time. */
  readonly now: number;
  /** The store's lease clock. */
  readonly lease: number;
  /** Tells one run of the lease clock from the next: leases of another boot are over. */
  readonly bootId: string;
}

type Refused = Exclude<GroupResult, { readonly status: 'ok' }>;
type Answer = CommandValue | Refused;

/**
 * One transaction of a store: carries out groups and claims on the rows that the adapter holds open, and settles the
 * counters of workflows at the end. All rules are here and in what this calls; none is in an adapter.
 */
export class Flush {
  readonly #tables: Tables;
  readonly #times: Times;
  // Counters of one workflow are touched by many tasks of a flush; its row is written once.
  readonly #deltas = new Map<string, WorkflowCounters>();

  constructor(tables: Tables, times: Times) {
    this.#tables = tables;
    this.#times = times;
  }

  /** Carries out a group, whole or not at all. */
  apply(group: Group): GroupResult {
    const draft = new Draft(this.#tables, this.#times, this.#deltas);
    let value: CommandValue = {};
    for (const command of group) {
      const answer = carryOut(draft, command);
      if ('status' in answer) return answer;
      value = answer;
    }
    draft.write();
    return { status: 'ok', value };
  }

  /** Applies one task command outside any group: what the sweep does. */
  change(task: TaskRow, command: TaskCommand): void {
    const draft = new Draft(this.#tables, this.#times, this.#deltas);
    draft.change(task, command);
    draft.write();
  }

  /** Brings up to `limit` tasks of a workflow in line with its row; answers how many. */
  align(workflow: WorkflowRow, limit: number, graceMs: number): number {
    const draft = new Draft(this.#tables, this.#times, this.#deltas);
    const count = align(draft, workflow, limit, graceMs);
    draft.write();
    return count;
  }

  /**
   * Takes due tasks for a worker, in the order of their claim keys: those assigned to agents that it hosts start running,
   * those without assignment are bound to it for routing. A claim looks at a bounded number of tasks.
   */
  claim(request: ClaimRequest): readonly Claimed[] {
    if (request.limit < 1 || this.#tables.worker(request.workerId) === undefined) return [];
    const claimed: string[] = [];
    let suspectTaken: boolean | undefined;
    const mayTakeSuspect = (): boolean => {
      const taken = suspectTaken ?? runsSuspect(this.#tables, request.workerId);
      suspectTaken = true;
      return !taken;
    };
    let looks = request.limit + 1_000;
    for (const task of merged(this.#tables, request, this.#times.now)) {
      const workflow = task.workflowId === null ? undefined : this.#tables.workflow(task.workflowId);
      if (workflow?.cancelRequested === true) {
        this.change(task, { type: 'cancel', graceMs: 0, reason: 'the workflow was cancelled' });
      } else if (workflow?.paused === true) {
        this.change(task, { type: 'hold', held: true });
      } else if (task.agentId === null) {
        this.change(task, { type: 'bind', workerId: request.workerId, until: this.#times.lease + defaults.routingMs });
        claimed.push(task.id);
      } else if (!isSuspect(task) || mayTakeSuspect()) {
        this.change(task, { type: 'claim', workerId: request.workerId, agentId: task.agentId });
        claimed.push(task.id);
      }
      // Asked here and not before the task was pulled: looking further than needed would read rows for nothing.
      if (claimed.length === request.limit || --looks === 0) break;
    }
    return claimed.map((id) => this.#tables.taskRecord(id) as TaskRecord);
  }

  /** Carries out several claims; those of one worker for the same agents are read together and shared out in order. */
  claimAll(requests: readonly ClaimRequest[]): readonly (readonly Claimed[])[] {
    const shares = new Map<string, { request: ClaimRequest; claimed: Claimed[] }>();
    const keys = requests.map(({ workerId, hosts }) => JSON.stringify([workerId, hosts]));
    for (const [index, request] of requests.entries()) {
      const limit = Math.max(0, request.limit) + (shares.get(keys[index] as string)?.request.limit ?? 0);
      shares.set(keys[index] as string, { request: { ...request, limit }, claimed: [] });
    }
    for (const share of shares.values()) share.claimed = [...this.claim(share.request)];
    return requests.map(({ limit }, index) => {
      const share = shares.get(keys[index] as string) as { claimed: Claimed[] }; // each has put its own in
      return share.claimed.splice(0, Math.max(0, limit));
    });
  }

  /** Writes the counters that the flush has changed, and the events that follow from them. Call once, last. */
  settle(): void {
    for (const [id, delta] of [...this.#deltas].sort(([first], [second]) => (first < second ? -1 : 1))) {
      const row = this.#tables.workflow(id);
      if (row === undefined) continue;
      const { workflow, events } = settleWorkflow(row, delta, this.#times.now);
      for (const event of events) this.#tables.insertEvent(event);
      this.#tables.updateWorkflow(workflow);
    }
    this.#deltas.clear();
  }
}

/** A task that is one crash from being poison: it runs as the only such task of its worker, and is charged alone. */
export function isSuspect(task: Pick<TaskRow, 'crashes' | 'retry'>): boolean {
  return task.crashes > 0 && task.crashes >= maxCrashes(task.retry) - 1;
}

function runsSuspect(tables: Tables, workerId: string): boolean {
  return tables.runningTasks(workerId).some(isSuspect);
}

/** A workflow after its counters have changed, and the events that say so. Pure. */
export function settleWorkflow(
  row: WorkflowRow,
  delta: WorkflowCounters,
  now: number,
): { readonly workflow: WorkflowRow; readonly events: readonly EventRow[] } {
  const counted: WorkflowRow = { ...row, ...addCounters(row, delta) };
  const before = workflowStatus(row);
  const after = workflowStatus(counted);
  const events: NewEvent[] = [];
  if (after !== before) {
    if (after === 'running') events.push({ type: 'workflow.started', data: {} });
    if (after === 'failed') events.push({ type: 'workflow.failed', data: { failed: counted.failed } });
    if (after === 'completed') events.push({ type: 'workflow.completed', data: { total: counted.total } });
    if (after === 'cancelled') events.push({ type: 'workflow.cancelled', data: { cancelled: counted.cancelled } });
  }
  const settled = isSettled(counted);
  // By what was written, not by its counters: those of a flush that cancels it are still to come.
  const wasSettled = row.settledAt !== null;
  if (settled && !wasSettled) events.push({ type: 'workflow.settled', data: { status: after } });
  if (!settled && wasSettled)
    events.push({ type: 'workflow.reopened', data: { reason: 'a task was added or retried' } });
  const settledAt = settled ? (row.settledAt ?? now) : null;
  return {
    workflow: {
      ...counted,
      settledAt,
      version: after === before ? row.version : row.version + 1,
      lastSeq: row.lastSeq + events.length,
    },
    events: events.map((event, index) => workflowEvent(row, event, row.lastSeq + 1 + index, now)),
  };
}

function workflowEvent(row: WorkflowRow, event: NewEvent, seq: number, now: number): EventRow {
  return { subject: row.id, seq, workflowId: row.id, type: event.type, at: now, data: JSON.stringify(event.data) };
}

function* merged(tables: Tables, request: ClaimRequest, now: number): Generator<TaskRow> {
  const probes = [null, ...new Set(request.hosts)].map((agentId) => new Probe(tables, agentId, now, request.limit));
  for (;;) {
    let first: Probe | undefined;
    for (const probe of probes) {
      if (probe.head !== undefined && (first?.head === undefined || isEarlier(probe.head, first.head))) first = probe;
    }
    if (first?.head === undefined) return;
    yield first.head;
    first.next();
  }
}

function isEarlier(task: TaskRow, other: TaskRow): boolean {
  const [first, second] = [placeOf(task), placeOf(other)];
  return first.claimKey < second.claimKey || (first.claimKey === second.claimKey && first.id < second.id);
}

/** Where a due task stands in the order of claims. */
function placeOf(task: TaskRow): DueCursor {
  return { claimKey: task.claimKey as number, id: task.id }; // whatever is due has a claim key
}

/** The due tasks of one assignment, a few at a time, so that a claim of ten does not read thousands. */
class Probe {
  readonly #tables: Tables;
  readonly #agentId: string | null;
  readonly #now: number;
  readonly #limit: number;
  #rows: readonly TaskRow[] = [];
  #index = 0;

  constructor(tables: Tables, agentId: string | null, now: number, limit: number) {
    this.#tables = tables;
    this.#agentId = agentId;
    this.#now = now;
    this.#limit = Math.min(Math.max(limit, 1), 100);
    this.#read();
  }

  get head(): TaskRow | undefined {
    return this.#rows[this.#index];
  }

  next(): void {
    this.#index++;
    if (this.#index === this.#rows.length && this.#rows.length === this.#limit) this.#read();
  }

  #read(): void {
    const last = this.#rows.at(-1);
    this.#rows = this.#tables.dueTasks({
      agentId: this.#agentId,
      now: this.#now,
      limit: this.#limit,
      ...(last === undefined ? {} : { after: placeOf(last) }),
    });
    this.#index = 0;
  }
}

/** What tells one record of a kind from another. */
type Named = Pick<NewTaskRecord, 'id' | 'idempotencyKey'>;

/** What one group would change: read through to the tables, written at the end if all of it can be done. */
class Draft {
  readonly #tables: Tables;
  readonly times: Times;
  readonly #flushDeltas: Map<string, WorkflowCounters>;
  readonly #deltas = new Map<string, WorkflowCounters>();
  readonly #tasks = new Map<string, { row: TaskRow; body: BodyPatch; created?: TaskRecord }>();
  readonly #workflows = new Map<string, { row: WorkflowRow; created: boolean }>();
  readonly #records = new Map<string, TaskRecord>();
  readonly #created = new Set<string>();
  readonly #events: EventRow[] = [];
  readonly #writes: (() => void)[] = [];

  constructor(tables: Tables, times: Times, flushDeltas: Map<string, WorkflowCounters>) {
    this.#tables = tables;
    this.times = times;
    this.#flushDeltas = flushDeltas;
  }

  get tables(): Tables {
    return this.#tables;
  }

  /** The small part of a task, for commands that do not answer with it. */
  row(id: string): TaskRow | undefined {
    return this.#tasks.get(id)?.row ?? this.#records.get(id) ?? this.#tables.task(id);
  }

  /** A row of the tables as the group has left it. */
  latest(row: TaskRow): TaskRow {
    return this.#tasks.get(row.id)?.row ?? row;
  }

  /** A task that the group answers with: read whole, and once. */
  task(id: string): TaskRow | undefined {
    const draft = this.#tasks.get(id);
    if (draft?.created !== undefined) return draft.row;
    const known = this.#records.get(id) ?? this.#tables.taskRecord(id);
    if (known !== undefined) this.#records.set(id, known);
    return draft?.row ?? known;
  }

  workflow(id: string): WorkflowRow | undefined {
    return this.#workflows.get(id)?.row ?? this.#tables.workflow(id);
  }

  /** A workflow whose counters include what this flush has not written yet. */
  countedWorkflow(id: string): WorkflowRow | undefined {
    const row = this.workflow(id);
    if (row === undefined) return undefined;
    const pending = [this.#flushDeltas.get(id), this.#deltas.get(id)].filter((delta) => delta !== undefined);
    return pending.reduce<WorkflowRow>((sum, delta) => ({ ...sum, ...addCounters(sum, delta) }), row);
  }

  isNewWorkflow(id: string): boolean {
    return this.#workflows.get(id)?.created === true;
  }

  /** Notes that the group creates a record; answers whether it has already created one of this id or key. */
  repeats(kind: 'task' | 'workflow', { id, idempotencyKey }: Named): boolean {
    const names = [`${kind} ${id}`, ...(idempotencyKey === null ? [] : [`${kind} key ${idempotencyKey}`])];
    const repeated = names.some((name) => this.#created.has(name));
    for (const name of names) this.#created.add(name);
    return repeated;
  }

  insertTask(record: TaskRecord, event: NewEvent): void {
    this.#tasks.set(record.id, { row: record, body: {}, created: record });
    this.#append(record, [event]);
    if (record.workflowId !== null) this.addDelta(record.workflowId, counterDelta(undefined, record));
  }

  /** Applies a command; answers why not where it is not possible. */
  change(task: TaskRow, command: TaskCommand): Refused | undefined {
    const change = transition(task, command, this.times.now);
    if ('refused' in change) return refused(change.refused, change.message, { taskId: task.id, status: task.status });
    this.patch(change.task, change.body);
    this.#append(change.task, change.events);
    if (change.task.workflowId !== null) {
      this.addDelta(change.task.workflowId, counterDelta(task.workflowId === null ? undefined : task, change.task));
    }
    return undefined;
  }

  patch(row: TaskRow, body: BodyPatch): void {
    const known = this.#tasks.get(row.id);
    this.#tasks.set(row.id, {
      row,
      body: known === undefined ? body : { ...known.body, ...body },
      ...(known?.created === undefined ? {} : { created: known.created }),
    });
  }

  note(task: TaskRow, event: NewEvent): void {
    this.#append(task, [event]);
  }

  insertWorkflow(row: WorkflowRow): void {
    this.#workflows.set(row.id, { row, created: true });
  }

  changeWorkflow(row: WorkflowRow, event: NewEvent): void {
    const seq = row.lastSeq + 1;
    const changed = { ...row, lastSeq: seq, version: row.version + 1 };
    this.#workflows.set(row.id, { row: changed, created: this.isNewWorkflow(row.id) });
    this.#events.push(workflowEvent(row, event, seq, this.times.now));
  }

  /** Ends a cancelled workflow that has no task. */
  settleEmpty(id: string): void {
    this.changeWorkflow(this.workflow(id) as WorkflowRow, { type: 'workflow.cancelled', data: { cancelled: 0 } });
    const row = { ...(this.workflow(id) as WorkflowRow), settledAt: this.times.now };
    this.changeWorkflow(row, { type: 'workflow.settled', data: { status: 'cancelled' } });
  }

  addDelta(workflowId: string, delta: WorkflowCounters | undefined): void {
    if (delta !== undefined) sum(this.#deltas, workflowId, delta);
  }

  later(write: () => void): void {
    this.#writes.push(write);
  }

  /** The whole task as it will be once the group is written. */
  record(id: string): TaskRecord {
    const draft = this.#tasks.get(id);
    const stored = (draft?.created ?? this.#records.get(id)) as TaskRecord; // a group answers with what it has read
    return { ...stored, ...draft?.row, ...draft?.body };
  }

  write(): void {
    for (const { row, created } of this.#workflows.values()) {
      if (created) this.#tables.insertWorkflow(row);
      else this.#tables.updateWorkflow(row);
    }
    for (const { row, body, created } of this.#tasks.values()) {
      if (created === undefined) this.#tables.updateTask(row, body);
      else this.#tables.insertTask({ ...created, ...row, ...body });
    }
    for (const event of this.#events) this.#tables.insertEvent(event);
    for (const write of this.#writes) write();
    for (const [id, delta] of this.#deltas) sum(this.#flushDeltas, id, delta);
  }

  #append(task: TaskRow, events: readonly NewEvent[]): void {
    if (events.length === 0) return;
    const { lastSeq } = task;
    for (const [index, event] of events.entries()) {
      this.#events.push({
        subject: task.id,
        seq: lastSeq + 1 + index,
        workflowId: task.workflowId,
        type: event.type,
        at: this.times.now,
        data: JSON.stringify(event.data),
      });
    }
    this.patch({ ...task, lastSeq: lastSeq + events.length }, {});
  }
}

function sum(deltas: Map<string, WorkflowCounters>, id: string, delta: WorkflowCounters): void {
  const known = deltas.get(id);
  deltas.set(id, known === undefined ? delta : addCounters(known, delta));
}

function refused(code: ErrorCode, message: string, details: ErrorDetails = {}): Refused {
  return { status: 'error', code, message, details };
}

type Handler<Type extends Command['type']> = (
  draft: Draft,
  command: Extract<Command, { readonly type: Type }>,
) => Answer;

const handlers: { readonly [Type in Command['type']]: Handler<Type> } = {
  createTask,
  createWorkflow,
  addTask: (draft, { workflowId, taskId }) => addTask(draft, workflowId, taskId) ?? { task: draft.record(taskId) },
  submitTask,
  claimTask,
  report,
  recordStep,
  progress,
  note(draft, { id, event }) {
    const task = draft.row(id);
    if (task === undefined) return taskNotFound(id);
    draft.note(task, event);
    return {};
  },
  route,
  defer: (draft, { id, workerId, forMs, code, reason }) =>
    ofBound(draft, id, workerId, { type: 'defer', until: draft.times.lease + forMs, code, reason }),
  reject: (draft, { id, workerId, reason }) =>
    ofBound(draft, id, workerId, {
      type: 'reject',
      error: { name: 'SymphonyError', code: 'NO_ROUTE', message: reason },
    }),
  unbind: (draft, { id, workerId }) => ofBound(draft, id, workerId, { type: 'unbind' }),
  cancelTask: (draft, { id, graceMs, reason }) =>
    byId(draft, id, { type: 'cancel', graceMs, ...(reason === undefined ? {} : { reason }) }),
  retryTask,
  pauseWorkflow,
  resumeWorkflow,
  cancelWorkflow,
  alignTasks,
  registerAgent,
};

function carryOut(draft: Draft, command: Command): Answer {
  return (handlers[command.type] as (draft: Draft, command: Command) => Answer)(draft, command);
}

function createTask(draft: Draft, { task, submit }: Extract<Command, { readonly type: 'createTask' }>): Answer {
  const { tables, times } = draft;
  if (draft.repeats('task', task)) return createdTwice(task);
  const byKey = task.idempotencyKey === null ? undefined : tables.taskHash({ key: task.idempotencyKey });
  const known = byKey ?? tables.taskHash({ id: task.id });
  if (known !== undefined) return found(draft, known, task, submit);
  const dueAt = submit ? (task.dueAt ?? times.now) : null;
  const record: TaskRecord = {
    ...task,
    status: 'pending',
    version: 1,
    attempt: 0,
    failures: 0,
    crashes: 0,
    dueAt,
    claimKey: dueAt === null ? null : claimKey(dueAt, task.priority),
    pinned: task.agentId !== null,
    workerId: null,
    boundTo: null,
    boundUntil: null,
    held: false,
    cancelAt: null,
    openDependencies: 0,
    refusedBy: [],
    lastSeq: 0,
    createdAt: times.now,
    startedAt: null,
    finishedAt: null,
    unroutable: false,
    output: null,
    error: null,
    progress: null,
  };
  if (task.workflowId !== null) {
    const closed = closedTo(draft, task.workflowId);
    if (closed !== undefined) return closed;
  }
  draft.insertTask(record, {
    type: 'task.created',
    data: {
      name: task.name,
      priority: task.priority,
      ...(task.agentId === null ? {} : { agentId: task.agentId }),
      ...(dueAt === null ? {} : { dueAt }),
    },
  });
  return { task: draft.record(task.id) };
}

function createdTwice({ id, idempotencyKey }: Named): Refused {
  return refused(
    'IDEMPOTENCY_CONFLICT',
    `Idempotency key "${idempotencyKey ?? id}" occurs twice in one group. Give each record a key of its own.`,
    { id, idempotencyKey },
  );
}

function found(
  draft: Draft,
  known: { readonly id: string; readonly bodyHash: string },
  task: NewTaskRecord,
  submit: boolean,
): Answer {
  if (known.bodyHash !== task.bodyHash) {
    return refused(
      'IDEMPOTENCY_CONFLICT',
      `Idempotency key "${task.idempotencyKey ?? task.id}" belongs to task ${known.id}, which was created from other values. Use another key, or the same values.`,
      { taskId: known.id, idempotencyKey: task.idempotencyKey },
    );
  }
  const row = draft.task(known.id);
  if (submit && row?.status === 'pending' && row.dueAt === null) {
    const refusal = draft.change(row, { type: 'submit', dueAt: task.dueAt ?? draft.times.now });
    return refusal ?? { task: draft.record(known.id) };
  }
  return { status: 'duplicate', id: known.id };
}

function createWorkflow(draft: Draft, { workflow }: Extract<Command, { readonly type: 'createWorkflow' }>): Answer {
  if (draft.repeats('workflow', workflow)) return createdTwice(workflow);
  const byKey =
    workflow.idempotencyKey === null ? undefined : draft.tables.workflowHash({ key: workflow.idempotencyKey });
  const known = byKey ?? draft.tables.workflowHash({ id: workflow.id });
  if (known !== undefined) {
    if (known.bodyHash === workflow.bodyHash) return { status: 'duplicate', id: known.id };
    return refused(
      'IDEMPOTENCY_CONFLICT',
      `Idempotency key "${workflow.idempotencyKey ?? workflow.id}" belongs to workflow ${known.id}, which was created from other values. Use another key, or the same values.`,
      { workflowId: known.id, idempotencyKey: workflow.idempotencyKey },
    );
  }
  const row: WorkflowRow = {
    ...workflow,
    total: 0,
    open: 0,
    failed: 0,
    cancelled: 0,
    started: 0,
    paused: false,
    cancelRequested: false,
    version: 0,
    lastSeq: 0,
    createdAt: draft.times.now,
    settledAt: null,
  };
  draft.insertWorkflow(row);
  draft.changeWorkflow(row, { type: 'workflow.created', data: { name: row.name, sealed: row.sealed } });
  return { workflow: draft.workflow(row.id) as WorkflowRow };
}

/** Why a workflow takes no task, if so. */
function closedTo(draft: Draft, workflowId: string): Refused | undefined {
  const workflow = draft.workflow(workflowId);
  if (workflow === undefined) return workflowNotFound(workflowId);
  if (workflow.cancelRequested) return workflowCancelled(workflowId);
  if (workflow.sealed && !draft.isNewWorkflow(workflowId)) {
    return refused(
      'WORKFLOW_SEALED',
      `Workflow ${workflowId} was created with its tasks and takes no more. Create another workflow.`,
      { workflowId },
    );
  }
  return undefined;
}

function addTask(draft: Draft, workflowId: string, taskId: string): Refused | undefined {
  const task = draft.task(taskId);
  if (task === undefined) return taskNotFound(taskId);
  if (task.workflowId === workflowId) return undefined;
  if (task.workflowId !== null) {
    return refused(
      'TASK_IN_OTHER_WORKFLOW',
      `Task ${taskId} belongs to workflow ${task.workflowId}; a task belongs to at most one.`,
      {
        taskId,
        workflowId: task.workflowId,
      },
    );
  }
  return closedTo(draft, workflowId) ?? draft.change(task, { type: 'addToWorkflow', workflowId });
}

function submitTask(draft: Draft, { id, dueAt }: Extract<Command, { readonly type: 'submitTask' }>): Answer {
  const task = draft.task(id);
  if (task === undefined) return taskNotFound(id);
  // Submitting what is due, runs or has ended is what a repeated program does: it finds the task as it is.
  if (task.status !== 'pending' || task.dueAt !== null) return { task: draft.record(id) };
  return draft.change(task, { type: 'submit', dueAt }) ?? { task: draft.record(id) };
}

function claimTask(draft: Draft, command: Extract<Command, { readonly type: 'claimTask' }>): Answer {
  const { id, workerId } = command;
  const { tables } = draft;
  if (draft.task(id) === undefined) return taskNotFound(id);
  if (command.workflowId !== undefined) {
    const problem = addTask(draft, command.workflowId, id);
    if (problem !== undefined) return problem;
  }
  const task = draft.task(id) as TaskRow;
  if (tables.worker(workerId) === undefined) return workerLost(workerId);
  if (isTerminal(task.status)) {
    return refused('TASK_FINISHED', `Task ${id} is ${task.status}. Use retryTask to start it anew.`, {
      taskId: id,
      status: task.status,
    });
  }
  const holder = task.workerId ?? (task.boundTo === workerId ? null : task.boundTo);
  if (task.status !== 'pending' || (holder !== null && tables.worker(holder) !== undefined))
    return heldBy(draft, task, holder);
  if (task.failures > 0 && task.dueAt !== null && task.dueAt > draft.times.now) {
    return refused('TASK_NOT_CLAIMABLE', `Task ${id} has failed and waits for its next try.`, {
      taskId: id,
      dueAt: task.dueAt,
    });
  }
  const workflow = task.workflowId === null ? undefined : draft.workflow(task.workflowId);
  if (workflow?.cancelRequested === true) return workflowCancelled(workflow.id);
  if (workflow?.paused === true)
    return refused('TASK_BLOCKED', `Task ${id} waits: workflow ${workflow.id} is paused. Resume it first.`, {
      taskId: id,
      workflowId: workflow.id,
    });
  if (task.openDependencies > 0)
    return refused('TASK_BLOCKED', `Task ${id} waits for ${task.openDependencies} other tasks.`, { taskId: id });
  const decision = command.agentId === undefined && task.agentId === null ? command.decision : undefined;
  const agentId = command.agentId ?? task.agentId ?? decision?.agentId ?? null;
  if (agentId === null)
    return refused('TASK_BLOCKED', `Task ${id} has not been routed to an agent yet.`, { taskId: id });
  const suspect = isSuspect({ crashes: task.crashes, retry: command.retry ?? task.retry });
  if (suspect && runsSuspect(tables, workerId)) {
    return refused(
      'TASK_NOT_CLAIMABLE',
      `Task ${id} is one crash from POISON and runs alone; another such task runs here.`,
      { taskId: id, suspect: true },
    );
  }
  const refusal = draft.change(task, {
    type: 'claim',
    workerId,
    agentId,
    ...(command.agentId === undefined ? {} : { pinned: true }),
    ...(decision === undefined ? {} : { decision }),
    ...(command.retry === undefined ? {} : { retry: command.retry }),
  });
  return refusal ?? { task: draft.record(id) };
}

function heldBy(draft: Draft, task: TaskRow, holder: string | null): Refused {
  const worker = holder === null ? undefined : draft.tables.worker(holder);
  const lease = worker === undefined || worker.bootId !== draft.times.bootId ? 0 : worker.leaseUntil;
  return refused(
    'TASK_NOT_CLAIMABLE',
    `Task ${task.id} is ${task.status === 'pending' ? 'bound to' : `${task.status} under`} worker ${holder ?? 'none'}. Wait for its result instead.`,
    {
      taskId: task.id,
      status: task.status,
      workerId: holder,
      leaseUntil: lease,
      leaseLeftMs: lease === 0 ? 0 : lease - draft.times.lease,
    },
  );
}

function report(draft: Draft, { id, attempt, command }: Extract<Command, { readonly type: 'report' }>): Answer {
  const task = draft.task(id);
  if (task === undefined) return taskNotFound(id);
  if (task.status !== 'running' || task.attempt !== attempt) return { status: 'stale' };
  return draft.change(task, command) ?? { task: draft.record(id) };
}

function recordStep(draft: Draft, { step }: Extract<Command, { readonly type: 'recordStep' }>): Answer {
  const task = draft.row(step.taskId);
  if (task === undefined) return taskNotFound(step.taskId);
  if (task.status !== 'running' || task.attempt !== step.attempt) return { status: 'stale' };
  // Sent twice because the first answer was lost: it is there already.
  const isThere = (): boolean => draft.tables.hasStep(step.taskId, step.agentId, step.identity);
  if (isThere()) return {};
  draft.later(() => {
    if (!isThere()) draft.tables.insertStep({ ...step, at: draft.times.now });
  });
  if (task.crashes > 0) {
    draft.note(
      { ...task, crashes: 0 },
      { type: 'task.recovered', data: { attempt: task.attempt, crashes: task.crashes } },
    );
  }
  return {};
}

function progress(draft: Draft, { id, attempt, value }: Extract<Command, { readonly type: 'progress' }>): Answer {
  const task = draft.row(id);
  if (task === undefined) return taskNotFound(id);
  if (task.status !== 'running' || task.attempt !== attempt) return { status: 'stale' };
  draft.patch(task, { progress: value });
  return {};
}

function route(draft: Draft, { id, workerId, decision, claim }: Extract<Command, { readonly type: 'route' }>): Answer {
  const task = draft.task(id);
  if (task === undefined) return taskNotFound(id);
  const workflow = task.workflowId === null ? undefined : draft.workflow(task.workflowId);
  const waits =
    workflow?.paused === true ||
    workflow?.cancelRequested === true ||
    (isSuspect(task) && runsSuspect(draft.tables, workerId));
  if (!claim || waits) return ofBound(draft, id, workerId, { type: 'assign', decision });
  if (draft.tables.worker(workerId) === undefined) return workerLost(workerId);
  return ofBound(draft, id, workerId, { type: 'claim', workerId, agentId: decision.agentId, decision });
}

function ofBound(draft: Draft, id: string, workerId: string, command: TaskCommand): Answer {
  const task = draft.task(id);
  if (task === undefined) return taskNotFound(id);
  if (task.status !== 'pending' || task.boundTo !== workerId) return { status: 'stale' };
  return draft.change(task, command) ?? { task: draft.record(id) };
}

function byId(draft: Draft, id: string, command: TaskCommand): Answer {
  const task = draft.task(id);
  if (task === undefined) return taskNotFound(id);
  if (command.type === 'cancel' && isTerminal(task.status)) return { task: draft.record(id) };
  return draft.change(task, command) ?? { task: draft.record(id) };
}

function retryTask(draft: Draft, { id }: Extract<Command, { readonly type: 'retryTask' }>): Answer {
  const workflowId = draft.task(id)?.workflowId ?? null;
  if (workflowId !== null && draft.workflow(workflowId)?.cancelRequested === true) return workflowCancelled(workflowId);
  return byId(draft, id, { type: 'retry' });
}

function pauseWorkflow(draft: Draft, { id }: Extract<Command, { readonly type: 'pauseWorkflow' }>): Answer {
  const workflow = draft.countedWorkflow(id);
  if (workflow === undefined) return workflowNotFound(id);
  if (workflow.cancelRequested) return workflowCancelled(id);
  if (!workflow.paused)
    draft.changeWorkflow(
      { ...(draft.workflow(id) as WorkflowRow), paused: true },
      { type: 'workflow.paused', data: {} },
    );
  return { workflow: draft.countedWorkflow(id) as WorkflowRow };
}

function resumeWorkflow(draft: Draft, { id }: Extract<Command, { readonly type: 'resumeWorkflow' }>): Answer {
  const workflow = draft.workflow(id);
  if (workflow === undefined) return workflowNotFound(id);
  if (workflow.cancelRequested) return workflowCancelled(id);
  if (workflow.paused) draft.changeWorkflow({ ...workflow, paused: false }, { type: 'workflow.resumed', data: {} });
  return { workflow: draft.countedWorkflow(id) as WorkflowRow };
}

function cancelWorkflow(draft: Draft, { id, reason }: Extract<Command, { readonly type: 'cancelWorkflow' }>): Answer {
  const workflow = draft.workflow(id);
  if (workflow === undefined) return workflowNotFound(id);
  const counted = draft.countedWorkflow(id) as WorkflowRow;
  if (!workflow.cancelRequested && !isSettled(counted)) {
    const data = reason === undefined ? {} : { reason };
    draft.changeWorkflow(
      { ...workflow, cancelRequested: true, paused: false },
      { type: 'workflow.cancel_requested', data },
    );
    // Without tasks there is no last one whose end would settle it.
    if (counted.total === 0) draft.settleEmpty(id);
  }
  return { workflow: draft.countedWorkflow(id) as WorkflowRow };
}

function alignTasks(
  draft: Draft,
  { workflowId, limit, graceMs }: Extract<Command, { readonly type: 'alignTasks' }>,
): Answer {
  const workflow = draft.workflow(workflowId);
  if (workflow === undefined) return workflowNotFound(workflowId);
  return { count: align(draft, workflow, limit, graceMs) };
}

function align(draft: Draft, workflow: WorkflowRow, limit: number, graceMs: number): number {
  const { tables } = draft;
  const tasks = workflow.cancelRequested
    ? tables.openTasks(workflow.id, limit)
    : tables.pendingTasks(workflow.id, !workflow.paused, limit);
  const command: TaskCommand = workflow.cancelRequested
    ? { type: 'cancel', graceMs, reason: 'the workflow was cancelled' }
    : { type: 'hold', held: workflow.paused };
  for (const task of tasks) draft.change(draft.latest(task), command);
  return tasks.length;
}

function registerAgent(draft: Draft, { config }: Extract<Command, { readonly type: 'registerAgent' }>): Answer {
  draft.later(() => writeAgent(draft.tables, config, draft.times.now));
  return {};
}

function writeAgent(tables: Tables, config: AgentConfig, now: number): void {
  const known = tables.agent(config.id);
  if (known !== undefined && JSON.stringify(known.config) === JSON.stringify(config)) return;
  const seq = (known?.lastSeq ?? 0) + 1;
  const isHostedNow = tables.workers().some(({ hosts }) => hosts.includes(config.id));
  tables.putAgent({
    id: config.id,
    config,
    enabled: known?.enabled ?? true,
    unhostedSince: known === undefined ? (isHostedNow ? null : 0) : known.unhostedSince,
    lastSeq: seq,
  });
  tables.insertEvent({
    subject: `agent:${config.id}`,
    seq,
    workflowId: null,
    type: known === undefined ? 'agent.registered' : 'agent.changed',
    at: now,
    data: JSON.stringify({ agentId: config.id }),
  });
}

function taskNotFound(taskId: string): Refused {
  return refused('TASK_NOT_FOUND', `There is no task ${taskId}.`, { taskId });
}

function workflowNotFound(workflowId: string): Refused {
  return refused('WORKFLOW_NOT_FOUND', `There is no workflow ${workflowId}.`, { workflowId });
}

function workflowCancelled(workflowId: string): Refused {
  return refused('WORKFLOW_CANCELLED', `Workflow ${workflowId} was cancelled.`, { workflowId });
}

function workerLost(workerId: string): Refused {
  return refused(
    'WORKER_LOST',
    `Worker ${workerId} has no row any more: its lease ran out and its tasks were released.`,
    { workerId },
  );
}
