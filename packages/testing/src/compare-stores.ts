import assert from 'node:assert/strict';
import { SymphonyError, type Command, type Store, type TaskRecord } from '@symphony/core';
import { checkInvariants } from './store-suite/invariants.ts';
import { lease } from './store-suite/lab.ts';
import { names, operations, toCommand, toValue, type FastCheck, type Operation } from './store-suite/plan.ts';
import type { StoreUnderTest } from './store-suite/suite.ts';
import type { TestRunner } from './test-runner.ts';
import { VirtualClock } from './virtual-clock.ts';

/** How much random trying there is. */
export interface ExploreOptions {
  /** Sequences of operations. Default 100. */
  readonly runs?: number;
  /** Operations in the longest sequence. Default 40. */
  readonly longest?: number;
  /** Repeats the sequences of an earlier run; a failure names it. Default: another one each time. */
  readonly seed?: number;
  /** After this much real time no further sequence is begun. Default 10,000. */
  readonly limitMs?: number;
}

/**
 * Runs random sequences of operations on a store; after each, what holds in every store must hold. Needs the package
 * `fast-check`.
 */
export function exploreStore(runner: TestRunner, subject: StoreUnderTest, options: ExploreOptions = {}): void {
  runner.describe(`${subject.name}, after any sequence of operations`, () => {
    runner.it('keeps every invariant', () => explore([subject], options));
  });
}

/**
 * Runs the same random sequences of operations on two stores side by side, on one clock: answers, rows and events must
 * be the same, byte for byte. Needs the package `fast-check`.
 */
export function compareStores(
  runner: TestRunner,
  first: StoreUnderTest,
  second: StoreUnderTest,
  options: ExploreOptions = {},
): void {
  runner.describe(`${first.name} and ${second.name}, after any sequence of operations`, () => {
    runner.it('have given the same answers and hold the same rows and events', () => explore([first, second], options));
  });
}

async function explore(subjects: readonly StoreUnderTest[], options: ExploreOptions): Promise<void> {
  const { runs = 100, longest = 40, seed, limitMs = 10_000 } = options;
  const fc: FastCheck = await import('fast-check');
  const property = fc.asyncProperty(operations(fc, longest), async (sequence) => {
    const clock = new VirtualClock();
    const stores = await Promise.all(subjects.map((subject) => subject.open({ clock })));
    try {
      for (const operation of sequence) await carryOut(stores, clock, operation);
      const contents = await Promise.all(stores.map(readAll));
      contents.forEach((other) => assert.deepEqual(other, contents[0], 'the stores do not hold the same'));
      await Promise.all(stores.map(checkInvariants));
    } finally {
      await Promise.all(stores.map((store) => store.close()));
    }
  });
  await fc.assert(property, {
    numRuns: runs,
    interruptAfterTimeLimit: limitMs,
    ...(seed === undefined ? {} : { seed }),
  });
}

async function carryOut(stores: readonly Store[], clock: VirtualClock, operation: Operation): Promise<void> {
  if (operation.do === 'advance') return clock.advance(operation.ms);
  if (operation.do === 'jump') return clock.jump(operation.ms);
  const [first] = stores;
  const act = await toAction(first as Store, clock, operation);
  const answers = await Promise.all(stores.map((store) => comparable(act(store))));
  answers.forEach((answer) => assert.deepEqual(answer, answers[0], `the stores answer ${operation.do} differently`));
}

type Action = (store: Store) => Promise<unknown>;

async function toAction(
  store: Store,
  clock: VirtualClock,
  operation: Exclude<Operation, { readonly do: 'advance' | 'jump' }>,
): Promise<Action> {
  const workerOf = (plan: { readonly worker: number; readonly hosts: readonly number[] }) => ({
    id: names.workers[plan.worker] as string,
    hosts: plan.hosts.map((index) => names.agents[index] as string),
    ...lease,
  });
  switch (operation.do) {
    case 'commit': {
      const known = new Map<string, TaskRecord | undefined>();
      for (const id of names.tasks) known.set(id, await store.getTask(id));
      const groups = operation.groups.map((group) =>
        group.map((plan): Command =>
          toCommand(plan, { now: clock.now(), task: known.get(names.tasks[plan.task] as string) }),
        ),
      );
      if (operation.claim === null) return (each) => each.commit({ groups });
      const { id: workerId, hosts } = workerOf(operation.claim);
      const { limit } = operation.claim;
      return (each) => each.commit({ groups, claim: { workerId, hosts, limit } });
    }
    case 'openWorker':
      return (each) => each.openWorker(workerOf(operation));
    case 'renew':
      return (each) => each.renew(workerOf(operation));
    case 'closeWorker':
      return (each) => each.closeWorker(names.workers[operation.worker] as string);
    case 'holding':
      return (each) => each.holding(names.workers[operation.worker] as string);
    case 'sweep':
      return (each) => each.sweep({ markDead: operation.markDead });
    case 'setState':
      return (each) =>
        each.state.set(names.states[operation.key] as string, { of: [toValue(operation.text)] }, operation.version);
  }
}

/** An answer without what stores may say in their own words or order. */
async function comparable(answer: Promise<unknown>): Promise<unknown> {
  const settled = await answer.then(
    (value) => ({ value }),
    (error: unknown) => {
      if (!SymphonyError.is(error)) throw error;
      return { error: error.code };
    },
  );
  return JSON.parse(JSON.stringify(settled), (key, value: unknown) => {
    if (key === 'holding' || (key === 'value' && isHolding(value))) return sorted(value as readonly unknown[]);
    if (isStoreFailure(value)) return { status: 'error', code: value.code };
    return value;
  }) as unknown;
}

function isHolding(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null && 'taskId' in item);
}

function isStoreFailure(value: unknown): value is { readonly code: string } {
  return typeof value === 'object' && value !== null && (value as { readonly code?: unknown }).code === 'STORE_FAILED';
}

function sorted(items: readonly unknown[]): readonly unknown[] {
  return [...items].sort((first, second) => (JSON.stringify(first) < JSON.stringify(second) ? -1 : 1));
}

/** Everything that a store shows, without positions: they need only increase. */
async function readAll(store: Store): Promise<unknown> {
  const events = await store.events({ limit: 100_000 });
  const subjects = [...new Set(events.map(({ subject }) => subject))].sort();
  const logs = await Promise.all(subjects.map((subject) => store.events({ subject, limit: 100_000 })));
  const steps = names.tasks.flatMap((task) => names.agents.map((agent) => store.steps(task, agent)));
  const workers = names.workers.map(async (id) => {
    const row = await store.worker(id);
    return row === undefined ? undefined : { ...row, bootId: '' };
  });
  return {
    tasks: await store.listTasks({ limit: 1_000 }),
    workflows: await Promise.all(names.workflows.map((id) => store.getWorkflow(id))),
    logs: logs.map((log) => log.map((event) => ({ ...event, position: 0 }))),
    steps: await Promise.all(steps),
    workers: await Promise.all(workers),
    holding: await Promise.all(names.workers.map(async (id) => sorted(await store.holding(id)))),
    agents: await store.agents(),
    loads: [...(await store.loads())].filter(([, load]) => load.running + load.queued > 0).sort(),
    states: await Promise.all(names.states.map((key) => store.state.get(key))),
  };
}
