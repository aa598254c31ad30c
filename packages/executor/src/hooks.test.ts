import type { Agent, Task } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import type { ExecuteOptions, ExecutionHooks } from './index.ts';
import { flaky, Lab, rejectWith } from '../test/lab.ts';

const hang = (): Promise<never> => new Promise(() => undefined);

describe('hooks', () => {
  it('run around the agent: those of the executor first, then those of the call, with what they are promised', async () => {
    await using lab = new Lab();
    const calls: unknown[] = [];
    const agent: Agent = { id: 'ada', run: () => (calls.push('run'), { sum: 3 }) };
    const hooks: ExecutionHooks = {
      preExecution: async (task, who) => void calls.push(['pre 1', task.status, who.id]),
      postExecution: (task, who, result) => void calls.push(['post 1', task.status, who.id, result]),
    };
    const task = await lab.executor({ hooks }).executeTask(await lab.create(), agent, {
      preExecutionHook: (task, who) => void calls.push(['pre 2', task.status, who.id]),
      postExecutionHook: async (task, who, result) => void calls.push(['post 2', task.status, who.id, result]),
    });
    expect(task.status).toBe('completed');
    expect(calls).toEqual([
      ['pre 1', 'running', 'ada'],
      ['pre 2', 'running', 'ada'],
      'run',
      ['post 1', 'completed', 'ada', { sum: 3 }],
      ['post 2', 'completed', 'ada', { sum: 3 }],
    ]);
  });

  it('after the agent see a task that is committed', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    let stored: Task | undefined;
    await lab.executor().executeTask(id, flaky(0), {
      postExecutionHook: async () => {
        stored = await lab.task(id);
      },
    });
    expect(stored).toMatchObject({ status: 'completed', output: 'done' });
  });

  it('before the agent run in every attempt; after it once, when the task has ended', async () => {
    await using lab = new Lab();
    const calls: string[] = [];
    const options: ExecuteOptions = {
      preExecutionHook: (task) => void calls.push(`pre ${task.attempt}`),
      postExecutionHook: (task, _agent, result) => void calls.push(`post ${task.attempt} ${String(result)}`),
    };
    await lab.until(lab.executor().executeWithRetry(await lab.create(), flaky(2), { ...options, retryDelay: 1 }));
    expect(calls).toEqual(['pre 1', 'pre 2', 'pre 3', 'post 3 done']);
  });

  it('after the agent hear of failed and cancelled tasks too, without a result', async () => {
    await using lab = new Lab();
    const heard: unknown[] = [];
    const options: ExecuteOptions = {
      postExecutionHook: (task, _agent, result) => void heard.push([task.status, task.error?.message, result]),
    };
    const executor = lab.executor();
    await executor.executeTask(await lab.create(), flaky(1), options);
    const controller = new AbortController();
    const agent: Agent = {
      id: 'ada',
      run: (_task, { signal }) => {
        controller.abort();
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        });
      },
    };
    await lab.until(executor.executeTask(await lab.create(), agent, { ...options, signal: controller.signal }));
    expect(heard).toEqual([
      ['failed', 'no 1', undefined],
      ['cancelled', undefined, undefined],
    ]);
  });

  it('are given copies: nothing they do to them changes what the agent, the caller or the store sees', async () => {
    await using lab = new Lab();
    const id = await lab.create({ input: { list: [1] }, tags: ['a'] });
    const spoil = (task: Task): void => {
      const mutable = task as unknown as {
        input: { list: number[] };
        output?: { list: number[] };
        status: string;
        tags: string[];
      };
      mutable.input.list.push(99);
      mutable.tags.push('spoilt');
      mutable.output?.list.push(99);
      mutable.status = 'failed';
    };
    const hooks: ExecutionHooks = {
      preExecution: spoil,
      postExecution: (task, _agent, result) => {
        spoil(task);
        (result as { list: number[] }).list.push(99);
      },
    };
    const seen: unknown[] = [];
    const agent: Agent = { id: 'ada', run: (task: Task) => (seen.push(structuredClone(task.input)), task.input) };
    const task = await lab.executor({ hooks }).executeTask(id, agent, {
      preExecutionHook: (task) => void seen.push(structuredClone(task.input)),
      postExecutionHook: (_task, _agent, result) => void seen.push(structuredClone(result)),
    });
    expect(seen).toEqual([{ list: [1] }, { list: [1] }, { list: [1] }]);
    expect(task).toMatchObject({ status: 'completed', output: { list: [1] }, input: { list: [1] }, tags: ['a'] });
    expect(await lab.task(id)).toEqual(task);
  });

  it('of a worker are those of its executor', async () => {
    await using lab = new Lab();
    const calls: string[] = [];
    const hooks: ExecutionHooks = {
      preExecution: (task) => void calls.push(`pre ${task.name}`),
      postExecution: (task) => void calls.push(`post ${task.name} ${task.status}`),
    };
    await lab.executor({ hooks }).startWorker({ agents: [flaky(0)] });
    const first = await lab.submit({ name: 'first', agentId: 'flaky' });
    const second = await lab.submit({ name: 'second', agentId: 'flaky' });
    await lab.until(Promise.all([lab.tasks.waitForTask(first), lab.tasks.waitForTask(second)]));
    await lab.clock.advance(0);
    expect([...calls].sort()).toEqual(['post first completed', 'post second completed', 'pre first', 'pre second']);
  });
});

