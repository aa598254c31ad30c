import { align, carryOut } from './carry-out.ts';
import { defaults } from './defaults.ts';
import { Draft, workflowEvent } from './draft.ts';
import type { EventRow, NewEvent } from './events.ts';
import { freePlaces } from './free-places.ts';
import type { Claimed, ClaimRequest, CommandValue, Group, GroupResult } from './store.ts';
import { isSuspect, makesRoom, mayStart } from './suspect.ts';
import type { DueCursor, Tables } from './tables.ts';
import type { TaskRecord, TaskRow } from './task.ts';
import { passedLimit } from './time-limits.ts';
import type { Times } from './times.ts';
import type { TaskCommand } from './transition.ts';
import { whyWaiting } from './why-waiting.ts';
import { addCounters, isSettled, workflowStatus, type WorkflowCounters, type WorkflowRow } from './workflow.ts';

/**
 * One transaction of a store: carries out groups and claims on the rows that the adapter holds open, and settles the
 * counters of workflows at the end. All rules are here and in what this calls; none is in an adapter.
 */
export class Flush {
  readonly #tables: Tables;
  readonly #times: Times;
  // Counters of one workflow are touched by many tasks of a flush; its row is written once.
  readonly #deltas = new Map<string, WorkflowCounters>();
  /** Workflows in which a task has failed, and that have not been looked at since. */
  readonly #failedIn = new Set<string>();

  constructor(tables: Tables, times: Times) {
    this.#tables = tables;
    this.#times = times;
  }

