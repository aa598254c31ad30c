import pg from 'pg';
import { systemClock, type Command } from '@symphony/core';
import { newTask } from '@symphony/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findServer } from '../test/server.ts';
import { PostgresStore } from './index.ts';

/** Entries of tasks that were taken: enough for a search from the front to be slow on any machine. */
const dead = 400_000;

let server: Awaited<ReturnType<typeof findServer>>;
let url: string;
let foreign: pg.Client;
beforeAll(async () => {
  server = await findServer();
  url = server.newUrl();
  await (await PostgresStore.open({ url })).close();
  foreign = new pg.Client({ connectionString: server.url });
  await foreign.connect();
}, 60_000);
afterAll(async () => {
  await foreign.end();
  await server.stop();
}, 60_000);

let one: PostgresStore;
let two: PostgresStore;
let names = 0;
beforeEach(async () => {
  one = await PostgresStore.open({ url });
  two = await PostgresStore.open({ url });
  await one.openWorker({ id: 'wrk_1', hosts: ['a'], leaseMs: 600_000, renewMs: 200_000 });
  await two.openWorker({ id: 'wrk_2', hosts: ['a'], leaseMs: 600_000, renewMs: 200_000 });
});
afterEach(async () => {
  await Promise.all([one.close(), two.close()]);
  await server.ask(`DELETE FROM "${schema()}".tasks WHERE status = 'pending'`);
});

const schema = (): string => new URL(url).searchParams.get('schema') ?? '';

/** Leaves a transaction open, and takes many tasks beside it. */
async function leaveOpen(): Promise<void> {
  await foreign.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
  await server.ask(
    `INSERT INTO "${schema()}".tasks (id, status, version, attempt, failures, crashes, priority, due_at, claim_key, agent_id,
       pinned, held, open_dependencies, last_seq, created_at, unroutable, body_hash, name, input, metadata)
     SELECT 'tsk_dead_' || n, 'pending', 1, 0, 0, 0, 0, n, n, 'a', false, false, 0, 1, n, false, '', 'task', 'null', '{}'
     FROM generate_series(1, ${dead}) AS n`,
  );
  await server.ask(`DELETE FROM "${schema()}".tasks WHERE id LIKE 'tsk_dead_%'`);
}

/** Creates tasks that are due in this order, and answers with their ids. */
async function create(store: PostgresStore, count: number, overrides: Parameters<typeof newTask>[1] = {}) {
  const ids = Array.from({ length: count }, () => `tsk_${String(names++).padStart(6, '0')}`);
  const command = (id: string): Command => ({
    type: 'createTask',
    submit: true,
    task: newTask(id, { agentId: 'a', ...overrides }),
  });
  await store.commit({ groups: [ids.map(command)] });
  return ids;
}

async function claim(store: PostgresStore, limit = 1): Promise<readonly string[]> {
  const workerId = store === one ? 'wrk_1' : 'wrk_2';
  const { claimed } = await store.commit({ groups: [], claim: { workerId, hosts: ['a'], limit } });
  return claimed.map(({ id }) => id);
}

/** Claims three tasks from the front, so slowly that a store looks for another way. */
async function claimSlowly(store: PostgresStore): Promise<void> {
  const ids = await create(store, 3);
  for (const id of ids) expect(await claim(store)).toEqual([id]);
}

describe('a PostgreSQL store beside a transaction that somebody leaves open', () => {
  beforeAll(leaveOpen, 60_000);

  it('claims in the order of claims, each task once, and then finds nothing', async () => {
    await claimSlowly(one);
    const ids = await create(one, 40);
    const got: string[] = [];
    for (let some; (some = await claim(one, 7)).length > 0;) got.push(...some);
    expect(got).toEqual(ids);
    expect(await claim(one)).toEqual([]);
  });

  it('shares out tasks of any priority with another one, each once and none left', { timeout: 30_000 }, async () => {
    await claimSlowly(one);
    await claimSlowly(two);
    const ids: string[] = [];
    for (let index = 0; index < 60; index++)
      ids.push(...(await create(index % 2 ? one : two, 1, { priority: (index * 37) % 100 })));
    const got: string[] = [];
    await expect
      .poll(
        async () => {
          got.push(...(await Promise.all([claim(one, 3), claim(two, 5)])).flat());
          return got.length;
        },
        { timeout: 20_000 },
      )
      .toBe(ids.length);
    expect(got.toSorted()).toEqual(ids.toSorted());
    expect([await claim(one), await claim(two)]).toEqual([[], []]);
  });

  it('claims a task of higher priority at once when it has made it due itself', async () => {
    await claimSlowly(one);
    const [late] = await create(one, 1);
    const [low] = await create(one, 1, { priority: 1 });
    const [high] = await create(one, 1, { priority: 100 });
    expect([await claim(one), await claim(one), await claim(one)]).toEqual([[high], [low], [late]]);
  });

  it('claims what another process has made due before that soon after, whoever waits for the bell', async () => {
    await claimSlowly(one);
    const late = await create(one, 1);
    const [early] = await create(two, 1, { priority: 100 });
    // The price: what another process has put before it is not seen yet.
    expect(await claim(one, 2)).toEqual(late);
    const got: string[] = [];
    one.onChange(() => void claim(one, 2).then((ids) => got.push(...ids)));
    await expect.poll(() => got, { timeout: 10_000 }).toEqual([early]);
  });

  it('claims a task whose time has come before that soon after', async () => {
    await claimSlowly(one);
    const [later] = await create(two, 1, { priority: 100, dueAt: systemClock.now() + 500 });
    expect(await claim(one)).toEqual([]);
    await expect.poll(() => claim(one), { timeout: 10_000 }).toEqual([later]);
  });

  it('sees all at once again when the transaction has ended', { timeout: 30_000 }, async () => {
    await claimSlowly(one);
    await foreign.query('COMMIT');
    await server.ask(`VACUUM "${schema()}".tasks`);
    await expect
      .poll(
        async () => {
          const [late] = await create(one, 1);
          const [early] = await create(two, 1, { priority: 100 });
          const [first, second] = [await claim(one), await claim(one)];
          if (second.length === 0) await expect.poll(() => claim(one), { timeout: 10_000 }).toEqual([early]);
          return [first, second].map((ids) => (ids[0] === early ? 'early' : ids[0] === late ? 'late' : ''));
        },
        { timeout: 20_000 },
      )
      .toEqual(['early', 'late']);
  });
});
