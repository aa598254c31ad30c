import { resolve } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  Batcher,
  checkKeys,
  describe,
  isHosted,
  SymphonyError,
  taskStatuses,
  toEvent,
  weighRequest,
  workflowStatus,
  type AgentEntry,
  type AgentLoad,
  type Clock,
  type CommitRequest,
  type CommitResponse,
  type EventQuery,
  type Holding,
  type JsonValue,
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
  type WorkerBeat,
  type WorkerRow,
  type WorkflowQuery,
  type WorkflowRow,
} from '@symphony/core';
import { inspectFile, openReader, toStoreError } from './database.ts';
import { Doorbell } from './doorbell.ts';
import { Filter } from './filter.ts';
import { createReadTimes, type ReadTimes } from './lease-clock.ts';
import {
  recordColumns,
  toAgentRow,
  toEventRow,
  toStepRow,
  toTaskRecord,
  toWorkerRow,
  toWorkflowRow,
  type SqlArray,
  type SqlRow,
  type SqlValue,
} from './rows.ts';
import { dueCondition, prepareArrays, readPayloads } from './sqlite-tables.ts';
import { linkHere, linkThread, type WriterLink } from './writer-link.ts';
import type { WriterCall, WriterCalls } from './writer.ts';

/** How a SQLite store is opened. */
export interface SqliteStoreOptions {
  /** The file, created if it is missing, or `:memory:` for one that ends with the process. */
  readonly path: string;
  /**
   * `full`: what was acknowledged survives a power loss, as far as the disk keeps its word. `normal`: it survives the
   * death of the process, and the last moments before a power loss may be gone; about twice as fast. Default `full`.
   */
  readonly synchronous?: 'full' | 'normal';
  /** Whether writes run on a thread of their own. Default: true for files; a store with a `clock` has none. */
  readonly thread?: boolean;
  /** Where time comes from, for tests. */
  readonly clock?: Clock;
  /** Stands in for the id of the machine's boot, for tests of stores that have a `clock`. */
  readonly bootId?: string;
}

/** Requests in one transaction, and characters: what waits longer would make everybody wait. */
const flushRequests = 1_000;
const flushCharacters = 16 * 1024 * 1024;

/** Due tasks that are counted for one agent; more is just "many". */
const queuedLimit = 1_000;

/**
 * A store in one SQLite file: any number of processes on one machine share it, none of them a server. Open it with
 * {@link SqliteStore.open}.
 */
export class SqliteStore implements Store {
  readonly traits: StoreTraits;
  readonly state: StrategyState;
  readonly #link: WriterLink;
  readonly #reader: DatabaseSync;
  readonly #ownsReader: boolean;
  readonly #readTimes: ReadTimes;
  readonly #doorbell: Doorbell;
  readonly #batcher: Batcher<CommitRequest, CommitResponse>;
  readonly #statements = new Map<string, StatementSync>();
  #closing: Promise<void> | undefined;

  /**
   * Opens a store file, creating or migrating it.
   *
   * @throws SymphonyError `STORE_OPEN_FAILED`, `STORE_NOT_OURS`, `STORE_CORRUPT`, `STORE_TOO_NEW`; the file is then left as it was
   */
  static async open(options: SqliteStoreOptions): Promise<SqliteStore> {
    const checked = checkOptions(options);
    const database = { path: checked.path, synchronous: checked.synchronous ?? 'full' };
    if (checked.thread === false || checked.clock !== undefined || checked.path === ':memory:') {
      const link = linkHere(database, checked);
      const reader = checked.path === ':memory:' ? link.database : openReader(checked.path);
      return new SqliteStore(database, link, reader, checked);
    }
    const isCurrent = inspectFile(checked.path);
    const link = linkThread(database);
    try {
      // A store that is there is open as soon as it can be read: its first write waits for the thread, and nobody else.
      if (!isCurrent) await link.opened;
      return new SqliteStore(database, link, openReader(checked.path), checked);
    } catch (error) {
      await link.close();
      throw error;
    }
  }

