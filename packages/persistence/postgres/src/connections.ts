import pg from 'pg';
import { delay, systemClock, systemRandom, type Random } from '@symphony/core';
import { codeOf, toStoreError, troubleOf } from './errors.ts';
import type { Settings } from './options.ts';

/** What a connection is for. Writers never wait behind readers, since leases are renewed on them. */
export type Use = 'write' | 'read';

/** Connections of one process for each use; one transaction of commits runs at a time, beside renewals and sweeps. */
const most: Readonly<Record<Use, number>> = { write: 3, read: 2 };

/** How long a connection may take to come about, or a free one to be found. */
const connectMs = 5_000;

/**
 * How long one statement may take. The server gives up first; if not even its refusal arrives, the connection is dead.
 */
const statementMs = 20_000;
const answerMs = 25_000;

/** How long a lock is waited for: longer than a transaction whose process has been stopped lives. */
const lockMs = 10_000;

/**
 * How long a transaction may stay open while its process does nothing: one that was stopped must not hold the rows of others
 * for longer than their leases.
 */
const idleMs = 5_000;

/** How often what collides is repeated at once. */
const collisionLimit = 20;

/** How often a key that is taken is believed to have been taken just now. */
const takenLimit = 3;

/** Sets up a session; the same for all but for how statements are planned. */
function sessionSettings(schema: string, use: Use): string {
  const settings = [
    `search_path = ${pg.escapeIdentifier(schema)}, pg_temp`,
    `statement_timeout = ${statementMs}`,
    `lock_timeout = ${lockMs}`,
    `idle_in_transaction_session_timeout = ${idleMs}`,
    'client_min_messages = warning',
    'jit = off',
    // Everything that writes goes by an index. Plans are kept, and must not be those for the empty tables that the first
    // statements met.
    ...(use === 'write'
      ? [
          'plan_cache_mode = force_generic_plan',
          'enable_seqscan = off',
          'enable_hashjoin = off',
          'enable_mergejoin = off',
        ]
      : []),
  ];
  return [
    ...settings.map((setting) => `SET ${setting}`),
    // An acknowledged write survives a power loss, whatever the server's default is.
    `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`,
  ].join('; ');
}

/** Numbers that are counted or measured in milliseconds fit a JavaScript number. */
const bigintOid = 20;
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text'): unknown =>
    oid === bigintOid ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/** What every connection of a store begins with. */
export function connectionConfig(settings: Settings): pg.ClientConfig {
  return {
    connectionString: settings.connectionString,
    fallback_application_name: 'symphony',
    connectionTimeoutMillis: connectMs,
    query_timeout: answerMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types,
  };
}

/** The connections of a store. Those that break are replaced; none of them takes the process down. */
export class Connections {
  readonly #settings: Settings;
  readonly #random: Random;
  readonly #pools: Readonly<Record<Use, pg.Pool>>;
  readonly #stopping = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(settings: Settings, random: Random = systemRandom) {
    this.#settings = settings;
    this.#random = random;
    this.#pools = { write: this.#makePool('write'), read: this.#makePool('read') };
  }

  /**
   * Runs work on a connection. Where others are in the way, or while the server is away, it is run again on the same or
   * another one; so it must begin with nothing of an earlier run.
   *
   * @throws SymphonyError `STORE_FULL`, `STORE_CORRUPT`, `STORE_FAILED`, with what the driver threw as cause
   */
  async run<T>(use: Use, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const started = systemClock.monotonic();
    for (let tries = 1; ; tries++) {
      try {
        return await this.runOnce(use, work);
      } catch (error) {
        const nap = this.#napAfter(error, tries, systemClock.monotonic() - started);
        if (nap === undefined) throw toStoreError(error);
        await this.#nap(nap);
      }
    }
  }

  /** Runs work on a connection, once. @throws what the driver throws */
  async runOnce<T>(use: Use, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pools[use].connect();
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      client.release(troubleOf(error) === 'lost');
      throw error;
    }
  }

  /** Ends waits: what is tried again is given up. */
  stopWaiting(): void {
    this.#stopping.abort();
  }

  /** Waits for what is under way and closes every connection. */
  close(): Promise<void> {
    this.stopWaiting();
    this.#closed ??= Promise.all(Object.values(this.#pools).map((pool) => pool.end())).then(() => undefined);
    return this.#closed;
  }

  /** How long to wait before work is run again; undefined where that is of no use. */
  #napAfter(error: unknown, tries: number, spentMs: number): number | undefined {
    switch (troubleOf(error)) {
      case 'collision':
        if (tries > (codeOf(error) === '23505' ? takenLimit : collisionLimit)) return undefined;
        return this.#random() * 10 * tries;
      case 'lost':
        if (spentMs >= this.#settings.patienceMs || this.#stopping.signal.aborted) return undefined;
        return Math.min(1_000, 20 * 2 ** tries) * (0.5 + this.#random() / 2);
      case 'data':
      case 'lasting':
        return undefined;
    }
  }

  async #nap(ms: number): Promise<void> {
    // Cut short when the store is closed: one last try follows at once.
    await delay(systemClock, ms, this.#stopping.signal).catch(() => undefined);
  }

  #makePool(use: Use): pg.Pool {
    const settings = sessionSettings(this.#settings.schema, use);
    // The pool waits for the promise, which its typings do not know.
    const onConnect = ((client) => client.query(settings)) as pg.PoolConfig['onConnect'];
    const pool = new pg.Pool({
      ...connectionConfig(this.#settings),
      pipeline: true,
      max: most[use],
      idleTimeoutMillis: 30_000,
      allowExitOnIdle: true,
      onConnect,
    });
    // A connection may break at any time, idle or in use. Whoever uses it learns of it from its own statements.
    pool.on('error', ignore);
    pool.on('connect', (client) => client.on('error', ignore));
    return pool;
  }
}

function ignore(): void {
  // see above
}
