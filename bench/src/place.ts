import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '@symphony/core';
import { PostgresStore } from '@symphony/persistence-postgres';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { startServer } from '../../packages/persistence/postgres/test/server.ts';

/** The stores that are measured. */
export const storeKinds = ['sqlite', 'postgres'] as const;

export type StoreKind = (typeof storeKinds)[number];

/** Where the stores of a bench lie, and go again with it. */
export interface Place extends AsyncDisposable {
  readonly kind: StoreKind;
  /** For `persistence`, in this process or another. */
  readonly url: string;
  /** What the figures depend on, in words. */
  readonly settings: string;
  /** Opens the store that `url` names, or one of another name beside it. */
  open(name?: string): Promise<Store>;
}

/** A store in one file, as durable as by default. */
export interface SqlitePlace extends Place {
  readonly kind: 'sqlite';
  /** Size of the write-ahead log in bytes. */
  walBytes(): number;
}

/** A store on a server of its own. */
export interface PostgresPlace extends Place {
  readonly kind: 'postgres';
  /** Of the server, for connections of one's own. */
  readonly serverUrl: string;
  /** Of the store that `url` names. */
  readonly schema: string;
  ask(sql: string): Promise<readonly Record<string, unknown>[]>;
}

/** The name of the file or the schema, unless there are several. */
const usualName = 'bench';

export function openSqlitePlace(): SqlitePlace {
  const folder = mkdtempSync(join(tmpdir(), 'symphony-bench-'));
  const pathOf = (name: string): string => join(folder, `${name}.db`);
  return {
    kind: 'sqlite',
    url: `sqlite:${pathOf(usualName)}`,
    settings: 'SQLite, synchronous=FULL, a file',
    open: (name = usualName) => SqliteStore.open({ path: pathOf(name) }),
    walBytes: () => statSync(`${pathOf(usualName)}-wal`, { throwIfNoEntry: false })?.size ?? 0,
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** @param settings of the server, beside fsync, which is on */
export async function openPostgresPlace(settings: Readonly<Record<string, string>> = {}): Promise<PostgresPlace> {
  const server = await startServer({ fsync: 'on', ...settings });
  const own = new URL(server.url);
  own.searchParams.set('schema', usualName);
  const [version] = await server.ask('SHOW server_version');
  const others = Object.entries(settings).map(([name, value]) => `, ${name}=${value}`);
  return {
    kind: 'postgres',
    url: own.href,
    serverUrl: server.url,
    settings: `PostgreSQL ${String(version?.['server_version'])}, fsync=on, synchronous_commit=on${others.join('')}, else its defaults, on the same machine`,
    open: (name = usualName) => PostgresStore.open({ url: server.url, schema: name }),
    schema: usualName,
    ask: (sql) => server.ask(sql),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** Opens a place of a kind. */
export async function openPlace(kind: StoreKind): Promise<SqlitePlace | PostgresPlace> {
  return kind === 'sqlite' ? openSqlitePlace() : openPostgresPlace();
}
