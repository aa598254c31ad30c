import { SymphonyError, type ErrorCode, type Task } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { TaskHandle } from './index.ts';
import { Lab } from '../test/lab.ts';

describe('createTask', () => {
  it('stores a task that is pending and nobody’s to take, with all that was given', async () => {
    await using lab = new Lab();
    const task = await lab.tasks.createTask({
      name: 'brief',
      description: 'a brief',
      input: { query: 'what?', at: new Date(0), gone: undefined },
      tags: ['news', 'node', 'news'],
      priority: 7,
      requirements: { capabilities: ['search'] },
      agentId: 'ada',
      retry: { maxRetries: 2 },
      timeouts: { startToCloseMs: 500 },
      idempotencyKey: 'brief-1',
      metadata: { customer: 4 },
    });
    expect(task).toEqual({
      id: 'tsk_000001',
      name: 'brief',
      description: 'a brief',
      status: 'pending',
      input: { query: 'what?', at: '1970-01-01T00:00:00.000Z' },
      output: undefined,
      error: undefined,
      progress: undefined,
      tags: ['news', 'node'],
      priority: 7,
      requirements: { capabilities: ['search'] },
      agentId: 'ada',
      workflowId: undefined,
      dependsOn: [],
      openDependencies: 0,
      parentId: undefined,
      attempt: 0,
      failures: 0,
      crashes: 0,
      retry: { maxRetries: 2 },
      timeouts: { startToCloseMs: 500 },
      dueAt: undefined,
      idempotencyKey: 'brief-1',
      metadata: { customer: 4 },
      refusedBy: [],
      createdAt: lab.clock.now(),
      startedAt: undefined,
      finishedAt: undefined,
      version: 1,
    } satisfies Task);
    expect(await lab.tasks.getTask(task.id)).toEqual(task);
    expect(await lab.facts(task.id)).toEqual(['task.created']);
  });

  it('needs a name only', async () => {
    await using lab = new Lab();
    expect(await lab.tasks.createTask({ name: 'job' })).toMatchObject({
      input: null,
      metadata: null,
      description: '',
      tags: [],
      priority: 0,
      requirements: {},
    });
  });

  it.each<[string, unknown]>([
    ['NUL, half a surrogate pair, U+FFFE, an override and an emoji', '\u0000 \ud800 \ufffe \u202e 🧵'],
    ['numbers as they are', [0, -0, 1e21, 5e-324, Number.MAX_SAFE_INTEGER]],
    ['keys that look like names of Object', { constructor: 1, toString: { hasOwnProperty: null } }],
    ['an empty key', { '': { '': [] } }],
    ['depth', JSON.parse('['.repeat(500) + ']'.repeat(500)) as unknown],
  ])('keeps %s', async (_name, input) => {
    await using lab = new Lab();
    const { id } = await lab.tasks.createTask({ name: 'job', input });
    expect(JSON.stringify((await lab.tasks.getTask(id))?.input)).toBe(JSON.stringify(input));
  });

  it('keeps what the caller changes afterwards as it was', async () => {
    await using lab = new Lab();
    const input = { list: [1] };
    const { id } = await lab.tasks.createTask({ name: 'job', input });
    input.list.push(2);
    expect((await lab.tasks.getTask(id))?.input).toEqual({ list: [1] });
  });
});

describe('submit', () => {
  it('stores a task that is due, and answers with a handle', async () => {
    await using lab = new Lab();
    const handle = await lab.tasks.submit({ name: 'job' });
    expect(handle).toBeInstanceOf(TaskHandle);
    expect(await handle.task()).toMatchObject({ status: 'pending', dueAt: lab.clock.now() });
  });

  it('takes a Date or epoch milliseconds for when the task falls due', async () => {
    await using lab = new Lab();
    const at = Date.UTC(9999, 11, 31);
    expect((await (await lab.tasks.submit({ name: 'job', dueAt: new Date(at) })).task()).dueAt).toBe(at);
    expect((await (await lab.tasks.submit({ name: 'job', dueAt: 0 })).task()).dueAt).toBe(0);
  });

  it('of an id releases the task that was created before, once', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    await lab.tasks.submit(id, { dueAt: lab.clock.now() + 500 });
    expect((await lab.tasks.getTask(id))?.dueAt).toBe(lab.clock.now() + 500);
    await lab.tasks.submit(id);
    expect((await lab.tasks.getTask(id))?.dueAt).toBe(lab.clock.now() + 500);
    expect(await lab.facts(id)).toEqual(['task.created', 'task.submitted']);
  });

  it('of an id that has ended changes nothing', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    await lab.run(id);
    const written = await lab.written();
    expect(await (await lab.tasks.submit(id)).status()).toBe('completed');
    expect(await lab.written()).toEqual(written);
  });
});

