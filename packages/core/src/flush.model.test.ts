import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decisionFor, errorOf, newTask, newWorkflow, on } from '../test/builders.ts';
import { expectSound, foldStatus } from '../test/invariants.ts';
import { reports, World } from '../test/world.ts';
import {
  addCounters,
  contribution,
  Flush,
  isSettled,
  isSuspect,
  isTerminal,
  toAgentConfig,
  type ClaimRequest,
  type Command,
  type TaskRecord,
  type WorkflowCounters,
} from './index.ts';

/** A write, as somebody makes it who has looked at the store. */
interface Write {
  readonly say: string;
  readonly command: (history: History) => Command;
}

const slots = [0, 1, 2] as const;
const agents = ['ada', 'bob'] as const;

/** One life of a store with three workers, two workflows and a handful of tasks. */
class History {
  readonly world = new World();
  readonly retried = new Set<string>();
  #opened = 0;
  #workers: string[] = [];

  constructor() {
    const { world } = this;
    for (const id of agents) world.do({ type: 'registerAgent', config: toAgentConfig({ id }) });
    world.do({ type: 'createWorkflow', workflow: newWorkflow('wf1') });
    world.do({ type: 'createWorkflow', workflow: newWorkflow('wf2', { onFailure: 'failFast' }) });
    for (const slot of slots) this.open(slot);
    world.do({ type: 'createTask', task: newTask('t1', { workflowId: 'wf1' }), submit: true });
    world.do({ type: 'createTask', task: newTask('t2', { workflowId: 'wf1', agentId: 'ada' }), submit: true });
    world.do({ type: 'createTask', task: newTask('t3', { retry: { maxRetries: 0 } }), submit: true });
    world.do({ type: 'createTask', task: newTask('t4', { retry: { maxCrashes: 2 } }), submit: false });
    world.do({ type: 'createTask', task: newTask('t5', { agentId: 'bob', ...on('t2', 't1') }), submit: true });
    world.do({ type: 'createTask', task: newTask('t6', { workflowId: 'wf2', ...on('t2') }), submit: true });
  }

  readonly worker = (slot: number): string => this.#workers[slot] as string;

  open(slot: number): void {
    this.#workers[slot] = `w${this.#opened++}`;
    this.world.openWorker(this.worker(slot), agents);
  }

  /** One of the attempts that run, or an earlier one of the same task. */
  readonly running = (index: number, ago = 0): { readonly id: string; readonly attempt: number } => {
    const running = this.world.tables.tasks.filter(({ status }) => status === 'running');
    const task = running[index % running.length];
    return task === undefined ? { id: 't1', attempt: 1 } : { id: task.id, attempt: task.attempt - ago };
  };

  /** One of the tasks that are bound, and to whom. */
  readonly bound = (index: number): { readonly id: string; readonly workerId: string } => {
    const bound = this.world.tables.tasks.filter(({ boundTo }) => boundTo !== null);
    const task = bound[index % bound.length];
    return task?.boundTo == null ? { id: 't1', workerId: this.worker(0) } : { id: task.id, workerId: task.boundTo };
  };

  /** One flush. A group that is not carried out must leave no trace. */
  flush(groups: readonly (readonly Command[])[], claim: ClaimRequest | undefined): void {
    const { tables, times } = this.world;
    const flush = new Flush(tables, times);
    for (const group of groups) {
      const before = tables.dump();
      const result = flush.apply(group);
      if (result.status !== 'ok') expect(tables.dump()).toEqual(before);
      else for (const command of group) if (command.type === 'retryTask') this.retried.add(command.id);
    }
    if (claim !== undefined) {
      for (const task of flush.claim(claim)) {
        expect(task).toMatchObject(
          task.status === 'running' ? { workerId: claim.workerId } : { boundTo: claim.workerId },
        );
      }
    }
    flush.settle();
  }
}

const someId = fc.constantFrom('t1', 't2', 't3', 't4', 't5', 't6', 't7', 't8');
const someWorkflow = fc.constantFrom('wf1', 'wf2', 'wf3');
const someSlot = fc.constantFrom(...slots);
const someAgent = fc.constantFrom(...agents);
const index = fc.nat(5);
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const retries = fc.record({ maxRetries: fc.nat(2), maxCrashes: fc.integer({ min: 1, max: 3 }) });

function write<Values extends Record<string, unknown>>(
  say: string,
  values: { [Key in keyof Values]: fc.Arbitrary<Values[Key]> },
  command: (values: Values, history: History) => Command,
): fc.Arbitrary<Write> {
  return (fc.record(values) as fc.Arbitrary<Values>).map((given) => ({
    say: `${say} ${JSON.stringify(given)}`,
    command: (history) => command(given, history),
  }));
}

