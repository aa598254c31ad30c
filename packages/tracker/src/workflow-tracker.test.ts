import type { Workflow } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { Lab } from '../test/lab.ts';

describe('createWorkflow', () => {
  it('stores a workflow that is pending and open to tasks', async () => {
    await using lab = new Lab();
    const workflow = await lab.workflows.createWorkflow({ name: 'flow', description: 'of work', metadata: { a: 1 } });
    expect(workflow).toEqual({
      id: 'wf_000001',
      name: 'flow',
      description: 'of work',
      metadata: { a: 1 },
      status: 'pending',
      settled: false,
      sealed: false,
      onFailure: 'continue',
      tasks: { total: 0, open: 0, failed: 0, cancelled: 0, started: 0, completed: 0 },
      idempotencyKey: undefined,
      createdAt: lab.clock.now(),
      settledAt: undefined,
      version: 1,
    } satisfies Workflow);
    expect(await lab.workflows.getWorkflow(workflow.id)).toEqual(workflow);
    expect(await lab.facts(workflow.id)).toEqual(['workflow.created']);
  });

  it('with tasks submits them, in one commit, and takes no more', async () => {
    await using lab = new Lab();
    const { id, sealed } = await lab.workflows.createWorkflow({
      name: 'flow',
      tasks: [{ name: 'a' }, { name: 'b', priority: 3 }],
    });
    expect(sealed).toBe(true);
    expect(
      (await lab.workflows.getWorkflowTasks(id)).map(({ name, dueAt, workflowId }) => [name, dueAt, workflowId]),
    ).toEqual([
      ['a', lab.clock.now(), id],
      ['b', lab.clock.now(), id],
    ]);
    const written = await lab.written();
    const sealedError = {
      code: 'WORKFLOW_SEALED',
      message: `Workflow ${id} was created with its tasks and takes no more. Create another workflow.`,
    };
    await expect(lab.tasks.createTask({ name: 'c', workflowId: id })).rejects.toMatchObject(sealedError);
    const other = await lab.create();
    await expect(lab.workflows.addTaskToWorkflow(id, other)).rejects.toMatchObject(sealedError);
    expect(await lab.written()).toEqual({ events: written.events + 1, tasks: written.tasks + 1 });
  });

  it('under a key is the same workflow for the same values, tasks included', async () => {
    await using lab = new Lab();
    const given = { name: 'flow', idempotencyKey: 'k', tasks: [{ name: 'a', input: { x: 1 } }] };
    const first = await lab.workflows.createWorkflow(given);
    expect(await lab.workflows.createWorkflow(given)).toEqual(first);
    expect(await lab.tasks.listTasks()).toHaveLength(1);
    const written = await lab.written();
    await expect(
      lab.workflows.createWorkflow({ ...given, tasks: [{ name: 'a', input: { x: 2 } }] }),
    ).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
      message: expect.stringContaining(`belongs to workflow ${first.id}`) as string,
    });
    expect(await lab.written()).toEqual(written);
  });

  it('holds thousands of tasks', async () => {
    await using lab = new Lab();
    const tasks = Array.from({ length: 2_500 }, (_, index) => ({ name: `job ${index}` }));
    const { id } = await lab.workflows.createWorkflow({ name: 'flow', tasks });
    expect((await lab.workflows.getWorkflowTasks(id)).map(({ name }) => name)).toEqual(tasks.map(({ name }) => name));
  });
});

describe('addTaskToWorkflow', () => {
  it('adds a task; adding it again changes nothing', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({ name: 'flow' });
    const task = await lab.create();
    expect(await lab.workflows.addTaskToWorkflow(id, task)).toMatchObject({ id: task, workflowId: id });
    const written = await lab.written();
    expect(await lab.workflows.addTaskToWorkflow(id, task)).toMatchObject({ id: task, workflowId: id });
    expect(await lab.written()).toEqual(written);
    expect(await lab.workflows.getWorkflow(id)).toMatchObject({ tasks: { total: 1, open: 1 } });
  });

  it('counts a task as it is: a completed one into an empty workflow makes it completed and settled', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({ name: 'flow' });
    const task = await lab.create();
    await lab.run(task);
    await lab.workflows.addTaskToWorkflow(id, task);
    expect(await lab.workflows.getWorkflow(id)).toMatchObject({ status: 'completed', settled: true });
  });

  it('reopens a settled workflow, and says so', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({ name: 'flow' });
    await lab.run(await lab.create('a', id));
    await lab.workflows.addTaskToWorkflow(id, await lab.create('b'));
    expect(await lab.workflows.getWorkflow(id)).toMatchObject({
      status: 'running',
      settled: false,
      settledAt: undefined,
    });
    expect((await lab.facts(id)).at(-1)).toBe('workflow.reopened');
  });

  it('of an unknown workflow or task is a coded error, and so is a second workflow', async () => {
    await using lab = new Lab();
    const [first, second] = [
      await lab.workflows.createWorkflow({ name: 'a' }),
      await lab.workflows.createWorkflow({ name: 'b' }),
    ];
    const task = await lab.create('job', first.id);
    const written = await lab.written();
    await expect(lab.workflows.addTaskToWorkflow('wf_none', await lab.create())).rejects.toMatchObject({
      code: 'WORKFLOW_NOT_FOUND',
      message: 'There is no workflow wf_none.',
    });
    await expect(lab.workflows.addTaskToWorkflow(first.id, 'tsk_none')).rejects.toMatchObject({
      code: 'TASK_NOT_FOUND',
      message: 'There is no task tsk_none.',
    });
    await expect(lab.workflows.addTaskToWorkflow(second.id, task)).rejects.toMatchObject({
      code: 'TASK_IN_OTHER_WORKFLOW',
      message: `Task ${task} belongs to workflow ${first.id}; a task belongs to at most one.`,
    });
    expect(await lab.written()).toEqual({ events: written.events + 1, tasks: written.tasks + 1 });
  });
});

