import type { Agent } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { Lab } from '../test/lab.ts';

const agent = (id: string, run: Agent['run']): Agent => ({ id, run });

describe('context.dependencies', () => {
  it('holds the outputs of what a task depended on, by the names that it gave them', async () => {
    await using lab = new Lab();
    const seen: unknown[] = [];
    const collect = agent('collect', (task, { dependencies }) => {
      seen.push(dependencies);
      return task.name;
    });
    await lab.executor().startWorker({ agents: [collect] });
    const outside = await lab.submit({ name: 'outside', agentId: 'collect' });
    const { id } = await lab.workflows.createWorkflow({
      name: 'graph',
      tasks: [
        { key: 'first', name: 'one', agentId: 'collect' },
        { key: 'second', name: 'two', agentId: 'collect', dependsOn: ['first'] },
        { name: 'three', agentId: 'collect', dependsOn: { one: 'first', other: outside, __proto__x: 'second' } },
      ],
    });
    await lab.until(lab.workflows.waitForWorkflow(id));
    expect(seen).toContainEqual({ one: 'one', other: 'outside', __proto__x: 'two' });
    expect(seen).toContainEqual({ first: 'one' });
    expect(seen.filter((each) => JSON.stringify(each) === '{}')).toHaveLength(2);
  });

  it('gathers the outputs of a fan-out of 2,500', async () => {
    await using lab = new Lab();
    const count = 2_500;
    const add = agent('add', (task, { dependencies }) => {
      const outputs = Object.values(dependencies) as number[];
      return outputs.reduce((sum, each) => sum + each, task.input as number);
    });
    await lab.executor().startWorker({ agents: [add], concurrency: 100 });
    const keys = Array.from({ length: count }, (_, index) => `n${index}`);
    const { id } = await lab.workflows.createWorkflow({
      name: 'sum',
      tasks: [
        ...keys.map((key, index) => ({ key, name: 'number', input: index, agentId: 'add' })),
        { name: 'sum', input: 0, agentId: 'add', dependsOn: keys },
      ],
    });
    await lab.until(lab.workflows.waitForWorkflow(id));
    expect((await lab.workflows.getWorkflowTasks(id)).at(-1)?.output).toBe((count * (count - 1)) / 2);
  });

  it('fails the task for good where an output is gone', async () => {
    await using lab = new Lab();
    const first = await lab.create();
    const idle = agent('idle', () => 1);
    const executor = lab.executor();
    await executor.executeTask(first, idle);
    const second = await lab.create({ dependsOn: [first] });
    lab.hide(first);
    expect(await executor.executeWithRetry(second, idle)).toMatchObject({
      status: 'failed',
      attempt: 1,
      error: { code: 'DEPENDENCY_NOT_FOUND' },
    });
  });
});

