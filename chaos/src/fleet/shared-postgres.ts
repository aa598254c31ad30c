import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { PostgresStore } from '@symphony/persistence-postgres';
import { startServer, type TestServer } from '../../../packages/persistence/postgres/test/server.ts';
import { copyRows } from './copy-rows.ts';
import { monotonic } from './evidence.ts';
import { openTasks, type SharedStore, type Standing } from './shared-store.ts';
import type { StoreAddress } from './store-address.ts';

const schema = 'fleet';

/** Where a place finds the server: its port, unless something stands in between. */
export type FindPort = (place: string) => number | undefined;

/** A fleet's store in a schema of a PostgreSQL server of its own. */
export class SharedPostgres implements SharedStore {
  readonly kind = 'postgres';
  readonly server: TestServer;
  readonly #folder: string;
  readonly #findPort: FindPort;
  readonly #pool: pg.Pool;

  /**
   * Starts a server and makes the schema. The server does not wait for the disk: what is ended here are processes, never
   * the machine, so it would change nothing but the time.
   */
  static async create(folder: string, findPort: FindPort = () => undefined): Promise<SharedPostgres> {
    const server = await startServer({
      max_connections: '200',
      shared_buffers: '64MB',
      track_commit_timestamp: 'on', // for the judge
    });
    try {
      const shared = new SharedPostgres(server, folder, findPort);
      await (await PostgresStore.open({ url: shared.#url(server.port) })).close();
      return shared;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  private constructor(server: TestServer, folder: string, findPort: FindPort) {
    this.server = server;
    this.#folder = folder;
    this.#findPort = findPort;
    this.#pool = new pg.Pool({
      connectionString: server.url,
      options: `-c search_path=${schema}`,
      max: 3,
      connectionTimeoutMillis: 5_000,
      query_timeout: 10_000,
    });
    this.#pool.on('error', () => undefined); // a server that is stopped takes idle connections along
  }

  address(place: string): StoreAddress {
    return { kind: 'postgres', url: this.#url(this.#findPort(place) ?? this.server.port) };
  }

  async countOpen(): Promise<number | undefined> {
    const rows = await this.#ask<{ readonly open: number }>(
      `SELECT count(*)::integer AS open FROM tasks WHERE ${openTasks}`,
    );
    return rows?.[0]?.open;
  }

  async standings(ids: readonly string[]): Promise<ReadonlyMap<string, Standing>> {
    const rows = await this.#ask<Standing & { readonly id: string }>(
      'SELECT id, attempt, status FROM tasks WHERE id = ANY ($1::text[])',
      [ids],
    );
    return new Map((rows ?? []).map((row) => [row.id, row]));
  }

  async leases(): Promise<readonly { readonly worker: string; readonly until: number }[]> {
    // Leases stand on the server's wall clock, which is that of this machine.
    const rows = await this.#ask<{ readonly worker: string; readonly until: number }>(
      'SELECT id AS worker, lease_until AS until FROM workers',
    );
    const offset = Date.now() - monotonic();
    return (rows ?? []).map(({ worker, until }) => ({ worker, until: until - offset }));
  }

  async rows(): Promise<DatabaseSync> {
    return copyRows(this.#pool, join(this.#folder, 'rows.db'));
  }

  async close(): Promise<void> {
    await this.#pool.end();
    await this.server.stop();
  }

  #url(port: number): string {
    const url = new URL(this.server.url);
    url.port = String(port);
    url.searchParams.set('schema', schema);
    return url.href;
  }

  /** The rows of an answer; undefined while the server is away. */
  async #ask<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<readonly Row[] | undefined> {
    try {
      return (await this.#pool.query<Row>(sql, [...values])).rows;
    } catch {
      return undefined;
    }
  }
}
