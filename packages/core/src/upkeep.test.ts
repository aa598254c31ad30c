import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { newTask, newWorkflow } from '../test/builders.ts';
import { reports, World } from '../test/world.ts';
import {
  defaults,
  isExpired,
  isHosted,
  isTerminal,
  listHolding,
  toAgentConfig,
  workflowStatus,
  type TaskRecord,
} from './index.ts';

let world: World;
beforeEach(() => void (world = new World()));

const lease = 10_000;
const limit = 1_000;
const register = (id: string): void => void world.do({ type: 'registerAgent', config: toAgentConfig({ id }) });
const unhostedSince = (id: string): number | null | undefined => world.tables.agent(id)?.unhostedSince;

/** Puts many tasks in place that are like one. */
function copies(template: TaskRecord, count: number): void {
  for (let index = 0; index < count; index++) world.tables.force({ ...template, id: `${template.id}-${index}` });
}

describe('a worker’s row', () => {
  it('is opened with a lease from now, on the lease clock', () => {
    world.openWorker('w1', ['ada', 'bob'], lease);
    expect(world.tables.worker('w1')).toEqual({
      id: 'w1',
      hosts: ['ada', 'bob'],
      leaseUntil: 60_000,
      bootId: 'boot-1',
      startedAt: 1_000_000,
    });
  });

  it('is renewed as one row: its lease, its hosts and its boot, not its start', () => {
    world.openWorker('w1', ['ada'], lease);
    world.advance(3_000);
    expect(world.renewWorker('w1', ['bob'], lease)).toEqual({ alive: true, now: 1_003_000, holding: [] });
    expect(world.tables.worker('w1')).toEqual({
      id: 'w1',
      hosts: ['bob'],
      leaseUntil: 63_000,
      bootId: 'boot-1',
      startedAt: 1_000_000,
    });
  });

  it('that is gone is not renewed and does not come back: its id is never used again', () => {
    expect(world.renewWorker('w1')).toEqual({ alive: false });
    expect(world.tables.worker('w1')).toBeUndefined();
  });

  it('that is expired but not yet deleted is renewed, and nothing is lost', () => {
    world.openWorker('w1');
    world.running('t1');
    world.advance(lease + 1);
    expect(world.renewWorker('w1')).toMatchObject({ alive: true, holding: [{ taskId: 't1' }] });
    expect(world.sweep()).toMatchObject({ deadWorkers: 0, releasedTasks: 0 });
    expect(world.task('t1').status).toBe('running');
  });

  it('tells on renewal what the worker holds: what it runs, with cancellations, and what is bound to it', () => {
    world.openWorker('w1');
    world.openWorker('w2');
    world.running('t1');
    world.running('t2');
    world.running('other', 'w2');
    world.do({ type: 'createTask', task: newTask('t3'), submit: true });
    world.claim('w1', []);
    world.do({ type: 'cancelTask', id: 't2', graceMs: 5_000 });
    const holding = [
      { taskId: 't1', attempt: 1, status: 'running', cancelAt: null },
      { taskId: 't2', attempt: 1, status: 'running', cancelAt: 1_005_000 },
      { taskId: 't3', attempt: 0, status: 'pending', cancelAt: null },
    ];
    expect(world.renewWorker('w1')).toMatchObject({ holding });
    expect(listHolding(world.tables, 'w1')).toEqual(holding);
  });

  it('expires when its lease is over, and not a moment before', () => {
    world.openWorker('w1', [], lease);
    const row = world.tables.worker('w1');
    if (row === undefined) throw new Error('no row');
    expect(isExpired(row, { ...world.times, lease: row.leaseUntil - 1 })).toBe(false);
    expect(isExpired(row, { ...world.times, lease: row.leaseUntil })).toBe(true);
  });

  it('of another boot is expired, whatever the lease clock says', () => {
    world.openWorker('w1');
    world.bootId = 'boot-2';
    world.lease = 0;
    expect(world.sweep().deadWorkers).toBe(1);
  });
});

