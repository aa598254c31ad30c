import { testStore } from '@symphony/testing';
import { describe, it } from 'vitest';
import { MemoryStore } from './index.ts';

testStore(
  { describe, it },
  {
    name: 'MemoryStore',
    traits: { name: 'memory', durability: 'none', multiProcess: false },
    open: ({ clock }) => new MemoryStore({ clock }),
  },
);
