import { describe, expect, it } from 'vitest';
import { Lab } from '../test/lab.ts';

describe('a workflow of tasks that depend on each other', () => {
  it('is created whole, and each task becomes due with the last one that it waits for', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({
      name: 'report',
      tasks: [
        { key: 'write', name: 'write', dependsOn: ['search', 'plan'] },
        { key: 'search', name: 'search', dependsOn: ['plan'] },
        { key: 'plan', name: 'plan' },
      ],
    });
    const [write, search, plan] = await lab.workflows.getWorkflowTasks(id);
    expect(write?.dependsOn).toEqual([search?.id, plan?.id]);
    expect(search?.dependsOn).toEqual([plan?.id]);
    await lab.run(plan?.id as string);
    expect(await lab.facts(search?.id as string)).toEqual(['task.created', 'task.unblocked']);
    expect(await lab.facts(write?.id as string)).toEqual(['task.created']);
    await expect(lab.claim(write?.id as string)).rejects.toMatchObject({ code: 'TASK_BLOCKED' });
    await lab.run(search?.id as string);
    await lab.run(write?.id as string);
    expect(await lab.workflows.getWorkflow(id)).toMatchObject({ status: 'completed', settled: true });
  });

  it('may wait for a task that was stored before, also under a name of its own', async () => {
    await using lab = new Lab();
    const plan = await lab.create('plan');
    const { id } = await lab.workflows.createWorkflow({
      name: 'report',
      tasks: [{ name: 'write', dependsOn: { outline: plan } }],
    });
    const [write] = await lab.workflows.getWorkflowTasks(id);
    expect(write?.dependsOn).toEqual([plan]);
    await lab.run(plan);
    expect(await lab.facts(write?.id as string)).toEqual(['task.created', 'task.unblocked']);
  });

  it.each([
    ['themselves', [{ key: 'a', name: 'a', dependsOn: ['a'] }], 'tasks[0] ("a") → tasks[0] ("a")'],
    [
      'each other',
      [
        { name: 'x' },
        { key: 'a', name: 'a', dependsOn: ['c'] },
        { key: 'b', name: 'b', dependsOn: ['a'] },
        { key: 'c', name: 'c', dependsOn: ['b'] },
        { key: 'd', name: 'd', dependsOn: ['c'] },
      ],
      'tasks[1] ("a") → tasks[3] ("c") → tasks[2] ("b") → tasks[1] ("a")',
    ],
  ])('whose tasks wait for %s is refused, and the circle is named', async (_, tasks, circle) => {
    await using lab = new Lab();
    const before = await lab.written();
    await expect(lab.workflows.createWorkflow({ name: 'circle', tasks })).rejects.toMatchObject({
      code: 'DEPENDENCY_CYCLE',
      message: expect.stringContaining(circle) as string,
    });
    expect(await lab.written()).toEqual(before);
  });

  it('that names an unknown task is refused in the words of the caller, and nothing is stored', async () => {
    await using lab = new Lab();
    const before = await lab.written();
    const tasks = [{ name: 'plan' }, { key: 'write', name: 'write', dependsOn: ['plam'] }];
    await expect(lab.workflows.createWorkflow({ name: 'report', tasks })).rejects.toMatchObject({
      code: 'DEPENDENCY_NOT_FOUND',
      message: expect.stringContaining('tasks[1] ("write") depends on "plam"') as string,
      details: { dependsOn: 'plam' },
    });
    expect(await lab.written()).toEqual(before);
  });

  it.each([
    [
      'two tasks of one key',
      [
        { key: 'a', name: 'a' },
        { key: 'a', name: 'b' },
      ],
      'tasks[1].key "a" is taken',
    ],
    [
      'a task that is named twice',
      [
        { key: 'a', name: 'a' },
        { name: 'b', dependsOn: ['a', 'a'] },
      ],
      '"a" twice',
    ],
    ['dependsOn that is a text', [{ name: 'a', dependsOn: 'b' as never }], 'tasks[0].dependsOn must be a list'],
  ])('with %s is refused', async (_, tasks, message) => {
    await using lab = new Lab();
    await expect(lab.workflows.createWorkflow({ name: 'report', tasks })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message) as string,
    });
  });

  it('created again under its key is the same workflow', async () => {
    await using lab = new Lab();
    const given = {
      name: 'report',
      idempotencyKey: 'report-1',
      tasks: [
        { key: 'a', name: 'a' },
        { name: 'b', dependsOn: ['a'] },
      ],
    };
    const first = await lab.workflows.createWorkflow(given);
    expect((await lab.workflows.createWorkflow(given)).id).toBe(first.id);
    expect(await lab.workflows.getWorkflowTasks(first.id)).toHaveLength(2);
  });

  it('under a key with an input that is no JSON is refused in the same words as without', async () => {
    await using lab = new Lab();
    await expect(
      lab.workflows.createWorkflow({ name: 'w', idempotencyKey: 'k', tasks: [{ name: 'a', input: 1n }] }),
    ).rejects.toMatchObject({ code: 'INVALID_JSON', message: expect.stringContaining('tasks[0].input') as string });
  });

  it('created again with a Date for a number is the same workflow', async () => {
    await using lab = new Lab();
    const create = (dueAt: Date | number): Promise<{ readonly id: string }> =>
      lab.workflows.createWorkflow({ name: 'w', idempotencyKey: 'k', tasks: [{ name: 'a', dueAt }] });
    expect((await create(5)).id).toBe((await create(new Date(5))).id);
  });

  it('in a long circle is refused in a short message', async () => {
    await using lab = new Lab();
    const tasks = Array.from({ length: 5_000 }, (_, index) => ({
      key: String(index),
      name: 'link',
      dependsOn: [String((index + 1) % 5_000)],
    }));
    const error: unknown = await lab.workflows.createWorkflow({ name: 'circle', tasks }).catch((each: unknown) => each);
    expect(error).toMatchObject({ code: 'DEPENDENCY_CYCLE' });
    expect((error as Error).message.length).toBeLessThan(500);
    expect((error as Error).message).toContain('(4990 more)');
  });

  it('puts a chain of 10,000 that is given backwards into order', async () => {
    await using lab = new Lab();
    const count = 10_000;
    const tasks = Array.from({ length: count }, (_, index) => ({
      key: String(index),
      name: 'link',
      ...(index === count - 1 ? {} : { dependsOn: [String(index + 1)] }),
    }));
    const { tasks: counters } = await lab.workflows.createWorkflow({ name: 'chain', tasks });
    expect(counters).toMatchObject({ total: count, open: count });
  });
});