describe('a pre-execution hook', () => {
  it.each<[string, () => Promise<void>, string, string, number]>([
    [
      'throws',
      () => Promise.reject(new Error('no permit')),
      'HOOK_FAILED',
      'The pre-execution hook threw: no permit',
      0,
    ],
    [
      'throws null',
      () => rejectWith(null),
      'HOOK_FAILED',
      'The pre-execution hook threw: (a non-Error was thrown: null)',
      0,
    ],
    [
      'throws an object that cannot be shown',
      () => rejectWith(Object.create(null)),
      'HOOK_FAILED',
      'The pre-execution hook threw: (an object without a message was thrown)',
      0,
    ],
    ['hangs', hang, 'HOOK_TIMEOUT', 'The pre-execution hook took longer than 30000 ms.', 30_000],
  ])('that %s fails the attempt before the agent runs', async (_name, preExecutionHook, code, message, afterMs) => {
    await using lab = new Lab();
    let ran = false;
    const agent: Agent = { id: 'ada', run: () => void (ran = true) };
    const startedAt = lab.clock.now();
    const id = await lab.create();
    const task = await lab.until(lab.executor().executeTask(id, agent, { preExecutionHook }));
    expect(task).toMatchObject({ status: 'failed', failures: 1, error: { code, message, attempt: 1 } });
    expect(ran).toBe(false);
    expect(lab.clock.now() - startedAt).toBe(afterMs);
  });

  it('that throws at once keeps the hooks after it from running, and costs a retry', async () => {
    await using lab = new Lab();
    const calls: string[] = [];
    const hooks: ExecutionHooks = {
      preExecution: ({ attempt }) => {
        calls.push(`first ${attempt}`);
        if (attempt === 1) throw new Error('not yet');
      },
    };
    const run = lab.executor({ hooks }).executeWithRetry(await lab.create(), flaky(0), {
      retryDelay: 1,
      preExecutionHook: ({ attempt }) => void calls.push(`second ${attempt}`),
    });
    expect(await lab.until(run)).toMatchObject({ status: 'completed', attempt: 2, failures: 1 });
    expect(calls).toEqual(['first 1', 'first 2', 'second 2']);
  });

  it('counts against the start-to-close timeout', async () => {
    await using lab = new Lab();
    const id = await lab.create({ timeouts: { startToCloseMs: 100 } });
    const task = await lab.until(lab.executor().executeTask(id, flaky(0), { preExecutionHook: hang }));
    expect(task).toMatchObject({ status: 'failed', error: { code: 'START_TO_CLOSE_TIMEOUT' } });
  });
});

describe('a post-execution hook', () => {
  it.each<[string, () => Promise<void>, string, number]>([
    ['throws', () => Promise.reject(new Error('mail server down')), 'HOOK_FAILED', 0],
    ['throws a string', () => rejectWith('x'), 'HOOK_FAILED', 0],
    ['hangs', hang, 'HOOK_TIMEOUT', 30_000],
  ])(
    'that %s never touches the result and is recorded as an event',
    async (_name, postExecutionHook, code, afterMs) => {
      await using lab = new Lab();
      const id = await lab.create();
      const startedAt = lab.clock.now();
      const task = await lab.until(lab.executor().executeTask(id, flaky(0), { postExecutionHook }));
      expect(task).toMatchObject({ status: 'completed', output: 'done', error: undefined, failures: 0 });
      expect(await lab.task(id)).toEqual(task);
      expect(lab.clock.now() - startedAt).toBe(afterMs);
      expect(await lab.facts(id)).toEqual(['task.created', 'task.claimed', 'task.completed', 'task.hook_failed']);
      expect(await lab.data(id, 'task.hook_failed')).toMatchObject([{ attempt: 1, phase: 'post', error: { code } }]);
    },
  );

  it('that throws does not keep the others from running', async () => {
    await using lab = new Lab();
    const calls: string[] = [];
    const hooks: ExecutionHooks = { postExecution: () => Promise.reject(new Error('no')) };
    await lab.executor({ hooks }).executeTask(await lab.create(), flaky(0), {
      postExecutionHook: () => void calls.push('second'),
    });
    expect(calls).toEqual(['second']);
  });

  it('that hangs is not waited for longer than the drain of its worker, and that is recorded', async () => {
    await using lab = new Lab();
    const worker = await lab.executor({ hooks: { postExecution: hang } }).startWorker({ agents: [flaky(0)] });
    const id = await lab.submit({ agentId: 'flaky' });
    await lab.until(lab.tasks.waitForTask(id));
    const startedAt = lab.clock.now();
    await lab.until(worker.drain({ timeoutMs: 2_000 }));
    expect(lab.clock.now() - startedAt).toBeLessThanOrEqual(3_000);
    expect(await lab.data(id, 'task.hook_failed')).toMatchObject([{ phase: 'post', error: { code: 'SHUTDOWN' } }]);
    expect(await lab.task(id)).toMatchObject({ status: 'completed', output: 'done' });
  });

  it('that is slow does not let the worker claim tasks that it then does not start', async () => {
    await using lab = new Lab();
    const hooks: ExecutionHooks = { postExecution: hang };
    await lab.executor({ hooks }).startWorker({ agents: [flaky(0)], concurrency: 1 });
    const first = await lab.submit({ agentId: 'flaky' });
    const second = await lab.submit({ agentId: 'flaky' });
    await lab.clock.advance(20_000);
    expect(await lab.task(first)).toMatchObject({ status: 'completed' });
    expect(await lab.task(second)).toMatchObject({ status: 'pending', attempt: 0 });
    await lab.until(lab.tasks.waitForTask(second));
    expect(await lab.facts(second)).toEqual(['task.created', 'task.claimed', 'task.completed']);
  });
});
