import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { openTasks, type SharedStore, type Standing } from './shared-store.ts';
import type { StoreAddress } from './store-address.ts';

/** A fleet's store in a SQLite file. */
export class SharedSqlite implements SharedStore {
  readonly kind = 'sqlite';
  readonly #path: string;
  readonly #synchronous: 'full' | 'normal';
  readonly #reader: DatabaseSync;

  /** Makes the file. The schema is there before the first kill; its making is a transaction of its own and tested elsewhere. */
  static async create(folder: string, synchronous: 'full' | 'normal' = 'full'): Promise<SharedSqlite> {
    const path = join(folder, 'fleet.db');
    await (await SqliteStore.open({ path })).close();
    return new SharedSqlite(path, synchronous);
  }

  private constructor(path: string, synchronous: 'full' | 'normal') {
    this.#path = path;
    this.#synchronous = synchronous;
    this.#reader = new DatabaseSync(path, { readOnly: true });
    this.#reader.exec('PRAGMA busy_timeout = 1000');
  }

  address(): StoreAddress {
    return { kind: 'sqlite', path: this.#path, synchronous: this.#synchronous };
  }

  async countOpen(): Promise<number> {
    const row = this.#reader.prepare(`SELECT count(*) AS open FROM tasks WHERE ${openTasks}`).get();
    return row?.['open'] as number;
  }

  async standings(ids: readonly string[]): Promise<ReadonlyMap<string, Standing>> {
    const list = JSON.stringify(ids);
    const rows = this.#reader
      .prepare('SELECT id, attempt, status FROM tasks WHERE id IN (SELECT value FROM json_each(?))')
      .all(list) as unknown as readonly (Standing & { readonly id: string })[];
    return new Map(rows.map((row) => [row.id, row]));
  }

  async leases(): Promise<readonly { readonly worker: string; readonly until: number }[]> {
    return this.#reader.prepare('SELECT id AS worker, lease_until AS until FROM workers').all() as unknown as readonly {
      readonly worker: string;
      readonly until: number;
    }[];
  }

  async rows(): Promise<DatabaseSync> {
    return new DatabaseSync(this.#path, { readOnly: true });
  }

  async close(): Promise<void> {
    this.#reader.close();
  }
}