describe('the status of a workflow', () => {
  type Step = (lab: Lab, id: string, tasks: readonly string[]) => Promise<unknown>;
  const run =
    (index: number, ending: 'completed' | 'failed' | 'cancelled' = 'completed'): Step =>
    (lab, _id, tasks) =>
      lab.run(tasks[index] as string, ending);
  const start =
    (index: number): Step =>
    (lab, _id, tasks) =>
      lab.claim(tasks[index] as string);
  const pause: Step = (lab, id) => lab.workflows.pause(id);
  const resume: Step = (lab, id) => lab.workflows.resume(id);
  const cancel: Step = (lab, id) => lab.workflows.cancel(id);

  it.each<[string, number, readonly Step[], string, boolean]>([
    ['no task', 0, [], 'pending', false],
    ['none started', 2, [], 'pending', false],
    ['one running', 2, [start(0)], 'running', false],
    ['one completed, one open', 2, [run(0)], 'running', false],
    ['all completed', 2, [run(0), run(1)], 'completed', true],
    ['one failed, one open', 2, [run(0, 'failed')], 'failed', false],
    ['one failed, one completed', 2, [run(0, 'failed'), run(1)], 'failed', true],
    ['one cancelled, one completed', 2, [run(0, 'cancelled'), run(1)], 'completed', true],
    ['all cancelled', 2, [run(0, 'cancelled'), run(1, 'cancelled')], 'cancelled', true],
    ['paused, none started', 2, [pause], 'paused', false],
    ['paused, one running', 2, [start(0), pause], 'paused', false],
    ['paused and resumed', 2, [pause, resume], 'pending', false],
    ['paused, one failed', 2, [run(0, 'failed'), pause], 'failed', false],
    ['paused without tasks', 0, [pause], 'paused', false],
    ['cancelled before anything started', 2, [cancel], 'cancelled', true],
    ['cancelled, one completed before', 2, [run(0), cancel], 'cancelled', true],
    ['cancelled, one running', 2, [start(0), cancel], 'running', false],
    ['paused, then cancelled', 2, [pause, cancel], 'cancelled', true],
    ['cancelled after it was completed', 1, [run(0), cancel], 'completed', true],
  ])('with %s', async (_name, count, steps, status, settled) => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({ name: 'flow' });
    const tasks: string[] = [];
    for (let index = 0; index < count; index++) tasks.push(await lab.create(`job ${index}`, id));
    for (const step of steps) await step(lab, id, tasks);
    expect(await lab.workflows.computeWorkflowStatus(id)).toBe(status);
    const workflow = (await lab.workflows.getWorkflow(id)) as Workflow;
    expect([workflow.status, workflow.settled]).toEqual([status, settled]);

    // The counters are what counting would give.
    const statuses = (await lab.workflows.getWorkflowTasks(id)).map((task) => task.status);
    const countOf = (...wanted: readonly string[]): number => statuses.filter((each) => wanted.includes(each)).length;
    expect(workflow.tasks).toMatchObject({
      total: count,
      open: countOf('pending', 'running'),
      failed: countOf('failed'),
      cancelled: countOf('cancelled'),
      completed: countOf('completed'),
    });
  });

  it('costs one read, however many tasks there are', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({
      name: 'flow',
      tasks: Array.from({ length: 500 }, () => ({ name: 'job' })),
    });
    let reads = 0;
    lab.faults.getWorkflow = (workflowId) => (reads++, lab.inner.getWorkflow(workflowId));
    lab.faults.listTasks = (query) => (reads++, lab.inner.listTasks(query));
    await lab.workflows.computeWorkflowStatus(id);
    expect(reads).toBe(1);
  });

  it('is followed by the log', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({ name: 'flow' });
    const [first, second] = [await lab.create('a', id), await lab.create('b', id)];
    await lab.run(first);
    await lab.run(second);
    expect((await lab.workflows.history(id)).map(({ type }) => type)).toEqual([
      'workflow.created',
      'workflow.started',
      'workflow.completed',
      'workflow.settled',
    ]);
  });
});

