import { beforeEach, describe, expect, it } from 'vitest';
import { decisionFor, newTask } from '../test/builders.ts';
import { reports, World } from '../test/world.ts';
import { Flush, toAgentConfig, type AgentLimits, type Command } from './index.ts';

let world: World;
beforeEach(() => {
  world = new World();
  for (const id of ['w1', 'w2']) world.openWorker(id, ['ada', 'bob']);
});

const limit = (id: string, limits: AgentLimits): void =>
  void world.do({ type: 'registerAgent', config: toAgentConfig({ id, limits }) });
const enable = (enabled: boolean): Command => ({ type: 'enableAgent', id: 'ada', enabled });
const submit = (...ids: readonly string[]): void => {
  for (const id of ids) world.do({ type: 'createTask', task: newTask(id, { agentId: 'ada' }), submit: true });
};
const start = (id: string, workerId = 'w1'): Command => ({ type: 'claimTask', id, workerId, agentId: 'ada' });
const ids = (tasks: readonly { readonly id: string }[]): string[] => tasks.map(({ id }) => id);
const running = (): string[] => ids(world.tables.tasks.filter(({ status }) => status === 'running'));

/** Binds a task that has no assignment to a worker, and answers with the command that routes it. */
function bound(id: string, workerId = 'w1', agentId = 'ada'): Command {
  world.do({ type: 'createTask', task: newTask(id), submit: true });
  world.claim(workerId, []);
  return { type: 'route', id, workerId, decision: decisionFor(agentId), claim: true };
}

describe('an agent that may run two attempts at once', () => {
  beforeEach(() => limit('ada', { concurrency: 2 }));

  it('is given two, over all workers, and the next when one ends, however it ends', () => {
    submit('t1', 't2', 't3', 't4', 't5', 't6');
    expect(ids(world.claim('w1', ['ada'], 1))).toEqual(['t1']);
    expect(ids(world.claim('w2', ['ada'], 9))).toEqual(['t2']);
    expect(world.claim('w1', ['ada'])).toEqual([]);
    world.report('t1', reports.complete);
    expect(ids(world.claim('w1', ['ada']))).toEqual(['t3']);
    world.report('t2', reports.failForGood);
    expect(ids(world.claim('w2', ['ada']))).toEqual(['t4']);
    world.report('t3', reports.suspend);
    expect(ids(world.claim('w2', ['ada']))).toEqual(['t5']);
    world.tables.deleteWorker('w2');
    world.sweep();
    world.openWorker('w3');
    expect(world.claim('w3', ['ada'], 9)).toHaveLength(2);
  });

  it('does not stand in the way of others: what waits for its places is passed over', () => {
    submit('t1', 't2', 't3');
    world.do({ type: 'createTask', task: newTask('t4', { agentId: 'bob' }), submit: true });
    expect(ids(world.claim('w1', ['ada', 'bob'], 10))).toEqual(['t1', 't2', 't4']);
    world.tables.dueReads = 0;
    expect(world.claim('w1', ['ada', 'bob'], 10)).toEqual([]);
    expect(world.tables.dueReads).toBe(3); // one look at each queue, however much waits in it
  });

  it('is given two by claims of several workers in one transaction', () => {
    submit('t1', 't2', 't3');
    const flush = new Flush(world.tables, world.times);
    const claimed = flush.claimAll(['w1', 'w2', 'w1'].map((workerId) => ({ workerId, hosts: ['ada'], limit: 1 })));
    flush.settle();
    expect(claimed.map((tasks) => tasks.length)).toEqual([1, 0, 1]);
  });

  it('starts no third by id: AGENT_BUSY says which limit', () => {
    submit('t1', 't2', 't3');
    world.do(start('t1'));
    world.do(start('t2', 'w2'));
    const before = world.tables.dump();
    expect(world.try(start('t3'))).toMatchObject({
      code: 'AGENT_BUSY',
      message: 'Agent "ada" runs 2 attempts, which is its limit. Task t3 waits for one to end.',
      details: { taskId: 't3', agentId: 'ada', limit: 2 },
    });
    expect(world.tables.dump()).toEqual(before);
    world.report('t1', reports.release);
    world.do(start('t3'));
  });

  it('starts no third in one group either, and a place that the group frees is free', () => {
    submit('t1', 't2', 't3');
    expect(world.try(start('t1'), start('t2'), start('t3'))).toMatchObject({ code: 'AGENT_BUSY' });
    expect(running()).toEqual([]);
    world.do(start('t1'), start('t2'));
    world.do({ type: 'report', id: 't1', attempt: 1, command: reports.complete }, start('t3'));
    expect(running()).toEqual(['t2', 't3']);
  });

  it('is given what is routed to it beyond that only as an assignment, which waits for a place', () => {
    const routes = ['t1', 't2', 't3'].map((id) => bound(id));
    world.commit(...routes.map((route) => [route]));
    expect(running()).toEqual(['t1', 't2']);
    expect(world.task('t3')).toMatchObject({ status: 'pending', agentId: 'ada', boundTo: null, attempt: 0 });
    world.report('t1', reports.complete);
    expect(ids(world.claim('w2', ['ada']))).toEqual(['t3']);
  });

  it('is given no more by two routes of one group', () => {
    submit('t1');
    world.do(start('t1'));
    world.do(bound('t2'), bound('t3'));
    expect(running()).toEqual(['t1', 't2']);
  });

  it('keeps what runs when its limit is lowered, and is given nothing until enough has ended', () => {
    submit('t1', 't2', 't3');
    world.claim('w1', ['ada']);
    limit('ada', { concurrency: 1 });
    expect(world.claim('w1', ['ada'])).toEqual([]);
    world.report('t1', reports.complete);
    expect(world.claim('w1', ['ada'])).toEqual([]);
    world.report('t2', reports.complete);
    expect(ids(world.claim('w1', ['ada']))).toEqual(['t3']);
  });

  it('is given any number again when its limit is taken away', () => {
    submit('t1', 't2', 't3');
    limit('ada', {});
    expect(world.claim('w1', ['ada'])).toHaveLength(3);
  });
});

