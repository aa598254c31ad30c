import {
  Batcher,
  closeWorker,
  encodeJson,
  Flush,
  listHolding,
  isHosted,
  openWorker,
  prune,
  renewWorker,
  sweep,
  SymphonyError,
  systemClock,
  taskStatuses,
  toEvent,
  workflowStatus,
  type AgentEntry,
  type AgentLoad,
  type Clock,
  type CommitRequest,
  type CommitResponse,
  type EventQuery,
  type Group,
  type GroupResult,
  type Holding,
  type PageQuery,
  type PruneRequest,
  type PruneResult,
  type Renewal,
  type StepRow,
  type Store,
  type StoreStats,
  type StoreTraits,
  type StrategyState,
  type SweepRequest,
  type SweepResult,
  type SymphonyEvent,
  type TaskQuery,
  type TaskRecord,
  type TaskStatus,
  type Times,
  type WorkerRow,
  type WorkflowQuery,
  type WorkflowRow,
} from '@symphony/core';
import { copy } from './copy.ts';
import { MemoryTables } from './memory-tables.ts';

/** Commits that are carried out in one turn of the event loop. None weighs anything: nothing waits for a disk. */
const flushLimits = { maximum: 1_000, weigh: () => 0, maximumWeight: 0 };

/** Up to this many queued tasks are counted for an agent's load. */
const queuedLimit = 1_000;

/** Largest value of a plugin in bytes. */
const stateLimit = 1024 * 1024;

/** A worker as the port hands it over. */
type WorkerLease = Parameters<Store['renew']>[0];

/** Options of {@link MemoryStore}. */
export interface MemoryStoreOptions {
  /** Where time comes from. Default: the machine's clock. */
  readonly clock?: Clock;
}

/**
 * A store that lives as long as this object. It keeps what a store on disk keeps, in the same form, and answers with
 * copies: nothing that works with it fails elsewhere.
 */
export class MemoryStore implements Store, AsyncDisposable {
  readonly traits: StoreTraits = { name: 'memory', durability: 'none', multiProcess: false };
  readonly state: StrategyState;
  readonly #clock: Clock;
  readonly #tables = new MemoryTables();
  readonly #batcher: Batcher<CommitRequest, CommitResponse>;
  readonly #listeners = new Set<() => void>();
  #ringing = false;
  #closing: Promise<void> | undefined;

  constructor(options: MemoryStoreOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    // Commits wait for the end of the turn as they do on disk, and so a busy worker cannot starve the event loop.
    this.#batcher = new Batcher(async (requests) => this.#write((times) => this.#flush(requests, times)), flushLimits);
    this.state = {
      get: async (key) => {
        const entry = this.#read().state(key);
        return entry === undefined ? undefined : { value: JSON.parse(entry.value) as never, version: entry.version };
      },
      set: async (key, value, version) => {
        this.#read();
        const text = encodeJson(value, `state "${key}"`, stateLimit);
        return this.#write(() => {
          if ((this.#tables.state(key)?.version ?? 0) !== version) return false;
          this.#tables.putState(key, text, version + 1);
          return true;
        });
      },
    };
  }

  async commit(request: CommitRequest): Promise<CommitResponse> {
    this.#read();
    return this.#batcher.add(request);
  }

