import { beforeEach, describe, expect, it } from 'vitest';
import { newTask, newWorkflow, on } from '../test/builders.ts';
import { reports, World } from '../test/world.ts';
import { isTerminal, toTask, type Command, type NewTaskRecord, type TaskRecord } from './index.ts';

let world: World;
beforeEach(() => {
  world = new World();
  world.openWorker('w1');
});

const submit = (id: string, overrides: Partial<NewTaskRecord> = {}): Command => ({
  type: 'createTask',
  task: newTask(id, overrides),
  submit: true,
});
const create = (id: string, overrides: Partial<NewTaskRecord> = {}): Command => ({
  type: 'createTask',
  task: newTask(id, overrides),
  submit: false,
});
const start = (id: string): Command => ({ type: 'claimTask', id, workerId: 'w1', agentId: 'ada' });

/** Runs a task to its end. */
function end(id: string, report: Parameters<World['report']>[1] = reports.complete): void {
  world.do(start(id));
  expect(world.report(id, report).status).toBe('ok');
}
const complete = (...ids: readonly string[]): void => ids.forEach((id) => end(id));
const fail = (id: string): void => end(id, reports.failForGood);
const cancel = (id: string): Command => ({ type: 'cancelTask', id, graceMs: 1_000 });
const waits = (id: string): number => world.task(id).openDependencies;
const statuses = (...ids: readonly string[]): string[] => ids.map((id) => world.task(id).status);

function expectRefused(code: string, ...commands: readonly Command[]): string {
  const before = world.tables.dump();
  const result = world.try(...commands);
  expect(result).toMatchObject({ status: 'error', code });
  expect(world.tables.dump()).toEqual(before);
  return result.status === 'error' ? result.message : '';
}

