import { beforeEach, describe, expect, it } from 'vitest';
import { decisionFor, newTask, newWorkflow, on } from '../test/builders.ts';
import { reports, World } from '../test/world.ts';
import { Flush, isTerminal, workflowStatus, type Command, type NewTaskRecord } from './index.ts';

let world: World;
beforeEach(() => {
  world = new World();
  world.openWorker('w1');
  world.do({ type: 'createWorkflow', workflow: newWorkflow('wf', { onFailure: 'failFast' }) });
});

const submit = (id: string, overrides: Partial<NewTaskRecord> = {}): Command => ({
  type: 'createTask',
  task: newTask(id, { workflowId: 'wf', agentId: 'ada', ...overrides }),
  submit: true,
});
const start = (id: string, workerId = 'w1'): Command => ({ type: 'claimTask', id, workerId, agentId: 'ada' });
const failed = (id: string, attempt = 1): Command => ({ type: 'report', id, attempt, command: reports.failForGood });
const statuses = (...ids: readonly string[]): string[] => ids.map((id) => world.task(id).status);

describe('when a task fails in a workflow that fails fast', () => {
  it('what has not started is cancelled in the same transaction, and what runs is asked to stop', () => {
    world.do(submit('a'), submit('b'), submit('c'), submit('later', { dueAt: world.now + 1 }), submit('d', on('c')));
    world.do(start('a'), start('b'));
    world.do(failed('a'));
    expect(statuses('a', 'b', 'c', 'd', 'later')).toEqual(['failed', 'running', 'cancelled', 'cancelled', 'cancelled']);
    expect(world.task('b').cancelAt).toBe(world.now + 5_000);
    expect(world.workflow('wf')).toMatchObject({ cancelRequested: true, open: 1, failed: 1, cancelled: 3, started: 2 });
    world.report('b', reports.complete);
    expect(statuses('b')).toEqual(['cancelled']);
    expect(workflowStatus(world.workflow('wf'))).toBe('failed');
    expect(world.log('wf')).toEqual([
      'workflow.created',
      'workflow.started',
      'workflow.cancel_requested',
      'workflow.failed',
      'workflow.settled',
    ]);
  });

  it('a claim that ends a task for its time limit starts none of the others', () => {
    world.do(submit('a', { timeouts: { scheduleToStartMs: 1_000 } }), submit('b'), submit('c', { agentId: null }));
    world.assigned('elsewhere', 'ada');
    world.advance(1_000);
    expect(world.claim('w1', ['ada']).map(({ id }) => id)).toEqual(['elsewhere']);
    expect(statuses('a', 'b', 'c')).toEqual(['failed', 'cancelled', 'cancelled']);
    expect(world.task('b').attempt).toBe(0);
  });

  it('the same transaction starts none of its tasks: not by a claim, not by id, not by a route', () => {
    world.openWorker('w2');
    world.do(submit('a'), submit('b'), submit('c', { agentId: null }), submit('d'));
    world.do(start('a'));
    world.claim('w2', [], 1);
    expect(world.task('c').boundTo).toBe('w2');
    const flush = new Flush(world.tables, world.times);
    const results = [
      [failed('a')],
      [start('b')],
      [{ type: 'route', id: 'c', workerId: 'w2', decision: decisionFor('ada'), claim: true } as const],
      [submit('e')],
    ].map((group) => flush.apply(group));
    const claimed = flush.claimAll([{ workerId: 'w1', hosts: ['ada'], limit: 10 }]);
    flush.settle();
    expect(results).toMatchObject([
      { status: 'ok' },
      { status: 'error', code: 'TASK_FINISHED' },
      { status: 'stale' },
      { status: 'error', code: 'WORKFLOW_CANCELLED' },
    ]);
    expect(claimed).toEqual([[]]);
    expect(statuses('b', 'c', 'd')).toEqual(['cancelled', 'cancelled', 'cancelled']);
  });

  it('nothing is added to it afterwards, and none of it is retried', () => {
    world.do(submit('a'), submit('b'));
    world.do(start('a'));
    world.do(failed('a'));
    expect(world.try(submit('c'))).toMatchObject({ code: 'WORKFLOW_CANCELLED' });
    expect(world.try({ type: 'retryTask', id: 'a' })).toMatchObject({ code: 'WORKFLOW_CANCELLED' });
    expect(world.try({ type: 'resumeWorkflow', id: 'wf' })).toMatchObject({ code: 'WORKFLOW_CANCELLED' });
  });

  it('a pause is over, and what it held is cancelled', () => {
    world.do(submit('a'), submit('b'));
    world.do(start('a'));
    world.do({ type: 'pauseWorkflow', id: 'wf' }, { type: 'alignTasks', workflowId: 'wf', limit: 9, graceMs: 0 });
    expect(world.task('b').held).toBe(true);
    world.do(failed('a'));
    expect(world.workflow('wf').paused).toBe(false);
    expect(statuses('b')).toEqual(['cancelled']);
  });

  it('a failure that will be retried is none yet', () => {
    world.do(submit('a'), submit('b'));
    world.do(start('a'));
    world.report('a', reports.fail);
    expect(statuses('b')).toEqual(['pending']);
  });

  it('a task that fails without an attempt counts like any other: nobody can take it, or a failed one is added', () => {
    world.do(submit('a', { agentId: null }), submit('b'));
    world.claim('w1', [], 1);
    world.do({ type: 'reject', id: 'a', workerId: 'w1', reason: 'nobody' });
    expect(statuses('b')).toEqual(['cancelled']);

    world.do({ type: 'createWorkflow', workflow: newWorkflow('other', { onFailure: 'failFast' }) });
    world.do(submit('c', { workflowId: 'other' }));
    world.running('bad');
    world.report('bad', reports.failForGood);
    world.do({ type: 'addTask', workflowId: 'other', taskId: 'bad' });
    expect(statuses('c')).toEqual(['cancelled']);
  });

  it('a poisonous one does too, and its neighbours on the worker that died are cancelled and not charged twice', () => {
    world.do(submit('a', { retry: { maxCrashes: 1 } }), submit('b'), submit('c'));
    world.do(start('a'), start('b'));
    world.tables.deleteWorker('w1');
    world.sweep();
    expect(statuses('a', 'b', 'c')).toEqual(['failed', 'cancelled', 'cancelled']);
    expect(world.task('a').error?.code).toBe('POISON');
    expect(world.workflow('wf')).toMatchObject({ total: 3, open: 0, failed: 1, cancelled: 2, settledAt: world.now });
  });

  it('two that fail in one group are one wish to cancel', () => {
    world.do(submit('a'), submit('b'), submit('c'));
    world.do(start('a'), start('b'));
    world.do(failed('a'), failed('b'));
    expect(world.workflow('wf')).toMatchObject({ failed: 2, cancelled: 1 });
    expect(world.log('wf').filter((type) => type === 'workflow.cancel_requested')).toHaveLength(1);
  });

  it('one that fails after it in the same transaction has been asked to stop, as if it came a transaction later', () => {
    world.do(submit('a'), submit('b'));
    world.do(start('a'), start('b'));
    world.commit([failed('a')], [failed('b')]);
    expect(statuses('a', 'b')).toEqual(['failed', 'cancelled']);
    expect(world.workflow('wf')).toMatchObject({ open: 0, failed: 1, cancelled: 1 });
  });

  it('a retry in the same transaction does not hide it', () => {
    world.do(submit('bad'));
    world.do(start('bad'));
    world.do(failed('bad')); // the last one open: there is nothing to cancel
    world.do(submit('a'), submit('b'));
    world.do(start('a'));
    world.do({ type: 'retryTask', id: 'bad' }, failed('a'));
    expect(statuses('bad', 'a', 'b')).toEqual(['cancelled', 'failed', 'cancelled']);
  });

  it('and it was the last one open, there is nothing to cancel, and it can be retried', () => {
    world.do(submit('a'));
    world.do(start('a'));
    world.do(failed('a'));
    expect(world.workflow('wf')).toMatchObject({ cancelRequested: false, settledAt: world.now });
    world.do({ type: 'retryTask', id: 'a' });
  });

  it('only its own workflow ends: dependants elsewhere are cancelled, which is no failure there', () => {
    world.do({ type: 'createWorkflow', workflow: newWorkflow('other', { onFailure: 'failFast' }) });
    world.do(submit('a'), submit('b', { workflowId: 'other', ...on('a') }), submit('c', { workflowId: 'other' }));
    world.do(start('a'));
    world.do(failed('a'));
    expect(statuses('b', 'c')).toEqual(['cancelled', 'pending']);
    expect(world.workflow('other')).toMatchObject({ cancelRequested: false, open: 1, cancelled: 1 });
  });

  it('in one that goes on, nothing but its dependants is cancelled', () => {
    world.do({ type: 'createWorkflow', workflow: newWorkflow('steady') });
    const [a, b, c] = ['a', 'b', 'c'].map((id) => submit(id, { workflowId: 'steady', ...(id === 'b' ? on('a') : {}) }));
    world.do(a as Command, b as Command, c as Command);
    world.do(start('a'));
    world.do(failed('a'));
    expect(statuses('b', 'c')).toEqual(['cancelled', 'pending']);
  });

  it('the failure of a task whose workflow retention has removed is only that', () => {
    world.running('a');
    world.tables.force({ ...world.task('a'), workflowId: 'gone' });
    expect(world.report('a', reports.failForGood).status).toBe('ok');
  });
});

describe('more tasks than one transaction cancels', () => {
  it('are cancelled by sweeps, and none of them starts meanwhile', () => {
    world.do(submit('a'));
    const template = world.task('a');
    for (let index = 0; index < 10_500; index++) world.tables.force({ ...template, id: `t${index}` });
    world.tables.updateWorkflow({ ...world.workflow('wf'), total: 10_501, open: 10_501 });
    world.do(start('a'));
    world.do(failed('a'));
    const open = (): number => world.tables.tasks.filter(({ status }) => !isTerminal(status)).length;
    expect(open()).toBe(500);
    expect(world.claim('w1', ['ada'], 10)).toEqual([]);
    while (world.sweep().more);
    expect(open()).toBe(0);
    expect(world.tables.tasks.every(({ id, attempt }) => id === 'a' || attempt === 0)).toBe(true);
    expect(world.workflow('wf')).toMatchObject({ open: 0, cancelled: 10_500, failed: 1, started: 1 });
  });
});
