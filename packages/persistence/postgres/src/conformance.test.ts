import pg from 'pg';
import { testStore } from '@symphony/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { findServer } from '../test/server.ts';
import { PostgresStore } from './index.ts';

let server: Awaited<ReturnType<typeof findServer>>;
let url: string;
let administrator: pg.Client;
let schema: string;
let tables: readonly string[];
beforeAll(async () => {
  server = await findServer();
  url = server.newUrl();
  schema = new URL(url).searchParams.get('schema') ?? '';
  await (await PostgresStore.open({ url })).close();
  const found = await server.ask(`SELECT tablename AS name FROM pg_tables WHERE schemaname = '${schema}'`);
  tables = found.map(({ name }) => String(name)).filter((name) => name !== 'symphony_migrations');
  administrator = new pg.Client({ connectionString: server.url });
  await administrator.connect();
}, 60_000);
afterAll(async () => {
  await administrator.end();
  await server.stop();
}, 60_000);

/** Empties the store: much quicker than another schema for each of hundreds of tests. */
async function empty(): Promise<void> {
  const deletions = tables.map((table) => `DELETE FROM ${schema}.${table}`);
  await administrator.query([...deletions, `ALTER SEQUENCE ${schema}.events_position_seq RESTART`].join(';'));
}

testStore(
  { describe, it },
  {
    name: 'PostgresStore',
    traits: { name: 'postgres', durability: 'power-loss', multiProcess: true },
    graphSize: 400, // each link of a chain waits for the server, five times
    open: async ({ clock }) => {
      await empty();
      return PostgresStore.open({ url, clock });
    },
    reopen: (_store, { clock }) => PostgresStore.open({ url, clock }),
  },
);