describe('a creation of which the store cannot say what became', () => {
  const fail = (lab: Lab, times: number, when: 'before' | 'after', code: ErrorCode = 'STORE_FAILED'): void => {
    let left = times;
    lab.faults.commit = async (request) => {
      if (left-- <= 0) return lab.inner.commit(request);
      if (when === 'after') await lab.inner.commit(request);
      throw new SymphonyError(code, 'away');
    };
  };

  it.each(['before', 'after'] as const)(
    'is sent again, and is one creation: failed %s it was carried out',
    async (when) => {
      await using lab = new Lab();
      fail(lab, 2, when);
      const task = await lab.until(lab.tasks.createTask({ name: 'a' }));
      fail(lab, 3, when);
      const handle = await lab.until(lab.tasks.submit({ name: 'b' }));
      fail(lab, 1, when);
      const workflow = await lab.until(lab.workflows.createWorkflow({ name: 'flow', tasks: [{ name: 'c' }] }));
      lab.faults = {};
      expect((await lab.tasks.listTasks()).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
      expect(await lab.facts(task.id)).toEqual(['task.created']);
      expect(await lab.facts(handle.id)).toEqual(['task.created']);
      expect(await lab.facts(workflow.id)).toEqual(['workflow.created']);
      expect(workflow.tasks).toMatchObject({ total: 1, open: 1 });
    },
  );

  it('is given up after a while, and where the disk is full at once', async () => {
    await using lab = new Lab();
    fail(lab, 99, 'before');
    await expect(lab.until(lab.tasks.createTask({ name: 'a' }))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    fail(lab, 1, 'before', 'STORE_FULL');
    await expect(lab.tasks.createTask({ name: 'a' })).rejects.toMatchObject({ code: 'STORE_FULL' });
    expect(await lab.written()).toEqual({ events: 0, tasks: 0 });
  });
});

describe('an idempotency key', () => {
  const given = { name: 'job', input: { a: 1, b: [2] }, idempotencyKey: 'k', metadata: null };

  it('gives the same task for the same values, whatever their order, however often', async () => {
    await using lab = new Lab();
    const first = await lab.tasks.createTask(given);
    const second = await lab.tasks.createTask({
      metadata: null,
      idempotencyKey: 'k',
      input: { b: [2], a: 1 },
      name: 'job',
    });
    expect(second).toEqual(first);
    expect(await lab.tasks.listTasks()).toHaveLength(1);
  });

  it('gives one task for a thousand submits at once', async () => {
    await using lab = new Lab();
    const handles = await Promise.all(Array.from({ length: 1_000 }, () => lab.tasks.submit(given)));
    expect(new Set(handles.map(({ id }) => id)).size).toBe(1);
    expect(await lab.tasks.listTasks()).toHaveLength(1);
    expect(await lab.facts(handles[0]?.id as string)).toEqual(['task.created']);
  });

  it('is the same for createTask and submit: the second releases what the first stored', async () => {
    await using lab = new Lab();
    const { id } = await lab.tasks.createTask(given);
    expect((await lab.tasks.submit(given)).id).toBe(id);
    expect(await lab.facts(id)).toEqual(['task.created', 'task.submitted']);
    expect((await lab.tasks.createTask(given)).id).toBe(id);
  });

  it('finds the task after it has ended, with its result', async () => {
    await using lab = new Lab();
    const { id } = await lab.tasks.createTask(given);
    await lab.run(id);
    expect(await (await lab.tasks.submit(given)).result()).toBe('done');
    expect(await lab.tasks.listTasks()).toHaveLength(1);
  });

  it.each([
    ['name', { ...given, name: 'other' }],
    ['input', { ...given, input: { a: 2 } }],
    ['priority', { ...given, priority: 0 }],
    ['tags', { ...given, tags: ['x'] }],
    ['metadata', { ...given, metadata: 1 }],
  ])('with another %s is IDEMPOTENCY_CONFLICT, which names the task', async (_name, other) => {
    await using lab = new Lab();
    const { id } = await lab.tasks.createTask(given);
    const written = await lab.written();
    await expect(lab.tasks.submit(other)).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
      message: `Idempotency key "k" belongs to task ${id}, which was created from other values. Use another key, or the same values.`,
      details: { taskId: id },
    });
    expect(await lab.written()).toEqual(written);
  });

  it('is unique among tasks, and workflows have keys of their own', async () => {
    await using lab = new Lab();
    await lab.tasks.createTask(given);
    expect(await lab.workflows.createWorkflow({ name: 'job', idempotencyKey: 'k' })).toMatchObject({ name: 'job' });
  });
});