const writesOfCallers = fc.oneof(
  write(
    'create',
    {
      id: someId,
      workflowId: fc.option(someWorkflow),
      submit: fc.boolean(),
      idempotencyKey: fc.option(fc.constantFrom('k1', 'k2')),
      dependsOn: fc.array(someId, { maxLength: 2 }),
    },
    ({ id, submit, dependsOn, ...more }) => ({
      type: 'createTask',
      task: newTask(id, { ...more, ...on(...dependsOn) }),
      submit,
    }),
  ),
  write('submit', { id: someId, wait: fc.nat(2_000) }, ({ id, wait }, { world }) => ({
    type: 'submitTask',
    id,
    dueAt: world.now + wait,
  })),
  write('add', { taskId: someId, workflowId: someWorkflow }, (ids) => ({ type: 'addTask', ...ids })),
  write(
    'claim',
    { id: someId, slot: someSlot, agentId: maybe(someAgent), workflowId: maybe(someWorkflow), retry: maybe(retries) },
    ({ slot, agentId, workflowId, retry, ...rest }, { worker }) => ({
      type: 'claimTask',
      ...rest,
      workerId: worker(slot),
      ...(agentId === undefined ? {} : { agentId }),
      ...(workflowId === undefined ? {} : { workflowId }),
      ...(retry === undefined ? {} : { retry }),
    }),
  ),
  write('cancel', { id: someId }, ({ id }) => ({ type: 'cancelTask', id, graceMs: 3_000 })),
  write('retry', { id: someId }, ({ id }) => ({ type: 'retryTask', id })),
  write('create workflow', { id: someWorkflow }, ({ id }) => ({
    type: 'createWorkflow',
    workflow: newWorkflow(id, { sealed: true }),
  })),
  write('pause', { id: someWorkflow }, ({ id }) => ({ type: 'pauseWorkflow', id })),
  write('resume', { id: someWorkflow }, ({ id }) => ({ type: 'resumeWorkflow', id })),
  write('cancel workflow', { id: someWorkflow }, ({ id }) => ({ type: 'cancelWorkflow', id })),
  write('align', { workflowId: someWorkflow, limit: fc.integer({ min: 1, max: 3 }) }, (given) => ({
    type: 'alignTasks',
    ...given,
    graceMs: 3_000,
  })),
  write(
    'register',
    { id: someAgent, limits: fc.constantFrom({}, { concurrency: 1 }, { concurrency: 2 }) },
    (agent) => ({ type: 'registerAgent', config: toAgentConfig(agent) }),
  ),
  write('enable', { id: someAgent, enabled: fc.boolean() }, (given) => ({ type: 'enableAgent', ...given })),
  write('remove', { id: someAgent }, ({ id }) => ({ type: 'removeAgent', id })),
);

const report = write(
  'report',
  {
    task: index,
    late: fc.nat(4),
    what: fc.constantFrom(reports.complete, reports.complete, ...Object.values(reports)),
    bind: maybe(someSlot),
  },
  ({ task, late, what, bind }, { running, worker }) => ({
    type: 'report',
    ...running(task, late === 0 ? 1 : 0),
    command: what.type === 'fail' && bind !== undefined ? { ...what, bindTo: worker(bind) } : what,
  }),
);

const writesOfAttempts = fc.oneof(
  report,
  report,
  report,
  write('step', { task: index, agentId: someAgent, step: index }, ({ task, agentId, step }, { running }) => {
    const { id, attempt } = running(task);
    return {
      type: 'recordStep',
      step: { taskId: id, agentId, identity: `s#${step}`, attempt, output: '1', inputHash: null, at: 0 },
    };
  }),
  write(
    'spawn',
    { task: index, id: someId, key: index, wait: fc.boolean() },
    ({ task, id, key, wait }, { running }) => {
      const parent = running(task);
      const idempotencyKey = `${parent.id}:${key}`;
      const child = newTask(id, { idempotencyKey, ...(wait ? on(parent.id) : {}) });
      return { type: 'spawn', ...parent, key: `${key}`, task: child };
    },
  ),
  write('progress', { task: index }, ({ task }, { running }) => ({ type: 'progress', ...running(task), value: '0.5' })),
  write('note', { id: someId }, ({ id }) => ({
    type: 'note',
    id,
    event: { type: 'task.hook_failed', data: { attempt: 1, phase: 'post', error: errorOf(1) } },
  })),
);

