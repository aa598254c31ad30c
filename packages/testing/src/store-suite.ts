import assert from 'node:assert/strict';
import type { Store } from '@symphony/core';
import { bytes } from './store-suite/bytes.ts';
import { cancelling } from './store-suite/cancelling.ts';
import { catalogue } from './store-suite/catalogue.ts';
import { claiming } from './store-suite/claiming.ts';
import { committing } from './store-suite/committing.ts';
import { dependencies } from './store-suite/dependencies.ts';
import { ending } from './store-suite/ending.ts';
import { fencing } from './store-suite/fencing.ts';
import { checkInvariants } from './store-suite/invariants.ts';
import { keys } from './store-suite/keys.ts';
import { Lab } from './store-suite/lab.ts';
import { limits } from './store-suite/limits.ts';
import { listing } from './store-suite/listing.ts';
import { living } from './store-suite/living.ts';
import { outliving } from './store-suite/outliving.ts';
import { races } from './store-suite/races.ts';
import { reading } from './store-suite/reading.ts';
import { retention } from './store-suite/retention.ts';
import { routing } from './store-suite/routing.ts';
import { stepping } from './store-suite/stepping.ts';
import type { StoreUnderTest, Suite } from './store-suite/suite.ts';
import { timingOut } from './store-suite/timing-out.ts';
import { workers } from './store-suite/workers.ts';
import { workflows } from './store-suite/workflows.ts';
import type { TestRunner } from './test-runner.ts';
import { VirtualClock } from './virtual-clock.ts';

/**
 * The conformance suite of the {@link Store} port: every implementation passes it, ours first. A name of a test is a
 * sentence of the specification.
 *
 * @example
 * testStore({ describe, it }, {
 *   name: 'MemoryStore',
 *   traits: { name: 'memory', durability: 'none', multiProcess: false },
 *   open: ({ clock }) => new MemoryStore({ clock }),
 * });
 */
export function testStore(runner: TestRunner, subject: StoreUnderTest): void {
  if (subject.traits.durability !== 'none' && subject.reopen === undefined) {
    throw new Error(`${subject.name}: a store that keeps what it acknowledged must say how to reopen it.`);
  }
  const suite: Suite = {
    subject,
    group: (name, body) => void runner.describe(name, body),
    test: (name, body, { skip = false } = {}) => {
      if (skip === false) runner.it(name, () => onBench(subject, body));
      else runner.it.skip(`${name} (skipped: ${skip})`, () => onBench(subject, body));
    },
  };
  runner.describe(`${subject.name} as a Store`, () => {
    for (const part of parts) part(suite);
  });
}

const parts: readonly ((suite: Suite) => void)[] = [
  committing,
  keys,
  claiming,
  routing,
  fencing,
  ending,
  stepping,
  workers,
  cancelling,
  timingOut,
  races,
  workflows,
  dependencies,
  limits,
  catalogue,
  reading,
  listing,
  retention,
  bytes,
  living,
  outliving,
];

async function onBench(subject: StoreUnderTest, body: (lab: Lab) => Promise<void>): Promise<void> {
  const clock = new VirtualClock();
  const store = await subject.open({ clock });
  try {
    await body(new Lab(store, clock));
    if (await isOpen(store)) await checkInvariants(store);
  } finally {
    await store.close();
  }
  assert.equal(clock.pendingTimers, 0, 'a closed store leaves no timer behind');
}

async function isOpen(store: Store): Promise<boolean> {
  return store.lastPosition().then(
    () => true,
    () => false,
  );
}
