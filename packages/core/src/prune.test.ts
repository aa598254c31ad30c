import { beforeEach, describe, expect, it } from 'vitest';
import { newTask, newWorkflow, on } from '../test/builders.ts';
import { reports, World } from '../test/world.ts';
import type { Command, NewTaskRecord } from './index.ts';

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

/** Stores tasks and completes them. */
function completed(...given: readonly Command[]): void {
  world.do(...given);
  for (const command of given) {
    if (command.type !== 'createTask') continue;
    world.do({ type: 'claimTask', id: command.task.id, workerId: 'w1', agentId: 'ada' });
    world.report(command.task.id, reports.complete);
  }
}
const left = (): string[] => world.tables.tasks.map(({ id }) => id);

describe('what ended long ago', () => {
  it('is removed with its steps and its log, and what ended since then stays', () => {
    completed(submit('a'));
    world.running('b');
    world.do({
      type: 'recordStep',
      step: { taskId: 'b', agentId: 'ada', identity: 's#1', attempt: 1, output: '1', inputHash: null, at: 0 },
    });
    world.report('b', reports.failForGood);
    world.advance(1);
    completed(submit('c'));
    world.do(submit('d'));
    expect(world.prune(world.now - 1)).toEqual({ tasks: 2, workflows: 0, more: false });
    expect(left()).toEqual(['c', 'd']);
    expect(world.tables.steps).toEqual([]);
    expect([...world.log('a'), ...world.log('b')]).toEqual([]);
  });

  it('goes in bounded batches, and says whether there is more', () => {
    completed(...['a', 'b', 'c'].map((id) => submit(id)));
    expect(world.prune(world.now, 2)).toEqual({ tasks: 2, workflows: 0, more: true });
    expect(world.prune(world.now, 2)).toEqual({ tasks: 1, workflows: 0, more: false });
    for (const id of ['wf1', 'wf2'])
      completed({ type: 'createWorkflow', workflow: newWorkflow(id) }, submit(`t${id}`, { workflowId: id }));
    expect(world.prune(world.now, 1)).toEqual({ tasks: 1, workflows: 1, more: true });
    while (world.prune(world.now, 1).more);
    expect([left(), world.tables.workflows]).toEqual([[], []]);
  });

  it('goes workflow by workflow: a task outlives its end as long as its workflow has not settled that long ago', () => {
    completed({ type: 'createWorkflow', workflow: newWorkflow('wf') }, submit('a', { workflowId: 'wf' }));
    world.do(submit('b', { workflowId: 'wf' }));
    world.advance(1_000);
    expect(world.prune()).toEqual({ tasks: 0, workflows: 0, more: false });
    world.do({ type: 'cancelTask', id: 'b', graceMs: 0 });
    expect(world.prune(world.now - 1).tasks).toBe(0);
    expect(world.prune()).toEqual({ tasks: 2, workflows: 1, more: false });
    expect(world.tables.events).toEqual([]);
  });

  it('stays while somebody waits for its output, and goes when nobody does any more', () => {
    completed(submit('a'));
    world.do(submit('x'), submit('b', on('a', 'x')), submit('c', on('b')));
    expect(world.prune()).toEqual({ tasks: 0, workflows: 0, more: false });
    world.do({ type: 'cancelTask', id: 'x', graceMs: 0 });
    expect(world.prune().tasks).toBe(4);
    expect(left()).toEqual([]);
  });

  it('and its workflow go apart where one of its tasks is still waited for: the task follows', () => {
    completed({ type: 'createWorkflow', workflow: newWorkflow('wf') }, submit('a', { workflowId: 'wf' }));
    world.do(submit('b', on('a')));
    expect(world.prune()).toEqual({ tasks: 0, workflows: 1, more: false });
    expect(left()).toEqual(['a', 'b']);
    expect(world.try({ type: 'retryTask', id: 'a' })).toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
    world.do({ type: 'cancelTask', id: 'b', graceMs: 0 });
    expect(world.prune().tasks).toBe(2);
  });

  it('gives its keys free', () => {
    completed(
      { type: 'createWorkflow', workflow: newWorkflow('wf', { idempotencyKey: 'key' }) },
      submit('a', { workflowId: 'wf', idempotencyKey: 'key' }),
    );
    world.prune();
    world.do({ type: 'createWorkflow', workflow: newWorkflow('wf2', { idempotencyKey: 'key', bodyHash: 'other' }) });
    world.do(submit('b', { workflowId: 'wf2', idempotencyKey: 'key', bodyHash: 'other' }));
  });

  it('is gone for those who come late: a new task cannot depend on it', () => {
    completed(submit('a'));
    world.prune();
    expect(world.try(submit('b', on('a')))).toMatchObject({ code: 'DEPENDENCY_NOT_FOUND' });
  });
});
