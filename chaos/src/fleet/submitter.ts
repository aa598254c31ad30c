// A submitter of a fleet: carries out its slot's plan, operation by operation. It is killed at times; its next life reads
// what it wrote down, does again what it has no note of, and goes on. Every operation can be done again.
import { SymphonyError } from '@symphony/core';
import { callers, hosted, wait, type Work } from './agents.ts';
import { Chance } from './chance.ts';
import { monotonic, readEvidence, type Expectation } from './evidence.ts';
import { isOutage, lenient, openHost, untilAnswered } from './host.ts';
import { plans, type Operation } from './plans.ts';

type Given = Parameters<typeof symphony.submit>[0] & object;

const { config, diary, symphony, agents, close } = await openHost();
const tasks = symphony.getTaskManager();
const workflows = symphony.getWorkflowTracker();
const executor = symphony.getEnhancedExecutor();
const rules = plans[config.plan];

const prefix = `${config.seed}/${config.slot}`;
let finishing = config.finish;
let outstanding = 0;

process.on('message', (message: 'finish' | { readonly cancel: string }) => {
  if (message === 'finish') finishing = true;
  else void noteFailure('cancel', () => cancelTask(message.cancel));
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
  const furthest = Math.max(-1, ...earlier) + rules.atOnce;
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
  await Promise.all(Array.from({ length: rules.atOnce }, runner));
}

function outstandingLimit(): number {
  return rules.outstanding[Math.floor(Date.now() / 2_000) % rules.outstanding.length] as number;
}

async function attempt(index: number): Promise<void> {
  // Once each to begin with, so that even a short run has seen them all.
  const operation =
    (Object.keys(rules.operations) as Operation[])[index] ??
    new Chance(prefix, index, 'operation').weighted(rules.operations as Readonly<Record<Operation, number>>);
  await noteFailure(operation, () =>
    // Every try draws anew: what is repeated must be the same.
    untilAnswered(config, diary, operation, () => perform(operation, `${prefix}/${index}`, new Chance(prefix, index))),
  );
  diary.write({ kind: 'done', index });
}

/** Does something, and writes down what went wrong with it. */
async function noteFailure(during: string, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const code = SymphonyError.is(error) ? error.code : 'NONE';
    const message = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    diary.write({ kind: 'error', during, code, message });
  }
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
      const answer = await refusalOf(() =>
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
    case 'cancelRunning':
      await cancelRunning(key, { steps: 1, ms: 10, shape: 'keys', tailMs: 4_000 }, chance);
      break;
    case 'cancelDeaf':
      // Goes on for longer than the grace: it is given up.
      await cancelRunning(key, { steps: 1, ms: 10, shape: 'keys', tailMs: 7_000, deaf: true }, chance);
      break;
    case 'cancelWorkflow':
      await cancelWorkflow(key, chance);
      break;
  }
}

function counting(chance: Chance): Omit<Given, 'name'> & { readonly input: Work } {
  // The urgent ones are taken again as soon as they are released: while their last holder may still be writing.
  return {
    input: rules.work(chance),
    retry: lenient,
    requirements: { capabilities: ['count'] },
    priority: chance.pick([-1, 0, 0, 5]),
  };
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
  untilAnswered(config, diary, 'waitForTask', () => tasks.waitForTask(id))
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
  const code = await refusalOf(() => tasks.retryTask(id));
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
  if (chance.next() < 0.7) await untilRunning(id, 1_500);
  await cancelTask(id);
}

async function untilRunning(id: string, ms: number): Promise<void> {
  for (const end = performance.now() + ms; performance.now() < end; await wait(10))
    if ((await tasks.getTask(id))?.status !== 'pending') return;
}

async function cancelTask(id: string): Promise<void> {
  const asked = monotonic();
  const { status } = await tasks.cancelTask(id, { reason: 'the lane wants it so' });
  diary.write({ kind: 'cancelled', task: id, status, asked });
}

/** Cancels a task of another process in the middle of its attempt, and waits for its end. */
async function cancelRunning(key: string, input: Work, chance: Chance): Promise<void> {
  const id = await submit(key, { ...counting(chance), input });
  await untilRunning(id, 30_000);
  await wait(chance.between(0, 300));
  await cancelTask(id);
  await tasks.waitForTask(id);
}

/** Cancels a workflow of which a part runs, a part waits for that, and a part is not due yet. */
async function cancelWorkflow(key: string, chance: Chance): Promise<void> {
  const given = counting(chance);
  const dueAt = earliest(`${key}/later`) ?? Date.now() + 400;
  const first = { ...given, name: `${key}/first`, input: { ...given.input, tailMs: 4_000 } };
  const second = { ...given, name: `${key}/second`, dependsOn: ['first'] };
  const later = { ...given, name: `${key}/later`, dueAt };
  diary.write({ kind: 'intent', what: 'workflow', key });
  for (const { name } of [first, second, later]) {
    const notBefore = name === later.name ? { notBefore: dueAt } : {};
    diary.write({ kind: 'intent', what: 'task', key: name, expect: { status: 'completed', ...notBefore } });
  }
  const children = [{ ...first, key: 'first' }, second, later];
  const { id } = await workflows.createWorkflow({ name: key, idempotencyKey: key, tasks: children });
  diary.write({ kind: 'ack', what: 'workflow', key, id, tasks: children.length });
  const running = (await workflows.getWorkflowTasks(id)).find(({ name }) => name === first.name);
  await untilRunning(running?.id ?? '', 30_000);
  await wait(chance.between(0, 300));
  await commandWorkflow(id, 'cancel');
  for (const task of await workflows.getWorkflowTasks(id)) await tasks.waitForTask(task.id);
}

async function sealedWorkflow(key: string, chance: Chance): Promise<void> {
  const count = chance.between(1, 6);
  const children = Array.from({ length: count }, (_, index) => ({ ...counting(chance), name: `${key}/${index}` }));
  diary.write({ kind: 'intent', what: 'workflow', key });
  for (const { name } of children)
    diary.write({ kind: 'intent', what: 'task', key: name, expect: { status: 'completed' } });
  const { id } = await workflows.createWorkflow({ name: key, idempotencyKey: key, tasks: children });
  diary.write({ kind: 'ack', what: 'workflow', key, id, tasks: count });
  const code = await refusalOf(() => tasks.submit({ name: `${key}/late`, workflowId: id }));
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
  const asked = monotonic();
  await workflows[command](id);
  diary.write({ kind: 'workflow', workflow: id, command, asked });
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
    const code = await refusalOf(() => executor.executeWithRetry(id, agent, { retry: lenient }));
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

/** The code of the error that an act is refused with; `none` if it is not. @throws what says nothing of the act */
async function refusalOf(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
    return 'none';
  } catch (error) {
    if (!isOutage(error) && SymphonyError.is(error)) return error.code;
    throw error;
  }
}
