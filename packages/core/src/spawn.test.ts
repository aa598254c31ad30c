import { beforeEach, describe, expect, it } from 'vitest';
import { newTask, newWorkflow, on } from '../test/builders.ts';
import { reports, World } from '../test/world.ts';
import type { Command, NewTaskRecord } from './index.ts';

let world: World;
beforeEach(() => {
  world = new World();
  world.openWorker('w1');
});

const spawn = (id: string, overrides: Partial<NewTaskRecord> = {}, attempt = 1, parent = 'p'): Command => ({
  type: 'spawn',
  id: parent,
  attempt,
  key: 'first',
  task: newTask(id, { idempotencyKey: 'spawn:p:first', ...overrides }),
});

function expectUntouched(result: object, ...commands: readonly Command[]): void {
  const before = world.tables.dump();
  expect(world.try(...commands)).toMatchObject(result);
  expect(world.tables.dump()).toEqual(before);
}

describe('a task that an attempt spawns', () => {
  it('is submitted at once, or for when it says, and both logs tell of it', () => {
    world.running('p');
    const { task } = world.do(spawn('c'));
    expect(task).toEqual(world.task('c'));
    expect(task).toMatchObject({ status: 'pending', dueAt: world.now, workflowId: null });
    expect(world.lastEvent('p')).toEqual({
      type: 'task.spawned',
      data: { attempt: 1, key: 'first', taskId: 'c' },
    });
    world.do(spawn('d', { idempotencyKey: 'spawn:p:second', dueAt: 9_000_000 }));
    expect(world.task('d').dueAt).toBe(9_000_000);
  });

  it('is one per key, however often the attempt is repeated and whatever it then asks for', () => {
    world.running('p');
    world.do(spawn('c'));
    expectUntouched({ status: 'duplicate', id: 'c' }, spawn('d'));
    world.report('p', reports.release);
    world.do({ type: 'claimTask', id: 'p', workerId: 'w1', agentId: 'ada' });
    expectUntouched({ status: 'duplicate', id: 'c' }, spawn('d', { bodyHash: 'other', input: '1' }, 2));
    world.do({ type: 'cancelTask', id: 'c', graceMs: 0 });
    expectUntouched({ status: 'duplicate', id: 'c' }, spawn('d', {}, 2));
    expect(world.try(spawn('e', { idempotencyKey: 'k' }, 2), spawn('f', { idempotencyKey: 'k' }, 2))).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
  });

  it('is refused under the id of another task, and breaks no transaction', () => {
    world.running('p');
    world.do({ type: 'createTask', task: newTask('c'), submit: true });
    expectUntouched({ code: 'IDEMPOTENCY_CONFLICT', details: { taskId: 'c' } }, spawn('c'));
  });

  it('is none if the attempt is not the current one, has ended or never was', () => {
    world.running('p');
    expectUntouched({ status: 'stale' }, spawn('c', {}, 2));
    world.report('p', reports.complete);
    expectUntouched({ status: 'stale' }, spawn('c'));
    expectUntouched({ code: 'TASK_NOT_FOUND' }, spawn('c', {}, 1, 'none'));
  });

  it('belongs to the workflow of its parent, be it sealed, and keeps it from settling', () => {
    world.do(
      { type: 'createWorkflow', workflow: newWorkflow('wf', { sealed: true }) },
      { type: 'createTask', task: newTask('p', { workflowId: 'wf' }), submit: true },
    );
    world.do({ type: 'claimTask', id: 'p', workerId: 'w1', agentId: 'ada' });
    world.do(spawn('c', { workflowId: 'somewhere else' }));
    expect(world.task('c').workflowId).toBe('wf');
    world.report('p', reports.complete);
    expect(world.workflow('wf')).toMatchObject({ total: 2, open: 1, settledAt: null });
  });

  it('is refused in a workflow that was cancelled', () => {
    world.workflowWith('wf', 'p');
    world.do({ type: 'claimTask', id: 'p', workerId: 'w1', agentId: 'ada' });
    world.do({ type: 'cancelWorkflow', id: 'wf' });
    expectUntouched({ code: 'WORKFLOW_CANCELLED' }, spawn('c'));
  });

  it('may depend on its parent: it starts after it, or is cancelled with it', () => {
    world.running('p');
    world.do(spawn('c', on('p')));
    expect(world.task('c').openDependencies).toBe(1);
    world.report('p', reports.complete);
    expect(world.task('c')).toMatchObject({ openDependencies: 0, dueAt: world.now });
    world.running('q');
    world.do(spawn('d', { idempotencyKey: 'spawn:q', ...on('q') }, 1, 'q'));
    world.report('q', reports.failForGood);
    expect(world.task('d').error?.code).toBe('DEPENDENCY_FAILED');
  });

  it('is refused with what it depends on if that does not exist', () => {
    world.running('p');
    expectUntouched({ code: 'DEPENDENCY_NOT_FOUND' }, spawn('c', on('none')));
  });
});
