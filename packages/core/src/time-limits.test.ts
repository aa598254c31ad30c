import { describe, expect, it } from 'vitest';
import { decisionFor, newTask, newWorkflow, on } from '../test/builders.ts';
import { World } from '../test/world.ts';
import { defaults, type AgentLimits, type NewTaskRecord } from './index.ts';

const { overdueMs, graceMs } = defaults;

function submit(world: World, id: string, task: Partial<NewTaskRecord>): void {
  world.do({ type: 'createTask', task: newTask(id, task), submit: true });
}

function register(world: World, id: string, limits: AgentLimits): void {
  const config = { id, name: id, role: '', description: '', capabilities: [], examples: [], limits, cost: null };
  world.do({ type: 'registerAgent', config });
}

/** Sweeps after so much time, through which the workers go on renewing. */
function sweepAfter(world: World, ms: number, markDead = true): void {
  world.advance(ms);
  for (const { id, hosts } of world.tables.workers()) world.renewWorker(id, hosts);
  world.sweep(markDead);
}

const seen = (world: World, id: string): unknown => [world.task(id).status, world.task(id).error?.code];

describe('schedule-to-start', () => {
  const start = { timeouts: { scheduleToStartMs: 100 } };
  const code = 'SCHEDULE_TO_START_TIMEOUT';

  it('counts from when the task falls due', () => {
    const world = new World();
    submit(world, 't1', { ...start, dueAt: world.now + 50 });
    expect(world.task('t1').expiresAt).toBe(world.now + 150);
    sweepAfter(world, 149);
    expect(seen(world, 't1')).toEqual(['pending', undefined]);
    sweepAfter(world, 1, false);
    expect(seen(world, 't1')).toEqual(['failed', code]);
    expect(world.task('t1')).toMatchObject({ expiresAt: null, timeLimits: {}, finishedAt: world.now });
  });

  it('does not pass before the submission, nor while the task waits for another', () => {
    const world = new World();
    world.openWorker('w1');
    world.running('t0');
    world.do({ type: 'createTask', task: newTask('t1', { ...start, ...on('t0') }), submit: false });
    sweepAfter(world, 1_000);
    world.do({ type: 'submitTask', id: 't1', dueAt: null });
    sweepAfter(world, 1_000);
    expect(seen(world, 't1')).toEqual(['pending', undefined]);
    world.report('t0', { type: 'complete', output: '1' });
    sweepAfter(world, 100);
    expect(seen(world, 't1')).toEqual(['failed', code]);
  });

  it('stands still while the workflow is paused: its row counts, also where the task is not held back yet', () => {
    const world = new World();
    world.do({ type: 'createWorkflow', workflow: newWorkflow('wf') });
    submit(world, 't1', { ...start, workflowId: 'wf' });
    world.do({ type: 'pauseWorkflow', id: 'wf' });
    sweepAfter(world, 1_000);
    expect(world.task('t1')).toMatchObject({ status: 'pending', held: true, expiresAt: null });
    world.do({ type: 'resumeWorkflow', id: 'wf' });
    world.sweep();
    expect(world.task('t1')).toMatchObject({ held: false, expiresAt: world.now + 100 });
  });

  it('gives way to the cancellation of the workflow', () => {
    const world = new World();
    world.do({ type: 'createWorkflow', workflow: newWorkflow('wf') });
    submit(world, 't1', { ...start, workflowId: 'wf' });
    world.do({ type: 'cancelWorkflow', id: 'wf' });
    sweepAfter(world, 100);
    expect(seen(world, 't1')).toEqual(['cancelled', undefined]);
  });

  it.each<[string, (world: World) => void]>([
    ['no worker had a free place to look for its agent', (world) => submit(world, 't1', start)],
    [
      'no agent could take it, see task.unroutable in its log',
      (world) => {
        world.openWorker('w1', []);
        submit(world, 't1', start);
        world.claim('w1', []);
        world.do({ type: 'defer', id: 't1', workerId: 'w1', forMs: 10, code: 'NO_ROUTE', reason: 'nobody' });
      },
    ],
    ['no worker hosts agent "ada"', (world) => submit(world, 't1', { ...start, agentId: 'ada' })],
    [
      'no worker hosts agent "ada"',
      (world) => {
        register(world, 'ada', {});
        submit(world, 't1', { ...start, agentId: 'ada' });
      },
    ],
    [
      'agent "ada" had no free place',
      (world) => {
        world.openWorker('w1');
        submit(world, 't1', { ...start, agentId: 'ada' });
      },
    ],
    [
      'agent "ada" is disabled',
      (world) => {
        register(world, 'ada', {});
        submit(world, 't1', { ...start, agentId: 'ada' });
        world.do({ type: 'enableAgent', id: 'ada', enabled: false });
      },
    ],
  ])('says what the task has waited for: %s', (why, prepare) => {
    const world = new World();
    prepare(world);
    sweepAfter(world, 100);
    expect(world.task('t1').error).toEqual({
      name: 'SymphonyError',
      code,
      message: `Task t1 was not started within 100 ms: ${why}.`,
      attempt: 0,
    });
  });

  it('fails the task instead of starting it late, by claim or by route', () => {
    const world = new World();
    world.openWorker('w1');
    submit(world, 't1', { ...start, agentId: 'ada' });
    submit(world, 't2', start);
    world.claim('w1', [], 1);
    world.advance(100);
    expect(world.claim('w1', ['ada'])).toEqual([]);
    world.do({ type: 'route', id: 't2', workerId: 'w1', decision: decisionFor('ada'), claim: true });
    expect(['t1', 't2'].map((id) => seen(world, id))).toEqual([
      ['failed', code],
      ['failed', code],
    ]);
  });

  it('needs no reason to be told', () => {
    const world = new World();
    submit(world, 't1', start);
    world.advance(100);
    world.change('t1', { type: 'expire' });
    expect(world.task('t1').error?.message).toBe('Task t1 was not started within 100 ms.');
  });
});

