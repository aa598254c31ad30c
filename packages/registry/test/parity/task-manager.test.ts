import { SymphonyError } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { echo, flaky, Lab, stores } from '../lab.ts';

describe.each(stores)('taskManager on %s', (_name, persistence) => {
  describe('createTask({ name, description?, input?, tags?, priority?, requirements?, agentId?, … })', () => {
    it('resolves to a Task that is pending and not due', async () => {
      await using lab = await Lab.open({ persistence, agents: [echo] });
      await lab.symphony.startWorker();
      const given = {
        name: 'brief',
        description: 'what changed',
        input: { query: 'Node 24?' },
        tags: ['news'],
        priority: 5,
        requirements: { capabilities: ['search'] },
        agentId: 'echo',
        metadata: ['kept'],
      };
      const task = await lab.taskManager.createTask(given);
      expect(task).toMatchObject({ ...given, status: 'pending', attempt: 0 });
      expect(task.dueAt).toBeUndefined();
      await lab.clock.advance(60_000);
      expect(await lab.task(task.id)).toEqual(task);
    });

    it.each<[string, unknown]>([
      ['NUL and lone surrogates', '\u0000\ud800\udfff\ufffe\u202e🧵'],
      ['numbers', [1e21, 5e-324, -0.5, Number.MAX_SAFE_INTEGER]],
      ['keys of Object', { constructor: null, toString: [], '': {} }],
      ['half a megabyte', 'ä'.repeat(250_000)],
    ])('keeps %s byte by byte, from input to output', async (_what, input) => {
      await using lab = await Lab.open({ persistence });
      const { input: stored } = await lab.taskManager.createTask({ name: 'job', input });
      expect(JSON.stringify(stored)).toBe(JSON.stringify(input));
      const { output } = await lab.executor.executeTask(await lab.create({ input }), echo);
      expect(JSON.stringify(output)).toBe(JSON.stringify(input));
    });
  });

  describe('submit(…)', () => {
    it('resolves to a TaskHandle, and a worker does the work', async () => {
      await using lab = await Lab.open({ persistence, agents: [echo] });
      await lab.symphony.startWorker();
      const handle = await lab.taskManager.submit({ name: 'job', input: { n: 1 } });
      expect(await lab.until(handle.result())).toEqual({ n: 1 });
      expect(await handle.status()).toBe('completed');
      const types: string[] = [];
      for await (const { type } of handle.events()) types.push(type);
      expect(types).toEqual(['task.created', 'task.routed', 'task.claimed', 'task.completed']);
    });

    it('releases a task that was created before', async () => {
      await using lab = await Lab.open({ persistence, agents: [echo] });
      await lab.symphony.startWorker();
      const handle = await lab.symphony.submit(await lab.create({ input: 7 }));
      expect(await lab.until(handle.result())).toBe(7);
    });

    it('with dueAt waits until then', async () => {
      await using lab = await Lab.open({ persistence, agents: [echo] });
      await lab.symphony.startWorker();
      const dueAt = lab.clock.now() + 3_600_000;
      const handle = await lab.symphony.submit({ name: 'job', dueAt: new Date(dueAt) });
      await lab.clock.advance(3_599_000);
      expect(await handle.status()).toBe('pending');
      await lab.clock.advance(2_000);
      expect(await handle.task()).toMatchObject({
        status: 'completed',
        startedAt: expect.toSatisfy((at) => at >= dueAt) as number,
      });
    });

    it('under the same key and body gives the same task; with another body IDEMPOTENCY_CONFLICT', async () => {
      await using lab = await Lab.open({ persistence });
      const given = { name: 'job', input: { a: 1, b: 2 }, idempotencyKey: 'k' };
      const [first, second] = await Promise.all([
        lab.symphony.submit(given),
        lab.symphony.submit({ idempotencyKey: 'k', input: { b: 2, a: 1 }, name: 'job' }),
      ]);
      expect(second.id).toBe(first.id);
      expect((await lab.taskManager.createTask(given)).id).toBe(first.id);
      await expect(lab.symphony.submit({ ...given, input: 3 })).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
      expect(await lab.taskManager.listTasks()).toHaveLength(1);
    });
  });

  describe('a TaskHandle', () => {
    it('rejects with the recorded error, TASK_CANCELLED or TASK_NOT_FOUND', async () => {
      await using lab = await Lab.open({ persistence, agents: [flaky(9)] });
      await lab.symphony.startWorker();
      const failing = await lab.symphony.submit({ name: 'job', retry: { maxRetries: 0 } });
      const error: unknown = await lab.until(failing.result().catch((thrown: unknown) => thrown));
      expect(error).toMatchObject({ code: 'AGENT_ERROR', message: 'no 1', details: { taskId: failing.id } });
      expect(SymphonyError.is(error)).toBe(true);
      const cancelled = await lab.symphony.submit({ name: 'job', agentId: 'nobody' });
      expect(await cancelled.cancel()).toMatchObject({ status: 'cancelled' });
      await expect(cancelled.result()).rejects.toMatchObject({ code: 'TASK_CANCELLED' });
      await expect(lab.taskManager.handle('tsk_none').result()).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    });

    it('waits no longer than timeoutMs or its signal', async () => {
      await using lab = await Lab.open({ persistence });
      const handle = await lab.symphony.submit({ name: 'job' });
      await expect(lab.until(handle.result({ timeoutMs: 100 }))).rejects.toMatchObject({ code: 'WAIT_TIMEOUT' });
      await expect(handle.result({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    });
  });

  describe('getTask, listTasks, cancelTask, retryTask', () => {
    it('find, list, cancel and start anew', async () => {
      await using lab = await Lab.open({ persistence });
      const [first, second] = [await lab.create({ name: 'first' }), await lab.create({ name: 'second' })];
      expect(await lab.taskManager.getTask(first)).toMatchObject({ name: 'first' });
      expect(await lab.taskManager.getTask('tsk_none')).toBeUndefined();
      expect((await lab.taskManager.listTasks()).map(({ name }) => name)).toEqual(['first', 'second']);
      expect(await lab.taskManager.cancelTask(second)).toMatchObject({ status: 'cancelled' });
      expect((await lab.taskManager.listTasks({ status: 'cancelled' })).map(({ id }) => id)).toEqual([second]);
      await expect(lab.taskManager.retryTask(first)).rejects.toMatchObject({ code: 'TASK_INVALID_TRANSITION' });
      expect(await lab.taskManager.retryTask(second)).toMatchObject({ status: 'pending', dueAt: lab.clock.now() });
      expect(await lab.executor.executeTask(second, echo)).toMatchObject({ status: 'completed', attempt: 1 });
    });
  });
});
