import type { ClientBase } from 'pg';
import {
  Batcher,
  closeWorker,
  encodeJson,
  isHosted,
  prune,
  sweep,
  SymphonyError,
  systemClock,
  taskStatuses,
  toEvent,
  weighRequest,
  workflowStatus,
  type AgentEntry,
  type AgentLoad,
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
  type TaskStatus,
  type WorkerBeat,
  type WorkerRow,
  type WorkflowQuery,
  type WorkflowRow,
} from '@symphony/core';
import { Commits } from './commits.ts';
import type { Connections } from './connections.ts';
import { Doorbell } from './doorbell.ts';
import { dueCondition } from './due-tasks.ts';
import { Filter } from './filter.ts';
import { HeartLink } from './heart-link.ts';
import { opening, renewal } from './leases.ts';
import { openConnections } from './open.ts';
import { checkOptions, type PostgresStoreOptions, type Settings } from './options.ts';
import { addHorizon, storeKey } from './positions.ts';
import { toAgentRow, toEventRow, toStepRow, toTaskRecord, toWorkerRow, toWorkflowRow, type Cells } from './rows.ts';
import { agentList, clockMs, eventList, recordList, stepList, workerList, workflowList } from './statements.ts';
import { Transactions } from './transaction.ts';
import { ask, statement, Trip, type Statement } from './trip.ts';

/** Requests in one transaction, and characters: what waits longer would make everybody wait. */
const flushRequests = 1_000;
const flushCharacters = 16 * 1024 * 1024;

/** Due tasks that are counted for one agent; more is just "many". */
const queuedLimit = 1_000;

/** Largest value of a plugin in bytes. */
const stateLimit = 1024 * 1024;

/**
 * A store in a schema of a PostgreSQL database: any number of processes on any number of machines share it. Open it with
 * {@link PostgresStore.open}.
 */
export class PostgresStore implements Store, AsyncDisposable {
  readonly traits: StoreTraits = { name: 'postgres', durability: 'power-loss', multiProcess: true };
  readonly state: StrategyState;
  readonly #settings: Settings;
  readonly #connections: Connections;
  readonly #transactions: Transactions;
  readonly #doorbell: Doorbell;
  readonly #batcher: Batcher<CommitRequest, CommitResponse>;
  readonly #key: string;
  readonly #heart: HeartLink | undefined;
  readonly #underWay = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  /**
   * Opens a store, creating or migrating its schema.
   *
   * @throws SymphonyError `INVALID_ARGUMENT`, `STORE_OPEN_FAILED`, `STORE_NOT_OURS`, `STORE_TOO_NEW`
   */
  static async open(options: PostgresStoreOptions): Promise<PostgresStore> {
    const settings = checkOptions(options);
    return new PostgresStore(settings, await openConnections(settings));
  }

  private constructor(settings: Settings, connections: Connections) {
    this.#settings = settings;
    this.#connections = connections;
    this.#doorbell = new Doorbell(settings, connections);
    this.#transactions = new Transactions(connections, settings, () => this.#doorbell.ring());
    this.#key = storeKey(settings.schema);
    // A clock that tests move does not move on another thread.
    this.#heart = settings.clock === undefined ? new HeartLink(settings) : undefined;
    const commits = new Commits(this.#transactions);
    this.#batcher = new Batcher((requests) => commits.carryOut(requests), {
      maximum: flushRequests,
      weigh: weighRequest,
      maximumWeight: flushCharacters,
    });
    this.state = {
      get: async (key) => {
        const [row] = await this.#read(statement('SELECT value, version FROM state WHERE key = $1::text'), [key]);
        return row === undefined
          ? undefined
          : { value: JSON.parse(row[0] as string) as JsonValue, version: row[1] as number };
      },
      set: (key, value, version) => this.#setState(key, value, version),
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
    const [row] = await this.#read(statement(`SELECT ${recordList} FROM tasks WHERE id = $1::text`), [id]);
    return row === undefined ? undefined : toTaskRecord(row);
  }