describe('an agent that is disabled', () => {
  beforeEach(() => limit('ada', {}));

  it('starts nothing: not by a claim, not by id, not by a route', () => {
    const route = bound('t1');
    submit('t2');
    world.do(enable(false));
    expect(world.claim('w1', ['ada'])).toEqual([]);
    expect(world.try(start('t2'))).toMatchObject({
      code: 'AGENT_DISABLED',
      message: 'Agent "ada" is disabled, so task t2 cannot start. Enable the agent, or pass another.',
      details: { taskId: 't2', agentId: 'ada' },
    });
    world.do(route);
    expect(world.task('t1')).toMatchObject({ status: 'pending', agentId: 'ada', boundTo: null });
  });

  it('is disabled for the rest of the group that disables it', () => {
    submit('t1');
    expect(world.try(enable(false), start('t1'))).toMatchObject({ code: 'AGENT_DISABLED' });
    world.do(enable(false));
    world.do(enable(true), start('t1'));
  });

  it('ends what runs, and goes on when it is enabled', () => {
    submit('t1', 't2');
    world.claim('w1', ['ada'], 1);
    world.do(enable(false));
    expect(world.report('t1', reports.complete).status).toBe('ok');
    expect(world.claim('w1', ['ada'])).toEqual([]);
    world.do(enable(true));
    expect(ids(world.claim('w1', ['ada']))).toEqual(['t2']);
  });

  it('loses what it has not started to others at the next sweep, but for what is pinned to it', () => {
    world.assigned('t1', 'ada');
    world.assigned('t2', 'ada', { attempt: 1 });
    submit('t3');
    world.do(enable(false));
    world.sweep();
    expect(world.lastEvent('t1')).toEqual({
      type: 'task.unassigned',
      data: { agentId: 'ada', reason: 'the agent was disabled' },
    });
    expect(['t1', 't2', 't3'].map((id) => world.task(id).agentId)).toEqual([null, 'ada', 'ada']);
  });
});

describe('an agent that the catalogue does not know, or knows no more', () => {
  it('has no limit', () => {
    submit('t1', 't2');
    expect(world.claim('w1', ['ada'])).toHaveLength(2);
  });

  it('has none of the limits that it had', () => {
    const alone = new World();
    alone.openWorker('w1', []);
    alone.do({ type: 'registerAgent', config: toAgentConfig({ id: 'ada', limits: { concurrency: 1 } }) });
    alone.do({ type: 'removeAgent', id: 'ada' });
    for (const id of ['t1', 't2']) alone.running(id, 'w1', 'ada');
  });
});
