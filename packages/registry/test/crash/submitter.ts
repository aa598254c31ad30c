// A submitter of the crash lane: carries out its slot's plan, operation by operation. It is killed at times; its next
// life reads what it wrote down, does again what it has no note of, and goes on. Every operation can be done again.
import { SymphonyError } from '@symphony/core';
import { callers, hosted, wait, type Work } from './agents.ts';
import { Chance } from './chance.ts';
import { readEvidence, type Expectation } from './evidence.ts';
import { lenient, openHost } from './host.ts';

const operations = {
  submit: 30,
  burst: 10,
  fail: 12,
  refuse: 10,
  pinned: 10,
  special: 6,
  later: 6,
  cancel: 14,
  again: 8,
  conflict: 4,
  leave: 2,
  sealed: 8,
  open: 12,
  execute: 10,
  batch: 3,
};

type Operation = keyof typeof operations;
type Given = Parameters<typeof symphony.submit>[0] & object;

/** Operations under way at once. */
const atOnce = 8;

const { config, diary, symphony, agents, close } = await openHost();
const tasks = symphony.getTaskManager();
const workflows = symphony.getWorkflowTracker();
const executor = symphony.getEnhancedExecutor();
/**
 * How many tasks of this process may be open before it waits for some. It changes every two seconds: with a backlog a
 * released task waits its turn, without one it is taken while its last holder may still be writing.
 */
const outstandingLimits = config.plan === 'late' ? [4] : [4, 40, 4, 12];

const prefix = `${config.seed}/${config.slot}`;
let finishing = config.finish;
let outstanding = 0;

process.on('message', () => {
  finishing = true;
});
process.send?.('ready');
await carryOutPlan();
await close(0);
process.exit(0);

async function carryOutPlan(): Promise<void> {
  const earlier = readEvidence(config.folder, `submitter-${config.slot}-`).flatMap((line) =>
    line.kind === 'done' ? [line.index] : [],
  );
  const done = new Set(earlier);
  const furthest = Math.max(-1, ...earlier) + atOnce;
  let next = 0;
  const runner = async (): Promise<void> => {
    for (;;) {
      const index = next++;
      // What an earlier life may have begun is brought to its end; nothing else is started any more.
      if (finishing && index > furthest) return;
      if (done.has(index)) continue;
      while (outstanding > outstandingLimit() && !finishing) await wait(10);
      await attempt(index);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, runner));
}

function outstandingLimit(): number {
  return outstandingLimits[Math.floor(Date.now() / 2_000) % outstandingLimits.length] as number;
}

async function attempt(index: number): Promise<void> {
  const chance = new Chance(prefix, index);
  // Once each to begin with, so that even a short run has seen them all.
  const drawn = (Object.keys(operations) as Operation[])[index] ?? chance.weighted<Operation>(operations);
  const operation = config.plan === 'late' ? 'submit' : drawn;
  try {
    await perform(operation, `${prefix}/${index}`, chance);
  } catch (error) {
    const code = SymphonyError.is(error) ? error.code : 'NONE';
    diary.write({
      kind: 'error',
      during: operation,
      code,
      message: error instanceof Error ? `${error.message}\n${error.stack}` : String(error),
    });
  }
  diary.write({ kind: 'done', index });
}

async function perform(operation: Operation, key: string, chance: Chance): Promise<void> {
  switch (operation) {
    case 'submit':
      await submit(key, counting(chance));
      break;
    case 'burst':
      await Promise.all(Array.from({ length: 8 }, (_, index) => submit(`${key}/${index}`, counting(chance))));
      break;
    case 'fail':
      await fail(key, chance);
      break;
    case 'refuse':
      await refuse(key, chance);
      break;
    case 'pinned':
      await submit(key, { ...counting(chance), requirements: {}, agentId: chance.pick(Object.keys(hosted)) });
      break;
    case 'special':
      await submit(key, { ...counting(chance), requirements: { capabilities: ['special'] } });
      break;
    case 'later': {
      // The time is part of what is submitted: a repeat must give the same one.
      const soon = Date.now() + chance.between(100, 500);
      const dueAt = earliest(key) ?? soon;
      await submit(key, { ...counting(chance), dueAt }, { status: 'completed', notBefore: dueAt });
      break;
    }
    case 'cancel':
      await cancel(key, chance);
      break;
    case 'again': {
      const given = counting(chance);
      const [first, second] = await Promise.all([submit(key, given), submit(key, given)]);
      if (first !== second) throw new Error(`two ids for one key: ${first} and ${second}`);
      await submit(key, given);
      break;
    }
    case 'conflict': {
      const given = counting(chance);
      await submit(key, given);
      const answer = await codeOf(() =>
        tasks.submit({ ...given, name: key, idempotencyKey: key, description: 'another' }),
      );
      diary.write({ kind: 'conflict', key, answer });
      break;
    }
    case 'leave':
      await create(key, counting(chance));
      break;
    case 'sealed':
      await sealedWorkflow(key, chance);
      break;
    case 'open':
      await openWorkflow(key, chance);
      break;
    case 'execute':
      await execute(key, chance);
      break;
    case 'batch':
      await batch(key, chance);
      break;
  }
}