describe('start-to-close', () => {
  const close = { timeouts: { startToCloseMs: 100 } };

  it('is enforced by a sweeper that may judge, once the process of the attempt has had its time to do so', () => {
    const world = new World();
    world.openWorker('w1');
    world.running('t1', 'w1', 'ada', close);
    sweepAfter(world, 100 + overdueMs - 1);
    sweepAfter(world, 1, false);
    expect(seen(world, 't1')).toEqual(['running', undefined]);
    world.sweep();
    expect(seen(world, 't1')).toEqual(['pending', 'START_TO_CLOSE_TIMEOUT']);
    expect(world.task('t1')).toMatchObject({ failures: 1, timeLimits: close.timeouts, expiresAt: null });
    expect(world.report('t1', { type: 'complete', output: '1' }, 1)).toEqual({ status: 'stale' });
  });

  it('draws the delay of the retry from the task and its attempt, so that many do not come back at once', () => {
    const world = new World();
    world.openWorker('w1');
    for (let index = 0; index < 20; index++) world.running(`t${index}`, 'w1', 'ada', close);
    sweepAfter(world, 100 + overdueMs);
    const delays = world.tables.tasks.map(({ dueAt }) => Number(dueAt) - world.now);
    expect(new Set(delays).size).toBeGreaterThan(15);
    expect(Math.max(...delays)).toBeLessThanOrEqual(1_000);
  });

  it('is judged by the retries that the process of the attempt named', () => {
    const world = new World();
    world.openWorker('w1');
    world.do({ type: 'createTask', task: newTask('t1', close), submit: false });
    world.do({ type: 'claimTask', id: 't1', workerId: 'w1', agentId: 'ada', defaultMaxRetries: 0 });
    sweepAfter(world, 100 + overdueMs);
    expect(seen(world, 't1')).toEqual(['failed', 'START_TO_CLOSE_TIMEOUT']);
  });

  it('leaves a task that is to be cancelled to its grace', () => {
    const world = new World();
    world.openWorker('w1');
    world.running('t1', 'w1', 'ada', close);
    world.do({ type: 'cancelTask', id: 't1', graceMs });
    expect(world.task('t1').expiresAt).toBe(world.now + graceMs);
    world.change('t1', { type: 'expire' });
    expect(seen(world, 't1')).toEqual(['running', undefined]);
  });
});

