import { describe, expect, it } from 'vitest';
import type { CreateTask } from '@symphony/tracker';
import { Lab } from '../test/lab.ts';

describe('under one idempotency key', () => {
  const given: CreateTask = { name: 'job', input: { a: 1, b: 2 }, idempotencyKey: 'k' };

  it.each<[string, Partial<CreateTask>]>([
    ['keys of the input in another order', { input: { b: 2, a: 1 } }],
    ['an input that becomes the same JSON', { input: { a: 1, b: 2, c: undefined } }],
  ])('%s is the same task', async (_, changed) => {
    await using lab = new Lab();
    const { id } = await lab.tasks.createTask(given);
    expect((await lab.tasks.createTask({ ...given, ...changed })).id).toBe(id);
  });

  it.each<[string, Partial<CreateTask>]>([
    ['another input', { input: 1 }],
    ['a default that is given', { priority: 0 }],
    ['an empty list that is given', { tags: [] }],
    ['a dependency', { dependsOn: ['tsk_none'] }],
  ])('%s is a conflict', async (_, changed) => {
    await using lab = new Lab();
    await lab.tasks.createTask(given);
    await expect(lab.tasks.createTask({ ...given, ...changed })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
  });
});