const writesOfRouting = fc.oneof(
  write('route', { task: index, agentId: someAgent, claim: fc.boolean() }, ({ task, agentId, claim }, { bound }) => ({
    type: 'route',
    ...bound(task),
    decision: decisionFor(agentId),
    claim,
  })),
  write('defer', { task: index }, ({ task }, { bound }) => ({
    type: 'defer',
    ...bound(task),
    forMs: 1_000,
    code: 'NO_ROUTE',
    reason: 'nobody',
  })),
  write('reject', { task: index }, ({ task }, { bound }) => ({ type: 'reject', ...bound(task), reason: 'nobody' })),
  write('unbind', { task: index }, ({ task }, { bound }) => ({ type: 'unbind', ...bound(task) })),
);

const writes = fc.oneof(writesOfCallers, writesOfAttempts, writesOfAttempts, writesOfRouting);

/** Something that happens to a store, after which all that always holds must hold. */
class Happening implements fc.Command<object, History> {
  readonly #say: string;
  readonly #happen: (history: History) => void;

  constructor(say: string, happen: (history: History) => void) {
    this.#say = say;
    this.#happen = happen;
  }

  check(): boolean {
    return true; // nothing is too early, too late or impossible to be tried
  }

  run(_model: object, history: History): void {
    const before = history.world.tables.tasks;
    const places = agents.map((id) => placesOf(history, id));
    const ended = history.world.tables.workflows.filter(({ cancelRequested }) => cancelRequested);
    history.retried.clear();
    this.#happen(history);
    expectNothingLost(before, history);
    expectLimits(places, history);
    for (const { id, started } of ended) expect(history.world.workflow(id).started).toBe(started);
    expectInvariants(history);
  }

  toString(): string {
    return this.#say;
  }
}

const groups = fc.array(
  fc.oneof({ weight: 3, arbitrary: fc.tuple(writes) }, { weight: 1, arbitrary: fc.array(writes, { maxLength: 3 }) }),
  {
    minLength: 1,
    maxLength: 3,
  },
);
const claims = fc.record({ slot: someSlot, hosts: fc.subarray([...agents]), limit: fc.nat(3) });

const flushes = fc.tuple(groups, fc.option(claims)).map(([written, claim]) => {
  const say = `flush ${written.map((group) => `[${group.map((one) => one.say).join(', ')}]`).join(' ')}`;
  return new Happening(`${say} ${JSON.stringify(claim)}`, (history) =>
    history.flush(
      written.map((group) => group.map(({ command }) => command(history))),
      claim === null ? undefined : { workerId: history.worker(claim.slot), hosts: claim.hosts, limit: claim.limit },
    ),
  );
});

const happenings = [
  ...Array<typeof flushes>(12).fill(flushes),
  ...Array<typeof flushes>(4).fill(
    claims.map(
      ({ slot, hosts, limit }) =>
        new Happening(`claim ${slot} ${hosts.join()} ${limit}`, (history) =>
          history.flush([], { workerId: history.worker(slot), hosts, limit }),
        ),
    ),
  ),
  fc.nat(8_000).map((ms) => new Happening(`wait ${ms}`, ({ world }) => world.advance(ms))),
  fc.tuple(someSlot, fc.subarray([...agents])).map(
    ([slot, hosts]) =>
      new Happening(`renew ${slot} ${hosts.join()}`, (history) => {
        if (!history.world.renewWorker(history.worker(slot), hosts).alive) history.open(slot);
      }),
  ),
  someSlot.map(
    (slot) =>
      new Happening(`close ${slot}`, (history) => {
        history.world.closeWorker(history.worker(slot));
        history.open(slot);
      }),
  ),
  someSlot.map((slot) => new Happening(`die ${slot}`, ({ world, worker }) => world.tables.deleteWorker(worker(slot)))),
  fc.boolean().map((markDead) => new Happening(`sweep ${markDead}`, ({ world }) => void world.sweep(markDead))),
  fc.constant(
    new Happening('a minute passes, and a sweep', ({ world }) => {
      world.advance(60_000);
      world.sweep();
    }),
  ),
];

/** Facts so common that histories without them would show that something is wrong with the histories. */
const common = [
  'task.claimed',
  'task.routed',
  'task.completed',
  'task.failed',
  'task.cancelled',
  'task.released',
  'task.crashed',
  'task.unroutable',
  'task.unblocked',
  'task.spawned',
  'workflow.cancel_requested',
  'agent.disabled',
  'workflow.started',
  'workflow.paused',
  'workflow.failed',
  'workflow.settled',
];