describe('a task that depends on others', () => {
  it('waits for those that have not completed, each once however often it is named', () => {
    world.do(submit('a'));
    world.do(submit('b'));
    complete('a');
    const dependsOn = ['a', 'b', 'b'].map((taskId, index) => ({ name: `${index}`, taskId }));
    const { task } = world.do(submit('c', { dependsOn }));
    expect(task).toMatchObject({ dependsOn, openDependencies: 1, dueAt: world.now });
    expect(world.lastEvent('c')).toEqual({
      type: 'task.created',
      data: { name: 'task', priority: 0, dueAt: world.now, openDependencies: 1 },
    });
    expect(toTask(task as TaskRecord).dependsOn).toEqual(['a', 'b', 'b']);
    complete('b');
    expect(waits('c')).toBe(0);
  });

  it('is not taken by a worker before the last of them has completed, and then at once', () => {
    world.do(submit('a', { agentId: 'ada' }), submit('b', { agentId: 'ada' }));
    world.do(submit('c', { agentId: 'ada', ...on('a', 'b') }));
    expect(world.claim('w1', ['ada']).map(({ id }) => id)).toEqual(['a', 'b']);
    world.report('a', reports.complete);
    expect(world.claim('w1', ['ada'])).toEqual([]);
    world.advance(500);
    world.report('b', reports.complete);
    expect(world.task('c')).toMatchObject({ dueAt: world.now, claimKey: world.now, openDependencies: 0 });
    expect(world.log('c')).toEqual(['task.created', 'task.unblocked']);
    expect(world.lastEvent('c').data).toEqual({ dueAt: world.now });
    expect(world.claim('w1', ['ada']).map(({ id }) => id)).toEqual(['c']);
  });

  it('is due in the very transaction in which the last one completes', () => {
    world.running('a');
    world.do(submit('b', { agentId: 'ada', ...on('a') }));
    expect(
      world.commit(
        [{ type: 'report', id: 'a', attempt: 1, command: reports.complete }],
        [{ type: 'claimTask', id: 'b', workerId: 'w1', agentId: 'ada' }],
      ),
    ).toMatchObject([{ status: 'ok' }, { status: 'ok', value: { task: { status: 'running' } } }]);
  });

  it('falls due when its creator said, if that is later', () => {
    world.do(submit('a'));
    const later = world.now + 60_000;
    world.do(submit('b', { dueAt: later, priority: 1, ...on('a') }));
    complete('a');
    expect(world.task('b')).toMatchObject({ dueAt: later, claimKey: later - 60_000 });
    expect(world.claim('w1', ['ada'])).toEqual([]);
  });

  it('is due from the moment it is freed and not from when it was submitted: what waited for others has not waited for a worker', () => {
    const submitted = world.now;
    world.do(submit('a'), submit('b', on('a')));
    world.advance(1_000);
    complete('a');
    expect(world.task('b').dueAt).toBe(submitted + 1_000);
  });

  it('that was created only stays its creator’s when it is freed, whether submitted before or after', () => {
    world.do(submit('a'), create('early', on('a')), create('late', on('a')));
    world.do({ type: 'submitTask', id: 'early', dueAt: 5 });
    expect(world.task('early')).toMatchObject({ dueAt: 5, openDependencies: 1 });
    expect(world.claim('w1', ['ada']).map(({ id }) => id)).toEqual(['a']);
    world.do({ type: 'unbind', id: 'a', workerId: 'w1' });
    complete('a');
    expect(world.task('early').dueAt).toBe(world.now);
    expect(world.task('late').dueAt).toBeNull();
    expect(world.lastEvent('late')).toEqual({ type: 'task.unblocked', data: {} });
    world.do({ type: 'submitTask', id: 'late', dueAt: 7 });
    expect(world.claim('w1', ['ada']).map(({ id }) => id)).toEqual(['late', 'early']);
  });

  it('cannot be started by hand while it waits', () => {
    world.do(submit('a'), create('b', on('a')));
    expect(expectRefused('TASK_BLOCKED', start('b'))).toContain('b waits for 1 other tasks');
    complete('a');
    world.do(start('b'));
  });

  it('on one that does not exist is refused with both ids, and so is one that depends on itself', () => {
    expect(expectRefused('DEPENDENCY_NOT_FOUND', submit('a', on('none')))).toContain('a depends on task none');
    expectRefused(
      'DEPENDENCY_NOT_FOUND',
      createWorkflow('wf'),
      submit('a', { workflowId: 'wf' }),
      submit('b', on('b')),
    );
    expect(world.tables.workflows).toEqual([]);
  });

  it('may be created in one group with what it depends on, in this order', () => {
    expectRefused('DEPENDENCY_NOT_FOUND', submit('b', on('a')), submit('a'));
    world.do(submit('a'), submit('b', on('a')), submit('c', on('a', 'b')));
    expect(['a', 'b', 'c'].map(waits)).toEqual([0, 1, 2]);
    complete('a', 'b', 'c');
  });

  it('is freed and cancelled by what happens in its own group too', () => {
    world.running('a');
    world.running('b');
    world.do(submit('other', on('a')));
    world.do(
      submit('c', on('a')),
      submit('d', on('b')),
      submit('e', on('d')),
      submit('f', on('a')),
      { type: 'report', id: 'a', attempt: 1, command: reports.complete },
      { type: 'report', id: 'b', attempt: 1, command: reports.failForGood },
    );
    expect(['c', 'f', 'other'].map(waits)).toEqual([0, 0, 0]);
    expect(statuses('c', 'd', 'e', 'f')).toEqual(['pending', 'cancelled', 'cancelled', 'pending']);
  });

  it('sees its group’s own state of a dependant that the group has changed before', () => {
    world.do(submit('a'), create('b', on('a')));
    world.do(start('a'));
    world.do(
      { type: 'submitTask', id: 'b', dueAt: 9_000_000 },
      { type: 'report', id: 'a', attempt: 1, command: reports.complete },
    );
    expect(world.task('b')).toMatchObject({ dueAt: 9_000_000, openDependencies: 0 });
    expect(world.log('b')).toEqual(['task.created', 'task.submitted', 'task.unblocked']);
  });

  it('on one that has completed is free from the start', () => {
    world.do(submit('a'));
    complete('a');
    world.do(submit('b', on('a')));
    expect(world.task('b')).toMatchObject({ openDependencies: 0, dueAt: world.now });
    expect(world.lastEvent('b').data).not.toHaveProperty('openDependencies');
  });

  const createWorkflow = (id: string): Command => ({ type: 'createWorkflow', workflow: newWorkflow(id) });
});

