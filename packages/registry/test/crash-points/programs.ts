import { isTerminal, SymphonyError, TerminalError, type Agent, type Command } from '@symphony/core';
import type { ServiceRegistry } from '@symphony/registry';
import { newTask, type Fault } from '@symphony/testing';
import type { SimulatedProcess } from './simulated-process.ts';

/**
 * A program as users write it: with idempotency keys, so that run again after a crash it goes on where it was. It ends
 * when its work has ended.
 */
export interface Program {
  /** The agents that its tasks need. */
  agents(process: SimulatedProcess): readonly Agent[];
  run(process: SimulatedProcess, agents: readonly Agent[]): Promise<void>;
  /** The status of each task in the end, by name. Nothing else may be there. */
  readonly expected: Readonly<Record<string, 'completed' | 'failed' | 'cancelled'>>;
  /** How often each effect may come about at most: once, and once more if the crash came before it was recorded. */
  readonly effects: readonly string[];
  /** What goes wrong besides, each time, in the first process. */
  readonly faults?: readonly Fault[];
}

/** Does a task in two steps, with a pause for renewals and sweeps between them. */
const writer = (process: SimulatedProcess, id = 'writer'): Agent => ({
  id,
  async run(task, context) {
    await process.act(task, context, 'first');
    context.progress('half');
    await process.sleep(3_500);
    await process.act(task, context, 'second');
    return 'written';
  },
});

const idle: Agent = { id: 'idle', run: () => 'nothing' };

const keyed = (name: string) => ({ name, idempotencyKey: name });

const ended = async (symphony: ServiceRegistry, ...ids: readonly string[]): Promise<void> => {
  for (const id of ids) await symphony.getTaskManager().waitForTask(id);
};

/** Commits what the registry has no method for. */
async function commit({ store }: SimulatedProcess, command: Command): Promise<void> {
  const { results } = await store.commit({ groups: [[command]] });
  if (results[0]?.status === 'error') throw new SymphonyError(results[0].code, results[0].message);
}

const refusing = (id: string): Agent => ({ id, run: (_task, context) => context.refuse('not mine') });

