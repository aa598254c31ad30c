import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Group } from '@symphony/core';
import { newTask, newWorkflow } from '@symphony/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findServer } from '../test/server.ts';
import { PostgresStore } from './index.ts';

let server: Awaited<ReturnType<typeof findServer>>;
beforeAll(async () => void (server = await findServer()), 60_000);
afterAll(() => server.stop(), 60_000);

const count = 10_000;
const ids = Array.from({ length: count }, (_, index) => `tsk_${String(index).padStart(6, '0')}`);
const workflows = ['wf_0', 'wf_1', 'wf_2'];

it(`gives each of ${count} tasks to one of four processes, and to no other`, { timeout: 120_000 }, async () => {
  const url = server.newUrl();
  const store = await PostgresStore.open({ url });
  const create = (id: string, index: number): Group => [
    {
      type: 'createTask',
      submit: true,
      task: newTask(id, { agentId: 'agent', workflowId: workflows[index % workflows.length] ?? null }),
    },
  ];
  await store.commit({ groups: workflows.map((id) => [{ type: 'createWorkflow', workflow: newWorkflow(id) }]) });
  await store.commit({ groups: ids.map(create) });

  const program = new URL('../test/claim-all.ts', import.meta.url).pathname;
  const runs = Array.from({ length: 4 }, () =>
    promisify(execFile)(process.execPath, ['--conditions=@symphony/source', program, url], { maxBuffer: 1 << 24 }),
  );
  const shares = (await Promise.all(runs)).map(({ stdout }) => JSON.parse(stdout) as string[]);

  expect(shares.flat().toSorted()).toEqual(ids);
  expect(shares.filter((share) => share.length > 0).length).toBeGreaterThan(1);
  const claims = await store.events({ types: ['task.claimed'], limit: 2 * count });
  expect(claims.map(({ subject }) => subject).toSorted()).toEqual(ids);
  const feed = await store.events({ limit: 10 * count });
  expect(feed.filter(({ type }) => type === 'task.completed')).toHaveLength(count);
  const seqs = new Map<string, number>();
  for (const { subject, seq } of feed) {
    expect(seq, `the log of ${subject}`).toBe((seqs.get(subject) ?? 0) + 1);
    seqs.set(subject, seq);
  }
  for (const [index, id] of workflows.entries()) {
    const tasks = ids.filter((_, place) => place % workflows.length === index).length;
    expect(await store.getWorkflow(id)).toMatchObject({ total: tasks, open: 0, failed: 0, started: tasks });
    expect((await store.getWorkflow(id))?.settledAt).not.toBeNull();
  }
  await store.close();
});
