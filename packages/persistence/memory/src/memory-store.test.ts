import { exploreStore, testStore, type StoreUnderTest } from '@symphony/testing';
import { describe, it } from 'vitest';
import { MemoryStore } from './index.ts';

const memory: StoreUnderTest = {
  name: 'MemoryStore',
  traits: { name: 'memory', durability: 'none', multiProcess: false },
  open: ({ clock }) => new MemoryStore({ clock }),
};

testStore({ describe, it }, memory);
exploreStore({ describe, it }, memory, { runs: 300 });
