import assert from 'node:assert/strict';
import {
  isTerminal,
  RetryAfterError,
  SymphonyError,
  TerminalError,
  type Agent,
  type Random,
  type TaskTimeouts,
} from '@symphony/core';
import type { Scenario, SimulatedMoment } from './options.ts';
import type { SimulatedRegistry } from './simulated-registry.ts';
import type { SimulatedProcess } from './virtual-process.ts';

/**
 * The scenario that is played where a caller brings none: tasks and workflows of every kind, by a program that waits, changes
 * its mind, and may be run again from the start at any moment.
 */
export const scenario: Scenario = {
  agents: (process) => [
    clerk(process),
    flaky(process),
    parent(process),
    sleeper(process),
    picky(process),
    single(process),
  ],
  workload: async (symphony, process) => {
    const deeds = drawDeeds(process.random);
    await Promise.all(deeds.map((deed, index) => doLater(deed, `${index}`, symphony, process)));
  },
  check,
};

/** Most of what agents do is done at once, and some of it takes until others think that its worker has died. */
const longest = 8_000;

/** Records steps, with time between them. */
function clerk({ sleep, random }: SimulatedProcess): Agent {
  return {
    id: 'clerk',
    description: 'Files and copies papers',
    async run(task, context) {
      const done: unknown[] = [];
      for (const name of ['read', 'copy', 'file'].slice(0, 1 + (task.name.length % 3))) {
        done.push(
          await context.step(name, async () => {
            await sleep(longest * random() ** 3, context.signal);
            return `${name} ${task.name}`;
          }),
        );
        context.progress(done.length);
      }
      return { done, after: Object.keys(context.dependencies).length };
    },
  };
}

/** Fails now and then, in each of the ways in which one can. */
function flaky({ sleep, random }: SimulatedProcess): Agent {
  return {
    id: 'flaky',
    description: 'Tries its luck',
    async run(task, context) {
      await sleep(longest * random() ** 3, context.signal);
      await context.step('try', () => context.attempt);
      const luck = random();
      if (luck < 0.3) throw new Error('no luck');
      if (luck < 0.4) throw new RetryAfterError('come again', 500);
      if (luck < 0.43) throw new TerminalError('never');
      return task.name;
    },
  };
}

/** Creates tasks of its own. */
function parent({ sleep, random }: SimulatedProcess): Agent {
  return {
    id: 'parent',
    description: 'Shares work out',
    async run(task, context) {
      const first = await context.spawn('first', { name: `${task.name}/first`, agentId: 'clerk' });
      await sleep(longest * random() ** 3, context.signal);
      return context.spawn('second', {
        name: `${task.name}/second`,
        agentId: 'flaky',
        dependsOn: [first],
        retry: patient,
      });
    },
  };
}

/** Takes long, and heeds its signal only half of the time. */
function sleeper({ sleep, random }: SimulatedProcess): Agent {
  return {
    id: 'sleeper',
    description: 'Thinks for long',
    async run(task, context) {
      const heeded = random() < 0.5 ? context.signal : undefined;
      await context.step('think', () => sleep(4_000 * random(), heeded));
      context.progress('thought');
      await sleep(longest * random(), heeded);
      return task.name;
    },
  };
}

/** Hands back what it does not like. */
function picky({ random }: SimulatedProcess): Agent {
  return {
    id: 'picky',
    description: 'Files and copies papers, sometimes',
    run: (task, context) => (random() < 0.4 ? context.refuse('not today') : task.name),
  };
}

/** Does one thing at a time, over all processes. */
function single({ sleep, random }: SimulatedProcess): Agent {
  return {
    id: 'single',
    description: 'Guards the only key',
    limits: { concurrency: 1 },
    async run(task, { signal }) {
      await sleep(longest * random() ** 3, signal);
      return task.name;
    },
  };
}

/** No crash and no failure alone ends these. */
const patient = { maxRetries: 8, maxCrashes: 50, initialDelayMs: 400, maxDelayMs: 2_000 } as const;

/** What the program does about one piece of work. */
interface Deed {
  readonly kind: 'task' | 'workflow' | 'created';
  readonly afterMs: number;
  readonly agentId: string | undefined;
  readonly priority: number;
  readonly dueInMs: number | undefined;
  readonly timeouts: TaskTimeouts;
  readonly jitter: 'full' | 'none';
  readonly shape: 'chain' | 'fan';
  readonly failFast: boolean;
  readonly change: 'cancel' | 'pause' | 'none';
  readonly changeAfterMs: number;
}

const deedCount = 8;

/** Within this time the program has done all that it does. */
const workingMs = 10_000;

function drawDeeds(random: Random): readonly Deed[] {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T; // below 1, so in the list
  return Array.from({ length: deedCount }, () => ({
    kind: pick(['task', 'task', 'task', 'workflow', 'workflow', 'created'] as const),
    afterMs: workingMs * random(),
    agentId: pick([undefined, 'clerk', 'flaky', 'parent', 'sleeper', 'single']),
    priority: Math.floor(random() * 3) - 1,
    dueInMs: random() < 0.2 ? 5_000 * random() : undefined,
    timeouts: drawTimeouts(random),
    jitter: pick(['full', 'none'] as const),
    shape: pick(['chain', 'fan'] as const),
    failFast: random() < 0.3,
    change: pick(['cancel', 'pause', 'none', 'none'] as const),
    changeAfterMs: 4_000 * random(),
  }));
}

