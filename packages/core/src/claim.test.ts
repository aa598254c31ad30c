import { beforeEach, describe, expect, it } from 'vitest';
import { decisionFor, newTask } from '../test/builders.ts';
import { reports, World } from '../test/world.ts';
import { defaults, Flush, isSuspect, type ClaimRequest } from './index.ts';

let world: World;
beforeEach(() => {
  world = new World();
  world.openWorker('w1');
});

const ids = (tasks: readonly { readonly id: string }[]): string[] => tasks.map(({ id }) => id);
const minute = 60_000;

/** Carries out several claims in one flush. */
const claimAll = (...requests: readonly Omit<ClaimRequest, 'hosts'>[]): string[][] => {
  const flush = new Flush(world.tables, world.times);
  const claimed = flush.claimAll(requests.map((request) => ({ ...request, hosts: ['ada'] })));
  flush.settle();
  return claimed.map(ids);
};

describe('a claim', () => {
  it('starts due tasks that are assigned to agents hosted here, and counts an attempt', () => {
    world.assigned('t1', 'ada');
    const [task] = world.claim('w1', ['ada']);
    expect(task).toEqual(world.task('t1'));
    expect(task).toMatchObject({ status: 'running', attempt: 1, workerId: 'w1', agentId: 'ada', pinned: false });
  });

  it('skips what is assigned to agents that are not hosted here', () => {
    world.assigned('t1', 'bob');
    expect(world.claim('w1', ['ada'])).toEqual([]);
    expect(ids(world.claim('w1', ['ada', 'bob']))).toEqual(['t1']);
  });

  it('binds unrouted tasks to the worker for routing, on the lease clock, and counts no attempt', () => {
    world.do({ type: 'createTask', task: newTask('t1'), submit: true });
    expect(world.claim('w1', ['ada'])).toMatchObject([
      { id: 't1', status: 'pending', attempt: 0, boundTo: 'w1', boundUntil: world.lease + defaults.routingMs },
    ]);
  });

  it('takes no task twice: what runs, is bound, held back, created only or due later is left alone', () => {
    world.openWorker('w2');
    world.assigned('runs', 'ada');
    world.do({ type: 'createTask', task: newTask('bound'), submit: true });
    expect(ids(world.claim('w1', ['ada']))).toEqual(['bound', 'runs']);
    world.assigned('held', 'ada', { held: true });
    world.do({ type: 'createTask', task: newTask('created', { agentId: 'ada' }), submit: false });
    world.do({ type: 'createTask', task: newTask('later', { agentId: 'ada', dueAt: world.now + 1 }), submit: true });
    expect(world.claim('w2', ['ada'])).toEqual([]);
    world.advance(1);
    expect(ids(world.claim('w2', ['ada']))).toEqual(['later']);
  });

  it('of a worker that names an agent twice takes each task once', () => {
    world.assigned('t1', 'ada');
    expect(world.claim('w1', ['ada', 'ada'])).toMatchObject([{ id: 't1', attempt: 1 }]);
    expect(world.task('t1').attempt).toBe(1);
  });

  it('never takes more than the worker asks for', () => {
    for (const id of ['t1', 't2', 't3']) world.assigned(id, 'ada');
    expect(world.claim('w1', ['ada'], 0)).toEqual([]);
    expect(ids(world.claim('w1', ['ada'], 2))).toEqual(['t1', 't2']);
    expect(ids(world.claim('w1', ['ada'], 2))).toEqual(['t3']);
  });

  it('of a worker without a row takes nothing', () => {
    world.assigned('t1', 'ada');
    expect(world.claim('gone', ['ada'])).toEqual([]);
    expect(world.task('t1').status).toBe('pending');
  });

  it('counts the start in the task’s workflow', () => {
    world.workflowWith('wf', 't1');
    world.tables.force({ ...world.task('t1'), agentId: 'ada' });
    world.claim('w1', ['ada']);
    expect(world.workflow('wf')).toMatchObject({ total: 1, open: 1, started: 1 });
    expect(world.log('wf')).toEqual(['workflow.created', 'workflow.started']);
  });
});