  /** Carries out a group, whole or not at all. If it throws, what it counted is not taken back: begin the flush anew. */
  apply(group: Group): GroupResult {
    const draft = new Draft(this.#tables, this.#times, this.#deltas);
    let value: CommandValue = {};
    for (const command of group) {
      const answer = carryOut(draft, command);
      if ('status' in answer) return answer;
      value = answer;
    }
    this.#write(draft);
    // Here and not at the end: no later group and no claim of this transaction may start what is to be cancelled.
    this.#failFast();
    return { status: 'ok', value };
  }

  /** Applies one task command outside any group: what the sweep does. */
  change(task: TaskRow, command: TaskCommand): void {
    const draft = new Draft(this.#tables, this.#times, this.#deltas);
    draft.change(task, command);
    this.#write(draft);
  }

  /** Brings up to `limit` tasks of a workflow in line with its row; answers how many. */
  align(workflow: WorkflowRow, limit: number, graceMs: number): number {
    const draft = new Draft(this.#tables, this.#times, this.#deltas);
    const count = align(draft, workflow, limit, graceMs);
    this.#write(draft);
    return count;
  }

  /**
   * Takes due tasks for a worker, in the order of their claim keys: those assigned to agents that it hosts start running,
   * those without assignment are bound to it for routing. A claim looks at a bounded number of tasks.
   */
  claim(request: ClaimRequest): readonly Claimed[] {
    const { workerId, limit, still } = request;
    if (limit < 1 || this.#tables.worker(workerId) === undefined) return [];
    if (!mayStart(this.#tables, workerId, false, still)) return [];
    const claimed: string[] = [];
    let looks = limit + 1_000;
    let mayBeOld = false;
    const places = new Places(this.#tables);
    for (const found of merged(this.#tables, request, places, this.#times.now)) {
      const task = mayBeOld ? this.#tables.task(found.id) : found;
      if (task?.status !== 'pending') continue;
      const workflow = task.workflowId === null ? undefined : this.#tables.workflow(task.workflowId);
      if (workflow?.cancelRequested === true) {
        this.change(task, { type: 'cancel', graceMs: 0, reason: 'the workflow was cancelled' });
      } else if (workflow?.paused === true) {
        this.change(task, { type: 'hold', held: true });
      } else if (passedLimit(task, this.#times) !== undefined) {
        this.change(task, { type: 'expire', why: whyWaiting(this.#tables, task) });
        // Before the next one is looked at: it may be of the same workflow, which ends with this task.
        this.#failFast();
        mayBeOld = true;
      } else if (task.agentId === null) {
        this.change(task, { type: 'bind', workerId, until: this.#times.lease + defaults.routingMs });
        claimed.push(task.id);
      } else if (!isSuspect(task) || (claimed.length === 0 && mayStart(this.#tables, workerId, true, still))) {
        const timeouts = request.timeouts?.[task.agentId];
        this.change(task, { type: 'claim', workerId, agentId: task.agentId, ...(timeouts && { timeouts }) });
        places.take(task.agentId);
        claimed.push(task.id);
        if (isSuspect(task)) break;
      } else if (makesRoom(this.#tables, workerId, task.agentId, this.#times.now)) {
        break;
      }
      // Asked here and not before the task was pulled: looking further than needed would read rows for nothing.
      if (claimed.length === limit || --looks === 0) break;
    }
    return claimed.map((id) => this.#tables.taskRecord(id) as TaskRecord);
  }

  /** Carries out several claims; those of one worker for the same agents are read together and shared out in order. */
  claimAll(requests: readonly ClaimRequest[]): readonly (readonly Claimed[])[] {
    const shares = new Map<string, { request: ClaimRequest; claimed: Claimed[] }>();
    const keys = requests.map(({ workerId, hosts, timeouts }) => JSON.stringify([workerId, hosts, timeouts]));
    for (const [index, request] of requests.entries()) {
      const known = shares.get(keys[index] as string)?.request;
      const limit = Math.max(0, request.limit) + (known?.limit ?? 0);
      const still = request.still === true && known?.still !== false;
      shares.set(keys[index] as string, { request: { ...request, limit, still }, claimed: [] });
    }
    for (const share of shares.values()) share.claimed = [...this.claim(share.request)];
    return requests.map(({ limit }, index) => {
      const share = shares.get(keys[index] as string) as { claimed: Claimed[] }; // each has put its own in
      return share.claimed.splice(0, Math.max(0, limit));
    });
  }

  /** Writes the counters that the flush has changed, and the events that follow from them. Call once, last. */
  settle(): void {
    this.#failFast();
    for (const [id, delta] of [...this.#deltas].sort(([first], [second]) => (first < second ? -1 : 1))) {
      if (this.#tables.addCounters !== undefined) {
        this.#tables.addCounters(id, delta);
        continue;
      }
      const row = this.#tables.workflow(id);
      if (row === undefined) continue;
      const { workflow, events } = settleWorkflow(row, delta, this.#times.now);
      for (const event of events) this.#tables.insertEvent(event);
      this.#tables.updateWorkflow(workflow);
    }
    this.#deltas.clear();
  }

  #write(draft: Draft): void {
    draft.write();
    for (const id of draft.failedIn) this.#failedIn.add(id);
  }

  #failFast(): void {
    for (const id of this.#failedIn) this.#cancelRest(id);
    this.#failedIn.clear();
  }

  /** Cancels what is left of a workflow that is to end with its first failure. */
  #cancelRest(id: string): void {
    const row = this.#tables.workflow(id);
    if (row?.onFailure !== 'failFast' || row.cancelRequested) return;
    const { open } = addCounters(row, this.#deltas.get(id) as WorkflowCounters);
    if (open === 0) return;
    const draft = new Draft(this.#tables, this.#times, this.#deltas);
    draft.changeWorkflow(
      { ...row, cancelRequested: true, paused: false },
      { type: 'workflow.cancel_requested', data: { reason: 'a task failed, and the workflow fails fast' } },
    );
    // Written before its tasks are listed: an adapter may lock its row then, and wait for none of those who hold one of them.
    draft.write();
    this.align(this.#tables.workflow(id) as WorkflowRow, failFastLimit, defaults.graceMs);
  }
}

/** Tasks that the transaction of a failure cancels; a sweep cancels the rest, and none of them starts meanwhile. */
const failFastLimit = 10_000;

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

/** Due tasks that the worker may take, in the order of claims; an agent that has no place left is passed over. */
function* merged(tables: Tables, request: ClaimRequest, places: Places, now: number): Generator<TaskRow> {
  const probes = [null, ...new Set(request.hosts)].map((agentId) => new Probe(tables, agentId, now, request.limit));
  for (;;) {
    let first: Probe | undefined;
    for (const probe of probes) {
      if (probe.head === undefined) continue;
      // Asked last: counting the places of an agent keeps others from starting it.
      const isNext = first?.head === undefined || isEarlier(probe.head, first.head);
      if (isNext && places.has(probe.agentId)) first = probe;
    }
    if (first?.head === undefined) return;
    yield first.head;
    first.next();
  }
}

/** How many more attempts of each agent this claim may start. */
class Places {
  readonly #tables: Tables;
  readonly #left = new Map<string, number>();

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Whether there is one; always for a task that has no agent yet. */
  has(agentId: string | null): boolean {
    return agentId === null || this.#of(agentId) > 0;
  }

  take(agentId: string): void {
    this.#left.set(agentId, this.#of(agentId) - 1);
  }

  #of(agentId: string): number {
    const left = this.#left.get(agentId) ?? freePlaces(this.#tables, agentId);
    this.#left.set(agentId, left);
    return left;
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
  readonly agentId: string | null;
  readonly #tables: Tables;
  readonly #now: number;
  readonly #limit: number;
  #rows: readonly TaskRow[] = [];
  #index = 0;

  constructor(tables: Tables, agentId: string | null, now: number, limit: number) {
    this.#tables = tables;
    this.agentId = agentId;
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
      agentId: this.agentId,
      now: this.#now,
      limit: this.#limit,
      ...(last === undefined ? {} : { after: placeOf(last) }),
    });
    this.#index = 0;
  }
}