describe('context.spawn', () => {
  it('creates a task in the workflow of the attempt, sealed or not, and says so in the log', async () => {
    await using lab = new Lab();
    const worker = agent('worker', () => 'done');
    const splitter = agent('splitter', async (_, { spawn }) => {
      const parts = await Promise.all(
        ['a', 'b'].map((key) => spawn(key, { name: `part ${key}`, input: key, agentId: 'worker' })),
      );
      return { parts, sum: await spawn('sum', { name: 'sum', agentId: 'worker', dependsOn: parts }) };
    });
    await lab.executor().startWorker({ agents: [worker, splitter] });
    const { id } = await lab.workflows.createWorkflow({ name: 'map', tasks: [{ name: 'split', agentId: 'splitter' }] });
    expect(await lab.until(lab.workflows.waitForWorkflow(id))).toMatchObject({
      status: 'completed',
      sealed: true,
      tasks: { total: 4, completed: 4 },
    });
    const [split] = await lab.workflows.getWorkflowTasks(id);
    const { parts, sum } = split?.output as { readonly parts: readonly string[]; readonly sum: string };
    expect(await lab.task(sum)).toMatchObject({ dependsOn: parts, workflowId: id });
    expect(await lab.data(split?.id as string, 'task.spawned')).toEqual([
      { attempt: 1, key: 'a', taskId: parts[0] },
      { attempt: 1, key: 'b', taskId: parts[1] },
      { attempt: 1, key: 'sum', taskId: sum },
    ]);
  });

  it('makes one task of one key, however often the attempt is repeated and whatever it then asks for', async () => {
    await using lab = new Lab();
    const spawned: string[] = [];
    const splitter = agent('splitter', async (_, { spawn, attempt }) => {
      spawned.push(await spawn('part', { name: 'part', input: { attempt } }));
      if (attempt < 3) throw new Error('again');
      return attempt;
    });
    const id = await lab.create();
    const task = await lab.until(lab.executor().executeWithRetry(id, splitter));
    expect(task).toMatchObject({ status: 'completed', attempt: 3 });
    expect(new Set(spawned).size).toBe(1);
    expect(await lab.task(spawned[0] as string)).toMatchObject({ input: { attempt: 1 }, status: 'pending' });
    expect((await lab.tasks.listTasks({ name: 'part' })).length).toBe(1);
  });

  it('keeps what was spawned, however old, as long as the attempt may be repeated', async () => {
    await using lab = new Lab();
    const worker = agent('worker', () => 'done');
    const spawned: string[] = [];
    const splitter = agent('splitter', async (_, { spawn, attempt }) => {
      spawned.push(await spawn('part', { name: 'part', agentId: 'worker' }));
      if (attempt === 1) throw new Error('again');
    });
    const executor = lab.executor({ retention: { finishedMs: 0 } });
    await executor.startWorker({ agents: [worker, splitter] });
    const id = await lab.submit({ agentId: 'splitter', retry: { initialDelayMs: 600_000, jitter: 'none' } });
    await lab.clock.advance(300_000);
    expect(await lab.task(spawned[0] as string)).toMatchObject({ status: 'completed', parentId: id });
    await lab.until(() => spawned.length === 2);
    expect(new Set(spawned).size).toBe(1);
  });

  it('keeps the keys of two tasks apart', async () => {
    await using lab = new Lab();
    const splitter = agent('splitter', (_, { spawn }) => spawn('part', { name: 'part' }));
    const executor = lab.executor();
    const outputs = [
      (await executor.executeTask(await lab.create(), splitter)).output,
      (await executor.executeTask(await lab.create(), splitter)).output,
    ];
    expect(new Set(outputs).size).toBe(2);
  });

  it('of an attempt that is not the current one any more is LEASE_LOST, and creates nothing', async () => {
    await using lab = new Lab();
    let caught: unknown;
    const slow = agent('slow', async (_, { spawn, signal }) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      await spawn('late', { name: 'late' }).catch((error: unknown) => {
        caught = error;
      });
    });
    const id = await lab.create();
    const running = lab
      .executor()
      .executeTask(id, slow)
      .catch((error: unknown) => error);
    await lab.until(() => lab.clock.pendingBackgroundTimers > 0);
    const [holder] = await lab.openWorkers();
    await lab.inner.closeWorker(holder as string);
    await lab.until(running);
    expect(caught).toMatchObject({ code: 'LEASE_LOST' });
    expect(await lab.tasks.listTasks({ name: 'late' })).toEqual([]);
  });

  it.each([
    ['an empty key', '', { name: 'part' }, 'INVALID_NAME'],
    ['a workflow of its own', 'part', { name: 'part', workflowId: 'wf_1' } as never, 'INVALID_ARGUMENT'],
    ['a task without a name', 'part', {} as never, 'INVALID_NAME'],
    ['an unknown dependency', 'part', { name: 'part', dependsOn: ['tsk_none'] }, 'DEPENDENCY_NOT_FOUND'],
  ])('refuses %s, and fails the agent that does not catch it', async (_, key, task, code) => {
    await using lab = new Lab();
    const splitter = agent('splitter', (_task, { spawn }) => spawn(key, task));
    const id = await lab.create();
    expect(await lab.executor().executeTask(id, splitter)).toMatchObject({ status: 'failed', error: { code } });
  });

  it('that nobody waits for does not take the process down', async () => {
    await using lab = new Lab();
    const careless = agent('careless', (_, { spawn }) => {
      void spawn('', { name: 'part' });
      return 'done';
    });
    expect(await lab.executor().executeTask(await lab.create(), careless)).toMatchObject({ status: 'completed' });
  });
});