export const programs: Readonly<Record<string, Program>> = {
  'tasks that a worker routes and runs': {
    agents: (process) => [writer(process), idle],
    async run(process, agents) {
      const symphony = await process.open(agents, { routing: { strategy: 'round-robin' } });
      const handles = [await symphony.submit(keyed('one')), await symphony.submit(keyed('two'))];
      await symphony.startWorker();
      await ended(symphony, ...handles.map(({ id }) => id));
      await symphony.close();
    },
    expected: { one: 'completed', two: 'completed' },
    effects: ['one: first', 'one: second', 'two: first', 'two: second'],
  },

  'tasks that are executed by hand': {
    agents: (process) => [
      writer(process),
      {
        id: 'fails-first',
        async run(task, context) {
          await process.act(task, context, 'try');
          if (context.attempt === 1) throw new Error('not yet');
        },
      },
    ],
    async run(process, [steady, failsFirst]) {
      const symphony = await process.open([]);
      const tasks = symphony.getTaskManager();
      const once = await tasks.createTask(keyed('once'));
      const flaky = await tasks.createTask(keyed('flaky'));
      const executor = symphony.getEnhancedExecutor();
      if (!isTerminal(once.status)) await executor.executeTask(once.id, steady as Agent);
      const retry = { maxRetries: 2, initialDelayMs: 500, jitter: 'none' } as const;
      if (!isTerminal(flaky.status)) await executor.executeWithRetry(flaky.id, failsFirst as Agent, { retry });
      await symphony.close();
    },
    expected: { once: 'completed', flaky: 'completed' },
    effects: ['once: first', 'once: second', 'flaky: try'],
  },

  'a task that is created first and submitted later': {
    agents: (process) => [writer(process)],
    async run(process, agents) {
      const symphony = await process.open(agents);
      const { id } = await symphony.getTaskManager().createTask(keyed('later'));
      await symphony.submit(id);
      await symphony.startWorker();
      await ended(symphony, id);
      await symphony.close();
    },
    expected: { later: 'completed' },
    effects: ['later: first', 'later: second'],
  },

  'workflows that are filled, paused, resumed and cancelled': {
    agents: () => [idle],
    async run(process, agents) {
      const symphony = await process.open(agents);
      const tracker = symphony.getWorkflowTracker();
      const dropped = await tracker.createWorkflow({ ...keyed('dropped'), tasks: [{ name: 'left' }, { name: 'out' }] });
      await tracker.cancel(dropped.id);
      const kept = await tracker.createWorkflow(keyed('kept'));
      for (const name of ['one', 'two']) {
        const { id } = await symphony.getTaskManager().createTask(keyed(name));
        await tracker.addTaskToWorkflow(kept.id, id);
        await symphony.submit(id);
      }
      await tracker.pause(kept.id);
      await tracker.resume(kept.id);
      await symphony.startWorker();
      await tracker.waitForWorkflow(kept.id);
      await symphony.close();
    },
    expected: { left: 'cancelled', out: 'cancelled', one: 'completed', two: 'completed' },
    effects: [],
  },

  'tasks that an agent refuses, or that nobody can take at first': {
    agents: (process) => [
      refusing('a-refusing'),
      writer(process),
      { ...writer(process, 'rare'), capabilities: ['rare'] },
    ],
    async run(process, [first, second, rare]) {
      const symphony = await process.open([first as Agent, second as Agent], {
        routing: { strategy: 'round-robin' },
        hooks: {
          postExecution: () => {
            throw new Error('a hook that fails');
          },
        },
      });
      const tasks = symphony.getTaskManager();
      const choosy = await symphony.submit({ ...keyed('choosy'), requirements: { capabilities: ['rare'] } });
      const refused = await symphony.submit(keyed('refused'));
      await symphony.startWorker();
      await ended(symphony, refused.id);
      while (!(await tasks.history(choosy.id)).some(({ type }) => type === 'task.unroutable')) await process.sleep(200);
      await symphony.startWorker({ agents: [rare as Agent] });
      await ended(symphony, choosy.id);
      await symphony.close();
    },
    expected: { choosy: 'completed', refused: 'completed' },
    effects: ['choosy: first', 'choosy: second', 'refused: first', 'refused: second'],
  },

  'a task that everybody refuses': {
    agents: () => [refusing('anna'), refusing('bert')],
    async run(process, agents) {
      const symphony = await process.open(agents);
      const { id } = await symphony.submit(keyed('unwanted'));
      await symphony.startWorker();
      await ended(symphony, id);
      await symphony.close();
    },
    expected: { unwanted: 'failed' },
    effects: [],
  },

  'tasks that are cancelled, and one that is tried again by hand': {
    agents: (process) => [
      {
        id: 'slow',
        run: (_task, { signal }) =>
          new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
      },
      {
        id: 'fails-first',
        async run(task, context) {
          await process.act(task, context, 'try');
          if (context.attempt === 1) throw new TerminalError('not like this');
        },
      },
    ],
    async run(process, agents) {
      const symphony = await process.open(agents);
      const tasks = symphony.getTaskManager();
      const idea = await tasks.createTask(keyed('idea'));
      await tasks.cancelTask(idea.id);
      const timeouts = { startToCloseMs: 6_000 };
      const running = await symphony.submit({ ...keyed('running'), agentId: 'slow', timeouts });
      const twice = await symphony.submit({ ...keyed('twice'), agentId: 'fails-first' });
      await symphony.startWorker();
      while ((await tasks.getTask(running.id))?.status === 'pending') await process.sleep(100);
      await tasks.cancelTask(running.id);
      const first = await tasks.waitForTask(twice.id);
      if (first.status === 'failed') await tasks.retryTask(twice.id);
      await ended(symphony, running.id);
      while ((await tasks.getTask(twice.id))?.status !== 'completed') await process.sleep(100);
      await symphony.close();
    },
    expected: { idea: 'cancelled', running: 'cancelled', twice: 'completed' },
    effects: ['twice: try'],
  },

  'a task whose claim was answered into the void': {
    agents: (process) => [writer(process)],
    async run(process, agents) {
      const symphony = await process.open(agents);
      const { id } = await symphony.submit(keyed('stray'));
      await symphony.startWorker();
      await ended(symphony, id);
      await symphony.close();
    },
    faults: [{ at: 'commit:claim', nth: 1, when: 'after', fault: 'fail' }],
    expected: { stray: 'completed' },
    effects: ['stray: first', 'stray: second'],
  },

  'a task that creates another, in a catalogue that changes': {
    agents: (process) => [
      {
        id: 'parent',
        async run(task, context) {
          await process.act(task, context, 'prepare');
          const names = { name: 'child', idempotencyKey: `${task.id}/child`, agentId: 'idle' };
          const child = newTask(`${task.id}-child`, names);
          const { attempt } = context;
          await commit(process, { type: 'spawn', id: task.id, attempt, key: 'child', task: child });
        },
      },
      idle,
    ],
    async run(process, agents) {
      const symphony = await process.open(agents);
      await commit(process, { type: 'enableAgent', id: 'idle', enabled: false });
      await commit(process, { type: 'enableAgent', id: 'idle', enabled: true });
      const { id } = await symphony.submit({ ...keyed('family'), agentId: 'parent' });
      await symphony.startWorker();
      await ended(symphony, id, `${id}-child`);
      await symphony.registerAgent({ id: 'passing', run: () => undefined });
      await commit(process, { type: 'removeAgent', id: 'passing' });
      await symphony.close();
    },
    expected: { family: 'completed', child: 'completed' },
    effects: ['family: prepare'],
  },

  'tasks that are removed when they are old': {
    agents: () => [idle],
    async run(process, agents) {
      const symphony = await process.open(agents);
      const { state } = process.store;
      await symphony.startWorker();
      if ((await state.get('old')) === undefined) {
        const { id } = await symphony.submit(keyed('old'));
        await ended(symphony, id);
        await state.set('old', 'done', 0);
      }
      await process.store.prune({ olderThanMs: 0, limit: 10 });
      await ended(symphony, (await symphony.submit(keyed('new'))).id);
      await symphony.close();
    },
    expected: { new: 'completed' },
    effects: [],
  },
};