describe('finding tasks', () => {
  it('getTask answers undefined for an id that nobody has', async () => {
    await using lab = new Lab();
    expect(await lab.tasks.getTask('tsk_none')).toBeUndefined();
    expect(await lab.tasks.getTask('__proto__')).toBeUndefined();
    expect(await lab.tasks.getTask('toString')).toBeUndefined();
  });

  it('listTasks lists in the order of creation, a page at a time', async () => {
    await using lab = new Lab();
    const ids = [];
    for (let index = 0; index < 5; index++) ids.push(await lab.create(`job ${index}`));
    expect((await lab.tasks.listTasks()).map(({ id }) => id)).toEqual(ids);
    const page = await lab.tasks.listTasks({ limit: 2 });
    const next = await lab.tasks.listTasks({ limit: 2, after: page.at(-1)?.id as string });
    expect([...page, ...next].map(({ id }) => id)).toEqual(ids.slice(0, 4));
    expect(await lab.tasks.listTasks({ after: ids.at(-1) as string })).toEqual([]);
  });

  it('listTasks narrows by status, workflow and agent', async () => {
    await using lab = new Lab();
    const { id: workflowId } = await lab.workflows.createWorkflow({ name: 'flow' });
    const [first, second, third] = [await lab.create(), await lab.create('b', workflowId), await lab.create('c')];
    await lab.run(first);
    await lab.run(second, 'failed');
    const list = async (query: Parameters<typeof lab.tasks.listTasks>[0]) =>
      (await lab.tasks.listTasks(query)).map(({ id }) => id);
    expect(await list({ status: 'completed' })).toEqual([first]);
    expect(await list({ status: ['failed', 'pending'] })).toEqual([second, third]);
    expect(await list({ status: [] })).toEqual([]);
    expect(await list({ workflowId })).toEqual([second]);
    expect(await list({ agentId: 'ada' })).toEqual([first, second]);
    expect(await list({ agentId: 'ada', status: 'failed', workflowId: 'wf_none' })).toEqual([]);
    expect(await list({ agentId: `x') OR 1=1--` })).toEqual([]);
  });
});

describe('cancelTask', () => {
  it('cancels what is pending at once, and says why in the log', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    expect(await lab.tasks.cancelTask(id, { reason: 'not needed' })).toMatchObject({
      status: 'cancelled',
      finishedAt: lab.clock.now(),
    });
    expect((await lab.tasks.history(id)).at(-1)).toMatchObject({
      type: 'task.cancelled',
      data: { attempt: 0, reason: 'not needed' },
    });
  });

  it('asks what runs to stop, once', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    await lab.claim(id);
    expect(await lab.tasks.cancelTask(id)).toMatchObject({ status: 'running' });
    expect(await lab.tasks.cancelTask(id)).toMatchObject({ status: 'running' });
    expect(await lab.facts(id)).toEqual(['task.created', 'task.claimed', 'task.cancel_requested']);
  });

  it.each(['completed', 'failed', 'cancelled'] as const)('leaves what is %s as it is', async (ending) => {
    await using lab = new Lab();
    const id = await lab.create();
    await lab.run(id, ending);
    const written = await lab.written();
    expect(await lab.tasks.cancelTask(id)).toMatchObject({ status: ending });
    expect(await lab.written()).toEqual(written);
  });
});

