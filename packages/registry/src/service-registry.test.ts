import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineStrategy, silentLogger, SymphonyError, type Agent, type Store } from '@symphony/core';
import { MemoryStore } from '@symphony/persistence-memory';
import { memoryModule } from '@symphony/persistence-memory/module';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { sqliteModule } from '@symphony/persistence-sqlite/module';
import { createIdSequence, VirtualClock } from '@symphony/testing';
import { ContainerModule } from 'inversify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echo, Lab, pause } from '../test/lab.ts';
import { ServiceRegistry, Tokens } from './index.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'symphony-registry-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A store that notes what it is asked, in order, and how often it is closed. */
function noting(notes: string[], store: Store = new MemoryStore()): Store {
  return new Proxy(store, {
    get: (inner, key: keyof Store) => {
      const value: unknown = inner[key];
      if (typeof value !== 'function') return value;
      return (...given: unknown[]): unknown => {
        notes.push(key);
        return (value as (...given: unknown[]) => unknown).apply(inner, given);
      };
    },
  });
}

describe('modules', () => {
  it('may bind any token in place of what the registry brings, and new ones', async () => {
    const store = new MemoryStore();
    const greeting = Symbol('greeting');
    const clock = new VirtualClock({ now: 42 });
    const module = new ContainerModule(({ bind }) => {
      bind(Tokens.Store).toConstantValue(store);
      bind(Tokens.Clock).toConstantValue(clock);
      bind(Tokens.MakeId).toConstantValue(createIdSequence());
      bind(Tokens.Logger).toConstantValue(silentLogger);
      bind(greeting).toConstantValue({ text: 'hello' });
    });
    await using symphony = await ServiceRegistry.open({ modules: [module] });
    expect(symphony.get(Tokens.Store)).toBe(store);
    expect(symphony.get<{ readonly text: string }>(greeting).text).toBe('hello');
    const task = await symphony.getTaskManager().createTask({ name: 'job' });
    expect(task).toMatchObject({ id: 'tsk_000001' });
    expect(await store.getTask(task.id)).toMatchObject({ name: 'job' });
  });

  it('may rebind, if they prefer that word', async () => {
    const store = new MemoryStore();
    const module = new ContainerModule(({ rebind }) => void rebind(Tokens.Store).toConstantValue(store));
    await using symphony = await ServiceRegistry.open({ modules: [module] });
    expect(symphony.get(Tokens.Store)).toBe(store);
  });

  it('may themselves be asynchronous, and so may what they bind', async () => {
    const clock = new VirtualClock();
    const module = new ContainerModule(async ({ bind }) => {
      await Promise.resolve();
      bind(Tokens.Store)
        .toDynamicValue(async () => {
          await new Promise((resolve) => setImmediate(resolve));
          return SqliteStore.open({ path: ':memory:', clock });
        })
        .inSingletonScope()
        .onDeactivation((store) => store.close());
    });
    await using lab = await Lab.open({ modules: [module], agents: [echo] }, clock);
    expect(lab.symphony.get(Tokens.Store).traits.name).toBe('sqlite');
    await lab.symphony.startWorker();
    expect(await lab.until((await lab.symphony.submit({ name: 'x', input: 1 })).result())).toBe(1);
    expect((await lab.symphony.getTaskRouter('content-match').explain({ name: 'x', tags: ['echo'] })).agentId).toBe(
      'echo',
    );
  });

  it('of the adapters bring their store, which goes by the container’s clock', async () => {
    await using memory = await Lab.open({ modules: [memoryModule()] });
    expect(memory.symphony.get(Tokens.Store).traits.name).toBe('memory');
    expect((await memory.taskManager.createTask({ name: 'x' })).createdAt).toBe(memory.clock.now());
    const path = join(folder, 'module.db');
    const symphony = await ServiceRegistry.open({ modules: [sqliteModule({ path })] });
    const store = symphony.get(Tokens.Store);
    expect(store.traits.name).toBe('sqlite');
    await symphony.close();
    await expect(store.getTask('x')).rejects.toMatchObject({ code: 'STORE_CLOSED' });
  });

  it('that bring a store keep the one of the options from being opened', async () => {
    const path = join(folder, 'never.db');
    await using symphony = await ServiceRegistry.open({ persistence: `sqlite:${path}`, modules: [memoryModule()] });
    expect(symphony.get(Tokens.Store).traits.name).toBe('memory');
    expect(existsSync(path)).toBe(false);
  });

  it('change the clock of the store that a URL names', async () => {
    const clock = new VirtualClock({ now: 42 });
    const module = new ContainerModule(({ bind }) => void bind(Tokens.Clock).toConstantValue(clock));
    await using symphony = await ServiceRegistry.open({ modules: [module] });
    expect((await symphony.getTaskManager().createTask({ name: 'x' })).createdAt).toBe(42);
  });

  it('let go of what they hold when the registry closes, before the store does', async () => {
    const notes: string[] = [];
    const cache = Symbol('cache');
    const module = new ContainerModule(({ bind }) => {
      bind(cache)
        .toDynamicValue(() => ({}))
        .inSingletonScope()
        .onDeactivation(() => void notes.push('cache'));
      bind(Tokens.Store)
        .toDynamicValue(() => noting(notes))
        .inSingletonScope()
        .onDeactivation((store) => store.close());
    });
    const symphony = await ServiceRegistry.open({ modules: [module] });
    symphony.get(cache);
    await symphony.close();
    expect(notes.filter((note) => note === 'cache' || note === 'close').sort()).toEqual(['cache', 'close']);
  });

  it('with a token that nothing is bound to: get says so', async () => {
    await using lab = await Lab.open();
    expect(() => lab.symphony.get(Symbol('mine'))).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: 'Nothing is bound to Symbol(mine). Bind it in a module and pass that to open({ modules }).',
      }),
    );
    expect(() => lab.symphony.get(class Cache {})).toThrow(
      expect.objectContaining({ message: expect.stringContaining('Cache') as string }),
    );
  });
});