describe('pause and resume', () => {
  it('hold back and release what has not started, also what is added meanwhile', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({ name: 'flow' });
    const task = await lab.create('a', id);
    await lab.tasks.submit(task);
    await lab.workflows.pause(id);
    await expect(lab.claim(task)).rejects.toMatchObject({ code: 'TASK_BLOCKED' });
    const late = await lab.create('b', id);
    await expect(lab.claim(late)).rejects.toMatchObject({ code: 'TASK_BLOCKED' });
    await lab.workflows.resume(id);
    expect(await lab.claim(task)).toMatchObject({ status: 'running' });
    expect(await lab.claim(late)).toMatchObject({ status: 'running' });
  });

  it('twice change nothing', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({ name: 'flow' });
    await lab.workflows.pause(id);
    await lab.workflows.pause(id);
    await lab.workflows.resume(id);
    await lab.workflows.resume(id);
    expect(await lab.facts(id)).toEqual(['workflow.created', 'workflow.paused', 'workflow.resumed']);
  });

  it('reach thousands of tasks', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({
      name: 'flow',
      tasks: Array.from({ length: 2_500 }, () => ({ name: 'job' })),
    });
    await lab.workflows.pause(id);
    const held = await lab.inner.listTasks({ workflowId: id, limit: 3_000 });
    expect(held.every((task) => task.held)).toBe(true);
    await lab.workflows.resume(id);
    const released = await lab.inner.listTasks({ workflowId: id, limit: 3_000 });
    expect(released.some((task) => task.held)).toBe(false);
  });

  it('are refused once the workflow was cancelled', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({ name: 'flow', tasks: [{ name: 'a' }] });
    await lab.workflows.cancel(id);
    for (const call of [
      () => lab.workflows.pause(id),
      () => lab.workflows.resume(id),
      () => lab.tasks.createTask({ name: 'late', workflowId: id }),
    ]) {
      await expect(call()).rejects.toMatchObject({
        code: 'WORKFLOW_CANCELLED',
        message: `Workflow ${id} was cancelled.`,
      });
    }
  });
});

describe('cancel', () => {
  it('cancels what has not started, asks what runs to stop, and leaves what has ended', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({ name: 'flow' });
    const [done, running, waiting] = [await lab.create('a', id), await lab.create('b', id), await lab.create('c', id)];
    await lab.run(done);
    await lab.claim(running);
    const workflow = await lab.workflows.cancel(id, { reason: 'enough' });
    expect(workflow).toMatchObject({
      status: 'running',
      settled: false,
      tasks: { cancelled: 1, completed: 1, open: 1 },
    });
    expect(await lab.facts(running)).toContain('task.cancel_requested');
    expect(await lab.tasks.getTask(waiting)).toMatchObject({ status: 'cancelled' });
    expect((await lab.workflows.history(id)).at(-1)).toMatchObject({
      type: 'workflow.cancel_requested',
      data: { reason: 'enough' },
    });
  });

  it('reaches thousands of tasks, and twice changes nothing', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({
      name: 'flow',
      tasks: Array.from({ length: 2_500 }, () => ({ name: 'job' })),
    });
    expect(await lab.workflows.cancel(id)).toMatchObject({ status: 'cancelled', tasks: { cancelled: 2_500 } });
    const written = await lab.inner.lastPosition();
    await lab.workflows.cancel(id);
    expect(await lab.inner.lastPosition()).toBe(written);
  });
});

describe('waitForWorkflow', () => {
  it('ends when no task is open any more, not at the first failure', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({ name: 'flow' });
    const [first, second] = [await lab.create('a', id), await lab.create('b', id)];
    let ended = false;
    const wait = lab.workflows.waitForWorkflow(id).then((workflow) => ((ended = true), workflow));
    await lab.run(first, 'failed');
    await lab.clock.advance(5_000);
    expect(ended).toBe(false);
    await lab.run(second);
    expect(await lab.until(wait)).toMatchObject({ status: 'failed', settled: true });
  });

  it('may be left with a timeout or a signal', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({ name: 'flow' });
    await expect(lab.until(lab.workflows.waitForWorkflow(id, { timeoutMs: 5 }))).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
    });
    await expect(lab.workflows.waitForWorkflow(id, { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
  });
});

describe('an unknown workflow', () => {
  it('is undefined for getWorkflow and WORKFLOW_NOT_FOUND for everything else', async () => {
    await using lab = new Lab();
    expect(await lab.workflows.getWorkflow('wf_none')).toBeUndefined();
    for (const call of [
      'computeWorkflowStatus',
      'getWorkflowTasks',
      'pause',
      'resume',
      'cancel',
      'history',
      'waitForWorkflow',
    ] as const) {
      await expect(lab.workflows[call]('wf_none'), call).rejects.toMatchObject({
        code: 'WORKFLOW_NOT_FOUND',
        message: 'There is no workflow wf_none.',
      });
    }
    expect(await lab.written()).toEqual({ events: 0, tasks: 0 });
  });
});
