import pg from 'pg';
import {
  systemClock,
  type Claimed,
  type Command,
  type CommitRequest,
  type CommitResponse,
  type Group,
  type WorkflowRow,
} from '@symphony/core';
import { newAgentConfig, newTask, newWorkflow } from '@symphony/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findServer } from '../test/server.ts';
import { PostgresStore } from './index.ts';

let server: Awaited<ReturnType<typeof findServer>>;
beforeAll(async () => void (server = await findServer()), 60_000);
afterAll(() => server.stop(), 60_000);

let url: string;
let schema: string;
let one: PostgresStore;
let two: PostgresStore;
let gate: pg.Client;
beforeEach(async () => {
  url = server.newUrl();
  schema = new URL(url).searchParams.get('schema') ?? '';
  one = await PostgresStore.open({ url });
  two = await PostgresStore.open({ url });
  gate = new pg.Client({ connectionString: server.url });
  await gate.connect();
});
afterEach(async () => {
  await gate.end();
  await Promise.all([one.close(), two.close()]);
});

const create = (id: string, overrides: Parameters<typeof newTask>[1] = {}): Command => ({
  type: 'createTask',
  submit: true,
  task: newTask(id, { agentId: 'a', ...overrides }),
});
const complete = (id: string, attempt = 1): Group => [
  { type: 'report', id, attempt, command: { type: 'complete', output: '1' } },
];
const fail = (id: string): Group => [
  {
    type: 'report',
    id,
    attempt: 1,
    command: {
      type: 'fail',
      error: { name: 'E', message: 'no', attempt: 1 },
      retryable: false,
      draw: 0,
      defaultMaxRetries: 0,
    },
  },
];
const lease = { leaseMs: 60_000, renewMs: 20_000 };
const pause = (ms: number): Promise<void> => new Promise((resolve) => systemClock.setTimer(resolve, ms));

/** Where a transaction is held up: it writes an event of this subject, or changes this task. */
const writes = {
  event: (subject: string) => `AFTER INSERT ON "${schema}".events FOR EACH ROW WHEN (NEW.subject = '${subject}')`,
  task: (id: string) => `AFTER UPDATE ON "${schema}".tasks FOR EACH ROW WHEN (NEW.id = '${id}')`,
};

/** A gate that holds up whichever transaction writes such a thing, behind all that it has written so far. */
async function holdUp(id: string, thing: keyof typeof writes = 'event'): Promise<() => Promise<unknown>> {
  await gate.query('SELECT pg_advisory_lock(1)');
  await gate.query(`
    CREATE FUNCTION "${schema}".wait() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$;
    CREATE TRIGGER wait ${writes[thing](id)}
      EXECUTE FUNCTION "${schema}".wait()`);
  return () => gate.query('SELECT pg_advisory_unlock(1)');
}

