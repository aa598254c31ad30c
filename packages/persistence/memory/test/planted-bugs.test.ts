import { compareStores, exploreStore, testStore, type StoreUnderTest, type TestRunner } from '@symphony/testing';
import { expect, describe, it } from 'vitest';
import { openBuggy, plant, plantedBugs } from './planted-bugs.ts';
import type { PlantedBug } from './planted-bug.ts';

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

describe('the suite finds it when', () => {
  it.each(plantedBugs)('$bug', async (bug) => {
    const named = (planted: PlantedBug): Promise<'passes' | 'fails'> =>
      outcome(
        collect((runner) => testStore(runner, storeWith(planted))),
        bug.foundBy,
      );
    expect(await named(healthy)).toBe('passes');
    const restore = plant(bug);
    try {
      expect(await named(bug)).toBe('fails');
    } finally {
      restore();
    }
  });
});

// With a seed, so that a bug is found every time or never.
const options = { runs: 60, seed: 7 };

describe('random sequences on two stores find it when', () => {
  const compared = (bug: PlantedBug): Promise<'passes' | 'fails'> =>
    outcome(
      collect((runner) => compareStores(runner, storeWith(healthy), storeWith(bug), options)),
      'have given the same answers and hold the same rows and events',
    );

  it('nothing is wrong, and pass', async () => {
    expect(await compared(healthy)).toBe('passes');
  });

  it.each(bugs('compared'))('$bug', async (bug) => {
    expect(await compared(bug)).toBe('fails');
  });
});

describe('random sequences on one store find it when', () => {
  it.each(bugs('explored'))('$bug', async (bug) => {
    const tests = collect((runner) => exploreStore(runner, storeWith(bug), options));
    const restore = plant(bug);
    try {
      expect(await outcome(tests, 'keeps every invariant')).toBe('fails');
    } finally {
      restore();
    }
  });
});

function bugs(foundBy: 'compared' | 'explored'): readonly PlantedBug[] {
  return plantedBugs.filter(({ alsoFoundBy }) => alsoFoundBy === foundBy);
}