describe('schedule-to-close', () => {
  const close = { timeouts: { scheduleToCloseMs: 20_000 } };
  const code = 'SCHEDULE_TO_CLOSE_TIMEOUT';

  it('runs over all attempts, and tells each how much is left', () => {
    const world = new World();
    world.openWorker('w1');
    submit(world, 't1', { ...close, agentId: 'ada' });
    sweepAfter(world, 5_000);
    expect(world.claim('w1', ['ada'])[0]?.timeLimits).toMatchObject({ closeAfterMs: 15_000 });
    world.report('t1', { type: 'release', reason: 'draining' });
    sweepAfter(world, 7_000);
    expect(world.claim('w1', ['ada'])[0]?.timeLimits).toMatchObject({ closeAfterMs: 8_000 });
    sweepAfter(world, 8_000 + overdueMs - 1);
    expect(seen(world, 't1')).toEqual(['running', undefined]);
    sweepAfter(world, 1);
    expect(seen(world, 't1')).toEqual(['failed', code]);
    expect(world.task('t1').failures).toBe(1);
  });

  it('ends waiting, pausing and blocked time alike, and answers whoever comes to start the task', () => {
    const world = new World();
    world.openWorker('w1');
    submit(world, 't1', close);
    world.advance(20_000);
    world.renewWorker('w1');
    const { task } = world.do({ type: 'claimTask', id: 't1', workerId: 'w1', agentId: 'ada' });
    expect(task).toMatchObject({ status: 'failed', attempt: 0, error: { code } });
    world.running('t2', 'w1', 'ada', close);
    world.report('t2', { type: 'suspend' });
    expect(world.task('t2').expiresAt).toBe(world.now + 20_000);
    sweepAfter(world, 20_000);
    expect(seen(world, 't2')).toEqual(['failed', code]);
  });
});

