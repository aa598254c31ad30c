import type { Command } from '@symphony/core';
import { newTask, newWorkflow, VirtualClock } from '@symphony/testing';
import { expect, it } from 'vitest';
import { MemoryStore } from './index.ts';

const many = 100_000;

function create(index: number, overrides: Partial<Parameters<typeof newTask>[1]>): Command {
  return { type: 'createTask', task: newTask(`tsk_${index}`, { priority: 100, ...overrides }), submit: true };
}

it('claims and sweeps in no time beside a hundred thousand tasks that are not to be had', async () => {
  const clock = new VirtualClock();
  await using store = new MemoryStore({ clock });
  await store.commit({
    groups: [
      [{ type: 'createWorkflow', workflow: newWorkflow('wf_1') }],
      Array.from({ length: many }, (_, index) => {
        const kinds = [
          { agentId: 'nobody' },
          { agentId: 'a', dueAt: clock.now() + 3_600_000 },
          { agentId: 'a', workflowId: 'wf_1' },
        ];
        return create(index, kinds[index % 3] ?? {});
      }),
      [
        { type: 'pauseWorkflow', id: 'wf_1' },
        { type: 'alignTasks', workflowId: 'wf_1', limit: many, graceMs: 0 },
      ],
      Array.from({ length: 1_000 }, (_, index) => create(many + index, { agentId: 'a', priority: -100 })),
    ],
  });
  await store.openWorker({ id: 'wrk_1', hosts: ['a'], leaseMs: 10_000, renewMs: 3_000 });
  const started = performance.now();
  let claimed = 0;
  for (let claims = 0; claims < 100; claims++) {
    claimed += (await store.commit({ groups: [], claim: { workerId: 'wrk_1', hosts: ['a'], limit: 10 } })).claimed
      .length;
    await store.sweep({ markDead: true });
  }
  expect(claimed).toBe(1_000);
  // It takes about 20 ms; looking at all tasks each time would take many seconds.
  expect(performance.now() - started).toBeLessThan(2_000);
  expect(await store.sweep({ markDead: true })).toEqual({ deadWorkers: 0, releasedTasks: 0, more: false });
});