describe('where one of the dependencies ends without a result', () => {
  it.each([
    ['fails', 'failed', 'which has failed'],
    ['is cancelled', 'cancelled', 'which was cancelled'],
  ])('because it %s, the task is cancelled in the same transaction, with the reason', (_, status, words) => {
    world.do(submit('a'), submit('b', on('a')));
    if (status === 'failed') fail('a');
    else world.do(cancel('a'));
    expect(world.task('b')).toMatchObject({
      status: 'cancelled',
      openDependencies: 0,
      finishedAt: world.now,
      error: { name: 'SymphonyError', code: 'DEPENDENCY_FAILED', attempt: 0 },
    });
    const message = `It depends on task a, ${words}.`;
    expect(world.task('b').error?.message).toBe(message);
    expect(world.lastEvent('b')).toEqual({ type: 'task.cancelled', data: { attempt: 0, reason: message } });
  });

  it('it makes no difference that others complete later', () => {
    world.do(submit('a'), submit('b'), submit('c', on('a', 'b')));
    fail('a');
    complete('b');
    expect(statuses('c')).toEqual(['cancelled']);
    expect(world.log('c')).toEqual(['task.created', 'task.cancelled']);
  });

  it('all that depends on it is cancelled, over workflows and however deep, and each is counted where it belongs', () => {
    for (const id of ['wf1', 'wf2']) world.do({ type: 'createWorkflow', workflow: newWorkflow(id) });
    world.do(
      submit('a', { workflowId: 'wf1' }),
      submit('b', { workflowId: 'wf2', ...on('a') }),
      submit('c', { workflowId: 'wf1', ...on('b') }),
      submit('d', on('c', 'a')),
      submit('free', { workflowId: 'wf2' }),
    );
    fail('a');
    expect(statuses('a', 'b', 'c', 'd', 'free')).toEqual(['failed', 'cancelled', 'cancelled', 'cancelled', 'pending']);
    expect(world.workflow('wf1')).toMatchObject({ total: 2, open: 0, failed: 1, cancelled: 1, settledAt: world.now });
    expect(world.workflow('wf2')).toMatchObject({ total: 2, open: 1, failed: 0, cancelled: 1, settledAt: null });
  });

  it('a task that is created later is cancelled as it is created, with all the facts', () => {
    world.do(submit('a'));
    fail('a');
    const { task } = world.do(submit('b', on('a')));
    expect(task).toMatchObject({ status: 'cancelled', error: { code: 'DEPENDENCY_FAILED' } });
    expect(task).toEqual(world.task('b'));
    expect(world.log('b')).toEqual(['task.created', 'task.cancelled']);
    world.do({ type: 'createWorkflow', workflow: newWorkflow('wf') }, submit('c', { workflowId: 'wf', ...on('b') }));
    expect(world.workflow('wf')).toMatchObject({ total: 1, open: 0, cancelled: 1, settledAt: world.now });
  });

  it('a failure that will be retried changes nothing yet', () => {
    world.do(submit('a'), submit('b', on('a')));
    end('a', reports.fail);
    expect(world.task('b')).toMatchObject({ status: 'pending', openDependencies: 1 });
  });

  it('a cancellation that an attempt has not obeyed yet changes nothing; its end does, also by a sweep', () => {
    world.running('a');
    world.do(submit('b', on('a')));
    world.do(cancel('a'));
    expect(statuses('b')).toEqual(['pending']);
    world.advance(1_000);
    world.sweep();
    expect(statuses('a', 'b')).toEqual(['cancelled', 'cancelled']);
  });

  it('a result that comes after the wish to cancel is none: dependants are cancelled', () => {
    world.running('a');
    world.do(submit('b', on('a')));
    world.do(cancel('a'));
    world.report('a', reports.complete);
    expect(statuses('a', 'b')).toEqual(['cancelled', 'cancelled']);
  });
});