describe('hosting', () => {
  beforeEach(() => register('ada'));

  it('an agent that no worker has hosted yet has been unhosted for ever', () => {
    expect(unhostedSince('ada')).toBe(0);
    expect(isHosted({ unhostedSince: 0 }, world.now)).toBe(false);
  });

  it('an agent counts as hosted now and for a minute after its last host went away', () => {
    expect(isHosted({ unhostedSince: null }, world.now)).toBe(true);
    expect(isHosted({ unhostedSince: 1_000 }, 1_000 + defaults.unhostedMs - 1)).toBe(true);
    expect(isHosted({ unhostedSince: 1_000 }, 1_000 + defaults.unhostedMs)).toBe(false);
  });

  it('an agent is hosted from the moment a worker that hosts it opens or renews its row', () => {
    world.openWorker('w1', ['ada', 'unknown']);
    expect(unhostedSince('ada')).toBeNull();
    register('bob');
    world.renewWorker('w1', ['ada', 'bob']);
    expect(unhostedSince('bob')).toBeNull();
  });

  it('an agent that a worker drops at a renewal is unhosted since then, unless another hosts it', () => {
    world.openWorker('w1', ['ada']);
    world.openWorker('w2', ['ada']);
    world.advance(1_000);
    world.renewWorker('w1', []);
    expect(unhostedSince('ada')).toBeNull();
    world.renewWorker('w2', []);
    expect(unhostedSince('ada')).toBe(1_001_000);
    world.advance(1_000);
    world.renewWorker('w2', []);
    expect(unhostedSince('ada')).toBe(1_001_000);
  });

  it('an agent is unhosted since its last host died or was closed', () => {
    world.openWorker('w1', ['ada']);
    world.advance(lease);
    world.sweep();
    expect(unhostedSince('ada')).toBe(1_010_000);
    world.openWorker('w2', ['ada', 'unknown']);
    world.advance(500);
    world.closeWorker('w2');
    expect(unhostedSince('ada')).toBe(1_010_500);
  });

  it('an agent without a live host for a minute loses its unpinned tasks that have not started', () => {
    world.openWorker('w1', ['ada']);
    world.assigned('fresh', 'ada');
    world.assigned('started', 'ada', { attempt: 1 });
    world.do({ type: 'createTask', task: newTask('pinned', { agentId: 'ada' }), submit: true });
    world.closeWorker('w1');
    world.advance(defaults.unhostedMs - 1);
    world.sweep();
    expect(world.tables.tasks.map(({ agentId }) => agentId)).toEqual(['ada', 'ada', 'ada']);
    world.advance(1);
    world.sweep();
    expect(world.tables.tasks.map(({ id, agentId }) => [id, agentId])).toEqual([
      ['fresh', null],
      ['started', 'ada'],
      ['pinned', 'ada'],
    ]);
    expect(world.lastEvent('fresh')).toMatchObject({ type: 'task.unassigned', data: { agentId: 'ada' } });
  });

  it('an agent that is hosted keeps its tasks', () => {
    world.assigned('t1', 'ada');
    world.openWorker('w1', ['ada'], 10 * defaults.unhostedMs);
    world.advance(2 * defaults.unhostedMs);
    world.sweep();
    expect(world.task('t1').agentId).toBe('ada');
  });

  it('unassigning goes in batches, and says that more is left', () => {
    register('bob');
    world.assigned('t1', 'ada');
    copies(world.task('t1'), limit);
    world.assigned('t2', 'bob');
    expect(world.sweep().more).toBe(true);
    expect(world.tables.tasks.filter(({ agentId }) => agentId !== null)).toHaveLength(2);
    expect(world.task('t2').agentId).toBe('bob');
    expect(world.sweep().more).toBe(false);
    expect(world.tables.tasks.filter(({ agentId }) => agentId !== null)).toEqual([]);
  });
});