  async listTasks(query: TaskQuery): Promise<readonly TaskRecord[]> {
    const filter = new Filter();
    if (query.ids !== undefined) filter.among('id', query.ids);
    if (query.status !== undefined) filter.among('status', query.status);
    if (query.workflowId !== undefined) filter.add('workflow_id = ?', query.workflowId);
    if (query.agentId !== undefined) filter.add('agent_id = ?', query.agentId);
    if (query.tag !== undefined)
      filter.add("? IN (SELECT json_array_elements_text(coalesce(tags, '[]')::json))", query.tag);
    filter.page(query);
    return (await this.#read(`SELECT ${recordList} FROM tasks ${filter.text}`, filter.values)).map(toTaskRecord);
  }

  async getWorkflow(id: string): Promise<WorkflowRow | undefined> {
    const [row] = await this.#read(statement(`SELECT ${workflowList} FROM workflows WHERE id = $1::text`), [id]);
    return row === undefined ? undefined : toWorkflowRow(row);
  }

  async listWorkflows({ status, ...query }: WorkflowQuery): Promise<readonly WorkflowRow[]> {
    const found: WorkflowRow[] = [];
    // Most rows of a page may be of another status: a page is not as short as what is asked for.
    const limit = status === undefined ? query.limit : Math.max(query.limit, 1_000);
    for (let after = query.after; ;) {
      const filter = new Filter();
      filter.page({ ...query, limit, ...(after === undefined ? {} : { after }) });
      const page = (await this.#read(`SELECT ${workflowList} FROM workflows ${filter.text}`, filter.values)).map(
        toWorkflowRow,
      );
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
    const sql = `SELECT ${eventList} FROM events ${filter.text}`;
    // The events of a subject come one after the other, since each of them locks it.
    if (query.subject !== undefined) return (await this.#read(sql, filter.values)).map(toSymphonyEvent);
    return this.#reading(async (client) => {
      let horizon = 0;
      let events: readonly SymphonyEvent[] = [];
      const trip = new Trip();
      addHorizon(trip, this.#key, (position) => (horizon = position));
      trip.add(sql, filter.values, ({ rows }) => (events = rows.map(toSymphonyEvent)));
      await trip.send(client);
      return events.filter(({ position }) => position <= horizon);
    });
  }

  async lastPosition(): Promise<number> {
    return this.#reading(async (client) => {
      let horizon = 0;
      const trip = new Trip();
      addHorizon(trip, this.#key, (position) => (horizon = position));
      await trip.send(client);
      const sql = statement('SELECT coalesce(max(position), 0) FROM events WHERE position <= $1::bigint');
      return (await ask(client, sql, [horizon])).rows[0]?.[0] as number;
    });
  }

  async steps(taskId: string, agentId: string): Promise<readonly StepRow[]> {
    const sql = `SELECT ${stepList} FROM steps WHERE task_id = $1::text AND agent_id = $2::text ORDER BY position`;
    return (await this.#read(statement(sql), [taskId, agentId])).map(toStepRow);
  }

  async agents(): Promise<readonly AgentEntry[]> {
    const rows = await this.#read(`SELECT ${agentList}, ${clockMs} FROM agents WHERE NOT removed ORDER BY id`);
    return rows.map((cells) => {
      const agent = toAgentRow(cells);
      const now = this.#settings.clock?.now() ?? (cells.at(-1) as number);
      return { config: agent.config, enabled: agent.enabled, hosted: isHosted(agent, now) };
    });
  }

  async loads(): Promise<ReadonlyMap<string, AgentLoad>> {
    const rows = await this.#read(
      statement(
        `SELECT agent_id, count(*), 0 FROM tasks WHERE status = 'running' GROUP BY agent_id
         UNION ALL
         SELECT id, 0, (SELECT count(*) FROM (SELECT 1 FROM tasks WHERE agent_id = agents.id AND ${dueCondition} LIMIT ${queuedLimit}) AS few)
         FROM agents`,
      ),
    );
    const loads = new Map<string, AgentLoad>();
    for (const [id, running, queued] of rows as readonly (readonly [string, number, number])[]) {
      const known = loads.get(id) ?? { running: 0, queued: 0 };
      loads.set(id, { running: known.running + running, queued: known.queued + queued });
    }
    return loads;
  }

  async openWorker(beat: WorkerBeat): Promise<void> {
    await this.#track(() => this.#transactions.run(opening(beat)));
    this.#heart?.follow(beat);
  }

  async renew(beat: WorkerBeat): Promise<Renewal> {
    this.#checkOpen();
    // Followed from the question on: the thread need not ask the same beside it.
    this.#heart?.follow(beat);
    return this.#track(() => this.#transactions.run(renewal(beat)));
  }

  async holding(workerId: string): Promise<readonly Holding[]> {
    const rows = await this.#read(
      statement(
        `SELECT id, attempt, status, cancel_at FROM tasks WHERE status = 'running' AND worker_id = $1::text
         UNION ALL SELECT id, attempt, status, cancel_at FROM tasks WHERE bound_to = $1::text`,
      ),
      [workerId],
    );
    return rows.map(([taskId, attempt, status, cancelAt]) => ({
      taskId: taskId as string,
      attempt: attempt as number,
      status: status as TaskStatus,
      cancelAt: cancelAt as number | null,
    }));
  }