const none: WorkflowCounters = { total: 0, open: 0, failed: 0, cancelled: 0, started: 0 };

function expectInvariants(history: History): void {
  const { world } = history;
  const { tables } = world;
  for (const task of tables.tasks) {
    const log = world.log(task.id);
    expectSound(task);
    expectDependencies(history, task);
    expect(foldStatus(log)).toBe(task.status);
    expect(log).toHaveLength(task.lastSeq);
    expect(log.filter((type) => type === 'task.claimed')).toHaveLength(task.attempt);
  }
  for (const workflow of tables.workflows) {
    const { id, total, open, failed, cancelled, started } = workflow;
    const own = tables.tasks.filter(({ workflowId }) => workflowId === id);
    expect({ total, open, failed, cancelled, started }).toEqual(
      own.map(contribution).reduce((sum, one) => addCounters(sum, one), none),
    );
    expect(workflow.settledAt !== null).toBe(isSettled(workflow));
    const times = (type: string): number => world.log(id).filter((name) => name === type).length;
    expect(times('workflow.settled') - times('workflow.reopened')).toBe(isSettled(workflow) ? 1 : 0);
  }
  for (const { id } of tables.workers()) {
    const running = tables.runningTasks(id);
    if (running.some(isSuspect)) expect(running).toHaveLength(1);
  }
}

function placesOf({ world }: History, id: string): { readonly limit: number; readonly running: number } {
  const agent = world.tables.agent(id);
  // One that the catalogue knows no more is like one that it never knew.
  const known = agent?.removed === false ? agent : undefined;
  const limit = known?.enabled === false ? 0 : (known?.config.limits.concurrency ?? Infinity);
  return { limit, running: world.tables.countRunning(id) };
}

/** A limit that was lowered ends nothing; but beyond the limits before and after, nothing starts. */
function expectLimits(before: readonly ReturnType<typeof placesOf>[], history: History): void {
  for (const [index, id] of agents.entries()) {
    const [was, is] = [before[index] as ReturnType<typeof placesOf>, placesOf(history, id)];
    expect(is.running).toBeLessThanOrEqual(Math.max(was.limit, is.limit, was.running));
  }
}

function expectDependencies({ world }: History, task: TaskRecord): void {
  const ids = [...new Set(task.dependsOn.map(({ taskId }) => taskId))];
  const open = ids.filter((id) => world.task(id).status !== 'completed');
  expect(task.openDependencies).toBe(task.status === 'pending' ? open.length : 0);
  if (task.status === 'running' || task.status === 'completed') expect(open).toEqual([]);
  const workflow = task.workflowId === null ? undefined : world.tables.workflow(task.workflowId);
  // Where a whole workflow is cancelled, its tasks follow one batch after the other.
  if (task.status === 'pending' && workflow?.cancelRequested !== true)
    for (const id of open) expect(['failed', 'cancelled']).not.toContain(world.task(id).status);
}

function expectNothingLost(before: readonly TaskRecord[], history: History): void {
  for (const task of before) {
    const now = history.world.task(task.id);
    expect(now.attempt).toBeGreaterThanOrEqual(task.attempt);
    expect(now.version).toBeGreaterThanOrEqual(task.version);
    if (isTerminal(task.status) && !history.retried.has(task.id)) {
      expect([now.status, now.output, now.error]).toEqual([task.status, task.output, task.error]);
    }
  }
}

/** Everybody dies, and one sweeper comes: nothing may stay behind that nobody will ever look at. */
function expectQuietEnd({ world }: History): void {
  world.advance(3_600_000);
  for (let sweeps = 0; sweeps < 5; sweeps++) world.sweep();
  for (const task of world.tables.tasks) {
    const workflow = task.workflowId === null ? undefined : world.workflow(task.workflowId);
    expect(task.status).not.toBe('running');
    expect(task.boundTo).toBeNull();
    if (task.held) expect(workflow?.paused).toBe(true);
    if (workflow?.cancelRequested === true) expect(isTerminal(task.status)).toBe(true);
  }
}

it('after whatever happens to a store: counters are the count of the tasks by status, logs tell the statuses, nothing ended comes back, and a sweep leaves nothing behind', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.commands(happenings, { maxCommands: 60, size: 'max' }), (sequence) => {
      const history = new History();
      fc.modelRun(() => ({ model: {}, real: history }), sequence);
      expectQuietEnd(history);
      expectInvariants(history);
      for (const { type } of history.world.tables.events) seen.add(type);
    }),
    { numRuns: 100 },
  );
  expect(common.filter((type) => !seen.has(type))).toEqual([]);
});