function counting(chance: Chance): Omit<Given, 'name'> & { readonly input: Work } {
  if (config.plan === 'late') return { ...lateWork(chance), retry: lenient, requirements: { capabilities: ['count'] } };
  const work: Work = {
    steps: chance.between(1, 6),
    ms: chance.pick([1, 5, 20, 50, 100]),
    shape: chance.pick(['keys', 'ordinals', 'parallel'] as const),
    ...(chance.next() < 0.6 ? { tailMs: chance.between(20, 150) } : {}),
    ...(chance.next() < 0.15 ? { deaf: true } : {}),
    ...(chance.next() < 0.05 ? { busyMs: 30 } : {}),
  };
  // The urgent ones are taken again as soon as they are released: while their last holder may still be writing.
  return {
    input: work,
    retry: lenient,
    requirements: { capabilities: ['count'] },
    priority: chance.pick([-1, 0, 0, 5]),
  };
}

/** Nothing but reports is left of it when its process is continued after a stop. */
function lateWork(chance: Chance): { readonly input: Work } {
  return { input: { steps: 1, ms: 1, shape: 'keys', tailMs: chance.between(200, 500), deaf: true } };
}

async function submit(
  key: string,
  given: Omit<Given, 'name'>,
  expect: Expectation = { status: 'completed' },
): Promise<string> {
  diary.write({ kind: 'intent', what: 'task', key, expect });
  const { id } = await tasks.submit({ ...given, name: key, idempotencyKey: key });
  diary.write({ kind: 'ack', what: 'task', key, id, due: true });
  follow(id);
  return id;
}

async function create(
  key: string,
  given: Omit<Given, 'name'>,
  expect: Expectation = { status: 'completed' },
): Promise<string> {
  diary.write({ kind: 'intent', what: 'task', key, expect });
  const { id } = await tasks.createTask({ ...given, name: key, idempotencyKey: key });
  diary.write({ kind: 'ack', what: 'task', key, id, due: false });
  return id;
}

/** Waits for the end of a task and writes down what it read. */
function follow(id: string): void {
  outstanding++;
  tasks
    .waitForTask(id)
    .then(({ status }) => diary.write({ kind: 'seen', task: id, status }))
    .catch((error: unknown) => {
      if (!SymphonyError.is(error, 'STORE_CLOSED'))
        diary.write({ kind: 'error', during: 'waitForTask', code: 'NONE', message: String(error) });
    })
    .finally(() => outstanding--);
}

async function fail(key: string, chance: Chance): Promise<void> {
  const failures = chance.between(1, 5);
  const failWith = chance.weighted({ error: 6, 'retry-after': 2, terminal: 2 });
  const given = counting(chance);
  const input: Work = { ...given.input, shape: 'keys', failures, failWith };
  const isLost = failWith === 'terminal' || failures > lenient.maxRetries;
  const expect: Expectation = isLost
    ? { status: 'failed', code: failWith === 'terminal' ? 'TERMINAL' : 'AGENT_ERROR' }
    : { status: 'completed' };
  const id = await submit(key, { ...given, input }, expect);
  if (!isLost || chance.next() < 0.5 || finishing) return;
  await tasks.waitForTask(id);
  const code = await codeOf(() => tasks.retryTask(id));
  if (code === 'none') diary.write({ kind: 'retried', task: id });
  else if (code !== 'TASK_INVALID_TRANSITION') throw new Error(`retryTask was answered with ${code}`); // by an earlier life
}

async function refuse(key: string, chance: Chance): Promise<void> {
  const pickers = ['picky-a', 'picky-b', 'picky-c'];
  const refusedBy = pickers.slice(0, chance.between(1, 3));
  const given = counting(chance);
  const input: Work = { ...given.input, shape: 'keys', refusedBy };
  const pinned = chance.next() < 0.3 ? { agentId: 'picky-a' } : {};
  const code = 'agentId' in pinned ? 'REFUSED' : refusedBy.length === pickers.length ? 'NO_ROUTE' : undefined;
  const expect: Expectation = code === undefined ? { status: 'completed' } : { status: 'failed', code };
  await submit(key, { ...given, input, ...pinned, requirements: { capabilities: ['pick'] } }, expect);
}

async function cancel(key: string, chance: Chance): Promise<void> {
  const given = counting(chance);
  const id = await submit(key, { ...given, input: { ...given.input, ms: 50, steps: 4 } });
  await wait(chance.between(0, 40));
  // Mostly in the middle of an attempt, where cancelling is hardest.
  if (chance.next() < 0.7)
    for (let looks = 0; looks < 150 && (await tasks.getTask(id))?.status === 'pending'; looks++) await wait(10);
  const { status } = await tasks.cancelTask(id, { reason: 'the lane wants it so' });
  diary.write({ kind: 'cancelled', task: id, status });
}