  private constructor(
    database: { readonly path: string; readonly synchronous: 'full' | 'normal' },
    link: WriterLink,
    reader: DatabaseSync,
    options: SqliteStoreOptions,
  ) {
    const inMemory = database.path === ':memory:';
    this.traits = {
      name: 'sqlite',
      durability: inMemory ? 'none' : database.synchronous === 'full' ? 'power-loss' : 'process-crash',
      multiProcess: !inMemory,
    };
    this.#link = link;
    this.#reader = reader;
    this.#ownsReader = !inMemory;
    this.#readTimes = createReadTimes(options);
    this.#doorbell = new Doorbell(database.path, reader);
    this.#batcher = new Batcher((requests) => this.#link.call('commit', requests), {
      maximum: flushRequests,
      weigh: weighRequest,
      maximumWeight: flushCharacters,
    });
    this.state = {
      get: async (key) => {
        const row = this.#get('SELECT value, version FROM state WHERE key = ?', key);
        return row === undefined
          ? undefined
          : { value: JSON.parse(row['value'] as string) as JsonValue, version: row['version'] as number };
      },
      set: (key, value, version) => this.#write('setState', { key, value: JSON.stringify(value), version }),
    };
  }

  async commit(request: CommitRequest): Promise<CommitResponse> {
    this.#checkOpen();
    const response = await this.#batcher.add(request);
    // A claim that found nothing changed nothing: ringing for it would wake its own worker for ever.
    if (request.groups.length > 0 || response.claimed.length > 0) this.#doorbell.ring();
    return response;
  }

  async getTask(id: string): Promise<TaskRecord | undefined> {
    return this.#records('WHERE id = ?', id)[0];
  }

  async listTasks(query: TaskQuery): Promise<readonly TaskRecord[]> {
    const filter = new Filter();
    if (query.ids !== undefined) filter.among('id', query.ids);
    if (query.status !== undefined) filter.among('status', query.status);
    if (query.workflowId !== undefined) filter.add('workflow_id = ?', query.workflowId);
    if (query.agentId !== undefined) filter.add('agent_id = ?', query.agentId);
    if (query.tag !== undefined) filter.add('EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)', query.tag);
    filter.page(query);
    return this.#records(filter.text, ...filter.values);
  }

  async getWorkflow(id: string): Promise<WorkflowRow | undefined> {
    const row = this.#get('SELECT * FROM workflows WHERE id = ?', id);
    return row === undefined ? undefined : toWorkflowRow(row);
  }

  async listWorkflows({ status, ...query }: WorkflowQuery): Promise<readonly WorkflowRow[]> {
    const found: WorkflowRow[] = [];
    // Most rows of a page may be of another status: a page is not as short as what is asked for.
    const limit = status === undefined ? query.limit : Math.max(query.limit, 1_000);
    for (let after = query.after; ;) {
      const filter = new Filter();
      filter.page({ ...query, limit, ...(after === undefined ? {} : { after }) });
      const page = this.#all(`SELECT * FROM workflows ${filter.text}`, ...filter.values).map(toWorkflowRow);
      // The status is a function of the counters that core alone knows, so it is asked here and not in SQL.
      const meant = status === undefined ? page : page.filter((row) => status.includes(workflowStatus(row)));
      found.push(...meant.slice(0, query.limit - found.length));
      if (page.length < limit || found.length === query.limit) return found;
      after = page.at(-1)?.id;
    }
  }

  async events(query: EventQuery): Promise<readonly SymphonyEvent[]> {
    const filter = new Filter();
    filter.add('position > ?', query.after ?? 0);
    if (query.subject !== undefined) filter.add('subject = ?', query.subject);
    if (query.workflowId !== undefined) filter.add('workflow_id = ?', query.workflowId);
    if (query.types !== undefined) filter.among('type', query.types);
    // Within a subject, seq and position grow together, and seq is what its index is ordered by.
    filter.order(query.subject === undefined ? 'position' : 'seq', query.limit);
    const rows = this.#all(`SELECT * FROM events ${filter.text}`, ...filter.values);
    return rows.map((row) => toEvent(toEventRow(row)));
  }

  async lastPosition(): Promise<number> {
    return this.#get('SELECT coalesce(max(position), 0) AS value FROM events')?.['value'] as number;
  }

  async steps(taskId: string, agentId: string): Promise<readonly StepRow[]> {
    return this.#all('SELECT * FROM steps WHERE task_id = ? AND agent_id = ? ORDER BY rowid', taskId, agentId).map(
      toStepRow,
    );
  }

  async agents(): Promise<readonly AgentEntry[]> {
    const { now } = this.#readTimes();
    return this.#all('SELECT * FROM agents ORDER BY id')
      .map(toAgentRow)
      .filter(({ removed }) => !removed)
      .map((agent) => ({ config: agent.config, enabled: agent.enabled, hosted: isHosted(agent, now) }));
  }

  async loads(): Promise<ReadonlyMap<string, AgentLoad>> {
    const loads = new Map<string, AgentLoad>();
    for (const row of this.#all(
      `SELECT agent_id, count(*) AS running FROM tasks WHERE status = 'running' GROUP BY agent_id`,
    )) {
      loads.set(row['agent_id'] as string, { running: row['running'] as number, queued: 0 });
    }
    const queued = `SELECT id, (SELECT count(*) FROM (
        SELECT 1 FROM tasks WHERE agent_id = agents.id AND ${dueCondition} LIMIT ${queuedLimit})) AS queued FROM agents`;
    for (const row of this.#all(queued)) {
      const id = row['id'] as string;
      loads.set(id, { running: loads.get(id)?.running ?? 0, queued: row['queued'] as number });
    }
    return loads;
  }

  async openWorker(worker: WorkerBeat): Promise<void> {
    await this.#write('openWorker', worker);
  }

  renew(worker: WorkerBeat): Promise<Renewal> {
    return this.#write('renew', worker);
  }

  async holding(workerId: string): Promise<readonly Holding[]> {
    return this.#all(
      `SELECT id, attempt, status, cancel_at FROM tasks WHERE status = 'running' AND worker_id = ?
       UNION ALL SELECT id, attempt, status, cancel_at FROM tasks WHERE bound_to = ?`,
      workerId,
      workerId,
    ).map((row) => ({
      taskId: row['id'] as string,
      attempt: row['attempt'] as number,
      status: row['status'] as Holding['status'],
      cancelAt: row['cancel_at'] as number | null,
    }));
  }

  async closeWorker(workerId: string): Promise<void> {
    await this.#write('closeWorker', workerId);
    this.#doorbell.ring();
  }

  async worker(id: string): Promise<(WorkerRow & { readonly leaseLeftMs: number }) | undefined> {
    const row = this.#get('SELECT * FROM workers WHERE id = ?', id);
    if (row === undefined) return undefined;
    const worker = toWorkerRow(row);
    const { lease, bootId } = this.#readTimes();
    return { ...worker, leaseLeftMs: worker.bootId === bootId ? worker.leaseUntil - lease : 0 };
  }

  async sweep(request: SweepRequest): Promise<SweepResult> {
    const result = await this.#write('sweep', { ...request, askedAt: this.#readTimes().lease });
    if (result.releasedTasks > 0) this.#doorbell.ring();
    return result;
  }

  prune(request: PruneRequest): Promise<PruneResult> {
    return this.#write('prune', request);
  }

  async stats(): Promise<StoreStats> {
    const { now } = this.#readTimes();
    const counted = this.#all('SELECT status, count(*) AS count FROM tasks GROUP BY status');
    const counts = new Map(counted.map((row) => [row['status'], row['count'] as number]));
    const due = this.#get(
      `SELECT count(*) AS due, min(due_at) AS oldest FROM tasks WHERE ${dueCondition} AND due_at <= ?`,
      now,
    );
    const workflows = this.#get('SELECT count(*) AS total, count(settled_at) AS settled FROM workflows');
    const settled = workflows?.['settled'] as number;
    return {
      tasks: Object.fromEntries(taskStatuses.map((status) => [status, counts.get(status) ?? 0])) as StoreStats['tasks'],
      due: due?.['due'] as number,
      oldestDueAt: due?.['oldest'] as number | null,
      workflows: { open: (workflows?.['total'] as number) - settled, settled },
      workers: this.#get('SELECT count(*) AS count FROM workers')?.['count'] as number,
    };
  }

  onChange(listener: () => void): () => void {
    this.#checkOpen();
    return this.#doorbell.listen(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#doorbell.stop();
    await this.#batcher.idle();
    // The reader goes first: the last connection to leave empties the write-ahead log, and a reader cannot.
    if (this.#ownsReader) this.#reader.close();
    await this.#link.close();
  }

  #write<Call extends WriterCall>(call: Call, input: WriterCalls[Call]['in']): Promise<WriterCalls[Call]['out']> {
    return this.#closing === undefined ? this.#link.call(call, input) : Promise.reject(closed());
  }

  #records(where: string, ...values: SqlValue[]): readonly TaskRecord[] {
    const sql = `SELECT ${recordColumns} FROM tasks ${where}`;
    const rows = this.#read(() => this.#prepared(sql, prepareArrays).all(...values)) as unknown as readonly SqlArray[];
    return rows.map((row) =>
      toTaskRecord(row, (id) => readPayloads((text, ...bound) => this.#all(text, ...bound), id)),
    );
  }

  #get(sql: string, ...values: SqlValue[]): SqlRow | undefined {
    return this.#read(() => this.#prepared(sql).get(...values));
  }

  #all(sql: string, ...values: SqlValue[]): SqlRow[] {
    return this.#read(() => this.#prepared(sql).all(...values));
  }

  #read<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw toStoreError(error);
    }
  }

  #prepared(
    sql: string,
    prepare = (database: DatabaseSync, text: string): StatementSync => database.prepare(text),
  ): StatementSync {
    this.#checkOpen();
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = prepare(this.#reader, sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw closed();
  }
}

function closed(): SymphonyError {
  return new SymphonyError('STORE_CLOSED', 'The store has been closed. Open it again to go on.');
}

function checkOptions(options: SqliteStoreOptions): SqliteStoreOptions {
  checkKeys(options, ['path', 'synchronous', 'thread', 'clock', 'bootId'], 'SqliteStore.open');
  const { path, synchronous } = options;
  if (typeof path !== 'string' || path === '' || path.includes('\0') || path.startsWith('file:')) {
    throw new SymphonyError('STORE_OPEN_FAILED', `path must name a file or be ":memory:", got ${describe(path)}.`);
  }
  if (synchronous !== undefined && synchronous !== 'full' && synchronous !== 'normal') {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `synchronous must be "full" or "normal", got ${describe(synchronous)}.`,
    );
  }
  // A relative path must mean the same file after the application has changed its working directory.
  return { ...options, path: path === ':memory:' ? path : resolve(path) };
}
