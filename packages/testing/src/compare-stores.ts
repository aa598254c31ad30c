import { SymphonyError, type Command, type Store } from '@symphony/core';
import { difference, short } from './store-suite/difference.ts';
import { finish } from './store-suite/finish.ts';
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
 * Runs the same random sequences of operations on two stores or more side by side, on one clock: answers, rows and events
 * must be the same, byte for byte. Needs the package `fast-check`.
 */
export function compareStores(
  runner: TestRunner,
  first: StoreUnderTest,
  others: StoreUnderTest | readonly StoreUnderTest[],
  options: ExploreOptions = {},
): void {
  const subjects = [first, others].flat();
  const names = subjects.map(({ name }) => name).join(' and ');
  runner.describe(`${names}, after any sequence of operations`, () => {
    runner.it('have given the same answers and hold the same rows and events', () => explore(subjects, options));
  });
}

/** Longer than any lease, backoff or grace, and than what the wall clock may have been set back by. */
const longerThanAnything = 2 * 3_600_000;

async function explore(subjects: readonly StoreUnderTest[], options: ExploreOptions): Promise<void> {
  const { runs = 100, longest = 40, seed, limitMs = 10_000 } = options;
  const fc: FastCheck = await import('fast-check');
  const property = fc.asyncProperty(operations(fc, longest), async (sequence) => {
    const clock = new VirtualClock();
    const stores = await Promise.all(subjects.map(async (subject) => subject.open({ clock })));
    const done: string[] = [];
    const ids: Ids = { tasks: 0, workflows: names.workflows };
    try {
      for (const operation of sequence) {
        const { text, act } = await toAct(stores[0] as Store, clock, ids, operation);
        done.push(text);
        const answers = await Promise.all(stores.map((store) => comparable(act(store))));
        same(answers, 'the stores answer differently');
      }
      same(await Promise.all(stores.map(readAll)), 'the stores do not hold the same');
      await Promise.all(stores.map(checkInvariants));
      await clock.advance(longerThanAnything);
      await Promise.all(stores.map((store) => finish(store, names.agents)));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`${message}\nafter ${done.join('\n      ')}`, { cause: error });
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

function same(values: readonly unknown[], problem: string): void {
  for (const value of values) {
    const found = difference(values[0], value);
    if (found !== undefined) throw new Error(`${problem}: ${found}`);
  }
}

/** The ids that were given out: none is given twice, also not that of a record that was removed. */
interface Ids {
  tasks: number;
  workflows: readonly string[];
}

/** The id of a workflow, or the next one where retention has removed it. */
async function currentWorkflow(store: Store, id: string): Promise<string> {
  const isRemoved =
    (await store.getWorkflow(id)) === undefined && (await store.listTasks({ workflowId: id, limit: 1 })).length > 0;
  return isRemoved ? `${id}'` : id;
}

/** Something that is done to every store, in words as well. */
interface Act {
  readonly text: string;
  readonly act: (store: Store) => Promise<unknown>;
}

async function toAct(store: Store, clock: VirtualClock, ids: Ids, operation: Operation): Promise<Act> {
  switch (operation.do) {
    case 'commit': {
      const tasks = await store.listTasks({ limit: 1_000 });
      const workflows = await Promise.all(ids.workflows.map((id) => currentWorkflow(store, id)));
      ids.workflows = workflows;
      const nextId = (): string => `tsk_${String(ids.tasks++).padStart(3, '0')}`;
      const moment = { now: clock.now(), tasks, workflows, nextId };
      const groups = operation.groups.map((group) => group.map((plan): Command => toCommand(plan, moment)));
      const { claim } = operation;
      if (claim === null) return { text: `commit ${short(groups, 1_000)}`, act: (each) => each.commit({ groups }) };
      const { id: workerId, hosts } = workerOf(claim);
      const request = { groups, claim: { workerId, hosts, limit: claim.limit } };
      return { text: `commit ${short(request, 1_000)}`, act: (each) => each.commit(request) };
    }
    case 'advance':
      await clock.advance(operation.ms);
      return { text: `time passes: ${operation.ms} ms`, act: async () => undefined };
    case 'jump':
      clock.jump(operation.ms);
      return { text: `the wall clock is set: ${operation.ms} ms`, act: async () => undefined };
    case 'openWorker':
    case 'renew': {
      const worker = workerOf(operation);
      return { text: `${operation.do} ${short(worker)}`, act: (each): Promise<unknown> => each[operation.do](worker) };
    }
    case 'closeWorker':
    case 'holding': {
      const id = names.workers[operation.worker] as string;
      return { text: `${operation.do} ${id}`, act: (each): Promise<unknown> => each[operation.do](id) };
    }
    case 'sweep': {
      const { markDead } = operation;
      return { text: `sweep, markDead: ${markDead}`, act: (each) => each.sweep({ markDead }) };
    }
    case 'prune': {
      const { olderThanMs, limit } = operation;
      const request = { olderThanMs, limit };
      return { text: `prune ${short(request)}`, act: (each) => each.prune(request) };
    }
    case 'setState': {
      const key = names.states[operation.key] as string;
      const value = { of: [toValue(operation.text)] };
      const { version } = operation;
      return { text: `set ${key}, version ${version}`, act: (each) => each.state.set(key, value, version) };
    }
  }
}

function workerOf(plan: { readonly worker: number; readonly hosts: readonly number[] }): {
  readonly id: string;
  readonly hosts: readonly string[];
  readonly leaseMs: number;
  readonly renewMs: number;
} {
  const hosts = plan.hosts.map((index) => names.agents[index] as string);
  return { id: names.workers[plan.worker] as string, hosts, ...lease };
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
    if (key === 'bootId') return '';
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

/** A record without the ids of boots, which each store has of its own. */
function withoutBoots(record: unknown): unknown {
  return JSON.parse(JSON.stringify(record ?? null), (key, value: unknown) =>
    key === 'bootId' ? '' : value,
  ) as unknown;
}

/** Everything that a store shows, without positions: they need only increase. */
async function readAll(store: Store): Promise<unknown> {
  const events = await store.events({ limit: 100_000 });
  const subjects = [...new Set(events.map(({ subject }) => subject))].sort();
  const logs = await Promise.all(subjects.map((subject) => store.events({ subject, limit: 100_000 })));
  const tasks = await store.listTasks({ limit: 1_000 });
  const steps = tasks.flatMap(({ id }) => names.agents.map((agent) => store.steps(id, agent)));
  const agents = await store.agents();
  const loads = await store.loads();
  return {
    tasks: tasks.map(withoutBoots),
    workflows: await store.listWorkflows({ limit: 1_000 }),
    logs: logs.map((log) => log.map((event) => ({ ...event, position: 0 }))),
    steps: await Promise.all(steps),
    workers: (await Promise.all(names.workers.map((id) => store.worker(id)))).map(withoutBoots),
    holding: await Promise.all(names.workers.map(async (id) => sorted(await store.holding(id)))),
    agents,
    loads: agents.map(({ config }) => loads.get(config.id) ?? { running: 0, queued: 0 }),
    states: await Promise.all(names.states.map((key) => store.state.get(key))),
  };
}
