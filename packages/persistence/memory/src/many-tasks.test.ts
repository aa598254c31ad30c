import type { Command } from '@symphony/core';
import { newTask, newWorkflow, VirtualClock } from '@symphony/testing';
import { afterEach, expect, it, vi } from 'vitest';
import { MemoryStore } from './index.ts';
import { SortedKeys } from './sorted-keys.ts';

afterEach(() => vi.restoreAllMocks());

const many = 30_000;

function create(index: number, overrides: Partial<Parameters<typeof newTask>[1]>): Command {
  return { type: 'createTask', task: newTask(`tsk_${index}`, { priority: 100, ...overrides }), submit: true };
}

it('claims and sweeps look at what they take, whatever else is there', async () => {
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
  for (let worker = 0; worker < 100; worker++)
    await store.openWorker({ id: `wrk_${worker}`, hosts: ['a'], leaseMs: 10_000, renewMs: 3_000 });
  const looks = countLooks();
  let claimed = 0;
  for (let worker = 0; worker < 100; worker++) {
    const claim = { workerId: `wrk_${worker}`, hosts: ['a'], limit: 10 };
    claimed += (await store.commit({ groups: [], claim })).claimed.length;
    await store.sweep({ markDead: true });
  }
  expect(claimed).toBe(1_000);
  expect(looks()).toBeLessThan(5 * claimed);
});

it('removing some of many looks at what it removes, and copies the log once', async () => {
  const clock = new VirtualClock();
  await using store = new MemoryStore({ clock });
  for (let index = 0; index < many; index += 1_000) {
    const group = Array.from({ length: 1_000 }, (_, offset) => create(index + offset, {}));
    await store.commit({ groups: [group] });
    const cancel = group.map((_, offset): Command => ({ type: 'cancelTask', id: `tsk_${index + offset}`, graceMs: 0 }));
    await store.commit({ groups: [cancel] });
  }
  const looks = countLooks();
  const copies = vi.spyOn(Array.prototype, 'filter');
  expect(await store.prune({ olderThanMs: 0, limit: 500 })).toEqual({ tasks: 500, workflows: 0, more: true });
  const filtered = copies.mock.contexts as readonly (readonly unknown[])[];
  const copied = filtered.reduce((sum, { length }) => sum + length, 0);
  copies.mockRestore();
  expect(looks()).toBeLessThan(1_000);
  expect(copied).toBeLessThan(3 * many);
  expect(await store.events({ limit: 100_000 })).toHaveLength(2 * (many - 500));
});

/** Counts the keys of all indexes that are looked at from now on. */
function countLooks(): () => number {
  let count = 0;
  const { after } = SortedKeys.prototype;
  vi.spyOn(SortedKeys.prototype, 'after').mockImplementation(function* (this: SortedKeys, cursor) {
    for (const key of after.call(this, cursor)) {
      count++;
      yield key;
    }
  });
  return () => count;
}
