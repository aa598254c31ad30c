import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, type Agent, type Clock, type Store } from '@symphony/core';
import { EnhancedExecutor } from '@symphony/executor';
import { MemoryStore } from '@symphony/persistence-memory';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { ServiceRegistry, type AgentContext, type Task } from '@symphony/registry';
import { TaskRouter } from '@symphony/router';
import { roundRobin } from '@symphony/strategies';
import { VirtualClock } from '@symphony/testing';
import { LogFollower, TaskManager, WorkflowTracker } from '@symphony/tracker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echo, flaky, Lab, stores } from '../lab.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'symphony-parity-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(stores)('registry on %s', (_name, persistence) => {
  it('getWorkflowTracker(), getEnhancedExecutor(), getTaskManager(), getTaskRouter() give one service each', async () => {
    await using lab = await Lab.open({ persistence });
    const { symphony } = lab;
    expect(symphony.getWorkflowTracker()).toBeInstanceOf(WorkflowTracker);
    expect(symphony.getEnhancedExecutor()).toBeInstanceOf(EnhancedExecutor);
    expect(symphony.getTaskManager()).toBeInstanceOf(TaskManager);
    expect(symphony.getTaskRouter()).toBeInstanceOf(TaskRouter);
    expect(symphony.getWorkflowTracker()).toBe(symphony.getWorkflowTracker());
    expect(symphony.getEnhancedExecutor()).toBe(symphony.getEnhancedExecutor());
    expect(symphony.getTaskManager()).toBe(symphony.getTaskManager());
    expect(symphony.getTaskRouter()).toBe(symphony.getTaskRouter());
  });

  it('getTaskRouter(strategy) gives a router of its own, which changes nobody else’s', async () => {
    const agents = ['a', 'b'].map((id): Agent => ({ id, run: () => id }));
    await using lab = await Lab.open({ persistence, agents, routing: { strategy: 'round-robin' } });
    const shared = lab.symphony.getTaskRouter();
    const own = lab.symphony.getTaskRouter({
      name: 'mine',
      rank: () => [{ agentId: 'b', score: 1, reasons: ['mine'] }],
    });
    expect(own).not.toBe(shared);
    expect(await own.explain({ name: 'x' })).toMatchObject({ strategy: 'mine', agentId: 'b' });
    own.setStrategy('load-balanced');
    expect(await shared.explain({ name: 'x' })).toMatchObject({ strategy: 'round-robin' });
    await lab.symphony.startWorker();
    const { id } = await lab.symphony.submit({ name: 'x' });
    await lab.clock.advance(100);
    expect(await lab.data(id, 'task.routed')).toMatchObject([{ strategy: 'round-robin' }]);
    expect(lab.symphony.getTaskRouter('content-match')).not.toBe(lab.symphony.getTaskRouter('content-match'));
  });

  it('takes for an agent any { id, run(task, context) } or a named async function', async () => {
    async function shout(task: Task): Promise<string> {
      return (task.input as string).toUpperCase();
    }
    class Counter implements Agent {
      readonly id = 'counter';
      #count = 0;
      run(): number {
        return ++this.#count;
      }
    }
    await using lab = await Lab.open({ persistence, agents: [shout, new Counter()] });
    await lab.symphony.startWorker();
    const handles = [
      await lab.symphony.submit({ name: 'x', agentId: 'shout', input: 'hey' }),
      await lab.symphony.submit({ name: 'x', agentId: 'counter' }),
    ];
    expect(await lab.until(Promise.all(handles.map((handle) => handle.result())))).toEqual(['HEY', 1]);
  });

  it('stores agent configurations and routes by them', async () => {
    const agent: Agent = {
      id: 'ada',
      name: 'Ada',
      role: 'mathematician',
      description: 'Adds numbers',
      capabilities: ['sums'],
      examples: ['2 + 2'],
      limits: { timeouts: { startToCloseMs: 500 } },
      cost: { perTask: 2 },
      run: () => 4,
    };
    await using lab = await Lab.open({ persistence, agents: [agent] });
    const { run: _run, ...config } = agent;
    expect(await lab.symphony.registerAgent(agent)).toEqual(config);
    await lab.symphony.registerAgent({ id: 'bob', capabilities: ['words'], run: () => 'words' });
    const router = lab.symphony.getTaskRouter();
    expect(await router.routeTask({ name: 'x', requirements: { capabilities: ['sums'] } })).toBe('ada');
    expect(await router.routeTask({ name: 'x', requirements: { capabilities: ['words'] } })).toBe('bob');
  });

  it('works by plain new as well, without Inversify', async () => {
    const clock = new VirtualClock();
    const store: Store = persistence === 'memory:' ? new MemoryStore({ clock }) : await openSqlite(':memory:', clock);
    const follower = new LogFollower(store, clock);
    const tasks = new TaskManager({ store, clock, follower });
    const workflows = new WorkflowTracker({ store, clock, follower });
    const router = new TaskRouter({ agents: [echo], strategy: 'round-robin', strategies: [roundRobin], clock });
    const executor = new EnhancedExecutor({ store, router, clock, logger: silentLogger });

    const { id: workflowId } = await workflows.createWorkflow({ name: 'flow' });
    const byHand = await tasks.createTask({ name: 'by hand', workflowId });
    const retried = executor.executeWithRetry(byHand.id, flaky(1), { retryDelay: 10 });
    expect(await clock.advanceUntil(retried)).toMatchObject({ status: 'completed', attempt: 2 });
    const worker = await executor.startWorker({ agents: [echo] });
    const handle = await tasks.submit({ name: 'by a worker', input: 7, workflowId });
    expect(await clock.advanceUntil(handle.result())).toBe(7);
    expect(await clock.advanceUntil(workflows.waitForWorkflow(workflowId))).toMatchObject({ status: 'completed' });

    await clock.advanceUntil(worker.drain());
    await clock.advanceUntil(executor.close());
    await router.close();
    await store.close();
    expect([clock.pendingTimers, clock.pendingBackgroundTimers]).toEqual([0, 0]);
  });
});

