import pg from 'pg';
import type { Command, Group } from '@symphony/core';
import { newAgentConfig, newTask, newWorkflow } from '@symphony/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findServer } from '../test/server.ts';
import { PostgresStore } from './index.ts';

let server: Awaited<ReturnType<typeof findServer>>;
beforeAll(async () => void (server = await findServer()), 60_000);
afterAll(() => server.stop());

let schema: string;
let one: PostgresStore;
let two: PostgresStore;
let gate: pg.Client;
beforeEach(async () => {
  const url = server.newUrl();
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

const create = (id: string, overrides: Parameters<typeof newTask>[1] = {}): Group => [
  { type: 'createTask', submit: true, task: newTask(id, { agentId: 'a', ...overrides }) },
];
const complete = (id: string): Command => ({
  type: 'report',
  id,
  attempt: 1,
  command: { type: 'complete', output: '1' },
});
const claim = { workerId: 'wrk_1', hosts: ['a'], limit: 10 } as const;

/**
 * Lets one transaction wait where it writes an event of a subject, with all that it has locked and written by then, until
 * another stands behind it; then lets both go on.
 */
async function meet(subject: string, first: () => Promise<unknown>, second: () => Promise<unknown>): Promise<void> {
  await gate.query('SELECT pg_advisory_lock(1)');
  await gate.query(`
    CREATE FUNCTION "${schema}".wait() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$;
    CREATE TRIGGER wait AFTER INSERT ON "${schema}".events FOR EACH ROW WHEN (NEW.subject = '${subject}')
      EXECUTE FUNCTION "${schema}".wait()`);
  const atGate = first();
  await waiting(1);
  const behind = second();
  await waiting(2);
  await gate.query('SELECT pg_advisory_unlock(1)');
  await Promise.all([atGate, behind]);
}

/** Waits until so many transactions wait for a lock. */
async function waiting(count: number): Promise<void> {
  await expect
    .poll(async () => (await gate.query(`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)).rowCount, {
      timeout: 5_000,
    })
    .toBe(count);
}

describe('two transactions that meet over one row', () => {
  it('and complete what a task waits for free it once', async () => {
    await one.openWorker({ id: 'wrk_1', hosts: ['a'], leaseMs: 60_000, renewMs: 20_000 });
    await one.commit({ groups: [create('tsk_1'), create('tsk_2')] });
    await one.commit({ groups: [], claim });
    const dependsOn = ['tsk_1', 'tsk_2'].map((taskId) => ({ name: taskId, taskId }));
    await one.commit({ groups: [create('tsk_last', { dependsOn })] });
    await meet(
      'tsk_1',
      () => one.commit({ groups: [[complete('tsk_1')]] }),
      () => two.commit({ groups: [[complete('tsk_2')]] }),
    );
    expect(await two.getTask('tsk_last')).toMatchObject({ status: 'pending', openDependencies: 0 });
    const { claimed } = await two.commit({ groups: [], claim });
    expect(claimed.map(({ id }) => id)).toEqual(['tsk_last']);
    expect((await one.events({ subject: 'tsk_last', types: ['task.unblocked'], limit: 10 })).length).toBe(1);
  });

  it('and change the counters of one workflow add up', async () => {
    await one.openWorker({ id: 'wrk_1', hosts: ['a'], leaseMs: 60_000, renewMs: 20_000 });
    await one.commit({ groups: [[{ type: 'createWorkflow', workflow: newWorkflow('wf') }]] });
    await one.commit({ groups: [create('tsk_1', { workflowId: 'wf' }), create('tsk_2', { workflowId: 'wf' })] });
    // The first start is a fact of the workflow: it is written with the counters already changed.
    await meet(
      'wf',
      () => one.commit({ groups: [[{ type: 'claimTask', id: 'tsk_1', workerId: 'wrk_1', agentId: 'a' }]] }),
      () => two.commit({ groups: [[{ type: 'cancelTask', id: 'tsk_2', graceMs: 0 }]] }),
    );
    expect(await two.getWorkflow('wf')).toMatchObject({ total: 2, open: 1, cancelled: 1, started: 1, failed: 0 });
  });

  it('and cancel a workflow and claim one task: the claim gets one of another workflow', async () => {
    await one.openWorker({ id: 'wrk_1', hosts: ['a'], leaseMs: 60_000, renewMs: 20_000 });
    await one.commit({ groups: [[{ type: 'createWorkflow', workflow: newWorkflow('wf') }]] });
    await one.commit({ groups: [create('tsk_1', { workflowId: 'wf' }), create('tsk_2', { workflowId: 'wf' })] });
    await one.commit({ groups: [create('tsk_3')] });
    let claimed: readonly string[] = [];
    await meet(
      'wf',
      () => one.commit({ groups: [[{ type: 'cancelWorkflow', id: 'wf' }]] }),
      async () => {
        const response = await two.commit({ groups: [], claim: { ...claim, limit: 1 } });
        claimed = response.claimed.map(({ id }) => id);
      },
    );
    expect(claimed).toEqual(['tsk_3']);
  });

  it('and claim for one agent start no more than it may', async () => {
    const config = newAgentConfig('a', { limits: { concurrency: 1 } });
    await one.commit({ groups: [[{ type: 'registerAgent', config }]] });
    await one.commit({ groups: [create('tsk_1'), create('tsk_2')] });
    for (const id of ['wrk_1', 'wrk_2']) await one.openWorker({ id, hosts: ['a'], leaseMs: 60_000, renewMs: 20_000 });
    await meet(
      'tsk_1',
      () => one.commit({ groups: [], claim: { ...claim, limit: 1 } }),
      () => two.commit({ groups: [], claim: { ...claim, workerId: 'wrk_2', limit: 1 } }),
    );
    const statuses = await Promise.all(['tsk_1', 'tsk_2'].map(async (id) => (await one.getTask(id))?.status));
    expect(statuses).toEqual(['running', 'pending']);
  });
});