  async closeWorker(workerId: string): Promise<void> {
    // Before the call: a lease that could not be given back must run out, not be renewed for ever.
    this.#heart?.forget(workerId);
    await this.#track(() =>
      this.#transactions.run({
        purpose: 'leave',
        writes: true,
        foresee: (needs) => {
          needs.roster = true;
          needs.doomedWorkers.add(workerId);
        },
        decide: (tables, times) => closeWorker(tables, times, workerId),
      }),
    );
    this.#doorbell.ring();
  }

  async worker(id: string): Promise<(WorkerRow & { readonly leaseLeftMs: number }) | undefined> {
    const sql = statement(`SELECT ${workerList}, ${clockMs} FROM workers WHERE id = $1::text`);
    const [cells] = await this.#read(sql, [id]);
    if (cells === undefined) return undefined;
    const row = toWorkerRow(cells);
    return { ...row, leaseLeftMs: row.leaseUntil - (this.#settings.clock?.monotonic() ?? (cells.at(-1) as number)) };
  }

  async sweep({ markDead, patienceMs = Infinity }: SweepRequest): Promise<SweepResult> {
    const askedAt = this.#monotonic();
    const result = await this.#track(() =>
      this.#transactions.run({
        purpose: 'sweep',
        writes: false,
        foresee: (needs) => {
          needs.allWorkers = true;
          needs.allAgents = true;
        },
        decide: (tables, times) =>
          sweep(tables, times, { markDead: markDead && this.#monotonic() - askedAt <= patienceMs }),
      }),
    );
    if (result.releasedTasks > 0) this.#doorbell.ring();
    return result;
  }

  async prune(request: PruneRequest): Promise<PruneResult> {
    return this.#track(() =>
      this.#transactions.run({
        purpose: 'sweep',
        writes: false,
        foresee: () => undefined,
        decide: (tables, times) => prune(tables, times, request),
      }),
    );
  }

  async stats(): Promise<StoreStats> {
    const { clock } = this.#settings;
    return this.#reading(async (client) => {
      const { rows: counted } = await ask(client, 'SELECT status, count(*) FROM tasks GROUP BY status');
      const { rows } = await ask(
        client,
        `SELECT count(*), min(due_at),
           (SELECT count(*) FROM workflows WHERE settled_at IS NULL), (SELECT count(settled_at) FROM workflows),
           (SELECT count(*) FROM workers)
         FROM tasks WHERE ${dueCondition} AND due_at <= coalesce($1::bigint, floor(${clockMs})::bigint)`,
        [clock?.now() ?? null],
      );
      const [due, oldestDueAt, open, settled, workers] = rows[0] as [number, number | null, number, number, number];
      const counts = new Map(counted.map(([status, count]) => [status, count as number]));
      const tasks = taskStatuses.map((status) => [status, counts.get(status) ?? 0] as const);
      return {
        tasks: Object.fromEntries(tasks) as StoreStats['tasks'],
        due,
        oldestDueAt,
        workflows: { open, settled },
        workers,
      };
    });
  }

  onChange(listener: () => void): () => void {
    this.#checkOpen();
    return this.#doorbell.listen(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#connections.stopWaiting();
    await this.#batcher.idle();
    await Promise.allSettled(this.#underWay);
    this.#transactions.stop();
    await this.#doorbell.stop();
    await this.#heart?.stop();
    await this.#connections.close();
  }

  async #setState(key: string, value: JsonValue, version: number): Promise<boolean> {
    const text = encodeJson(value, `state "${key}"`, stateLimit);
    const write =
      version === 0
        ? 'INSERT INTO state VALUES ($1::text, $2::text, $3::integer + 1) ON CONFLICT (key) DO NOTHING'
        : 'UPDATE state SET value = $2::text, version = version + 1 WHERE key = $1::text AND version = $3::integer';
    const isThere = 'SELECT 1 FROM state WHERE key = $1::text AND value = $2::text AND version = $3::integer + 1';
    let tries = 0;
    return this.#track(() =>
      this.#connections.run('write', async (client) => {
        const values = [key, text, version];
        // An earlier try may have been carried out and only its answer lost.
        if (tries++ > 0 && (await ask(client, statement(isThere), values)).rows.length > 0) return true;
        return (await ask(client, statement(write), values)).count === 1;
      }),
    );
  }

  #read(sql: Statement | string, values: readonly unknown[] = []): Promise<readonly Cells[]> {
    return this.#reading(async (client) => (await ask(client, sql, values)).rows);
  }

  #reading<T>(work: (client: ClientBase) => Promise<T>): Promise<T> {
    return this.#track(() => this.#connections.run('read', work));
  }

  /** Whoever closes the store waits for what is under way. */
  async #track<T>(work: () => Promise<T>): Promise<T> {
    this.#checkOpen();
    const working = work();
    this.#underWay.add(working);
    try {
      return await working;
    } finally {
      this.#underWay.delete(working);
    }
  }

  #monotonic(): number {
    return (this.#settings.clock ?? systemClock).monotonic();
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) {
      throw new SymphonyError('STORE_CLOSED', 'The store has been closed. Open it again to go on.');
    }
  }
}

function toSymphonyEvent(cells: Cells): SymphonyEvent {
  return toEvent(toEventRow(cells));
}
