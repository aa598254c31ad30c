import { compareStores, exploreStore, testStore, type StoreUnderTest, type TestRunner } from '@symphony/testing';
import { expect, describe, it } from 'vitest';
import { openBuggy, plant, plantedBugs, type PlantedBug } from './planted-bugs.ts';

type Tests = ReadonlyMap<string, () => Promise<void>>;

const healthy: PlantedBug = { bug: 'none', foundBy: '' };

function storeWith(bug: PlantedBug): StoreUnderTest {
  return {
    name: bug.bug,
    traits: { name: 'memory', durability: 'none', multiProcess: false },
    open: ({ clock }) => openBuggy(bug, clock),
  };
}

/** The tests that a suite registers, by name, without running them. */
function collect(register: (runner: TestRunner) => void): Tests {
  const tests = new Map<string, () => Promise<void>>();
  const it = (name: string, body: () => Promise<void>): unknown => tests.set(name, body);
  register({ describe: (_name, body) => body(), it: Object.assign(it, { skip: () => undefined }) });
  return tests;
}

async function outcome(tests: Tests, name: string): Promise<'passes' | 'fails'> {
  const test = tests.get(name);
  if (test === undefined) throw new Error(`the suite has no test named "${name}"`);
  return test().then(
    () => 'passes' as const,
    () => 'fails' as const,
  );
}

describe('it', () => {
it.each(plantedBugs)('$bug', async (bug) => {
    const t0 = performance.now();
    const restore = plant(bug);
    try {
      const e = bug.tables ? 'n/a' : await outcome(collect((runner) => compareStores(runner, storeWith(healthy), storeWith(bug), { seed: 7 })), 'have given the same answers and hold the same rows and events');
      const f = await outcome(collect((runner) => exploreStore(runner, storeWith(bug), { seed: 7 })), 'keeps every invariant');
      console.log('RESULT', bug.bug, e, f, performance.now() - t0);
    } finally { restore(); }
}, 100000);
});