describe('registerAgent', () => {
  it('is seen by routers at once', async () => {
    await using lab = await Lab.open({ agents: [{ id: 'first', capabilities: ['a'], run: () => 1 }] });
    const [shared, own] = [lab.symphony.getTaskRouter(), lab.symphony.getTaskRouter('round-robin')];
    const task = { name: 'x', requirements: { capabilities: ['b'] } };
    for (const router of [shared, own])
      await expect(router.routeTask(task)).rejects.toMatchObject({ code: 'NO_ROUTE' });
    await lab.symphony.registerAgent({ id: 'second', capabilities: ['b'], run: () => 2 });
    for (const router of [shared, own]) expect(await router.routeTask(task)).toBe('second');
  });

  it('the newest wins, and an event says so', async () => {
    await using lab = await Lab.open({ agents: [{ id: 'ada', description: 'adds', run: () => 1 }] });
    await lab.symphony.registerAgent({ id: 'ada', description: 'subtracts', run: () => 2 });
    const events = await lab.symphony.get(Tokens.Store).events({ subject: 'agent:ada', limit: 10 });
    expect(events.map(({ type }) => type)).toEqual(['agent.registered', 'agent.changed']);
    expect((await lab.symphony.get(Tokens.Store).agents()).map(({ config }) => config.description)).toEqual([
      'subtracts',
    ]);
  });
});

describe('open', () => {
  it('takes ids and chance from where it is told to, unless a module knows better', async () => {
    const makeId = createIdSequence();
    const clock = new VirtualClock({ now: 0 });
    const failing: Agent = { id: 'failing', run: () => Promise.reject(new Error('no')) };
    const symphony = await ServiceRegistry.open({ clock, makeId, random: () => 0.75, agents: [failing] });
    const { id } = await symphony.submit({ name: 'job', retry: { maxRetries: 1, initialDelayMs: 1_000 } });
    expect(id).toBe('tsk_000001');
    await symphony.startWorker();
    const handle = symphony.getTaskManager().handle(id);
    await expect(clock.advanceUntil(handle.result())).rejects.toThrow('no');
    const [retry] = (await symphony.history(id)).filter(({ type }) => type === 'task.retry_scheduled');
    expect(retry?.data).toMatchObject({ dueAt: 250 }); // a quarter of the second that is left to chance
    await clock.advanceUntil(symphony.close());

    const module = new ContainerModule(({ bind }) => void bind(Tokens.MakeId).toConstantValue(() => 'tsk_mine'));
    await using other = await ServiceRegistry.open({ makeId, modules: [module] });
    expect((await other.submit({ name: 'job' })).id).toBe('tsk_mine');
  });
});

