import pg from 'pg';
import { systemClock, type Command, type Group } from '@symphony/core';
import { newTask } from '@symphony/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startProxy, type CuttingProxy } from '../test/cutting-proxy.ts';
import { startServer, type TestServer } from '../test/server.ts';
import { PostgresStore } from './index.ts';

let server: TestServer;
beforeAll(async () => void (server = await startServer({ max_connections: '30' })), 60_000);
afterAll(() => server.stop(), 60_000);

let url: string;
const opened: PostgresStore[] = [];
const open = async (options: { readonly url?: string; readonly patienceMs?: number } = {}): Promise<PostgresStore> => {
  const store = await PostgresStore.open({ url, ...options });
  opened.push(store);
  return store;
};
beforeEach(() => void (url = server.newUrl()));
afterEach(async () => void (await Promise.all(opened.splice(0).map((store) => store.close()))));

const create = (id: string, overrides: Parameters<typeof newTask>[1] = {}): Command => ({
  type: 'createTask',
  submit: true,
  task: newTask(id, { agentId: 'a', ...overrides }),
});
const complete = (id: string, attempt: number): Group => [
  { type: 'report', id, attempt, command: { type: 'complete', output: '1' } },
];
const ids = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `tsk_${String(index).padStart(4, '0')}`);
const pause = (ms: number): Promise<void> => new Promise((resolve) => systemClock.setTimer(resolve, ms));

/** Works through everything that is due as a worker does, sending again what the store could not answer. */
async function workOff(store: PostgresStore, workerId: string, goal: number): Promise<string[]> {
  const again = async <T>(call: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        expect(error).toMatchObject({ code: 'STORE_FAILED' });
        await pause(20);
      }
    }
  };
  await again(() => store.openWorker({ id: workerId, hosts: ['a'], leaseMs: 600_000, renewMs: 200_000 }));
  const done = new Set<string>();
  while (done.size < goal) {
    await again(() => store.commit({ groups: [], claim: { workerId, hosts: ['a'], limit: 7 } }));
    for (const { taskId, attempt } of await again(() => store.holding(workerId))) {
      const { results } = await again(() => store.commit({ groups: [complete(taskId, attempt)] }));
      expect(results[0]?.status).toMatch(/ok|stale/);
      expect(done.has(taskId)).toBe(false);
      done.add(taskId);
    }
  }
  return [...done];
}

/** Every task has ended once, and its log has no gap. */
async function expectDone(store: PostgresStore, expected: readonly string[]): Promise<void> {
  const tasks = await store.listTasks({ limit: 1_000 });
  expect(tasks.map(({ id, status, attempt }) => [id, status, attempt])).toEqual(
    expected.map((id) => [id, 'completed', 1]),
  );
  const feed = await store.events({ limit: 10_000 });
  for (const id of expected) {
    const log = feed.filter(({ subject }) => subject === id);
    expect(log.map(({ seq, type }) => `${seq} ${type}`)).toEqual([
      '1 task.created',
      '2 task.claimed',
      '3 task.completed',
    ]);
  }
}