/** Half of the tasks have a limit, of one kind. */
function drawTimeouts(random: Random): TaskTimeouts {
  const kinds = ['startToCloseMs', 'scheduleToStartMs', 'scheduleToCloseMs', 'idleMs'] as const;
  const kind = kinds[Math.floor(2 * kinds.length * random())];
  const limitMs = Math.round(1_000 + 9_000 * random());
  return kind === undefined ? {} : { [kind]: limitMs };
}

async function doLater(
  deed: Deed,
  name: string,
  symphony: SimulatedRegistry,
  process: SimulatedProcess,
): Promise<void> {
  await process.sleep(deed.afterMs);
  if (deed.kind === 'workflow') return runWorkflow(deed, name, symphony, process);
  return runTask(deed, name, symphony, process);
}

async function runTask(
  deed: Deed,
  name: string,
  symphony: SimulatedRegistry,
  process: SimulatedProcess,
): Promise<void> {
  const { agentId, priority, jitter, timeouts } = deed;
  const tasks = symphony.getTaskManager();
  const task = {
    name: `task ${name}`,
    input: { name },
    priority,
    retry: { ...patient, jitter },
    timeouts,
    idempotencyKey: `key-${name}`,
    ...(agentId === undefined ? {} : { agentId }),
  };
  let id: string;
  if (deed.kind === 'created') {
    ({ id } = await tasks.createTask(task));
    await process.sleep(500);
    await insist(process, () => tasks.submit(id));
  } else {
    // A time that the next run of the program finds again: what has a key must not change.
    const dueAt = deed.dueInMs === undefined ? undefined : dueOf(deed);
    ({ id } = await symphony.submit({ ...task, ...(dueAt === undefined ? {} : { dueAt }) }));
  }
  if (deed.change === 'cancel') {
    await process.sleep(deed.changeAfterMs);
    await insist(process, () => tasks.cancelTask(id));
  }
  await tasks.waitForTask(id);
}

function dueOf({ afterMs, dueInMs = 0 }: Deed): number {
  return Date.UTC(2026, 0, 1) + Math.round(afterMs + dueInMs);
}

async function runWorkflow(
  deed: Deed,
  name: string,
  symphony: SimulatedRegistry,
  process: SimulatedProcess,
): Promise<void> {
  const workflows = symphony.getWorkflowTracker();
  const retry = { ...patient, jitter: deed.jitter };
  const task = (key: string, agentId: string, dependsOn: readonly string[] = []) => ({
    key,
    name: `workflow ${name}/${key}`,
    agentId,
    dependsOn,
    retry,
    priority: deed.priority,
  });
  const { id } = await workflows.createWorkflow({
    name: `workflow ${name}`,
    idempotencyKey: `workflow-${name}`,
    onFailure: deed.failFast ? 'failFast' : 'continue',
    tasks:
      deed.shape === 'chain'
        ? [task('a', 'clerk'), task('b', 'flaky', ['a']), task('c', deed.agentId ?? 'single', ['b'])]
        : [task('a', 'clerk'), task('b', 'parent'), task('c', 'flaky'), task('d', 'clerk', ['a', 'b', 'c'])],
  });
  await process.sleep(deed.changeAfterMs);
  if (deed.change === 'cancel') await insist(process, () => workflows.cancel(id));
  if (deed.change === 'pause') {
    await insist(process, () => workflows.pause(id));
    await process.sleep(1_500);
    await insist(process, () => workflows.resume(id));
    await seeThrough(id, symphony, process);
  }
}

/** The pause that an earlier run of this program has asked for may arrive only now, when nobody would lift it any more. */
async function seeThrough(id: string, symphony: SimulatedRegistry, process: SimulatedProcess): Promise<void> {
  const workflows = symphony.getWorkflowTracker();
  for (;;) {
    const workflow = await insist(process, () => workflows.getWorkflow(id));
    if (workflow?.settled === true) return;
    // Where a task has failed, the status does not tell of a pause.
    const mayBePaused = workflow?.status === 'paused' || workflow?.status === 'failed';
    if (mayBePaused) await insist(process, () => workflows.resume(id));
    await process.sleep(2_000);
  }
}

/** Says it again while the store is away: what is asked for here may be asked for twice. */
async function insist<T>(process: SimulatedProcess, ask: () => Promise<T>): Promise<T | undefined> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      // Whoever is paused cannot be when it was cancelled meanwhile: by hand, or because it fails fast.
      if (SymphonyError.is(error, 'WORKFLOW_CANCELLED')) return undefined;
      if (!SymphonyError.is(error, 'STORE_FAILED')) throw error;
      await process.sleep(500);
    }
  }
}

/** Each piece of work is there once, however often the program was run, and has ended. */
async function check({ isEnd, store }: SimulatedMoment): Promise<void> {
  if (!isEnd) return;
  const tasks = await store.listTasks({ limit: 1_000 });
  const names = tasks.map(({ name }) => name);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  assert.deepEqual(twice, [], 'tasks that were submitted once are there twice (I2)');
  const single = names.filter((name) => /^task \d+$/.test(name)).length;
  const workflows = (await store.listWorkflows({ limit: 1_000 })).length;
  assert.equal(single + workflows, deedCount, 'something that was submitted is not there (I1)');
  const open = tasks.filter(({ status }) => !isTerminal(status)).map(({ name }) => name);
  assert.deepEqual(open, [], 'these have not ended');
}
