import type { ErrorCode, ErrorDetails } from './errors.ts';
import type { EventRow, EventType, NewEvent } from './events.ts';
import type { CommandValue, GroupResult, NewTaskRecord } from './store.ts';
import type { AgentRow, BodyPatch, Tables } from './tables.ts';
import { isTerminal, type TaskRecord, type TaskRow } from './task.ts';
import type { Times } from './times.ts';
import { transition, type TaskCommand } from './transition.ts';
import { addCounters, counterDelta, type WorkflowCounters, type WorkflowRow } from './workflow.ts';

/** A group that was not carried out. */
export type Refused = Exclude<GroupResult, { readonly status: 'ok' }>;

/** What a command answers, or why it does nothing. */
export type Answer = CommandValue | Refused;

/** What tells one record of a kind from another. */
export type Named = Pick<NewTaskRecord, 'id' | 'idempotencyKey'>;

/** What one group would change: read through to the tables, written at the end if all of it can be done. */
export class Draft {
  readonly #tables: Tables;
  readonly times: Times;
  readonly #flushDeltas: Map<string, WorkflowCounters>;
  readonly #deltas = new Map<string, WorkflowCounters>();
  readonly #tasks = new Map<string, { row: TaskRow; body: BodyPatch; created?: TaskRecord }>();
  readonly #workflows = new Map<string, { row: WorkflowRow; created: boolean }>();
  readonly #records = new Map<string, TaskRecord>();
  readonly #agents = new Map<string, AgentRow>();
  /** Attempts that the group has started less those that it has ended, by agent. */
  readonly #running = new Map<string | null, number>();
  readonly #failedIn = new Set<string>();
  readonly #created = new Set<string>();
  readonly #events: EventRow[] = [];
  readonly #writes: (() => void)[] = [];
  /** Tasks of this group, by what they depend on. */
  readonly #dependants = new Map<string, string[]>();
  /** Tasks that have ended and whose dependants have not heard of it yet. */
  readonly #ended: TaskRow[] = [];
  #telling = false;

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

  /** The workflows in which a task has failed for good. */
  get failedIn(): ReadonlySet<string> {
    return this.#failedIn;
  }

  agent(id: string): AgentRow | undefined {
    return this.#agents.get(id) ?? this.#tables.agent(id);
  }

  /** How many attempts of an agent run, those of this group included. */
  countRunning(agentId: string): number {
    return this.#tables.countRunning(agentId) + (this.#running.get(agentId) ?? 0);
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
    for (const taskId of new Set(record.dependsOn.map((dependency) => dependency.taskId))) {
      const known = this.#dependants.get(taskId);
      if (known === undefined) this.#dependants.set(taskId, [record.id]);
      else known.push(record.id);
    }
  }

  /** Applies a command; answers why not where it is not possible. */
  change(task: TaskRow, command: TaskCommand): Refused | undefined {
    const change = transition(task, command, this.times);
    if ('refused' in change) return refused(change.refused, change.message, { taskId: task.id, status: task.status });
    this.patch(change.task, change.body);
    this.#append(change.task, change.events);
    if (change.task.workflowId !== null) {
      const delta = counterDelta(task.workflowId === null ? undefined : task, change.task);
      this.addDelta(change.task.workflowId, delta);
      if (delta !== undefined && delta.failed > 0) this.#failedIn.add(change.task.workflowId);
    }
    this.#countRunning(task, -1);
    this.#countRunning(change.task, 1);
    if (isTerminal(change.task.status) && !isTerminal(task.status)) {
      this.#ended.push(change.task);
      this.#tellDependants();
    }
    return undefined;
  }

  /** Frees what waited for an ended task, or cancels it where that can't complete any more; and so on down the graph. */
  #tellDependants(): void {
    if (this.#telling) return; // the loop below goes on with what it ends itself: a chain may be long
    this.#telling = true;
    for (let ended = this.#ended.shift(); ended !== undefined; ended = this.#ended.shift()) {
      for (const dependant of this.#dependantsOf(ended.id)) {
        if (dependant.status !== 'pending' || dependant.openDependencies === 0) continue;
        if (ended.status === 'completed') this.change(dependant, { type: 'unblock' });
        // Whoever cancels a workflow cancels all of it, a bounded number at a time.
        else if (!this.#isBeingCancelled(dependant.workflowId)) this.change(dependant, withoutDependency(ended));
      }
    }
    this.#telling = false;
  }

  #isBeingCancelled(workflowId: string | null): boolean {
    return workflowId !== null && this.workflow(workflowId)?.cancelRequested === true;
  }

  *#dependantsOf(taskId: string): Generator<TaskRow> {
    for (let after: string | undefined; ;) {
      const page = this.#tables.dependants(taskId, after, dependantsPage);
      for (const row of page) yield this.latest(row);
      if (page.length < dependantsPage) break;
      after = page.at(-1)?.id;
    }
    for (const id of this.#dependants.get(taskId) ?? []) yield this.row(id) as TaskRow; // this group has inserted it
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

  changeAgent(row: AgentRow, type: EventType): void {
    const seq = row.lastSeq + 1;
    this.#agents.set(row.id, { ...row, lastSeq: seq });
    const data = JSON.stringify({ agentId: row.id });
    this.#events.push({ subject: `agent:${row.id}`, seq, workflowId: null, type, at: this.times.now, data });
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
    for (const agent of this.#agents.values()) this.#tables.putAgent(agent);
    for (const event of this.#events) this.#tables.insertEvent(event);
    for (const write of this.#writes) write();
    for (const [id, delta] of this.#deltas) sum(this.#flushDeltas, id, delta);
  }

  #countRunning({ status, agentId }: TaskRow, sign: 1 | -1): void {
    if (status === 'running') this.#running.set(agentId, (this.#running.get(agentId) ?? 0) + sign);
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

/** Dependants that are read at a time. */
const dependantsPage = 1_000;

/** What becomes of a task that waits for one which has ended without a result. */
export function withoutDependency({ id, status }: Pick<TaskRow, 'id' | 'status'>): TaskCommand {
  const message = `It depends on task ${id}, which ${status === 'failed' ? 'has failed' : 'was cancelled'}.`;
  return {
    type: 'cancel',
    graceMs: 0,
    reason: message,
    error: { name: 'SymphonyError', code: 'DEPENDENCY_FAILED', message },
  };
}

function sum(deltas: Map<string, WorkflowCounters>, id: string, delta: WorkflowCounters): void {
  const known = deltas.get(id);
  deltas.set(id, known === undefined ? delta : addCounters(known, delta));
}

/** Why a group is not carried out. */
export function refused(code: ErrorCode, message: string, details: ErrorDetails = {}): Refused {
  return { status: 'error', code, message, details };
}

/** A fact of a workflow, numbered. */
export function workflowEvent(row: WorkflowRow, event: NewEvent, seq: number, now: number): EventRow {
  return { subject: row.id, seq, workflowId: row.id, type: event.type, at: now, data: JSON.stringify(event.data) };
}