describe('when a task fails', () => {
  const tasks = [
    { key: 'a', name: 'a' },
    { key: 'b', name: 'b', dependsOn: ['a'] },
    { key: 'c', name: 'c', dependsOn: ['b'] },
    { key: 'other', name: 'other' },
  ];

  it('what depends on it is cancelled with DEPENDENCY_FAILED, and the others go on', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({ name: 'report', tasks });
    const [a, b, c, other] = (await lab.workflows.getWorkflowTasks(id)).map((task) => task.id) as [
      string,
      string,
      string,
      string,
    ];
    await lab.run(a, 'failed');
    expect(await lab.tasks.getTask(b)).toMatchObject({
      status: 'cancelled',
      error: { code: 'DEPENDENCY_FAILED', message: `It depends on task ${a}, which has failed.`, attempt: 0 },
    });
    await expect(lab.tasks.handle(c).result()).rejects.toMatchObject({ code: 'DEPENDENCY_FAILED' });
    expect(await lab.workflows.getWorkflow(id)).toMatchObject({ status: 'failed', settled: false });
    await lab.run(other);
    expect(await lab.workflows.getWorkflow(id)).toMatchObject({ status: 'failed', settled: true });
  });

  it('it and what depends on it can be retried, in that order', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({ name: 'report', tasks });
    const [a, b] = (await lab.workflows.getWorkflowTasks(id)).map((task) => task.id) as [string, string];
    await lab.run(a, 'failed');
    await expect(lab.tasks.retryTask(b)).rejects.toMatchObject({ code: 'TASK_BLOCKED', details: { dependsOn: a } });
    await lab.tasks.retryTask(a);
    await lab.tasks.retryTask(b);
    await expect(lab.claim(b)).rejects.toMatchObject({ code: 'TASK_BLOCKED' });
    await lab.run(a);
    await lab.run(b);
    expect(await lab.tasks.getTask(b)).toMatchObject({ status: 'completed', error: undefined });
  });

  it('a workflow that fails fast cancels all that has not started', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({ name: 'report', tasks, onFailure: 'failFast' });
    const [a, b, , other] = await lab.workflows.getWorkflowTasks(id);
    await lab.claim(other?.id as string);
    await lab.run(a?.id as string, 'failed');
    expect(await lab.tasks.getTask(b?.id as string)).toMatchObject({ status: 'cancelled' });
    expect(await lab.facts(other?.id as string)).toContain('task.cancel_requested');
    expect(await lab.workflows.getWorkflow(id)).toMatchObject({ status: 'failed', onFailure: 'failFast' });
    expect(await lab.facts(id)).toContain('workflow.cancel_requested');
  });
});

describe('createTask with dependsOn', () => {
  it('waits for stored tasks; submitted, it becomes due by itself', async () => {
    await using lab = new Lab();
    const first = await lab.create('first');
    const { id } = await lab.tasks.submit({ name: 'second', dependsOn: [first] });
    expect(await lab.tasks.getTask(id)).toMatchObject({ status: 'pending', dependsOn: [first] });
    await lab.run(first);
    expect(await lab.facts(id)).toEqual(['task.created', 'task.unblocked']);
  });

  it('of a task that is not there is DEPENDENCY_NOT_FOUND, and nothing is stored', async () => {
    await using lab = new Lab();
    const before = await lab.written();
    await expect(lab.tasks.submit({ name: 'second', dependsOn: ['tsk_none'] })).rejects.toMatchObject({
      code: 'DEPENDENCY_NOT_FOUND',
      details: { dependsOn: 'tsk_none' },
    });
    expect(await lab.written()).toEqual(before);
  });

  it('of a task that has failed is cancelled at once', async () => {
    await using lab = new Lab();
    const first = await lab.create('first');
    await lab.run(first, 'failed');
    const handle = await lab.tasks.submit({ name: 'second', dependsOn: [first] });
    await expect(handle.result()).rejects.toMatchObject({ code: 'DEPENDENCY_FAILED' });
  });
});