  async getTask(id: string): Promise<TaskRecord | undefined> {
    return copy(this.#read().taskRecord(id));
  }

  async listTasks(query: TaskQuery): Promise<readonly TaskRecord[]> {
    const tables = this.#read();
    const statuses = query.status === undefined ? undefined : new Set(query.status);
    const found: TaskRecord[] = [];
    const ids = query.ids === undefined ? undefined : new Set(query.ids);
    // Ids are looked up; everything else is looked for.
    const rows = ids === undefined ? tables.list(query) : tables.named(ids, query);
    for (const row of rows) {
      if (found.length >= query.limit) break;
      if (statuses?.has(row.status) === false || ids?.has(row.id) === false) continue;
      if (query.agentId !== undefined && row.agentId !== query.agentId) continue;
      const record = tables.taskRecord(row.id) as TaskRecord;
      if (query.tag !== undefined && !record.tags.includes(query.tag)) continue;
      if (isMeant(record, query)) found.push(copy(record));
    }
    return found;
  }

  async getWorkflow(id: string): Promise<WorkflowRow | undefined> {
    return copy(this.#read().workflow(id));
  }

  async listWorkflows(query: WorkflowQuery): Promise<readonly WorkflowRow[]> {
    const rows = this.#read().workflows();
    const ordered = query.order === 'descending' ? rows.toReversed() : rows;
    const isBehind = ({ id }: WorkflowRow): boolean =>
      query.after === undefined || (query.order === 'descending' ? id < query.after : id > query.after);
    const found = ordered.filter(
      (row) =>
        isBehind(row) &&
        isMeant(row, query) &&
        (query.status === undefined || query.status.includes(workflowStatus(row))),
    );
    return copy(found.slice(0, query.limit));
  }

  async events(query: EventQuery): Promise<readonly SymphonyEvent[]> {
    const types = query.types === undefined ? undefined : new Set(query.types);
    const found: SymphonyEvent[] = [];
    for (const event of this.#read().log(query.subject, query.after ?? 0)) {
      if (found.length >= query.limit) break;
      if (query.workflowId !== undefined && event.workflowId !== query.workflowId) continue;
      if (types?.has(event.type) !== false) found.push(toEvent(event));
    }
    return found;
  }

  async lastPosition(): Promise<number> {
    return this.#read().lastPosition();
  }

  async steps(taskId: string, agentId: string): Promise<readonly StepRow[]> {
    return copy(this.#read().journal(taskId, agentId));
  }

  async agents(): Promise<readonly AgentEntry[]> {
    const { now } = this.#times();
    return this.#read()
      .agents()
      .filter(({ removed }) => !removed)
      .map((agent) => ({ config: copy(agent.config), enabled: agent.enabled, hosted: isHosted(agent, now) }));
  }

  async loads(): Promise<ReadonlyMap<string, AgentLoad>> {
    const loads = [...this.#read().loads()];
    return new Map(loads.map(([id, { running, queued }]) => [id, { running, queued: Math.min(queued, queuedLimit) }]));
  }

  async openWorker(worker: WorkerLease): Promise<void> {
    this.#read();
    this.#write((times) => openWorker(this.#tables, times, worker));
  }

  async renew(worker: WorkerLease): Promise<Renewal> {
    this.#read();
    return this.#write((times) => renewWorker(this.#tables, times, worker));
  }

  async holding(workerId: string): Promise<readonly Holding[]> {
    return listHolding(this.#read(), workerId);
  }

  async closeWorker(workerId: string): Promise<void> {
    this.#read();
    this.#write((times) => closeWorker(this.#tables, times, workerId));
  }

  async worker(id: string): Promise<(WorkerRow & { readonly leaseLeftMs: number }) | undefined> {
    const row = this.#read().worker(id);
    return row === undefined ? undefined : { ...copy(row), leaseLeftMs: row.leaseUntil - this.#times().lease };
  }

  async sweep(request: SweepRequest): Promise<SweepResult> {
    this.#read();
    // Nothing holds a call up here, so nobody's patience ends.
    return this.#write((times) => sweep(this.#tables, times, request));
  }

  async prune(request: PruneRequest): Promise<PruneResult> {
    this.#read();
    return this.#write((times) => prune(this.#tables, times, request));
  }

  async stats(): Promise<StoreStats> {
    const tables = this.#read();
    const { now } = this.#times();
    const tasks = Object.fromEntries(taskStatuses.map((status) => [status, 0])) as Record<TaskStatus, number>;
    for (const { status } of tables.list({})) tasks[status]++;
    const due = [...tables.takeable()].map(({ dueAt }) => dueAt as number).filter((dueAt) => dueAt <= now);
    const workflows = tables.workflows();
    const settled = workflows.filter(({ settledAt }) => settledAt !== null).length;
    return {
      tasks,
      due: due.length,
      oldestDueAt: due.length === 0 ? null : due.reduce((oldest, dueAt) => Math.min(oldest, dueAt)),
      workflows: { open: workflows.length - settled, settled },
      workers: tables.workers().length,
    };
  }

  onChange(listener: () => void): () => void {
    this.#read();
    // Wrapped, so that a function that listens twice can stop once.
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  close(): Promise<void> {
    this.#closing ??= this.#batcher.idle().then(() => this.#listeners.clear());
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The tables, unless the store has been closed. */
  #read(): MemoryTables {
    if (this.#closing !== undefined)
      throw new SymphonyError(
        'STORE_CLOSED',
        'The memory store has been closed, and what it held is gone. Create another.',
      );
    return this.#tables;
  }

  #write<T>(work: (times: Times) => T): T {
    try {
      const answer = work(this.#times());
      if (this.#tables.keep()) this.#ring();
      return answer;
    } catch (cause) {
      this.#tables.goBack(0);
      throw failure(cause);
    }
  }

  #flush(requests: readonly CommitRequest[], times: Times): readonly CommitResponse[] {
    const flush = new Flush(this.#tables, times);
    const results = requests.map(({ groups }) => groups.map((group) => this.#apply(flush, group)));
    const claims = [...flush.claimAll(requests.flatMap(({ claim }) => claim ?? []))];
    flush.settle();
    return copy(
      requests.map(({ claim }, index) => ({
        results: results[index] ?? [],
        claimed: (claim === undefined ? undefined : claims.shift()) ?? [],
      })),
    );
  }

  #apply(flush: Flush, group: Group): GroupResult {
    const mark = this.#tables.mark();
    try {
      return flush.apply(group);
    } catch (cause) {
      this.#tables.goBack(mark);
      const { code, message, details } = failure(cause);
      return { status: 'error', code, message, details };
    }
  }

  #times(): Times {
    return { now: this.#clock.now(), lease: this.#clock.monotonic(), bootId: 'memory' };
  }

  #ring(): void {
    if (this.#ringing) return;
    this.#ringing = true;
    setImmediate(() => {
      this.#ringing = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }
}

/** What all lists of records have in common, besides their order. */
function isMeant(row: { readonly name: string; readonly createdAt: number }, query: PageQuery): boolean {
  return (
    (query.name === undefined || row.name === query.name) &&
    (query.createdFrom === undefined || row.createdAt >= query.createdFrom) &&
    (query.createdBefore === undefined || row.createdAt < query.createdBefore)
  );
}

function failure(cause: unknown): SymphonyError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new SymphonyError('STORE_FAILED', `The memory store could not carry this out: ${message}`, { cause });
}
