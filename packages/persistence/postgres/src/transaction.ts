import type { ClientBase } from 'pg';
import { SymphonyError, type Times, type WorkflowRow } from '@symphony/core';
import type { Connections } from './connections.ts';
import { addMark, becameOf, markOf, type Mark } from './commit-marks.ts';
import { DueQueues } from './due-queues.ts';
import { troubleOf } from './errors.ts';
import { addLoading, type LoadContext } from './load.ts';
import { Loaded } from './loaded.ts';
import { Miss, Needs } from './needs.ts';
import type { Settings } from './options.ts';
import { storeKey } from './positions.ts';
import { clockMs } from './statements.ts';
import { ask, statement, Trip } from './trip.ts';
import { WorkingSet, type Purpose } from './working-set.ts';
import { addCounting, addSettling, addWriting } from './write.ts';

/** What a transaction does. */
export interface Plan<T> {
  readonly purpose: Purpose;
  /** Whether it is going to write, and not only to look whether there is something to write. */
  readonly writes: boolean;
  /** Notes what will be needed, so that it is read in the first round trip. */
  readonly foresee: (needs: Needs) => void;
  /**
   * Decides on the rows. Run anew, on a set without changes, whenever something was missing; `part` runs a part of it whose
   * misses do not keep the other parts from telling theirs.
   */
  readonly decide: (tables: WorkingSet, times: Times, part: (action: () => void) => void) => T;
}

/** Rounds of reading after which something is wrong with what is asked for: every round reads more. */
const roundLimit = 10_000;

/**
 * The number of the transaction, by which the server can be asked later what became of it. One that has locked nothing yet
 * gets one now if it is going to write.
 */
const readTimes = statement(
  `SELECT ${clockMs}, pg_backend_pid(),
     CASE WHEN $1::boolean THEN pg_current_xact_id() ELSE pg_current_xact_id_if_assigned() END::text`,
);

/** What a server knows a transaction by. */
type TransactionName = Pick<Mark, 'transactionId' | 'backend'>;

/** Carries out plans as transactions: reads and locks in bulk, decides in memory, writes in bulk. */
export class Transactions {
  readonly #connections: Connections;
  readonly #settings: Settings;
  readonly #key: string;
  readonly #rosterKey: string;
  readonly #queues: DueQueues;

  /** @param ring is called when there may be tasks that a claim has not found */
  constructor(connections: Connections, settings: Settings, ring: () => void) {
    this.#connections = connections;
    this.#settings = settings;
    this.#queues = new DueQueues({ connections, ring, now: () => settings.clock?.now() ?? null });
    this.#key = storeKey(settings.schema);
    this.#rosterKey = storeKey(`roster of ${settings.schema}`);
  }

  /**
   * Carries out a plan, durably.
   *
   * @throws SymphonyError `STORE_FULL`, `STORE_CORRUPT`, `STORE_FAILED`
   */
  run<T>(plan: Plan<T>): Promise<T> {
    let unsure: { readonly mark: Mark; readonly value: T } | undefined;
    return this.#connections.run('write', async (client) => {
      // The connection was lost while the transaction was to be committed: the database knows what became of it.
      if (unsure !== undefined && (await becameOf(client, unsure.mark)) === 'committed') return unsure.value;
      unsure = undefined;
      return this.#carryOut(client, plan, (mark, value) => (unsure = { mark, value }));
    });
  }

  /** Does nothing of its own accord any more. */
  stop(): void {
    this.#queues.stop();
  }

  async #carryOut<T>(client: ClientBase, plan: Plan<T>, becomesUnsure: (mark: Mark, value: T) => void): Promise<T> {
    try {
      const loaded = new Loaded();
      const first = new Needs();
      plan.foresee(first);
      const { times, name } = await this.#begin(client, loaded, first, plan);
      const { tables, value } = await this.#decide(client, loaded, plan, times);
      // What writes nothing can be decided anew, whatever became of it.
      const mark = name === undefined || tables.written.isEmpty ? undefined : markOf(client, name);
      await this.#finish(client, tables, times, mark, () => {
        if (mark !== undefined) becomesUnsure(mark, value);
      });
      return value;
    } catch (error) {
      if (troubleOf(error) !== 'lost') await ask(client, 'ROLLBACK');
      throw error;
    }
  }

  async #begin(
    client: ClientBase,
    loaded: Loaded,
    needs: Needs,
    { purpose, writes }: Pick<Plan<unknown>, 'purpose' | 'writes'>,
  ): Promise<{ readonly times: Times; readonly name: TransactionName | undefined }> {
    const { clock } = this.#settings;
    const trip = new Trip();
    trip.add('BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE');
    addLoading(trip, loaded, needs, this.#loadContext(purpose, clock?.now() ?? null));
    let serverMs = 0;
    let name: TransactionName | undefined;
    // Last, behind the locks: a wait for another transaction must not make the times old.
    trip.add(readTimes, [writes], ({ rows }) => {
      const [time, backend, transactionId] = rows[0] as [number, number, string | null];
      serverMs = time;
      if (transactionId !== null) name = { transactionId, backend };
    });
    await trip.send(client);
    const times =
      clock === undefined
        ? { now: Math.floor(serverMs), lease: serverMs, bootId: 'server' }
        : { now: clock.now(), lease: clock.monotonic(), bootId: 'server' };
    return { times, name };
  }

  async #decide<T>(
    client: ClientBase,
    loaded: Loaded,
    { purpose, decide }: Plan<T>,
    times: Times,
  ): Promise<{ readonly tables: WorkingSet; readonly value: T }> {
    for (let round = 0; round < roundLimit; round++) {
      const tables = new WorkingSet(loaded, purpose);
      const missing = new Needs();
      let misses = 0;
      let value: T | undefined;
      const part = (action: () => void): void => {
        try {
          action();
        } catch (error) {
          // After a miss, what is decided later stands on nothing; only its own misses are of interest.
          if (!(error instanceof Miss) && misses === 0) throw error;
          if (error instanceof Miss) error.note(missing);
          misses++;
        }
      };
      part(() => (value = decide(tables, times, part)));
      if (misses === 0) return { tables, value: value as T };
      const trip = new Trip();
      addLoading(trip, loaded, missing, this.#loadContext(purpose, times.now));
      await trip.send(client);
    }
    throw new SymphonyError('STORE_FAILED', 'The transaction asked for ever more rows.');
  }

  async #finish(
    client: ClientBase,
    tables: WorkingSet,
    times: Times,
    mark: Mark | undefined,
    isSent: () => void,
  ): Promise<void> {
    const { written } = tables;
    let trip = new Trip();
    addWriting(trip, written, this.#key);
    const { assumed } = tables;
    if (written.counters.size > 0 || assumed.length > 0) {
      let counted: readonly WorkflowRow[] = [];
      addCounting(trip, written, assumed, (rows) => (counted = rows));
      await trip.send(client);
      trip = new Trip();
      addSettling(trip, written, counted, times.now, this.#key);
    }
    if (mark !== undefined) addMark(trip, mark);
    let ended = '';
    trip.add('COMMIT', [], ({ command }) => (ended = command));
    isSent();
    await trip.send(client);
    // A transaction in which something failed ends like this, and says nothing else.
    if (ended !== 'COMMIT') throw new SymphonyError('STORE_FAILED', `The transaction ended with ${ended}.`);
    for (const { row } of written.tasks.values()) this.#queues.wrote(row);
  }

  #loadContext(purpose: Purpose, now: number | null): LoadContext {
    return { purpose, now, rosterKey: this.#rosterKey, queues: this.#queues };
  }
}
