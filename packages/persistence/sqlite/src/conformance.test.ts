import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryStore } from '@symphony/persistence-memory';
import { compareStores, testStore } from '@symphony/testing';
import { afterAll, describe, it } from 'vitest';
import { SqliteStore } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'symphony-conformance-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

testStore(
  { describe, it },
  {
    name: 'SqliteStore in memory',
    traits: { name: 'sqlite', durability: 'none', multiProcess: false },
    open: ({ clock }) => SqliteStore.open({ path: ':memory:', clock }),
  },
);

let path = '';
testStore(
  { describe, it },
  {
    name: 'SqliteStore in a file',
    traits: { name: 'sqlite', durability: 'power-loss', multiProcess: true },
    graphSize: 400, // each link of a chain waits for the disk, twice
    open: ({ clock }) => {
      path = join(folder, `${++files}.db`);
      return SqliteStore.open({ path, clock });
    },
    reopen: (_store, { clock }) => SqliteStore.open({ path, clock }),
    reboot: (_store, { clock }) => SqliteStore.open({ path, clock, bootId: 'another boot' }),
  },
);

compareStores(
  { describe, it },
  {
    name: 'MemoryStore',
    traits: { name: 'memory', durability: 'none', multiProcess: false },
    open: ({ clock }) => new MemoryStore({ clock }),
  },
  {
    name: 'SqliteStore',
    traits: { name: 'sqlite', durability: 'none', multiProcess: false },
    open: ({ clock }) => SqliteStore.open({ path: ':memory:', clock }),
  },
);