describe('open with agents', () => {
  it('writes those that the catalogue does not hold as they are, and no others', async () => {
    const notes: string[] = [];
    const store = noting(notes);
    const open = async (...agents: Agent[]): Promise<readonly string[]> => {
      notes.length = 0;
      await using symphony = await ServiceRegistry.open({ persistence: store, agents });
      const registered = await symphony.get(Tokens.Store).agents();
      return registered.map(({ config }) => `${config.id} ${config.description}`);
    };
    const commits = (): number => notes.filter((note) => note === 'commit').length;
    const ada: Agent = { id: 'ada', description: 'writes', run: () => 'by ada' };
    const bo: Agent = { id: 'bo', description: 'reads', run: () => 'by bo' };
    expect(await open(ada)).toEqual(['ada writes']);
    expect(commits()).toBe(1);
    expect(await open(ada, bo)).toEqual(['ada writes', 'bo reads']);
    expect(commits()).toBe(1);
    expect(await open({ ...ada, description: 'sings' }, bo)).toEqual(['ada sings', 'bo reads']);
    expect(commits()).toBe(1);
    expect(await open({ ...ada, description: 'sings' }, bo)).toEqual(['ada sings', 'bo reads']);
    expect(commits()).toBe(0);
    await store.close();
  });

  it('hosts those that were in the catalogue before', async () => {
    const store = new MemoryStore();
    for (const round of [1, 2]) {
      await using symphony = await ServiceRegistry.open({ persistence: store, agents: [echo] });
      await symphony.startWorker();
      const handle = await symphony.submit({ name: 'x', input: round });
      expect(await handle.result()).toBe(round);
    }
    await store.close();
  });
});

describe('routing by hand', () => {
  it('counts the agents of this process as hosted while no worker of it runs', async () => {
    await using lab = await Lab.open({ agents: [echo] });
    const other = await ServiceRegistry.open({ persistence: lab.symphony.get(Tokens.Store), clock: lab.clock });
    await expect(other.getTaskRouter().routeTask({ name: 'x' })).rejects.toMatchObject({ code: 'NO_ROUTE' });
    await other.close();
    expect(await lab.symphony.getTaskRouter().routeTask({ name: 'x' })).toBe('echo');
    await lab.symphony.startWorker({ agents: [{ id: 'other', run: () => 1 }] });
    lab.symphony.getTaskRouter().refresh();
    expect(await lab.symphony.getTaskRouter().routeTask({ name: 'x' })).toBe('other');
  });
});

