import { seededRandom, SymphonyError, type Command, type Store } from '@symphony/core';
import { MemoryStore } from '@symphony/persistence-memory';
import {
  commandTypes,
  faultPoints,
  faultyStore,
  newTask,
  randomFaults,
  testStore,
  VirtualClock,
  type Fault,
} from '@symphony/testing';
import { describe, expect, it } from 'vitest';

// With no fault in its way it is a store like any other.
testStore(
  { describe, it },
  {
    name: 'MemoryStore behind a faultyStore',
    traits: { name: 'memory', durability: 'none', multiProcess: false },
    open: ({ clock }) => faultyStore(new MemoryStore({ clock }), { clock }),
  },
);

const create = (id: string): Command => ({ type: 'createTask', task: newTask(id), submit: true });
const createOne = (store: Store, id: string) => store.commit({ groups: [[create(id)]] });

/** A store with faults, and what it really keeps. */
function withFaults(...faults: readonly Fault[]) {
  const clock = new VirtualClock();
  const kept = new MemoryStore({ clock });
  const ids = async (): Promise<readonly string[]> => (await kept.listTasks({ limit: 100 })).map(({ id }) => id);
  return { clock, kept, ids, store: faultyStore(kept, { faults, clock }) };
}

describe('a planned failure', () => {
  it('before a call leaves it undone', async () => {
    const { store, ids } = withFaults({ at: 'commit:createTask', when: 'before', fault: 'fail' });
    await expect(createOne(store, 'tsk_1')).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(await ids()).toEqual([]);
  });

  it('after a call loses its answer, and not what it wrote', async () => {
    const { store, ids } = withFaults({ at: 'commit:createTask', when: 'after', fault: 'fail' });
    await expect(createOne(store, 'tsk_1')).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(await ids()).toEqual(['tsk_1']);
  });

  it('meets the calls that it says, counted at its own point', async () => {
    const { store } = withFaults({ at: 'getTask', nth: 2, times: 2, when: 'before', fault: 'fail' });
    const met: boolean[] = [];
    for (let call = 1; call <= 5; call++) {
      await store.listTasks({ limit: 1 });
      met.push(await store.getTask('tsk_1').then(() => false, () => true)); // prettier-ignore
    }
    expect(met).toEqual([false, true, true, false, false]);
    expect([store.hits, store.missed, store.calls.get('getTask')]).toEqual([[2], [], 5]);
  });

  it('tells when it was not met', async () => {
    const fault: Fault = { at: 'commit:report', when: 'before', fault: 'fail' };
    const { store } = withFaults(fault);
    await createOne(store, 'tsk_1');
    expect([store.hits, store.missed]).toEqual([[0], [fault]]);
  });

  it('can be at the state of plugins, and at a commit that claims', async () => {
    const { store } = withFaults(
      { at: 'state.set', when: 'before', fault: 'fail' },
      { at: 'commit:claim', when: 'before', fault: 'fail' },
    );
    await expect(store.state.set('key', 1, 0)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    const claim = { workerId: 'wrk_1', hosts: [], limit: 1 };
    await expect(store.commit({ groups: [], claim })).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(await store.commit({ groups: [] })).toEqual({ results: [], claimed: [] });
  });

  it('does not hide what the store itself throws', async () => {
    const { store, kept } = withFaults();
    await kept.close();
    await expect(store.getTask('tsk_1')).rejects.toSatisfy((error) => SymphonyError.is(error, 'STORE_CLOSED'));
  });
});

describe('a planned crash', () => {
  const settled = (clock: VirtualClock, ...calls: readonly Promise<unknown>[]): Promise<readonly boolean[]> => {
    const done = calls.map(() => false);
    for (const [index, call] of calls.entries()) call.then(() => (done[index] = true), () => (done[index] = true)); // prettier-ignore
    return clock.advance(60_000).then(() => done);
  };

  it.each(['before', 'after'] as const)('%s a call: nothing is ever heard again', async (when) => {
    const { clock, store, ids, kept } = withFaults({ at: 'commit:createTask', nth: 2, when, fault: 'crash' });
    let rings = 0;
    store.onChange(() => rings++);
    await createOne(store, 'tsk_1');
    await clock.advance(1);
    expect(rings).toBe(1);
    expect(await settled(clock, createOne(store, 'tsk_2'))).toEqual([false]);
    const later = [store.getTask('tsk_1'), createOne(store, 'tsk_3'), store.close()];
    expect(await settled(clock, ...later)).toEqual([false, false, false]);
    expect(store.crashed).toBe(true);
    expect(await ids()).toEqual(when === 'before' ? ['tsk_1'] : ['tsk_1', 'tsk_2']);
    await createOne(kept, 'tsk_4');
    await clock.advance(1);
    expect(rings).toBe(1);
  });

  it('does what its process says, once', async () => {
    let crashes = 0;
    const clock = new VirtualClock();
    const faults: readonly Fault[] = [{ at: 'getTask', when: 'before', fault: 'crash', times: Infinity }];
    const store = faultyStore(new MemoryStore({ clock }), { faults, crash: () => crashes++ });
    await settled(clock, store.getTask('tsk_1'), store.getTask('tsk_1'));
    expect(crashes).toBe(1);
    store.onChange(() => undefined)();
  });

  it('loses the answers of what is under way, whether or not it is carried out', async () => {
    const { clock, store, ids } = withFaults(
      { at: 'commit:createTask', when: 'after', fault: { delayMs: 100 } },
      { at: 'getWorkflow', when: 'before', fault: { delayMs: 100 } },
      { at: 'getTask', when: 'before', fault: 'crash' },
    );
    const underWay = [createOne(store, 'tsk_1'), store.getWorkflow('wf_1')];
    await clock.advance(50);
    expect(await settled(clock, ...underWay, store.getTask('tsk_1'))).toEqual([false, false, false]);
    expect(await ids()).toEqual(['tsk_1']);
  });
});

describe('a planned delay', () => {
  it.each(['before', 'after'] as const)('%s a call passes on the clock', async (when) => {
    const { clock, store, ids } = withFaults({ at: 'commit', when, fault: { delayMs: 300 } });
    let answered = false;
    void createOne(store, 'tsk_1').then(() => (answered = true));
    await clock.advance(299);
    expect([answered, (await ids()).length]).toEqual([false, when === 'before' ? 0 : 1]);
    await clock.advance(1);
    expect([answered, (await ids()).length]).toEqual([true, 1]);
  });
});

describe('a plan', () => {
  it('has a point for each command and each method of the port', () => {
    const methods = [...faultPoints.reads, ...faultPoints.writes].filter((point) => !point.includes(':'));
    const store = new MemoryStore() as unknown as Record<string, unknown>;
    const own = Object.getOwnPropertyNames(MemoryStore.prototype).filter((key) => typeof store[key] === 'function');
    const known = ['commit', 'onChange', 'constructor', ...methods.filter((point) => !point.startsWith('state.'))];
    expect(own.filter((key) => !known.includes(key))).toEqual([]);
    expect(commandTypes.filter((type) => !faultPoints.writes.includes(`commit:${type}`))).toEqual([]);
  });

  it('that is drawn by chance is the same for the same seed, and within its limits', () => {
    const options = { count: 200, points: ['commit:report', 'renew'], faults: ['fail', 'crash'], within: 5 } as const;
    const plan = randomFaults({ random: seededRandom('7'), ...options });
    expect(randomFaults({ random: seededRandom('7'), ...options })).toEqual(plan);
    expect(randomFaults({ random: seededRandom('8'), ...options })).not.toEqual(plan);
    expect(new Set(plan.map(({ nth }) => nth))).toEqual(new Set([1, 2, 3, 4, 5]));
    expect(new Set(plan.map(({ at, when, fault }) => `${at} ${when} ${fault as string}`)).size).toBe(8);
    expect(randomFaults({ random: seededRandom('7') })).toHaveLength(10);
  });
});
