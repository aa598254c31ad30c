import { delay, systemClock, type Command, type Group, type SweepResult } from '@symphony/core';
import { newTask, newWorkflow } from '@symphony/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../test/server.ts';
import { startSlowProxy, type SlowProxy } from '../test/slow-proxy.ts';
import { PostgresStore } from './index.ts';

let server: TestServer;
beforeAll(async () => void (server = await startServer()), 60_000);
afterAll(() => server.stop(), 60_000);

let proxy: SlowProxy;
let store: PostgresStore;
beforeEach(async () => {
  proxy = await startSlowProxy(server.port);
  const url = server.newUrl().replace(`:${server.port}/`, `:${proxy.port}/`);
  store = await PostgresStore.open({ url, clock: systemClock }); // without a thread that talks to the server as well
  await store.openWorker({ id: 'wrk_1', hosts: ['a'], leaseMs: 600_000, renewMs: 200_000 });
});
afterEach(async () => {
  await store.close();
  await proxy.close();
});

const create = (id: string, overrides: Parameters<typeof newTask>[1] = {}): Command => ({
  type: 'createTask',
  submit: true,
  task: newTask(id, { agentId: 'a', ...overrides }),
});

/** How many round trips an action takes. */
async function tripsOf(action: () => Promise<unknown>): Promise<number> {
  let before: number;
  do {
    before = proxy.trips;
    await delay(systemClock, 150);
  } while (proxy.trips > before); // the bell still rings for what was done before
  await action();
  return proxy.trips - before;
}

describe('a PostgreSQL store takes two round trips, one to read and one to write', () => {
  const decision = { agentId: 'a', strategy: 'test', candidates: [], considered: 1, excluded: {}, decidedAt: 0 };
  const starts: readonly (readonly [string, Command])[] = [
    ['claimTask', { type: 'claimTask', id: 'tsk_1', workerId: 'wrk_1', agentId: 'a' }],
    ['route with claim', { type: 'route', id: 'tsk_1', workerId: 'wrk_1', decision, claim: true }],
  ];

  it.each(starts)('for %s', async (_name, command) => {
    await store.commit({ groups: [[create('tsk_1', command.type === 'route' ? { agentId: null } : {})]] });
    if (command.type === 'route')
      await store.commit({ groups: [], claim: { workerId: 'wrk_1', hosts: ['a'], limit: 1 } });
    expect(await tripsOf(() => store.commit({ groups: [[command]] }))).toBe(2);
    expect((await store.getTask('tsk_1'))?.status).toBe('running');
  });

  it('for a claim', async () => {
    await store.commit({ groups: [[create('tsk_1')]] });
    const claim = { workerId: 'wrk_1', hosts: ['a'], limit: 1 };
    expect(await tripsOf(() => store.commit({ groups: [], claim }))).toBe(2);
    expect((await store.getTask('tsk_1'))?.status).toBe('running');
  });
});

describe('a PostgreSQL store sweeps', () => {
  it('many overdue tasks, each in a workflow of its own, in as many round trips as one', async () => {
    const sweepOf = async (count: number): Promise<number> => {
      const group = (index: number): Group => [
        { type: 'createWorkflow', workflow: newWorkflow(`wf_${count}_${index}`) },
        create(`tsk_${count}_${index}`, { workflowId: `wf_${count}_${index}`, timeouts: { scheduleToStartMs: 1 } }),
      ];
      await store.commit({ groups: Array.from({ length: count }, (_, index) => group(index)) });
      await delay(systemClock, 10); // the time of the server
      return tripsOf(() => store.sweep({ markDead: true }));
    };
    const [ofOne, ofMany] = [await sweepOf(1), await sweepOf(200)];
    expect(ofMany).toBe(ofOne);
    expect(await store.listTasks({ status: ['failed'], limit: 1_000 })).toHaveLength(201);
  });

  it('what any number of dead workers left in calls of a bounded length: one that takes too long judges nobody', async () => {
    const dead = Array.from({ length: 30 }, (_, index) => `wrk_dead_${index}`);
    for (const id of dead) {
      await store.openWorker({ id, hosts: ['a'], leaseMs: 1, renewMs: 1 });
      const claim: Command = { type: 'claimTask', id: `tsk_${id}`, workerId: id, agentId: 'a' };
      await store.commit({ groups: [[create(`tsk_${id}`), claim]] });
    }
    await delay(systemClock, 10);
    const results: SweepResult[] = [];
    const trips: number[] = [];
    do trips.push(await tripsOf(async () => void results.push(await store.sweep({ markDead: true }))));
    while (results.at(-1)?.more === true);
    expect(results.reduce((sum, { releasedTasks }) => sum + releasedTasks, 0)).toBe(30);
    expect(Math.max(...trips)).toBeLessThan(60);
  }, 30_000);
});