async function sealedWorkflow(key: string, chance: Chance): Promise<void> {
  const count = chance.between(1, 6);
  const children = Array.from({ length: count }, (_, index) => ({ ...counting(chance), name: `${key}/${index}` }));
  diary.write({ kind: 'intent', what: 'workflow', key });
  for (const { name } of children)
    diary.write({ kind: 'intent', what: 'task', key: name, expect: { status: 'completed' } });
  const { id } = await workflows.createWorkflow({ name: key, idempotencyKey: key, tasks: children });
  diary.write({ kind: 'ack', what: 'workflow', key, id, tasks: count });
  const code = await codeOf(() => tasks.submit({ name: `${key}/late`, workflowId: id }));
  // An earlier life may have cancelled it, which is said first.
  if (code !== 'WORKFLOW_SEALED' && code !== 'WORKFLOW_CANCELLED')
    throw new Error(`adding to a sealed workflow was answered with ${code}`);
  if (chance.next() < 0.3) await commandWorkflow(id, 'cancel');
}

async function openWorkflow(key: string, chance: Chance): Promise<void> {
  diary.write({ kind: 'intent', what: 'workflow', key });
  const { id } = await workflows.createWorkflow({ name: key, idempotencyKey: key });
  diary.write({ kind: 'ack', what: 'workflow', key, id, tasks: 0 });
  const fate = chance.weighted({ run: 3, pause: 5, cancel: 3 });
  const add = async (index: number): Promise<void> => {
    const given = counting(chance);
    const name = `${key}/${index}`;
    if (index % 3 === 0) {
      // Created alone, then added, then released: three acts with a crash between any of them.
      const task = await create(name, given);
      await workflows.addTaskToWorkflow(id, task);
      diary.write({ kind: 'added', task, workflow: id });
      await tasks.submit(task);
      diary.write({ kind: 'ack', what: 'task', key: name, id: task, due: true });
    } else if (index % 3 === 1) {
      await submit(name, {
        ...given,
        input: { ...given.input, children: 2 },
        requirements: { capabilities: ['spawn'] },
        workflowId: id,
      });
    } else {
      await submit(name, { ...given, workflowId: id });
    }
  };
  const count = chance.between(2, 7);
  const half = count >> 1;
  await unlessCancelled(async () => {
    for (let index = 0; index < half; index++) await add(index);
    if (fate === 'pause') {
      await commandWorkflow(id, 'pause');
      await wait(chance.between(20, 150));
    }
    for (let index = half; index < count; index++) await add(index);
    if (fate === 'pause') {
      await wait(chance.between(20, 150));
      await commandWorkflow(id, 'resume');
    }
    if (fate === 'cancel') {
      await wait(chance.between(0, 200));
      await commandWorkflow(id, 'cancel');
    }
  });
}

async function commandWorkflow(id: string, command: 'pause' | 'resume' | 'cancel'): Promise<void> {
  await workflows[command](id);
  diary.write({ kind: 'workflow', workflow: id, command });
}

/** An earlier life may have cancelled the workflow; then the rest of the operation is of no interest. */
async function unlessCancelled(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!SymphonyError.is(error, 'WORKFLOW_CANCELLED')) throw error;
  }
}

/** Create, execute, be killed, run again: by hand, with an agent that workers host or one that nobody else has. */
async function execute(key: string, chance: Chance): Promise<void> {
  const given = counting(chance);
  const failures = chance.between(0, 2);
  const input: Work = { ...given.input, shape: 'keys', failures };
  const id = await create(key, { ...given, input, requirements: {} });
  const agentId = chance.pick(['counter-a', ...Object.keys(callers)]);
  const agent = agents.find((each) => each.id === agentId) as (typeof agents)[number];
  for (;;) {
    const code = await codeOf(() => executor.executeWithRetry(id, agent, { retry: lenient }));
    if (code === 'none' || code === 'TASK_FINISHED') break;
    // Lost to a takeover, or held by whoever took over: it is done by them, or by us once they die.
    if (code === 'LEASE_LOST' || code === 'TASK_NOT_CLAIMABLE') await wait(50);
    else throw new Error(`executeWithRetry was answered with ${code}`);
  }
  follow(id);
}

async function batch(key: string, chance: Chance): Promise<void> {
  const ids = await Promise.all(
    Array.from({ length: 4 }, (_, index) => create(`${key}/${index}`, { ...counting(chance), requirements: {} })),
  );
  const agent = agents.find(({ id }) => id === 'counter-b') as (typeof agents)[number];
  for (;;) {
    await executor.batchExecute(
      ids.map((id) => [id, agent] as const),
      { maxConcurrent: 2 },
    );
    const states = await Promise.all(ids.map((id) => tasks.getTask(id)));
    if (states.every((task) => task?.status === 'completed')) break;
    await wait(50);
  }
}

/** The due time that an earlier life gave to this key. */
function earliest(key: string): number | undefined {
  for (const line of readEvidence(config.folder, `submitter-${config.slot}-`)) {
    if (line.kind === 'intent' && line.key === key) return line.expect?.notBefore;
  }
  return undefined;
}

/** The code of the error that an act is refused with; `none` if it is not. */
async function codeOf(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
    return 'none';
  } catch (error) {
    if (SymphonyError.is(error)) return error.code;
    throw error;
  }
}