describe('retrying in a graph', () => {
  beforeEach(() => {
    world.do(submit('a'), submit('b', on('a')), submit('c', on('b')));
    fail('a');
  });
  const retry = (id: string): Command => ({ type: 'retryTask', id });

  it('is refused for a task whose dependency has failed, naming that one', () => {
    expect(expectRefused('TASK_BLOCKED', retry('c'))).toContain('c depends on task b, which is cancelled');
    world.do(retry('a'));
    expectRefused('TASK_BLOCKED', retry('c'));
  });

  it('goes from the failed one down: each waits anew, and all complete', () => {
    world.do(retry('a'), retry('b'));
    world.do(retry('c'));
    expect(['a', 'b', 'c'].map(waits)).toEqual([0, 1, 1]);
    expect(world.lastEvent('b')).toEqual({ type: 'task.retried', data: { dueAt: world.now, openDependencies: 1 } });
    expect(world.lastEvent('a').data).toEqual({ dueAt: world.now });
    complete('a');
    expect(['b', 'c'].map(waits)).toEqual([0, 1]);
    complete('b', 'c');
  });

  it('of a task that waits or runs is refused as it is without dependencies', () => {
    world.do(retry('a'));
    world.do(retry('b'));
    expectRefused('TASK_INVALID_TRANSITION', retry('b'));
    fail('a');
    expect(statuses('b')).toEqual(['cancelled']);
  });

  it('counts only what has not completed since', () => {
    world.do(submit('x'), submit('y'), submit('z', on('x', 'y')));
    fail('x');
    complete('y');
    world.do(retry('x'), retry('z'));
    expect(waits('z')).toBe(1);
    complete('x', 'z');
  });

  it('of a task whose dependency retention has removed is refused: its output is gone', () => {
    world.do(submit('x'), submit('y', on('x')));
    complete('x');
    world.advance(1);
    fail('y');
    world.prune(world.now - 1);
    expect(expectRefused('DEPENDENCY_NOT_FOUND', retry('y'))).toContain('y depends on task x, which does not exist');
  });
});

describe('blocked tasks of a workflow', () => {
  it('that is paused are held too, and go on after it has been resumed, freed meanwhile or not', () => {
    world.do({ type: 'createWorkflow', workflow: newWorkflow('wf') });
    world.do(
      submit('a'),
      submit('b', { workflowId: 'wf', agentId: 'ada', ...on('a') }),
      submit('x'),
      submit('y', { workflowId: 'wf', agentId: 'ada', ...on('x') }),
    );
    const align: Command = { type: 'alignTasks', workflowId: 'wf', limit: 10, graceMs: 0 };
    world.do({ type: 'pauseWorkflow', id: 'wf' }, align);
    expect(world.task('b').held).toBe(true);
    complete('a');
    expect(world.task('b')).toMatchObject({ held: true, openDependencies: 0 });
    expect(world.claim('w1', ['ada']).map(({ id }) => id)).toEqual(['x']);
    world.do({ type: 'unbind', id: 'x', workerId: 'w1' });
    world.do({ type: 'resumeWorkflow', id: 'wf' }, align);
    expect(world.claim('w1', ['ada']).map(({ id }) => id)).toEqual(['b', 'x']);
    world.do({ type: 'unbind', id: 'x', workerId: 'w1' });
    complete('x', 'y');
  });

  it('that was paused before the sweep came by are held by the claim that finds them freed', () => {
    world.do({ type: 'createWorkflow', workflow: newWorkflow('wf') });
    world.do(submit('a'), submit('b', { workflowId: 'wf', agentId: 'ada', ...on('a') }));
    world.do({ type: 'pauseWorkflow', id: 'wf' });
    complete('a');
    expect(world.claim('w1', ['ada'])).toEqual([]);
    expect(world.task('b')).toMatchObject({ status: 'pending', held: true });
  });

  it('that was cancelled are cancelled like the others, and what depends on them elsewhere with them', () => {
    world.do({ type: 'createWorkflow', workflow: newWorkflow('wf') });
    world.do(submit('a'), submit('b', { workflowId: 'wf', ...on('a') }), submit('c', on('b')));
    world.do({ type: 'cancelWorkflow', id: 'wf' }, { type: 'alignTasks', workflowId: 'wf', limit: 10, graceMs: 0 });
    expect(statuses('a', 'b', 'c')).toEqual(['pending', 'cancelled', 'cancelled']);
  });
});

describe('large graphs', () => {
  it('a chain of 1,000 whose head fails is cancelled to its end in one transaction', () => {
    const links = Array.from({ length: 1_000 }, (_, index) => `t${String(index).padStart(4, '0')}`);
    world.do(...links.map((id, index) => submit(id, index === 0 ? {} : on(links[index - 1] as string))));
    fail('t0000');
    expect(world.tables.tasks.filter(({ status }) => status === 'cancelled')).toHaveLength(999);
  });

  it('more dependants than are read at a time are all freed', () => {
    world.do(submit('a'), ...Array.from({ length: 2_500 }, (_, index) => submit(`t${index}`, on('a'))));
    complete('a');
    expect(world.tables.tasks.filter((task) => !isTerminal(task.status) && task.openDependencies > 0)).toEqual([]);
    expect(world.tables.events.filter(({ type }) => type === 'task.unblocked')).toHaveLength(2_500);
  });
});