describe('a PostgreSQL store survives', () => {
  it('a server that crashes in the middle of work and comes back', { timeout: 30_000 }, async () => {
    const store = await open({ patienceMs: 300 });
    await store.commit({ groups: ids(200).map((id) => [create(id)]) });
    const working = workOff(store, 'wrk_1', 200);
    for (let crashes = 0; crashes < 3; crashes++) {
      await pause(80);
      await server.crash();
      await expect(store.getTask('tsk_0000')).rejects.toMatchObject({ code: 'STORE_FAILED' });
      await server.start();
    }
    expect((await working).toSorted()).toEqual(ids(200));
    await expectDone(store, ids(200));
  });

  it('a crash that is over within its patience without anybody noticing', async () => {
    const store = await open({ patienceMs: 10_000 });
    await store.commit({ groups: [[create('tsk_1')]] });
    await server.crash();
    const calls = [
      store.commit({ groups: [[create('tsk_2')]] }),
      store.getTask('tsk_1'),
      store.sweep({ markDead: true }),
    ];
    await pause(100);
    await server.start();
    await Promise.all(calls);
    expect((await store.listTasks({ limit: 10 })).map(({ id }) => id)).toEqual(['tsk_1', 'tsk_2']);
  });

  it('the end of every connection, of the one that listens too', { timeout: 30_000 }, async () => {
    const store = await open();
    const other = await open();
    let rings = 0;
    store.onChange(() => rings++);
    await store.commit({ groups: ids(100).map((id) => [create(id)]) });
    const working = workOff(store, 'wrk_1', 100);
    for (let ends = 0; ends < 10; ends++) {
      await pause(20);
      await server.ask('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
    }
    expect((await working).toSorted()).toEqual(ids(100));
    await expectDone(store, ids(100));
    // The bell has been hung up again and again; a later change is heard all the same.
    rings = 0;
    await other.commit({ groups: [[create('tsk_late')]] });
    await expect.poll(() => rings, { timeout: 5_000 }).toBeGreaterThan(0);
  });

  it('a server without a place for one more connection: it waits, fails with a code, and goes on', async () => {
    const store = await open({ patienceMs: 200 });
    const patient = await open({ patienceMs: 10_000 });
    await server.ask('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
    const others: pg.Client[] = [];
    for (;;) {
      const client = new pg.Client({ connectionString: server.url });
      client.on('error', () => undefined);
      try {
        await client.connect();
        others.push(client);
      } catch {
        break;
      }
    }
    await expect(store.commit({ groups: [[create('tsk_1')]] })).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect(store.getTask('tsk_1')).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect(PostgresStore.open({ url, patienceMs: 100 })).rejects.toMatchObject({ code: 'STORE_OPEN_FAILED' });
    const waiting = patient.commit({ groups: [[create('tsk_2')]] });
    await pause(100);
    await Promise.all(others.map((client) => client.end()));
    expect((await waiting).results[0]?.status).toBe('ok');
    expect((await store.commit({ groups: [[create('tsk_1')]] })).results[0]?.status).toBe('ok');
  });

  it('being closed while the server is away', async () => {
    const store = await open({ patienceMs: 60_000 });
    await server.crash();
    const call = store.commit({ groups: [[create('tsk_1')]] });
    const failed = expect(call).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await pause(50);
    await store.close();
    await failed;
    await server.start();
  });
});

describe('a connection that is lost in COMMIT', () => {
  let proxy: CuttingProxy;
  beforeEach(async () => void (proxy = await startProxy(server.port)));
  afterEach(() => proxy.close());
  const behindProxy = (): string => url.replace(`:${server.port}/`, `:${proxy.port}/`);

  it.each(['before', 'after'] as const)('%s it was carried out costs nothing and doubles nothing', async (cut) => {
    const store = await open({ url: behindProxy() });
    const commit = async (groups: readonly Group[], limit = 0): Promise<unknown[]> => {
      proxy.cut = cut;
      const { results, claimed } = await store.commit({
        groups,
        ...(limit === 0 ? {} : { claim: { workerId: 'wrk_1', hosts: ['a'], limit } }),
      });
      expect(proxy.cut, 'the line was cut').toBeUndefined();
      return [...results.map(({ status }) => status), ...claimed.map(({ id, attempt }) => `${id} ${attempt}`)];
    };
    await store.openWorker({ id: 'wrk_1', hosts: ['a'], leaseMs: 60_000, renewMs: 20_000 });
    expect(await commit([[create('tsk_1')], [create('tsk_2', { idempotencyKey: 'key' })], [create('tsk_3')]])).toEqual([
      'ok',
      'ok',
      'ok',
    ]);
    expect(await commit([], 2)).toEqual(['tsk_1 1', 'tsk_2 1']);
    const step = { taskId: 'tsk_1', agentId: 'a', identity: 'one#1', attempt: 1, output: '1', inputHash: null, at: 0 };
    expect(await commit([[{ type: 'recordStep', step }]])).toEqual(['ok']);
    expect(await commit([complete('tsk_1', 1)], 1)).toEqual(['ok', 'tsk_3 1']);
    proxy.cut = cut;
    expect(await store.state.set('key', 1, 0)).toBe(true);
    expect(proxy.cuts).toBe(4);

    expect(await store.holding('wrk_1')).toHaveLength(2);
    const feed = await store.events({ limit: 100 });
    expect(feed.map(({ subject, seq, type }) => `${subject} ${seq} ${type}`)).toEqual([
      'tsk_1 1 task.created',
      'tsk_2 1 task.created',
      'tsk_3 1 task.created',
      'tsk_1 2 task.claimed',
      'tsk_2 2 task.claimed',
      'tsk_1 3 task.completed',
      'tsk_3 2 task.claimed',
    ]);
  });
});

describe('a server that crashes before it was told to commit', () => {
  let proxy: CuttingProxy;
  beforeEach(async () => void (proxy = await startProxy(server.port)));
  afterEach(() => proxy.close());

  it('may give the number of that transaction to another: nothing counts as stored because of it', async () => {
    const store = await open({ url: url.replace(`:${server.port}/`, `:${proxy.port}/`), patienceMs: 20_000 });
    await store.commit({ groups: [[create('tsk_0')]] });
    proxy.cut = 'before';
    proxy.onCut = async () => {
      await server.crash();
      await server.start();
      for (let others = 0; others < 20; others++) await server.ask('SELECT pg_current_xact_id()');
    };
    expect((await store.commit({ groups: [[create('tsk_1')]] })).results[0]?.status).toBe('ok');
    expect(proxy.cuts).toBe(1);
    expect((await store.listTasks({ limit: 10 })).map(({ id }) => id)).toEqual(['tsk_0', 'tsk_1']);
  });

  it('may give it to one that goes on for long: nobody waits for that', { timeout: 30_000 }, async () => {
    const store = await open({ url: url.replace(`:${server.port}/`, `:${proxy.port}/`), patienceMs: 20_000 });
    await store.commit({ groups: [[create('tsk_0')]] });
    const lost = BigInt((await server.ask('SELECT pg_current_xact_id()::text AS id'))[0]?.['id'] as string) + 1n;
    const others: pg.Client[] = [];
    let isTaken = false;
    proxy.cut = 'before';
    proxy.onCut = async () => {
      await server.crash();
      await server.start();
      while (!isTaken) {
        const other = new pg.Client({ connectionString: server.url });
        other.on('error', () => undefined);
        others.push(other);
        await other.connect();
        await other.query('BEGIN');
        const { rows } = await other.query<{ id: string }>('SELECT pg_current_xact_id()::text AS id');
        isTaken = BigInt(rows[0]?.id ?? 0) >= lost;
      }
    };
    const askedAt = systemClock.monotonic();
    expect((await store.commit({ groups: [[create('tsk_1')]] })).results[0]?.status).toBe('ok');
    expect(systemClock.monotonic() - askedAt).toBeLessThan(8_000);
    expect(isTaken).toBe(true);
    expect((await store.listTasks({ limit: 10 })).map(({ id }) => id)).toEqual(['tsk_0', 'tsk_1']);
    await Promise.all(others.map((other) => other.end()));
  });
});

describe('the bell of a PostgreSQL store', () => {
  it('rings for what nobody told of, since the log is looked at now and then', async () => {
    const store = await open();
    await store.commit({ groups: [[create('tsk_1')]] });
    let rings = 0;
    store.onChange(() => rings++);
    await expect.poll(() => rings).toBeGreaterThan(0); // it begins to listen
    rings = 0;
    const schema = new URL(url).searchParams.get('schema') ?? '';
    await server.ask(
      `INSERT INTO ${schema}.events (subject, seq, type, at, data) VALUES ('tsk_1', 2, 'task.submitted', 0, '{}')`,
    );
    await expect.poll(() => rings, { timeout: 5_000 }).toBeGreaterThan(0);
  });

  it('rings within a moment for another process', async () => {
    const store = await open();
    const other = await open();
    let rungAt: number | undefined;
    store.onChange(() => (rungAt = systemClock.monotonic()));
    await expect.poll(() => rungAt).toBeDefined();
    rungAt = undefined;
    const committedAt = systemClock.monotonic();
    await other.commit({ groups: [[create('tsk_1')]] });
    await expect.poll(() => rungAt, { interval: 1 }).toBeDefined();
    expect((rungAt ?? Infinity) - committedAt).toBeLessThan(500);
  });
});