/** Waits until somebody stands at the gate. */
async function heldUp(): Promise<void> {
  await expect
    .poll(async () => (await gate.query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`)).rowCount)
    .toBeGreaterThan(0);
}

describe('the log of a PostgreSQL store', () => {
  it('never shows an event to whom an earlier one would be lost, whichever transaction began first', async () => {
    const positions = (events: readonly { readonly subject: string }[]): string[] =>
      events.map(({ subject }) => subject);
    const release = await holdUp('tsk_slow');
    // One has taken its position and is not committed; two takes a later one and is.
    const slow = one.commit({ groups: [[create('tsk_slow')]] });
    await heldUp();
    await two.commit({ groups: [[create('tsk_fast')]] });
    expect(positions(await two.events({ limit: 10 }))).toEqual([]);
    expect(await two.lastPosition()).toBe(0);
    // Its own log is complete: nothing can come before it there.
    expect(positions(await two.events({ subject: 'tsk_fast', limit: 10 }))).toEqual(['tsk_fast']);
    await release();
    await slow;
    expect(positions(await two.events({ limit: 10 }))).toEqual(['tsk_slow', 'tsk_fast']);
    expect(await two.lastPosition()).toBe(2);
  });

  it('is not held up by a foreign transaction, however long that stays open', async () => {
    await gate.query('BEGIN; SELECT pg_current_xact_id()');
    await one.commit({ groups: [[create('tsk_1')]] });
    expect(await two.events({ limit: 10 })).toHaveLength(1);
    await gate.query('ROLLBACK');
  });
});

describe('two PostgreSQL stores on one schema', () => {
  it('add to the counters of one workflow at the same time, and none is lost', async () => {
    const ids = Array.from({ length: 200 }, (_, index) => `tsk_${String(index).padStart(3, '0')}`);
    await one.commit({ groups: [[{ type: 'createWorkflow', workflow: newWorkflow('wf') }]] });
    await Promise.all(
      ids.map((id, index) => (index % 2 ? one : two).commit({ groups: [[create(id, { workflowId: 'wf' })]] })),
    );
    expect(await one.getWorkflow('wf')).toMatchObject({ total: 200, open: 200 });
    await one.openWorker({ id: 'wrk_1', hosts: ['a'], ...lease });
    const { claimed } = await one.commit({ groups: [], claim: { workerId: 'wrk_1', hosts: ['a'], limit: 200 } });
    expect(claimed).toHaveLength(200);
    const ends = ids.map((id, index) =>
      (index % 2 ? one : two).commit({ groups: [index % 3 ? complete(id) : fail(id)] }),
    );
    await Promise.all(ends);
    expect(await two.getWorkflow('wf')).toMatchObject({ total: 200, open: 0, started: 200, failed: 67 });
    const log = (await one.events({ subject: 'wf', limit: 100 })).map(({ type }) => type);
    expect(log.filter((type) => type === 'workflow.settled')).toHaveLength(1);
  });

  it('free a task that waits for two when both complete at the same time', async () => {
    await one.openWorker({ id: 'wrk_1', hosts: ['a'], ...lease });
    for (let round = 0; round < 20; round++) {
      const [first, second, last] = ['a', 'b', 'c'].map((name) => `tsk_${round}_${name}`) as [string, string, string];
      const dependsOn = [first, second].map((taskId) => ({ name: taskId, taskId }));
      await one.commit({ groups: [[create(first)], [create(second)]] });
      await one.commit({ groups: [], claim: { workerId: 'wrk_1', hosts: ['a'], limit: 2 } });
      await Promise.all([
        one.commit({ groups: [complete(first)] }),
        two.commit({ groups: [complete(second)] }),
        one.commit({ groups: [[create(last, { dependsOn })]] }),
      ]);
      const { claimed } = await two.commit({ groups: [], claim: { workerId: 'wrk_1', hosts: ['a'], limit: 2 } });
      expect(claimed.map(({ id }) => id)).toEqual([last]);
      await one.commit({ groups: [complete(last)] });
    }
  });

  it('never run more attempts of an agent than it may, both claiming at the same time', async () => {
    const config = newAgentConfig('a', { limits: { concurrency: 3 } });
    await one.commit({ groups: [[{ type: 'registerAgent', config }]] });
    await one.commit({ groups: [Array.from({ length: 40 }, (_, index) => create(`tsk_${index}`))] });
    await one.openWorker({ id: 'wrk_1', hosts: ['a'], ...lease });
    await two.openWorker({ id: 'wrk_2', hosts: ['a'], ...lease });
    const claims = await Promise.all(
      [one, two, one, two].map((store, index) =>
        store.commit({ groups: [], claim: { workerId: `wrk_${(index % 2) + 1}`, hosts: ['a'], limit: 10 } }),
      ),
    );
    expect(claims.flatMap(({ claimed }) => claimed)).toHaveLength(3);
  });

  describe.each(['cancelWorkflow', 'pauseWorkflow'] as const)('once %s has been answered', (type) => {
    beforeEach(async () => {
      await one.commit({ groups: [[{ type: 'createWorkflow', workflow: newWorkflow('wf') }]] });
      await one.openWorker({ id: 'wrk_1', hosts: ['a'], ...lease });
    });

    /** Lets a request see a workflow that goes on, and ends that while the request is under way. */
    async function endDuring(request: CommitRequest): Promise<CommitResponse> {
      const release = await holdUp('tsk_1');
      const underWay = one.commit(request);
      await heldUp();
      await two.commit({ groups: [[{ type, id: 'wf' }]] });
      await release();
      return underWay;
    }

    it('start no task of the workflow by a claim that was under way, and give its place to another', async () => {
      await one.commit({ groups: [[create('tsk_1', { workflowId: 'wf' }), create('tsk_2')]] });
      const { claimed } = await endDuring({ groups: [], claim: { workerId: 'wrk_1', hosts: ['a'], limit: 1 } });
      expect(claimed.map(({ id }) => id)).toEqual(['tsk_2']);
      const log = await one.events({ subject: 'tsk_1', limit: 10 });
      expect(log.map((event) => event.type)).not.toContain('task.claimed');
    });

    it('start none of its tasks anew either', async () => {
      await one.commit({ groups: [[create('tsk_1', { workflowId: 'wf' })]] });
      await one.commit({ groups: [], claim: { workerId: 'wrk_1', hosts: ['a'], limit: 1 } });
      await one.closeWorker('wrk_1');
      await one.openWorker({ id: 'wrk_1', hosts: ['a'], ...lease });
      const { claimed } = await endDuring({ groups: [], claim: { workerId: 'wrk_1', hosts: ['a'], limit: 1 } });
      expect(claimed).toEqual([]);
    });

    it('start none of its tasks by name', async () => {
      await one.commit({ groups: [[create('tsk_1', { workflowId: 'wf' })]] });
      const claim: Command = { type: 'claimTask', id: 'tsk_1', workerId: 'wrk_1', agentId: 'a' };
      const { results } = await endDuring({ groups: [[claim]] });
      expect(results[0]).toMatchObject({ code: type === 'pauseWorkflow' ? 'TASK_BLOCKED' : 'WORKFLOW_CANCELLED' });
    });
  });

  it('add no task to a workflow once cancelWorkflow has been answered', async () => {
    await one.commit({ groups: [[{ type: 'createWorkflow', workflow: newWorkflow('wf') }]] });
    const release = await holdUp('tsk_1');
    const created = one.commit({ groups: [[create('tsk_1', { workflowId: 'wf' })]] });
    await heldUp();
    await two.commit({ groups: [[{ type: 'cancelWorkflow', id: 'wf' }]] });
    await release();
    expect((await created).results[0]).toMatchObject({ code: 'WORKFLOW_CANCELLED' });
    expect(await two.getWorkflow('wf')).toMatchObject({ total: 0 });
  });

  it('hold no task back once resumeWorkflow has been answered', async () => {
    const wf: Command = { type: 'createWorkflow', workflow: newWorkflow('wf') };
    await one.commit({ groups: [[wf, create('tsk_1', { workflowId: 'wf' }), { type: 'pauseWorkflow', id: 'wf' }]] });
    const release = await holdUp('tsk_1', 'task');
    const held = one.commit({ groups: [[{ type: 'alignTasks', workflowId: 'wf', limit: 10, graceMs: 0 }]] });
    await heldUp();
    await two.commit({ groups: [[{ type: 'resumeWorkflow', id: 'wf' }]] });
    await release();
    await held;
    expect(await two.getTask('tsk_1')).toMatchObject({ held: false });
  });

  it('pause a workflow within a moment, however many claim and complete its tasks', { timeout: 30_000 }, async () => {
    const wf: Command = { type: 'createWorkflow', workflow: newWorkflow('wf') };
    const ids = Array.from({ length: 4_000 }, (_, index) => `tsk_${index}`);
    await one.commit({ groups: [[wf, ...ids.map((id) => create(id, { workflowId: 'wf' }))]] });
    const others = await Promise.all([1, 2, 3, 4].map(() => PostgresStore.open({ url })));
    let isOver = false;
    const work = async (store: PostgresStore, index: number): Promise<void> => {
      const workerId = `wrk_${index}`;
      await store.openWorker({ id: workerId, hosts: ['a'], ...lease });
      for (let ended: readonly Claimed[] = []; !isOver;) {
        const groups = ended.map(({ id, attempt }) => complete(id, attempt));
        ended = (await store.commit({ groups, claim: { workerId, hosts: ['a'], limit: 3 } })).claimed;
      }
    };
    const working = others.map(work);
    await expect.poll(async () => (await one.getWorkflow('wf'))?.started).toBeGreaterThan(0);
    const tookMs: number[] = [];
    for (let turn = 0; turn < 10; turn++) {
      const askedAt = systemClock.monotonic();
      await one.commit({ groups: [[{ type: 'pauseWorkflow', id: 'wf' }]] });
      tookMs.push(systemClock.monotonic() - askedAt);
      await one.commit({ groups: [[{ type: 'resumeWorkflow', id: 'wf' }]] });
      await one.commit({ groups: [[{ type: 'alignTasks', workflowId: 'wf', limit: 4_000, graceMs: 0 }]] });
    }
    isOver = true;
    await Promise.all(working);
    await Promise.all(others.map((store) => store.close()));
    const { total, open } = (await one.getWorkflow('wf')) as WorkflowRow;
    expect(open, 'they had work all the time').toBeGreaterThan(0);
    expect(total - open).toBeGreaterThan(0);
    expect(Math.max(...tookMs)).toBeLessThan(1_000);
  });

  it('end a workflow that fails fast when two of its tasks fail at the same time, without a deadlock', async () => {
    const deadlocks = async (): Promise<unknown> =>
      (await gate.query('SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()')).rows;
    const before = await deadlocks();
    await one.openWorker({ id: 'wrk_1', hosts: ['a'], ...lease });
    const claim = { workerId: 'wrk_1', hosts: ['a'], limit: 6 };
    for (let round = 0; round < 25; round++) {
      const workflowId = `wf_${round}`;
      const first = `tsk_${round}_a`;
      const second = `tsk_${round}_b`;
      const third = `tsk_${round}_c`;
      const next = `tsk_${round}_d`;
      const after = (...taskIds: string[]) => ({
        workflowId,
        dependsOn: taskIds.map((taskId) => ({ name: taskId, taskId })),
      });
      await one.commit({
        groups: [
          [
            { type: 'createWorkflow', workflow: newWorkflow(workflowId, { onFailure: 'failFast' }) },
            ...[first, second, third].map((id) => create(id, { workflowId })),
          ],
        ],
      });
      expect((await one.commit({ groups: [], claim })).claimed).toHaveLength(3);
      // What is free at once, what waits for either, and what waits for that.
      await one.commit({
        groups: [
          [
            create(next, { workflowId }),
            create(`${next}1`, after(first, third)),
            create(`${next}2`, after(second, third)),
            create(`${next}3`, after(next, third)),
            create(`${next}4`, after(`${next}1`, `${next}2`, `${next}3`)),
          ],
        ],
      });
      await Promise.all([
        one.commit({ groups: [fail(first)] }),
        two.commit({ groups: [fail(second)] }),
        two.commit({ groups: [complete(third)] }),
      ]);
    }
    while ((await one.sweep({ markDead: false })).more);
    expect((await one.commit({ groups: [], claim })).claimed).toEqual([]);
    const workflows = await one.listWorkflows({ limit: 100 });
    expect(workflows).toHaveLength(25);
    for (const workflow of workflows)
      expect(workflow).toMatchObject({ total: 8, open: 0, started: 3, cancelRequested: true });
    const rest = (await one.listTasks({ limit: 1_000 })).filter(({ attempt }) => attempt === 0);
    expect(new Set(rest.map(({ status }) => status))).toEqual(new Set(['cancelled']));
    expect((await one.events({ types: ['workflow.failed'], limit: 1_000 })).length).toBe(25);
    const ended = await one.events({ types: ['workflow.cancel_requested', 'workflow.settled'], limit: 1_000 });
    expect(ended).toHaveLength(50);
    await Promise.all([one.close(), two.close()]); // each connection tells what it has met when it ends
    await pause(100);
    expect(await deadlocks()).toEqual(before);
  });

  it('end a workflow that fails fast without waiting for those of its tasks that others are at', async () => {
    const workflow = newWorkflow('wf', { onFailure: 'failFast' });
    const tasks = ['tsk_1', 'tsk_2'].map((id) => create(id, { workflowId: 'wf' }));
    await one.commit({ groups: [[{ type: 'createWorkflow', workflow }, ...tasks]] });
    await one.openWorker({ id: 'wrk_1', hosts: ['a'], ...lease });
    await one.commit({ groups: [], claim: { workerId: 'wrk_1', hosts: ['a'], limit: 2 } });
    const dependsOn = ['tsk_2', 'tsk_3'].map((taskId) => ({ name: taskId, taskId }));
    await one.commit({
      groups: [[create('tsk_3', { workflowId: 'wf' }), create('tsk_4', { workflowId: 'wf', dependsOn })]],
    });
    const release = await holdUp('tsk_2');
    // It has the task that it ends, and the one that waits for it; and it is going to count in the workflow.
    const completed = two.commit({ groups: [complete('tsk_2')] });
    await heldUp();
    const askedAt = systemClock.monotonic();
    expect((await one.commit({ groups: [fail('tsk_1')] })).results[0]?.status).toBe('ok');
    expect(systemClock.monotonic() - askedAt, 'it did not wait until the other one gave up').toBeLessThan(5_000);
    await release();
    expect((await completed).results[0]?.status).toBe('ok');
    const statuses = async (): Promise<string[]> => (await one.listTasks({ limit: 10 })).map(({ status }) => status);
    expect(await statuses()).toEqual(['failed', 'completed', 'cancelled', 'pending']);
    await one.sweep({ markDead: false });
    expect(await statuses()).toEqual(['failed', 'completed', 'cancelled', 'cancelled']);
    expect((await one.getWorkflow('wf'))?.settledAt).not.toBeNull();
  });

  it('renew no lease through one that was closed', async () => {
    const beat = { id: 'wrk_1', hosts: ['a'], leaseMs: 1_500, renewMs: 200 };
    await one.openWorker(beat);
    await one.close();
    await expect(one.renew(beat)).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    await expect.poll(async () => (await two.worker('wrk_1'))?.leaseLeftMs, { timeout: 5_000 }).toBeLessThan(0);
  });

  it('give no task to a worker whose row is being removed', async () => {
    await one.commit({ groups: [[create('tsk_1')]] });
    await one.openWorker({ id: 'wrk_1', hosts: ['a'], leaseMs: 1, renewMs: 1 });
    await pause(5);
    const release = await holdUp('tsk_1');
    // The claim has looked at the row of its worker, found it, and is about to end.
    const claim = one.commit({ groups: [], claim: { workerId: 'wrk_1', hosts: ['a'], limit: 1 } });
    await heldUp();
    const swept = two.sweep({ markDead: true });
    await pause(100);
    expect(await two.worker('wrk_1'), 'a claim keeps the row').toBeDefined();
    await release();
    expect((await claim).claimed).toHaveLength(1);
    expect(await swept).toMatchObject({ deadWorkers: 1, releasedTasks: 1 });
    expect(await two.getTask('tsk_1')).toMatchObject({ status: 'pending', workerId: null, crashes: 1 });
  });

  it('go on when one of them was stopped inside a transaction', { timeout: 30_000 }, async () => {
    await one.commit({ groups: [[create('tsk_1')]] });
    // As a process that was stopped holds them: rows locked, and nothing more is heard of it.
    const stopped = new pg.Client({ connectionString: server.url });
    stopped.on('error', () => undefined);
    await stopped.connect();
    await stopped.query(
      `SET idle_in_transaction_session_timeout = 500; BEGIN; SELECT 1 FROM "${schema}".tasks FOR UPDATE`,
    );
    const { results } = await two.commit({ groups: [[{ type: 'cancelTask', id: 'tsk_1', graceMs: 0 }]] });
    expect(results[0]?.status).toBe('ok');
    await stopped.end();
  });
});

describe('a group that the database refuses', () => {
  const refuse = (name: string, state: string): Promise<unknown> =>
    server.ask(`
      CREATE FUNCTION "${schema}".refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = '${state}'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON "${schema}".tasks FOR EACH ROW WHEN (NEW.name = '${name}')
        EXECUTE FUNCTION "${schema}".refuse()`);

  it.each([
    ['by a trigger', 'P0001'],
    ['since a key is taken that nobody can see', '23505'],
  ])('%s is isolated from its neighbours in the same flush', async (_how, state) => {
    await refuse('poison', state);
    const ids = Array.from({ length: 50 }, (_, index) => `tsk_${String(index).padStart(2, '0')}`);
    const responses = await Promise.all(
      ids.map((id, index) => one.commit({ groups: [[create(id, { name: index === 31 ? 'poison' : 'task' })]] })),
    );
    const statuses = responses.map(({ results }) => results[0]?.status);
    expect(statuses.filter((status) => status === 'ok')).toHaveLength(49);
    expect(responses[31]?.results[0]).toMatchObject({
      status: 'error',
      code: 'STORE_FAILED',
      message: expect.stringContaining('not this one') as string,
    });
    expect(await one.listTasks({ limit: 100 })).toHaveLength(49);
    expect(await one.events({ limit: 100 })).toHaveLength(49);
  });

  it('leaves the other groups of its request and the claim as they are', async () => {
    await refuse('poison', 'P0001');
    await one.openWorker({ id: 'wrk_1', hosts: ['a'], ...lease });
    const { results, claimed } = await one.commit({
      groups: [[create('tsk_1')], [create('tsk_2', { name: 'poison' })], [create('tsk_3')]],
      claim: { workerId: 'wrk_1', hosts: ['a'], limit: 5 },
    });
    expect(results.map(({ status }) => status)).toEqual(['ok', 'error', 'ok']);
    expect(claimed.map(({ id }) => id)).toEqual(['tsk_1', 'tsk_3']);
  });
});