describe('the order of a claim', () => {
  const assigned = (id: string, dueAt: number, priority = 0, agentId: string | null = 'ada'): void => {
    world.do({ type: 'createTask', task: newTask(id, { dueAt, priority }), submit: true });
    world.tables.force({ ...world.task(id), agentId });
  };

  it('is by when tasks fell due, then by id, across agents and unrouted tasks', () => {
    assigned('d', 300, 0, 'bob');
    assigned('c', 300);
    assigned('b', 200, 0, null);
    assigned('a', 100);
    expect(ids(world.claim('w1', ['ada', 'bob']))).toEqual(['a', 'b', 'c', 'd']);
  });

  it('puts higher priority first', () => {
    assigned('low', 500_000, -1);
    assigned('normal', 500_000);
    assigned('high', 500_000, 1);
    expect(ids(world.claim('w1', ['ada']))).toEqual(['high', 'normal', 'low']);
  });

  it('ages: a task that has waited a minute longer goes before one of one more priority, so nothing starves', () => {
    assigned('urgent', 500_000, 1);
    assigned('waited', 500_000 - minute - 1);
    assigned('waited less', 500_000 - minute + 1);
    expect(ids(world.claim('w1', ['ada']))).toEqual(['waited', 'urgent', 'waited less']);
  });

  it('takes no task of high priority before it is due', () => {
    assigned('now', world.now);
    assigned('soon', world.now + 1, 100);
    expect(ids(world.claim('w1', ['ada']))).toEqual(['now']);
  });

  it('is kept over many pages of tasks', () => {
    const expected = Array.from({ length: 25 }, (_, index) => `t${String(index).padStart(2, '0')}`);
    for (const [index, id] of expected.toReversed().entries())
      assigned(id, 1_000 - (index % 3), 0, index % 2 === 0 ? 'ada' : 'bob');
    const byDueAt = world.tables.tasks
      .toSorted((first, second) => (first.dueAt ?? 0) - (second.dueAt ?? 0) || (first.id < second.id ? -1 : 1))
      .map(({ id }) => id);
    const taken: string[] = [];
    for (let claims = 0; claims < 9; claims++) taken.push(...ids(world.claim('w1', ['ada', 'bob'], 3)));
    expect(taken).toEqual(byDueAt);
  });
});

describe('a claim looks at a bounded number of tasks', () => {
  it('and reads them a page at a time', () => {
    for (let index = 0; index < 50; index++) world.assigned(`t${index}`, 'ada');
    world.tables.dueReads = 0;
    world.claim('w1', ['ada'], 10);
    expect(world.tables.dueReads).toBeLessThanOrEqual(3);
  });

  it('so that a large paused workflow does not stop a worker, and is passed after a few claims', () => {
    world.do({ type: 'createWorkflow', workflow: { ...newWorkflowRow('wf') } });
    const template = world.do({ type: 'createTask', task: newTask('a', { workflowId: 'wf' }), submit: true }).task;
    if (template === undefined) throw new Error('no template');
    for (let index = 0; index < 1_100; index++) world.tables.force({ ...template, id: `a${index}`, agentId: 'ada' });
    world.assigned('z', 'ada');
    world.do({ type: 'pauseWorkflow', id: 'wf' });
    expect(world.claim('w1', ['ada'], 1)).toEqual([]);
    expect(world.tables.tasks.filter(({ held }) => held)).toHaveLength(1_001);
    expect(ids(world.claim('w1', ['ada'], 1))).toEqual(['z']);
  });

  function newWorkflowRow(id: string) {
    return {
      id,
      name: id,
      description: '',
      metadata: '{}',
      idempotencyKey: null,
      bodyHash: 'hash',
      sealed: false,
      onFailure: 'continue',
    } as const;
  }
});