describe('retryTask', () => {
  it.each(['failed', 'cancelled'] as const)(
    'starts what is %s anew, and keeps the numbers of its attempts',
    async (ending) => {
      await using lab = new Lab();
      const id = await lab.create();
      await lab.run(id, ending);
      const { attempt } = (await lab.tasks.getTask(id)) as Task;
      expect(await lab.tasks.retryTask(id)).toMatchObject({
        status: 'pending',
        attempt,
        failures: 0,
        crashes: 0,
        error: undefined,
        finishedAt: undefined,
        dueAt: lab.clock.now(),
      });
      await lab.run(id);
      expect(await lab.tasks.getTask(id)).toMatchObject({ status: 'completed', attempt: attempt + 1 });
    },
  );

  it.each(['pending', 'running', 'completed'] as const)('of what is %s is TASK_INVALID_TRANSITION', async (status) => {
    await using lab = new Lab();
    const id = await lab.create();
    if (status === 'running') await lab.claim(id);
    if (status === 'completed') await lab.run(id);
    const written = await lab.written();
    await expect(lab.tasks.retryTask(id)).rejects.toMatchObject({
      code: 'TASK_INVALID_TRANSITION',
      message: `Task ${id} is ${status}; retry is not possible then.`,
    });
    expect(await lab.written()).toEqual(written);
  });
});

describe('history', () => {
  it('is everything recorded of a task, in order, however much', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    for (let index = 0; index < 1_200; index++) {
      await lab.do({
        type: 'note',
        id,
        event: { type: 'task.late_result', data: { attempt: index, outcome: 'resolved' } },
      });
    }
    const history = await lab.tasks.history(id);
    expect(history).toHaveLength(1_201);
    expect(history.map(({ seq }) => seq)).toEqual(history.map((_, index) => index + 1));
  });
});

describe('a handle', () => {
  it('resolves with what the task completed with', async () => {
    await using lab = new Lab();
    const handle = await lab.tasks.submit<{ sum: number }>({ name: 'job' });
    const result = handle.result();
    await lab.run(handle.id, 'completed', { sum: 3 });
    expect((await lab.until(result)).sum).toBe(3);
    expect(await handle.status()).toBe('completed');
  });

  it('rejects with the error that was recorded', async () => {
    await using lab = new Lab();
    const handle = await lab.tasks.submit({ name: 'job' });
    await lab.run(handle.id, 'failed');
    const error: unknown = await handle.result().catch((thrown: unknown) => thrown);
    expect(SymphonyError.is(error, 'AGENT_ERROR')).toBe(true);
    expect(error).toMatchObject({
      name: 'Error',
      message: 'no',
      details: { taskId: handle.id, code: 'NO_FUNDS', attempt: 1 },
    });
  });

  it('rejects with TASK_CANCELLED', async () => {
    await using lab = new Lab();
    const handle = await lab.tasks.submit({ name: 'job' });
    const result = handle.result();
    const rejection = expect(result).rejects.toMatchObject({ code: 'TASK_CANCELLED' });
    expect(await handle.cancel({ reason: 'changed my mind' })).toMatchObject({ status: 'cancelled' });
    await lab.until(rejection);
  });

  it('of an unknown task rejects with TASK_NOT_FOUND', async () => {
    await using lab = new Lab();
    const handle = lab.tasks.handle('tsk_none');
    const refused = { code: 'TASK_NOT_FOUND', message: 'There is no task tsk_none.' };
    await expect(handle.result()).rejects.toMatchObject(refused);
    await expect(handle.status()).rejects.toMatchObject(refused);
    await expect(handle.task()).rejects.toMatchObject(refused);
    await expect(handle.cancel()).rejects.toMatchObject(refused);
    await expect(handle.events().next()).rejects.toMatchObject(refused);
  });

  it('iterates over what was recorded', async () => {
    await using lab = new Lab();
    const { id } = await lab.tasks.submit({ name: 'job' });
    await lab.run(id);
    const types: string[] = [];
    for await (const { type } of lab.tasks.handle(id).events()) types.push(type);
    expect(types).toEqual(['task.created', 'task.claimed', 'task.completed']);
  });
});