describe('closing a registry', () => {
  it('drains first, then ends waiting, then closes strategies, and the store last', async () => {
    const notes: string[] = [];
    const strategy = defineStrategy({
      name: 'noting',
      create: () => ({
        rank: ({ candidates }) => [...candidates].map(({ id }) => ({ agentId: id, score: 1, reasons: ['any'] })),
        close: () => void notes.push('strategy'),
      }),
    });
    await using lab = await Lab.open();
    const module = new ContainerModule(({ bind }) => {
      bind(Tokens.Store)
        .toDynamicValue(() => noting(notes, new MemoryStore({ clock: lab.clock })))
        .inSingletonScope()
        .onDeactivation((store) => store.close());
    });
    const slow: Agent = { id: 'slow', run: () => pause(lab, 1_000).then(() => notes.push('agent')) };
    const symphony = await ServiceRegistry.open({
      clock: lab.clock,
      modules: [module],
      agents: [slow],
      routing: { strategy },
    });
    await symphony.getTaskRouter(strategy).routeTask({ name: 'x' });
    await symphony.startWorker();
    const running = await symphony.submit({ name: 'running' });
    const waiting = await symphony.submit({ name: 'waiting', agentId: 'nobody' });
    const waited = waiting.result().then(
      () => notes.push('resolved'),
      (error: SymphonyError) => notes.push(error.code),
    );
    await lab.clock.advance(100);
    notes.length = 0;
    await lab.until(symphony.close());
    await waited;
    const milestones = ['agent', 'closeWorker', 'STORE_CLOSED', 'strategy', 'close'];
    const reached = notes.filter((note) => milestones.includes(note));
    expect(reached.slice(0, 2)).toEqual(['agent', 'closeWorker']);
    expect(reached.slice(2, -1).sort()).toEqual(['STORE_CLOSED', 'strategy', 'strategy']);
    expect(reached.at(-1)).toBe('close');
    expect(running.id).not.toBe(waiting.id);
  });

  it('twice is harmless, also at once', async () => {
    const lab = await Lab.open({ persistence: 'sqlite::memory:', agents: [echo] });
    await lab.symphony.startWorker();
    await lab.until(Promise.all([lab.symphony.close(), lab.symphony.close(), lab.symphony[Symbol.asyncDispose]()]));
    await lab.symphony.close();
    await lab[Symbol.asyncDispose]();
  });

  it('happens by itself with await using', async () => {
    const store = new MemoryStore();
    const notes: string[] = [];
    const module = new ContainerModule(({ bind }) => {
      bind(Tokens.Store)
        .toDynamicValue(() => noting(notes, store))
        .inSingletonScope()
        .onDeactivation((each) => each.close());
    });
    {
      await using symphony = await ServiceRegistry.open({ modules: [module] });
      await symphony.submit({ name: 'x' });
    }
    expect(notes.at(-1)).toBe('close');
  });

  it('lets the work that it waits for go on using the registry', async () => {
    await using lab = await Lab.open();
    const id = await lab.create();
    const agent: Agent = {
      id: 'parent',
      run: async () => {
        await pause(lab, 1_000);
        return (await lab.symphony.submit({ name: 'child', agentId: 'child' })).id;
      },
    };
    const run = lab.executor.executeTask(id, agent);
    await lab.clock.advance(10);
    const closed = lab.symphony.close();
    expect(await lab.until(run)).toMatchObject({
      status: 'completed',
      output: expect.stringMatching(/^tsk_/) as string,
    });
    await lab.until(closed);
  });

  it('hands back what takes too long, at no cost, as long as it was told to wait', async () => {
    const clock = new VirtualClock();
    const store = new MemoryStore({ clock });
    const lab = await Lab.open(
      { persistence: store, agents: [{ id: 'slow', run: (_task, { signal }) => pause(lab, 1e9, signal) }] },
      clock,
    );
    await lab.symphony.startWorker();
    const { id } = await lab.symphony.submit({ name: 'x' });
    await clock.advance(100);
    const startedAt = clock.now();
    await lab.until(lab.symphony.close({ timeoutMs: 3_000 }));
    expect(clock.now() - startedAt).toBe(3_000);
    expect(await store.getTask(id)).toMatchObject({
      status: 'pending',
      attempt: 1,
      failures: 0,
      crashes: 0,
      workerId: null,
    });
    await lab[Symbol.asyncDispose]();
    await store.close();
  });

  it('closes the rest also if one part cannot be closed, and says what could not', async () => {
    const notes: string[] = [];
    const clock = new VirtualClock();
    const module = new ContainerModule(({ bind }) => {
      bind(Tokens.Store)
        .toDynamicValue(() => {
          const inner = noting(notes, new MemoryStore({ clock }));
          return new Proxy(inner, {
            get: (target, key: keyof Store) =>
              key === 'closeWorker' ? () => Promise.reject(new SymphonyError('STORE_FAILED', 'away')) : target[key],
          });
        })
        .inSingletonScope()
        .onDeactivation((store) => store.close());
    });
    const symphony = await ServiceRegistry.open({ clock, modules: [module], agents: [echo], logger: silentLogger });
    await symphony.startWorker();
    await expect(clock.advanceUntil(symphony.close())).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(notes.at(-1)).toBe('close');
    expect([clock.pendingTimers, clock.pendingBackgroundTimers]).toEqual([0, 0]);
  });

  it('refuses nonsense, and then nothing is closed', async () => {
    await using lab = await Lab.open({ agents: [echo] });
    await expect(lab.symphony.close({ timeoutMs: -1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(lab.symphony.close({ timeout: 1 } as object)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await lab.symphony.submit({ name: 'x' })).toBeDefined();
  });

  it('makes everything else STORE_CLOSED, as a rejection where a promise is promised', async () => {
    const lab = await Lab.open({ agents: [echo] });
    const { symphony, taskManager, workflowTracker, executor } = lab;
    const { id } = await symphony.submit({ name: 'x' });
    await lab.until(symphony.close());
    const closed = expect.objectContaining({
      code: 'STORE_CLOSED',
      message: 'This registry has been closed. Open another to go on.',
    });
    await expect(symphony.submit({ name: 'x' })).rejects.toEqual(closed);
    await expect(symphony.startWorker()).rejects.toEqual(closed);
    await expect(symphony.registerAgent(echo)).rejects.toEqual(closed);
    await expect(symphony.history(id)).rejects.toEqual(closed);
    for (const call of ['getTaskManager', 'getWorkflowTracker', 'getEnhancedExecutor', 'getTaskRouter'] as const) {
      expect(() => symphony[call](), call).toThrow(closed);
    }
    expect(() => symphony.get(Tokens.Store)).toThrow(closed);
    expect(() => symphony.getTaskRouter('round-robin')).toThrow(closed);
    await expect(taskManager.createTask({ name: 'x' })).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    await expect(taskManager.handle(id).result()).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    await expect(workflowTracker.createWorkflow({ name: 'x' })).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    await expect(executor.executeTask(id, echo)).rejects.toMatchObject({ code: 'SHUTDOWN' });
    await lab[Symbol.asyncDispose]();
  });
});

describe('open that fails', () => {
  const broken = new ContainerModule(({ bind }) => {
    bind(Tokens.StrategyState).toDynamicValue(() => {
      throw new Error('no state');
    });
  });

  it('leaves nothing open, whatever part of it failed', async () => {
    const notes: string[] = [];
    const brings = new ContainerModule(({ bind }) => {
      bind(Tokens.Store)
        .toDynamicValue(() => noting(notes))
        .inSingletonScope()
        .onDeactivation((store) => store.close());
    });
    await expect(ServiceRegistry.open({ modules: [brings, broken] })).rejects.toThrow('no state');
    expect(notes).toEqual(['close']);
    notes.length = 0;
    await expect(ServiceRegistry.open({ modules: [brings], routing: { strategy: 'nobody' } })).rejects.toMatchObject({
      code: 'STRATEGY_NOT_FOUND',
    });
    await expect(
      ServiceRegistry.open({ modules: [brings], routing: { strategy: ['content-match', { minScore: 'x' }] } }),
    ).rejects.toMatchObject({
      code: 'STRATEGY_OPTIONS_INVALID',
    });
    expect(notes.filter((note) => note !== 'close')).toEqual([]);
    expect(notes.length).toBeGreaterThan(0);
  });

  it('closes the file that it has opened', async () => {
    const path = join(folder, 'failed.db');
    await expect(ServiceRegistry.open({ persistence: `sqlite:${path}`, modules: [broken] })).rejects.toThrow(
      'no state',
    );
    // A store that is closed in good order leaves no write-ahead log behind.
    expect(readdirSync(folder).filter((file) => file.startsWith('failed.db'))).toEqual(['failed.db']);
  });

  it('leaves a store that was passed to it to its owner', async () => {
    const store = new MemoryStore();
    await expect(ServiceRegistry.open({ persistence: store, modules: [broken] })).rejects.toThrow('no state');
    expect(await store.listTasks({ limit: 1 })).toEqual([]);
    await store.close();
  });

  it('says what failed, not what failed in cleaning up', async () => {
    const module = new ContainerModule(({ bind }) => {
      bind(Tokens.Store)
        .toDynamicValue(() => new MemoryStore())
        .inSingletonScope()
        .onDeactivation(() => Promise.reject(new Error('cleaning up failed')));
    });
    await expect(ServiceRegistry.open({ modules: [module, broken] })).rejects.toThrow('no state');
  });
});

describe('two registries on one SQLite file', () => {
  it('share its work: submitted in one, done by a worker of the other, awaited in the first', async () => {
    const clock = new VirtualClock();
    const persistence = `sqlite:${join(folder, 'shared.db')}`;
    await using first = await Lab.open({ persistence }, clock);
    await using second = await Lab.open({ persistence, agents: [echo] }, clock);
    await second.symphony.startWorker();
    const handle = await first.symphony.submit({ name: 'x', input: { a: 1 } });
    expect(await first.until(handle.result())).toEqual({ a: 1 });
    expect(await second.facts(handle.id)).toEqual(['task.created', 'task.routed', 'task.claimed', 'task.completed']);
  });

  it('reach each other’s running tasks: a cancel in one aborts the signal in the other', async () => {
    const clock = new VirtualClock();
    const persistence = `sqlite:${join(folder, 'cancel.db')}`;
    let reason: unknown;
    await using first = await Lab.open({ persistence }, clock);
    await using second = await Lab.open(
      {
        persistence,
        agents: [
          {
            id: 'slow',
            run: (_task, { signal }) => {
              signal.addEventListener('abort', () => void (reason = signal.reason));
              return pause(second, 1e9, signal);
            },
          },
        ],
      },
      clock,
    );
    await second.symphony.startWorker();
    const handle = await first.symphony.submit({ name: 'x' });
    await clock.advance(3_000);
    expect(await handle.cancel()).toMatchObject({ status: 'running' });
    await expect(first.until(handle.result())).rejects.toMatchObject({ code: 'TASK_CANCELLED' });
    expect(reason).toMatchObject({ code: 'TASK_CANCELLED' });
  });

  it('work with real time and their own threads as well', async () => {
    const persistence = `sqlite:${join(folder, 'threads.db')}`;
    await using first = await ServiceRegistry.open({ persistence });
    await using second = await ServiceRegistry.open({ persistence, agents: [echo] });
    await second.startWorker();
    const handles = await Promise.all(Array.from({ length: 20 }, (_, input) => first.submit({ name: 'x', input })));
    expect(await Promise.all(handles.map((handle) => handle.result({ timeoutMs: 10_000 })))).toEqual(
      handles.map((_, index) => index),
    );
  });
});