describe('the limits of an agent', () => {
  const timeouts = { scheduleToStartMs: 100, startToCloseMs: 200, scheduleToCloseMs: 300, idleMs: 400 };

  it('hold before the claim as the catalogue has them, and only those for the wait', () => {
    const world = new World();
    register(world, 'ada', { timeouts });
    submit(world, 'pinned', { agentId: 'ada', timeouts: { scheduleToCloseMs: 9 } });
    expect(world.task('pinned').timeLimits).toMatchObject({ scheduleToStartMs: 100, scheduleToCloseMs: 9 });
    expect(world.task('pinned').timeLimits).not.toHaveProperty('idleMs');
    world.openWorker('w1', []);
    submit(world, 'routed', {});
    world.claim('w1', []);
    world.advance(50);
    world.do({ type: 'route', id: 'routed', workerId: 'w1', decision: decisionFor('ada'), claim: false });
    expect(world.task('routed').expiresAt).toBe(world.now + 100);
    register(world, 'bob', { timeouts: { idleMs: 1 } });
    submit(world, 'for bob', { agentId: 'bob' });
    expect(world.task('for bob').timeLimits).toEqual({});
  });

  it('hold anew after a retry by hand', () => {
    const world = new World();
    register(world, 'ada', { timeouts });
    submit(world, 't1', { agentId: 'ada' });
    sweepAfter(world, 100);
    world.do({ type: 'retryTask', id: 't1' });
    expect(world.task('t1')).toMatchObject({ status: 'pending', expiresAt: world.now + 100 });
  });

  it('hold for an attempt as the process has them that runs it', () => {
    const world = new World();
    world.openWorker('w1');
    submit(world, 'claimed', { agentId: 'ada' });
    world.claim('w1', ['ada'], 10, { timeouts: { ada: timeouts } });
    submit(world, 'routed', { timeouts: { idleMs: 9 } });
    world.claim('w1', [], 1);
    const decision = decisionFor('ada');
    world.do({ type: 'route', id: 'routed', workerId: 'w1', decision, claim: true, timeouts });
    world.do({ type: 'createTask', task: newTask('by hand'), submit: false });
    world.do({ type: 'claimTask', id: 'by hand', workerId: 'w1', agentId: 'ada', timeouts });
    const started = ['claimed', 'routed', 'by hand'].map((id) => world.task(id).timeLimits);
    expect(started).toMatchObject([timeouts, { ...timeouts, idleMs: 9 }, { startToCloseMs: 200, idleMs: 400 }]);
    expect(started[2]).not.toHaveProperty('scheduleToStartMs');
  });

  it('go with it: the next agent’s count anew, the task’s own run on', () => {
    const world = new World();
    register(world, 'ada', { timeouts });
    submit(world, 't1', {});
    submit(world, 't2', { timeouts: { scheduleToStartMs: 90_000, scheduleToCloseMs: 90_000 } });
    world.openWorker('w1', []);
    world.claim('w1', []);
    for (const id of ['t1', 't2'])
      world.do({ type: 'route', id, workerId: 'w1', decision: decisionFor('ada'), claim: false });
    const own = world.task('t2').timeLimits;
    for (const id of ['t1', 't2']) world.change(id, { type: 'unassign', reason: 'not hosted' });
    expect([world.task('t1').timeLimits, world.task('t2').timeLimits]).toEqual([{}, own]);
  });
});

describe('a deadline', () => {
  it('goes by the lease clock of its boot, and by the wall clock of any other', () => {
    const world = new World();
    for (const id of ['t1', 't2']) submit(world, id, { timeouts: { scheduleToStartMs: 100, scheduleToCloseMs: 90 } });
    world.openWorker('w1');
    world.running('t3', 'w1', 'ada', { timeouts: { startToCloseMs: 100, scheduleToCloseMs: 90 } });
    world.now += 3_600_000;
    sweepAfter(world, 89);
    expect(['t1', 't3'].map((id) => world.task(id).status)).toEqual(['pending', 'running']);
    expect(world.task('t1').expiresAt).toBe(world.now + 1);
    sweepAfter(world, 1);
    expect(seen(world, 't1')).toEqual(['failed', 'SCHEDULE_TO_CLOSE_TIMEOUT']);
    submit(world, 't4', { timeouts: { scheduleToStartMs: 100 } });
    [world.bootId, world.lease] = ['boot-2', 3];
    world.advance(99);
    world.sweep(false);
    expect(seen(world, 't4')).toEqual(['pending', undefined]);
    world.advance(1);
    world.sweep(false);
    expect(seen(world, 't4')).toEqual(['failed', 'SCHEDULE_TO_START_TIMEOUT']);
  });

  it('of another boot stays as it is where another limit was set in this one', () => {
    const world = new World();
    submit(world, 't1', { timeouts: { scheduleToCloseMs: 1_000_000 } });
    [world.bootId, world.lease] = ['boot-2', 3];
    const { closeBy } = world.task('t1').timeLimits;
    world.do({ type: 'cancelTask', id: 't1', graceMs: 0 });
    world.do({ type: 'retryTask', id: 't1' });
    expect(world.task('t1').timeLimits.closeBy?.bootId).not.toBe(closeBy?.bootId);
    submit(world, 't2', { timeouts: { scheduleToCloseMs: 1_000_000 } });
    world.bootId = 'boot-3';
    world.change('t2', { type: 'expire' });
    expect(world.task('t2').timeLimits.closeBy?.bootId).toBe('boot-2');
  });
});