describe('limits.concurrency', () => {
  it('holds over several workers and callers at once', async () => {
    await using lab = new Lab();
    let running = 0;
    let most = 0;
    const few: Agent = {
      id: 'few',
      limits: { concurrency: 2 },
      run: async () => {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => lab.clock.setTimer(resolve, 100));
        running--;
      },
    };
    await lab.register(few);
    const executors = [lab.executor(), lab.executor(), lab.executor()];
    for (const executor of executors) await executor.startWorker({ agents: [few], concurrency: 4 });
    const { id } = await lab.workflows.createWorkflow({
      name: 'many',
      tasks: Array.from({ length: 20 }, () => ({ name: 'job', agentId: 'few' })),
    });
    const own = await lab.create();
    const [done] = await Promise.all([
      lab.until(lab.workflows.waitForWorkflow(id)),
      lab.until((executors[0] as (typeof executors)[0]).executeTask(own, few)),
    ]);
    expect(done).toMatchObject({ status: 'completed', tasks: { completed: 20 } });
    expect(await lab.task(own)).toMatchObject({ status: 'completed' });
    expect(most).toBe(2);
  });

  it('a disabled agent starts nothing, and goes on when it is enabled', async () => {
    await using lab = new Lab();
    const ada = agent('ada', () => 'done');
    await lab.register(ada);
    await lab.inner.commit({ groups: [[{ type: 'enableAgent', id: 'ada', enabled: false }]] });
    await lab.executor().startWorker({ agents: [ada] });
    const id = await lab.submit({ agentId: 'ada' });
    await lab.clock.advance(10_000);
    expect(await lab.task(id)).toMatchObject({ status: 'pending', attempt: 0 });
    await expect(lab.executor().executeTask(await lab.create(), ada)).rejects.toMatchObject({ code: 'AGENT_DISABLED' });
    await lab.inner.commit({ groups: [[{ type: 'enableAgent', id: 'ada', enabled: true }]] });
    await lab.until(lab.tasks.waitForTask(id));
    expect(await lab.task(id)).toMatchObject({ status: 'completed' });
  });
});

describe('retention', () => {
  const ada = agent('ada', () => 'done');

  it('is 30 days: a worker removes what ended before, with its events, and nothing else', async () => {
    await using lab = new Lab();
    const day = 24 * 60 * 60 * 1_000;
    const executor = lab.executor();
    const old = await lab.create();
    await executor.executeTask(old, ada);
    const open = await lab.create();
    lab.clock.jump(29 * day);
    const young = await lab.create();
    await executor.executeTask(young, ada);
    await executor.startWorker({ agents: [ada] });
    await lab.clock.advance(120_000);
    expect(await lab.tasks.getTask(old)).toMatchObject({ status: 'completed' });
    lab.clock.jump(day);
    await lab.clock.advance(120_000);
    expect(await lab.tasks.getTask(old)).toBeUndefined();
    expect(await lab.facts(old)).toEqual([]);
    expect(await lab.tasks.getTask(open)).toBeDefined();
    expect(await lab.tasks.getTask(young)).toBeDefined();
  });

  it('works off what has piled up in small batches', async () => {
    await using lab = new Lab();
    const executor = lab.executor({ retention: { finishedMs: 1_000 } });
    const ids = await Promise.all(Array.from({ length: 1_700 }, () => lab.create()));
    await executor.batchExecute(
      ids.map((id) => [id, ada]),
      { maxConcurrent: 100 },
    );
    const batches: number[] = [];
    lab.break('prune', (prune) => async (request) => {
      const result = await prune(request);
      batches.push(result.tasks);
      return result;
    });
    await lab.clock.advance(2_000);
    await executor.startWorker({ agents: [ada] });
    await lab.until(() => batches.length === 4);
    expect(batches).toEqual([500, 500, 500, 200]);
    expect(await lab.tasks.listTasks()).toEqual([]);
  });

  it('false keeps everything', async () => {
    await using lab = new Lab();
    const executor = lab.executor({ retention: false });
    const id = await lab.create();
    await executor.executeTask(id, ada);
    await executor.startWorker({ agents: [ada] });
    lab.clock.jump(100 * 24 * 60 * 60 * 1_000);
    await lab.clock.advance(120_000);
    expect(await lab.tasks.getTask(id)).toBeDefined();
  });

  it('goes on after a store that could not prune', async () => {
    await using lab = new Lab();
    const executor = lab.executor({ retention: { finishedMs: 0 } });
    const id = await lab.create();
    await executor.executeTask(id, ada);
    let calls = 0;
    lab.break('prune', (prune) => (request) => (++calls === 1 ? Promise.reject(new Error('away')) : prune(request)));
    await executor.startWorker({ agents: [ada] });
    await lab.clock.advance(120_000);
    expect(await lab.tasks.getTask(id)).toBeUndefined();
    expect(lab.complaints).toEqual(['Old records could not be removed.']);
  });

  it.each([[{ finishedMs: -1 }], [{ finishedMs: '30d' as never }], [{ days: 30 } as never]])(
    'refuses %j',
    async (retention) => {
      await using lab = new Lab();
      expect(() => lab.executor({ retention })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error);
    },
  );
});