describe('closing a worker', () => {
  it('releases what it holds at no cost, and deletes its row', () => {
    world.openWorker('w1');
    world.running('t1');
    world.running('t2');
    world.report('t2', { ...reports.fail, bindTo: 'w1' });
    world.do({ type: 'createTask', task: newTask('t3'), submit: true });
    world.claim('w1', []);
    world.do({ type: 'createWorkflow', workflow: newWorkflow('wf') });
    world.do({ type: 'addTask', workflowId: 'wf', taskId: 't1' });
    world.closeWorker('w1');
    expect(world.tables.worker('w1')).toBeUndefined();
    expect(world.task('t1')).toMatchObject({
      status: 'pending',
      dueAt: 1_000_000,
      failures: 0,
      crashes: 0,
      attempt: 1,
      agentId: 'ada',
    });
    expect(world.lastEvent('t1')).toEqual({
      type: 'task.released',
      data: { attempt: 1, workerId: 'w1', reason: 'the worker was closed' },
    });
    expect(world.task('t2')).toMatchObject({ boundTo: null, failures: 1 });
    expect(world.task('t3')).toMatchObject({ boundTo: null, attempt: 0 });
    expect(listHolding(world.tables, 'w1')).toEqual([]);
  });

  it('ends what was asked to stop, and counts it', () => {
    world.openWorker('w1');
    world.workflowWith('wf', 't1');
    world.do({ type: 'claimTask', id: 't1', workerId: 'w1', agentId: 'ada' });
    world.do({ type: 'cancelTask', id: 't1', graceMs: 5_000 });
    world.closeWorker('w1');
    expect(world.task('t1').status).toBe('cancelled');
    expect(workflowStatus(world.workflow('wf'))).toBe('cancelled');
  });

  it('twice is harmless', () => {
    world.openWorker('w1');
    world.closeWorker('w1');
    const before = world.tables.dump();
    world.closeWorker('w1');
    expect(world.tables.dump()).toEqual(before);
  });
});