async function openSqlite(path: string, clock: Clock): Promise<Store> {
  return SqliteStore.open({ path, clock });
}

describe('persistence', () => {
  it('is an adapter object, which stays its owner’s to close', async () => {
    const clock = new VirtualClock();
    const store = new MemoryStore({ clock });
    {
      await using lab = await Lab.open({ persistence: store }, clock);
      await lab.create({ name: 'kept' });
    }
    {
      await using lab = await Lab.open({ persistence: store }, clock);
      expect((await lab.taskManager.listTasks()).map(({ name }) => name)).toEqual(['kept']);
    }
    await store.close();
  });

  it('is a URL: memory: and sqlite::memory: end with the registry', async () => {
    for (const persistence of ['memory:', 'sqlite::memory:']) {
      {
        await using lab = await Lab.open({ persistence });
        await lab.create();
      }
      await using lab = await Lab.open({ persistence });
      expect(await lab.taskManager.listTasks()).toEqual([]);
    }
  });

  it.each(['relative', 'absolute'])(
    'is a URL: sqlite:PATH is a file, and what was stored is there again: %s',
    async (kind) => {
      const name = `${kind}.db`;
      const persistence = kind === 'relative' ? `sqlite:./${name}` : `sqlite:${join(folder, name)}`;
      const paid: string[] = [];
      const agent = (fails: boolean): Agent => ({
        id: 'ada',
        run: async (_task: Task, context: AgentContext) => {
          const first = await context.step('pay', () => (paid.push('paid'), 'receipt'));
          if (fails) throw new Error('no');
          return first;
        },
      });
      let id: string;
      {
        await using lab = await Lab.open({ persistence, resolveFrom: folder });
        id = await lab.create({ input: { a: 1 } });
        expect(await lab.executor.executeTask(id, agent(true))).toMatchObject({ status: 'failed' });
      }
      await using lab = await Lab.open({ persistence, resolveFrom: folder });
      expect(await lab.task(id)).toMatchObject({ status: 'failed', input: { a: 1 }, error: { message: 'no' } });
      await lab.taskManager.retryTask(id);
      expect(await lab.executor.executeTask(id, agent(false))).toMatchObject({
        status: 'completed',
        output: 'receipt',
        attempt: 2,
      });
      expect(paid).toEqual(['paid']);
      expect(await lab.facts(id)).toEqual([
        'task.created',
        'task.claimed',
        'task.failed',
        'task.retried',
        'task.claimed',
        'task.completed',
      ]);
    },
  );
});

describe('the front door', () => {
  it('does what the README opens with', async () => {
    const researcher: Agent<{ query: string }> = {
      id: 'researcher',
      description: 'Finds out',
      run: ({ input }) => `about: ${input.query}`,
    };
    const writer: Agent = { id: 'writer', description: 'Writes letters', run: () => 'Dear' };
    const persistence = `sqlite:${join(folder, 'readme.db')}`;
    const program = async (): Promise<unknown> => {
      const symphony = await ServiceRegistry.open({ persistence, agents: [researcher, writer] });
      const handle = await symphony.submit({
        name: 'brief',
        description: 'Finds out',
        input: { query: 'What changed in Node 24?' },
        idempotencyKey: 'brief-1',
      });
      await symphony.startWorker({ concurrency: 8 });
      const result = await handle.result();
      await symphony.close();
      return [handle.id, result];
    };
    const first = await program();
    expect(first).toEqual([expect.stringMatching(/^tsk_/), 'about: What changed in Node 24?']);
    expect(await program()).toEqual(first);
  });
});
