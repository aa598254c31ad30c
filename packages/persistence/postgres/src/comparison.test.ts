import { MemoryStore } from '@symphony/persistence-memory';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { compareStores } from '@symphony/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { findServer } from '../test/server.ts';
import { PostgresStore } from './index.ts';

let server: Awaited<ReturnType<typeof findServer>>;
beforeAll(async () => void (server = await findServer()), 60_000);
afterAll(() => server.stop(), 60_000);

compareStores(
  { describe, it },
  {
    name: 'MemoryStore',
    traits: { name: 'memory', durability: 'none', multiProcess: false },
    open: ({ clock }) => new MemoryStore({ clock }),
  },
  [
    {
      name: 'SqliteStore',
      traits: { name: 'sqlite', durability: 'none', multiProcess: false },
      open: ({ clock }) => SqliteStore.open({ path: ':memory:', clock }),
    },
    {
      name: 'PostgresStore',
      traits: { name: 'postgres', durability: 'power-loss', multiProcess: true },
      open: ({ clock }) => PostgresStore.open({ url: server.newUrl(), clock }),
    },
  ],
  { limitMs: 6_000 },
);