describe('the sweep', () => {
  it('deletes expired workers and releases what they ran, each at the cost of a crash', () => {
    world.openWorker('w1');
    world.running('t1');
    world.running('t2');
    world.advance(lease);
    world.openWorker('w2');
    expect(world.sweep()).toEqual({ deadWorkers: 1, releasedTasks: 2, more: false });
    expect(world.tables.workers().map(({ id }) => id)).toEqual(['w2']);
    expect(world.task('t1')).toMatchObject({
      status: 'pending',
      crashes: 1,
      failures: 0,
      dueAt: 1_010_000,
      agentId: 'ada',
      attempt: 1,
    });
    expect(world.log('t1')).toEqual(['task.created', 'task.claimed', 'task.crashed']);
    expect(ids(world.claim('w2', ['ada']))).toEqual(['t1', 't2']);
    expect(world.sweep()).toEqual({ deadWorkers: 0, releasedTasks: 0, more: false });
  });

  it('of a sweeper that was itself late marks nobody dead, but releases what has a holder without a row', () => {
    world.openWorker('w1');
    world.running('t1');
    world.openWorker('w2');
    world.running('t2', 'w2');
    world.tables.deleteWorker('w2');
    world.advance(lease);
    expect(world.sweep(false)).toEqual({ deadWorkers: 0, releasedTasks: 1, more: false });
    expect(world.task('t1').status).toBe('running');
    expect(world.task('t2')).toMatchObject({ status: 'pending', crashes: 1 });
  });

  it('ends a cancelled task of a dead worker as cancelled, and does not release it', () => {
    world.openWorker('w1');
    world.running('t1');
    world.do({ type: 'cancelTask', id: 't1', graceMs: 60_000 });
    world.advance(lease);
    world.sweep();
    expect(world.task('t1')).toMatchObject({ status: 'cancelled' });
  });

  it('clears every binding whose worker has no row, and keeps failures and due time', () => {
    world.openWorker('w1');
    world.running('t1');
    world.report('t1', { ...reports.fail, bindTo: 'w1' });
    const { dueAt } = world.task('t1');
    world.advance(lease);
    expect(world.sweep()).toMatchObject({ deadWorkers: 1, releasedTasks: 0 });
    expect(world.task('t1')).toMatchObject({ boundTo: null, failures: 1, crashes: 0, dueAt });
  });

  it('clears bindings for routing that ran out, though their worker lives', () => {
    world.openWorker('w1', ['ada'], 60_000);
    world.do({ type: 'createTask', task: newTask('t1'), submit: true });
    world.claim('w1', []);
    world.advance(defaults.routingMs - 1);
    world.sweep();
    expect(world.task('t1').boundTo).toBe('w1');
    world.advance(1);
    world.sweep();
    expect(world.task('t1')).toMatchObject({ boundTo: null, boundUntil: null, attempt: 0 });
  });

  it('keeps a binding without an end as long as its owner’s row is there', () => {
    world.openWorker('w1', ['ada'], 100 * 60_000);
    world.running('t1');
    world.report('t1', { ...reports.fail, bindTo: 'w1' });
    world.advance(90 * 60_000);
    world.sweep();
    expect(world.task('t1').boundTo).toBe('w1');
  });

  it('ends running tasks whose grace is over, and aborts nobody before', () => {
    world.openWorker('w1', ['ada'], 60_000);
    world.running('t1');
    world.do({ type: 'cancelTask', id: 't1', graceMs: 5_000 });
    world.advance(4_999);
    world.sweep();
    expect(world.task('t1').status).toBe('running');
    world.advance(1);
    world.sweep();
    expect(world.task('t1')).toMatchObject({ status: 'cancelled', workerId: null });
    expect(world.report('t1', reports.complete, 1)).toEqual({ status: 'stale' });
  });

  it('lets go of tasks of workflows that were resumed, and leaves those of paused ones held', () => {
    for (const id of ['paused', 'resumed']) {
      world.workflowWith(id, `${id}-1`);
      world.do({ type: 'pauseWorkflow', id }, { type: 'alignTasks', workflowId: id, limit: 10, graceMs: 1 });
    }
    world.do({ type: 'resumeWorkflow', id: 'resumed' });
    world.sweep();
    expect(world.tables.tasks.map(({ id, held }) => [id, held])).toEqual([
      ['paused-1', true],
      ['resumed-1', false],
    ]);
  });

  it('cancels what is left open of cancelled workflows, running tasks with the usual grace', () => {
    world.openWorker('w1');
    world.workflowWith('wf', 't1', 't2');
    world.do({ type: 'claimTask', id: 't1', workerId: 'w1', agentId: 'ada' });
    world.do({ type: 'cancelWorkflow', id: 'wf' });
    world.sweep();
    expect(world.task('t1').cancelAt).toBe(world.now + defaults.graceMs);
    expect(world.task('t2').status).toBe('cancelled');
    world.report('t1', reports.complete);
    expect(workflowStatus(world.workflow('wf'))).toBe('cancelled');
    expect(world.log('wf').slice(-2)).toEqual(['workflow.cancelled', 'workflow.settled']);
  });

  it.each<[string, () => void]>([
    ['bindings', () => copies({ ...world.task('t1'), boundTo: 'w1', boundUntil: world.lease }, limit)],
    ['cancellations', () => copies({ ...world.task('busy'), cancelAt: world.now, expiresAt: world.now }, limit)],
    ['missing workers', () => { for (let index = 0; index < 10; index++) world.tables.force({ ...world.task('busy'), id: `b${index}`, workerId: `dead-${index}` }); }], // prettier-ignore
    ['tasks of a cancelled workflow', () => { world.do({ type: 'cancelWorkflow', id: 'wf' }); copies(world.task('in-wf'), limit); }], // prettier-ignore
  ])('takes on a bounded number at a time, and says so when more may be left: %s', (_what, prepare) => {
    world.openWorker('w1', ['ada'], 60_000);
    world.do({ type: 'createTask', task: newTask('t1'), submit: true });
    world.running('busy');
    world.workflowWith('wf', 'in-wf');
    world.workflowWith('wf-2', 'in-wf-2');
    expect(world.sweep().more).toBe(false);
    prepare();
    expect(world.sweep().more).toBe(true);
    expect(world.sweep().more).toBe(false);
  });

  it('judges ten dead workers at a time, so that no sweep takes so long that it may judge nobody', () => {
    for (let index = 0; index < 25; index++) world.openWorker(`w${index}`, ['ada'], 1);
    world.advance(1);
    const sweeps = [world.sweep(), world.sweep(), world.sweep(), world.sweep()];
    expect(sweeps.map(({ deadWorkers, more }) => [deadWorkers, more])).toEqual([
      [10, true],
      [10, true],
      [5, false],
      [0, false],
    ]);
  });

  it('brings the tasks of several workflows in line, up to its limit over all of them', () => {
    for (const id of ['wf-a', 'wf-b', 'wf-c']) world.workflowWith(id, `${id}-t`);
    copies(world.task('wf-a-t'), limit - 2);
    for (const id of ['wf-a', 'wf-b', 'wf-c']) world.do({ type: 'cancelWorkflow', id });
    const open = (): string[] => world.tables.tasks.filter(({ status }) => !isTerminal(status)).map(({ id }) => id);
    expect(world.sweep().more).toBe(true);
    expect(open()).toEqual(['wf-c-t']);
    expect(world.sweep().more).toBe(false);
    expect(open()).toEqual([]);
  });
});