describe('claims of several workers in one flush', () => {
  it('share the tasks out in order, none twice', () => {
    world.openWorker('w2');
    for (const id of ['t1', 't2', 't3', 't4', 't5', 't6']) world.assigned(id, 'ada');
    const requests = [
      { workerId: 'w1', limit: 1 },
      { workerId: 'w2', limit: 2 },
      { workerId: 'w1', limit: 2 },
    ];
    expect(claimAll(...requests)).toEqual([['t1'], ['t4', 't5'], ['t2', 't3']]);
    expect(claimAll(...requests)).toEqual([['t6'], [], []]);
    expect(world.tables.tasks.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('of one worker for other agents are claims of their own', () => {
    world.assigned('t1', 'ada');
    world.assigned('t2', 'bob');
    const flush = new Flush(world.tables, world.times);
    const claimed = flush.claimAll([
      { workerId: 'w1', limit: 5, hosts: ['bob'] },
      { workerId: 'w1', limit: 5, hosts: ['ada'] },
    ]);
    expect(claimed.map(ids)).toEqual([['t2'], ['t1']]);
  });

  it('with no free slot, or fewer, take nothing from the others', () => {
    for (const id of ['t1', 't2']) world.assigned(id, 'ada');
    const requests = [-3, 1, 0, 1].map((limit) => ({ workerId: 'w1', limit }));
    expect(claimAll(...requests)).toEqual([[], ['t1'], [], ['t2']]);
  });

  it('answer a worker without a row with nothing', () => {
    world.assigned('t1', 'ada');
    expect(claimAll({ workerId: 'gone', limit: 1 }, { workerId: 'w1', limit: 1 })).toEqual([[], ['t1']]);
  });

  it('of none are none', () => expect(claimAll()).toEqual([]));
});

describe('suspects', () => {
  it('are tasks that are one crash from POISON', () => {
    expect([0, 1, 2, 3].map((crashes) => isSuspect({ crashes, retry: {} }))).toEqual([false, false, true, true]);
    expect([0, 1].map((crashes) => isSuspect({ crashes, retry: { maxCrashes: 2 } }))).toEqual([false, true]);
  });

  it('are not tasks that have never crashed, even where one crash is poison: they could not run beside each other', () => {
    expect(isSuspect({ crashes: 0, retry: { maxCrashes: 1 } })).toBe(false);
  });

  it('run alone on their worker', () => {
    world.openWorker('w2');
    for (const id of ['s1', 's2', 's3']) world.assigned(id, 'ada', { crashes: 2 });
    world.assigned('t1', 'ada');
    expect(ids(world.claim('w1', ['ada']))).toEqual(['s1']);
    expect(ids(world.claim('w1', ['ada']))).toEqual([]);
    expect(ids(world.claim('w2', ['ada']))).toEqual(['s2']);
    world.report('s1', reports.complete);
    expect(ids(world.claim('w1', ['ada']))).toEqual(['s3']);
    world.report('s3', reports.complete);
    expect(ids(world.claim('w1', ['ada']))).toEqual(['t1']);
  });

  it('find their place where the worker whose turn it is takes nothing behind them until it is empty; the others go on', () => {
    world.openWorker('w2', ['ada']);
    for (const id of ['a1', 'a2']) world.assigned(id, 'ada');
    expect(ids(world.claim('w1', ['ada'], 1))).toEqual(['a1']);
    expect(ids(world.claim('w2', ['ada'], 1))).toEqual(['a2']);
    world.assigned('s1', 'ada', { crashes: 2 });
    for (const id of ['t1', 't2']) world.assigned(id, 'ada');
    expect(ids(world.claim('w1', ['ada'], 1))).toEqual([]);
    expect(ids(world.claim('w2', ['ada'], 1))).toEqual(['t1']);
    world.report('a1', reports.complete);
    expect(ids(world.claim('w1', ['ada']))).toEqual(['s1']);
  });

  it('do not wait for a worker that takes no tasks for reasons of its own: the next one has its turn', () => {
    world.openWorker('w2', ['ada']);
    for (const id of ['a1', 'a2']) world.assigned(id, 'ada');
    for (const workerId of ['w1', 'w2']) expect(world.claim(workerId, ['ada'], 1)).toHaveLength(1);
    world.assigned('s1', 'ada', { crashes: 2 });
    for (const id of ['t1', 't2']) world.assigned(id, 'ada');
    world.advance(2 * defaults.aloneMs);
    expect(ids(world.claim('w2', ['ada'], 1))).toEqual([]);
    expect(ids(world.claim('w1', ['ada'], 1))).toEqual(['t1']);
    world.report('a2', reports.complete);
    expect(ids(world.claim('w2', ['ada'], 1))).toEqual(['s1']);
  });

  // The first by id is the first due.
  it('start beside others on a worker that has been still: what it runs may wait for what stands behind them', () => {
    for (const id of ['a1', 's1', 's2', 'z1']) world.assigned(id, 'ada', id.startsWith('s') ? { crashes: 2 } : {});
    expect(ids(world.claim('w1', ['ada'], 1))).toEqual(['a1']);
    expect(ids(world.claim('w1', ['ada']))).toEqual([]);
    expect(ids(world.claim('w1', ['ada'], 10, { still: true }))).toEqual(['s1']);
    expect(ids(world.claim('w1', ['ada']))).toEqual([]);
    expect(ids(world.claim('w1', ['ada'], 10, { still: true }))).toEqual(['s2']);
    expect(ids(world.claim('w1', ['ada'], 10, { still: true }))).toEqual(['z1']);
  });

  it('let others start beside them on a worker that has been still: they may wait for these', () => {
    world.assigned('s1', 'ada', { crashes: 2 });
    world.assigned('z1', 'ada');
    expect(ids(world.claim('w1', ['ada']))).toEqual(['s1']);
    expect(ids(world.claim('w1', ['ada']))).toEqual([]);
    expect(ids(world.claim('w1', ['ada'], 10, { still: true }))).toEqual(['z1']);
  });

  it('are alone with their blame where they were started beside others', () => {
    world.assigned('a1', 'ada');
    world.assigned('s1', 'ada', { crashes: 2 });
    expect(ids(world.claim('w1', ['ada'], 1))).toEqual(['a1']);
    expect(ids(world.claim('w1', ['ada'], 1, { still: true }))).toEqual(['s1']);
    world.advance(defaults.leaseMs);
    world.sweep();
    expect(world.task('s1')).toMatchObject({ status: 'failed', error: { code: 'POISON' } });
    expect(world.task('a1')).toMatchObject({ status: 'pending', crashes: 0 });
  });

  it('are not started beside what the same claim has just started, however still the worker was', () => {
    world.assigned('a1', 'ada');
    world.assigned('s1', 'ada', { crashes: 2 });
    expect(ids(world.claim('w1', ['ada'], 10, { still: true }))).toEqual(['a1']);
    world.report('a1', reports.complete);
    for (const id of ['t2', 't3']) world.assigned(id, 'ada', { claimKey: 0 });
    const both = [true, false].map((still) => ({ workerId: 'w1', limit: 2, still }));
    expect(claimAll(...both)).toEqual([['t2', 't3'], []]);
  });

  it('that are not routed yet are bound for routing like any other', () => {
    for (const id of ['s1', 's2']) {
      world.do({ type: 'createTask', task: newTask(id), submit: true });
      world.tables.force({ ...world.task(id), crashes: 2 });
    }
    expect(ids(world.claim('w1', ['ada']))).toEqual(['s1', 's2']);
    world.commit(
      ...['s1', 's2'].map((id) => [
        { type: 'route', id, workerId: 'w1', decision: decisionFor('ada'), claim: true } as const,
      ]),
    );
    expect(world.tables.tasks.map(({ status }) => status)).toEqual(['running', 'pending']);
  });
});