describe('who is charged for a dead worker', () => {
  const die = (workerId: string): void => {
    world.tables.deleteWorker(workerId);
    world.sweep();
  };
  const crashes = (): (number | string)[] =>
    world.tables.tasks.map(({ status, crashes }) => (status === 'failed' ? 'POISON' : crashes));

  it('everything it ran, as long as nothing is one crash from POISON', () => {
    world.openWorker('w1');
    world.running('t1');
    world.assigned('t2', 'ada', { crashes: 1 });
    world.claim('w1', ['ada']);
    die('w1');
    expect(crashes()).toEqual([1, 2]);
  });

  it('only the task that was one crash from POISON: its neighbours are not charged', () => {
    world.openWorker('w1');
    world.assigned('suspect', 'ada', { crashes: 2 });
    world.assigned('innocent', 'ada', { crashes: 1 });
    world.claim('w1', ['ada']);
    // As older code, which let it run beside others, leaves it.
    world.tables.force({
      ...{ ...world.task('suspect'), status: 'running', workerId: 'w1', attempt: 1, dueAt: null, claimKey: null },
    });
    die('w1');
    expect(crashes()).toEqual(['POISON', 1]);
    expect(world.task('suspect')).toMatchObject({ error: { code: 'POISON' }, crashes: 3 });
    expect(world.lastEvent('innocent')).toMatchObject({ type: 'task.crashed', data: { charged: false } });
  });

  it('a step newly recorded in between starts the count anew', () => {
    for (let death = 0; death < 10; death++) {
      world.openWorker(`w${death}`);
      if (death === 0) world.assigned('t1', 'ada');
      const [task] = world.claim(`w${death}`, ['ada']);
      const step = {
        taskId: 't1',
        agentId: 'ada',
        identity: `s#${death}`,
        attempt: task?.attempt ?? 0,
        output: '1',
        inputHash: null,
        at: 0,
      };
      if (death % 2 === 0) world.do({ type: 'recordStep', step });
      die(`w${death}`);
    }
    expect(world.task('t1')).toMatchObject({ status: 'pending', attempt: 10, crashes: 2 });
  });

  it('innocent neighbours of a poisonous task never end as POISON, and the poisonous one does', () => {
    // Whose turn it is, how much it claims, which task it hands back, and whether it dies if it runs the poisonous task.
    const turns = fc.record({
      worker: fc.nat(2),
      most: fc.integer({ min: 1, max: 4 }),
      back: fc.nat(3),
      dies: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(turns, { maxLength: 40 }), (sequence) => {
        world = new World();
        for (const id of ['a', 'b', 'c', 'd', 'poison', 'y', 'z']) world.assigned(id, 'ada');
        const workers = [0, 1, 2].map((index) => `w${index}`);
        for (const id of workers) world.openWorker(id);
        let opened = workers.length;
        const takeTurn = (index: number, most: number, dies: boolean): readonly string[] => {
          const workerId = workers[index] as string;
          world.claim(workerId, ['ada'], most);
          const running = ids(world.tables.runningTasks(workerId));
          if (!running.includes('poison')) return running;
          if (!dies) return running.filter((id) => id !== 'poison');
          die(workerId);
          workers[index] = `w${opened++}`;
          world.openWorker(`w${opened - 1}`);
          return [];
        };
        for (const { worker, most, back, dies } of sequence) {
          const id = takeTurn(worker, most, dies)[back];
          if (id !== undefined) world.report(id, reports.release);
        }
        // From now on every innocent task that does not run beside the poisonous one gets done.
        for (let round = 0; round < 10; round++) {
          for (const index of workers.keys())
            for (const id of takeTurn(index, 4, true)) world.report(id, reports.complete);
        }
        const ends = Object.groupBy(world.tables.tasks, ({ status }) => status);
        expect(ids(ends.failed ?? [])).toEqual(['poison']);
        expect(ids(ends.completed ?? [])).toEqual(['a', 'b', 'c', 'd', 'y', 'z']);
        expect(world.task('poison').error?.code).toBe('POISON');
      }),
    );
  });
});

function ids(tasks: readonly { readonly id: string }[]): string[] {
  return tasks.map(({ id }) => id);
}
