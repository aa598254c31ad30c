import { beforeEach, describe, expect, it } from 'vitest';
import { decisionFor, errorOf, newTask, newWorkflow, taskRow, workflowRow } from '../test/builders.ts';
import { reports, World } from '../test/world.ts';
import {
  Flush,
  isSettled,
  settleWorkflow,
  taskStatuses,
  toAgentConfig,
  workflowStatus,
  type Command,
  type NewTaskRecord,
  type StepRow,
  type WorkflowCounters,
  type WorkflowRow,
} from './index.ts';

let world: World;
beforeEach(() => void (world = new World()));

const create = (id: string, overrides: Partial<NewTaskRecord> = {}, submit = false): Command => ({
  type: 'createTask',
  task: newTask(id, overrides),
  submit,
});
const submit = (id: string, overrides: Partial<NewTaskRecord> = {}): Command => create(id, overrides, true);
const createWorkflow = (id: string, overrides: Parameters<typeof newWorkflow>[1] = {}): Command => ({
  type: 'createWorkflow',
  workflow: newWorkflow(id, overrides),
});
const step = (overrides: Partial<StepRow> = {}): Command => ({
  type: 'recordStep',
  step: {
    taskId: 't1',
    agentId: 'ada',
    identity: 'pay#1',
    attempt: 1,
    output: '1',
    inputHash: null,
    at: 0,
    ...overrides,
  },
});

/** The group must be refused with a code, and leave everything as it was. */
function expectRefused(code: string, ...commands: readonly Command[]): void {
  const before = world.tables.dump();
  expect(world.try(...commands)).toMatchObject({ status: 'error', code });
  expect(world.tables.dump()).toEqual(before);
}

/** The group must be answered with this status, and leave everything as it was. */
function expectUntouched(result: object, ...commands: readonly Command[]): void {
  const before = world.tables.dump();
  expect(world.try(...commands)).toEqual(result);
  expect(world.tables.dump()).toEqual(before);
}

describe('creating a task', () => {
  it('stores it pending and due to nobody: it is its caller’s to execute or to submit', () => {
    const { task } = world.do(create('t1', { dueAt: 5 }));
    const untouched = taskRow({ id: 't1', createdAt: 1_000_000 });
    const nothing = { parentId: null, output: null, error: null, progress: null };
    expect(task).toEqual({ ...newTask('t1'), ...untouched, ...nothing });
    expect(task).toEqual(world.task('t1'));
    expect(world.lastEvent('t1')).toEqual({ type: 'task.created', data: { name: 'task', priority: 0 } });
    world.openWorker('w1');
    expect(world.claim('w1', ['ada'])).toEqual([]);
  });

  it('by submitting makes it due at once, or when its caller said', () => {
    world.do(submit('t1'));
    world.do(submit('t2', { dueAt: 9_000_000, priority: 2 }));
    expect(world.task('t1')).toMatchObject({ dueAt: 1_000_000, claimKey: 1_000_000 });
    expect(world.task('t2')).toMatchObject({ dueAt: 9_000_000, claimKey: 8_880_000 });
    expect(world.lastEvent('t2').data).toEqual({ name: 'task', priority: 2, dueAt: 9_000_000 });
  });

  it('for an agent of the caller’s choice pins it to that agent', () => {
    world.do(submit('t1', { agentId: 'ada' }));
    expect(world.task('t1')).toMatchObject({ agentId: 'ada', pinned: true });
    expect(world.lastEvent('t1').data).toMatchObject({ agentId: 'ada' });
  });

  it('in a workflow needs one that is there, open and not cancelled', () => {
    world.do(createWorkflow('sealed', { sealed: true }));
    world.do(createWorkflow('cancelled'));
    world.do({ type: 'cancelWorkflow', id: 'cancelled' });
    expectRefused('WORKFLOW_NOT_FOUND', create('t1', { workflowId: 'none' }));
    expectRefused('WORKFLOW_SEALED', create('t1', { workflowId: 'sealed' }));
    expectRefused('WORKFLOW_CANCELLED', create('t1', { workflowId: 'cancelled' }));
  });
});

describe('idempotency of tasks', () => {
  it('the same key and body are the same task, and nothing is written', () => {
    world.do(create('t1', { idempotencyKey: 'key' }));
    expectUntouched({ status: 'duplicate', id: 't1' }, create('t2', { idempotencyKey: 'key' }));
  });

  it('the same key and another body are an IDEMPOTENCY_CONFLICT that names key and task', () => {
    world.do(create('t1', { idempotencyKey: 'key' }));
    expectRefused('IDEMPOTENCY_CONFLICT', create('t2', { idempotencyKey: 'key', bodyHash: 'other' }));
    const result = world.try(create('t2', { idempotencyKey: 'key', bodyHash: 'other' }));
    expect(result).toMatchObject({ message: expect.stringContaining('"key" belongs to task t1') as string });
    expect(result).toMatchObject({ details: { taskId: 't1', idempotencyKey: 'key' } });
  });

  it('without a key equal bodies are different tasks', () => {
    world.do(create('t1'));
    world.do(create('t2'));
    expect(world.tables.tasks).toHaveLength(2);
  });

  it('a submit releases a task that was created under its key, at once or when its caller said', () => {
    world.do(create('t1', { idempotencyKey: 'one' }));
    world.do(create('t2', { idempotencyKey: 'two' }));
    expect(world.do(submit('t3', { idempotencyKey: 'one' })).task).toMatchObject({ id: 't1', dueAt: 1_000_000 });
    expect(world.do(submit('t4', { idempotencyKey: 'two', dueAt: 2_000_000 })).task).toMatchObject({
      id: 't2',
      dueAt: 2_000_000,
    });
    expect(world.log('t1')).toEqual(['task.created', 'task.submitted']);
  });

  it('a submit of a task that is due, runs or has ended finds it as it is', () => {
    world.openWorker('w1');
    world.do(submit('t1', { idempotencyKey: 'key' }));
    expectUntouched({ status: 'duplicate', id: 't1' }, submit('t2', { idempotencyKey: 'key', dueAt: 9_000_000 }));
    world.do({ type: 'claimTask', id: 't1', workerId: 'w1', agentId: 'ada' });
    expectUntouched({ status: 'duplicate', id: 't1' }, submit('t2', { idempotencyKey: 'key' }));
    world.report('t1', reports.complete);
    expectUntouched({ status: 'duplicate', id: 't1' }, submit('t2', { idempotencyKey: 'key' }));
  });

  it('commit unknown: a create that is sent again unchanged is found under its own id', () => {
    world.do(submit('t1'));
    expectUntouched({ status: 'duplicate', id: 't1' }, submit('t1'));
  });

  it('an id with another body is a conflict too', () => {
    world.do(create('t1'));
    expectRefused('IDEMPOTENCY_CONFLICT', create('t1', { bodyHash: 'other' }));
  });

  it('a task that is found is found whatever has become of its workflow meanwhile', () => {
    world.do(createWorkflow('wf'));
    world.do(submit('t1', { workflowId: 'wf', idempotencyKey: 'key' }));
    world.do({ type: 'cancelWorkflow', id: 'wf' });
    expectUntouched({ status: 'duplicate', id: 't1' }, submit('t2', { workflowId: 'wf', idempotencyKey: 'key' }));
  });

  it('a key or an id that occurs twice in one group is a conflict, not a broken transaction', () => {
    const keyed = { idempotencyKey: 'key' };
    expectRefused('IDEMPOTENCY_CONFLICT', createWorkflow('wf'), submit('t1', keyed), submit('t2', keyed));
    expectRefused('IDEMPOTENCY_CONFLICT', create('t1'), create('t1'));
    world.do(create('t1', { idempotencyKey: 'one' }), create('t2', { idempotencyKey: 'two' }), create('t3'));
  });

  it('a key that occurs in two groups of one flush makes one task', () => {
    const results = world.commit([submit('t1', { idempotencyKey: 'key' })], [submit('t2', { idempotencyKey: 'key' })]);
    expect(results).toMatchObject([{ status: 'ok' }, { status: 'duplicate', id: 't1' }]);
  });
});

describe('creating a workflow', () => {
  it('stores it pending, without tasks', () => {
    const { workflow } = world.do(createWorkflow('wf', { sealed: true }));
    expect(workflow).toEqual(world.workflow('wf'));
    expect(workflow).toMatchObject({
      total: 0,
      open: 0,
      paused: false,
      cancelRequested: false,
      version: 1,
      lastSeq: 1,
      settledAt: null,
    });
    expect(world.lastEvent('wf')).toEqual({ type: 'workflow.created', data: { name: 'workflow', sealed: true } });
  });

  it('with its tasks is one commit, after which a sealed one takes no more', () => {
    world.do(
      createWorkflow('wf', { sealed: true }),
      submit('t1', { workflowId: 'wf' }),
      submit('t2', { workflowId: 'wf' }),
    );
    expect(world.workflow('wf')).toMatchObject({ total: 2, open: 2 });
    expectRefused('WORKFLOW_SEALED', create('t3', { workflowId: 'wf' }));
  });

  it('the same key and body are the same workflow, and nothing of the group is written', () => {
    world.do(createWorkflow('wf', { idempotencyKey: 'key' }));
    expectUntouched(
      { status: 'duplicate', id: 'wf' },
      createWorkflow('wf2', { idempotencyKey: 'key' }),
      submit('t1', { workflowId: 'wf2' }),
    );
  });

  it('the same key and another body are an IDEMPOTENCY_CONFLICT', () => {
    world.do(createWorkflow('wf', { idempotencyKey: 'key' }));
    expectRefused('IDEMPOTENCY_CONFLICT', createWorkflow('wf2', { idempotencyKey: 'key', bodyHash: 'other' }));
    expectRefused('IDEMPOTENCY_CONFLICT', createWorkflow('wf', { bodyHash: 'other' }));
  });

  it('a key or an id that occurs twice in one group is a conflict', () => {
    const keyed = { idempotencyKey: 'key' };
    expectRefused('IDEMPOTENCY_CONFLICT', createWorkflow('wf', keyed), createWorkflow('wf2', keyed));
    expectRefused('IDEMPOTENCY_CONFLICT', createWorkflow('wf'), createWorkflow('wf'));
    world.do(createWorkflow('wf', keyed), create('t1', keyed)); // a task's key and a workflow's are different keys
  });

  it('commit unknown: sent again unchanged with its tasks, it is found under its own id', () => {
    const group = [createWorkflow('wf', { sealed: true }), submit('t1', { workflowId: 'wf' })];
    world.do(...group);
    expectUntouched({ status: 'duplicate', id: 'wf' }, ...group);
  });
});

describe('adding a task to a workflow', () => {
  const add = (taskId: string, workflowId = 'wf'): Command => ({ type: 'addTask', workflowId, taskId });

  it('counts it there, and twice changes nothing', () => {
    world.do(createWorkflow('wf'));
    world.do(create('t1'));
    expect(world.do(add('t1')).task).toMatchObject({ workflowId: 'wf', version: 1 });
    expect(world.workflow('wf')).toMatchObject({ total: 1, open: 1, started: 0 });
    const before = world.tables.dump();
    world.do(add('t1'));
    expect(world.tables.dump()).toEqual(before);
  });

  it('needs a task and a workflow that are there', () => {
    world.do(create('t1'));
    expectRefused('TASK_NOT_FOUND', add('none'));
    expectRefused('WORKFLOW_NOT_FOUND', add('t1', 'none'));
  });

  it('is refused for a task of another workflow, a sealed and a cancelled workflow', () => {
    world.workflowWith('other', 't1');
    world.do(create('t2'));
    world.do(createWorkflow('wf', { sealed: true }));
    expectRefused('TASK_IN_OTHER_WORKFLOW', add('t1'));
    expectRefused('WORKFLOW_SEALED', add('t2'));
    world.do({ type: 'cancelWorkflow', id: 'other' });
    expectRefused('WORKFLOW_CANCELLED', add('t2', 'other'));
  });

  it('any task may be added, whatever its status: the counters are those of the row as it is', () => {
    world.openWorker('w1');
    for (const [id, report] of [
      ['done', reports.complete],
      ['bad', reports.failForGood],
      ['wait', reports.suspend],
    ] as const) {
      // prettier-ignore
      world.running(id);
      world.report(id, report);
    }
    world.running('busy');
    world.do(createWorkflow('wf'));
    world.do(add('done'));
    expect(workflowStatus(world.workflow('wf'))).toBe('completed');
    expect(world.log('wf')).toEqual(['workflow.created', 'workflow.completed', 'workflow.settled']);
    world.do(add('busy'));
    expect(workflowStatus(world.workflow('wf'))).toBe('running');
    expect(world.log('wf').slice(3)).toEqual(['workflow.started', 'workflow.reopened']);
    world.do(add('wait'), add('bad'));
    expect(world.workflow('wf')).toMatchObject({ total: 4, open: 2, failed: 1, started: 4, settledAt: null });
  });
});

describe('submitting a task by id', () => {
  const submitTask = (id: string): Command => ({ type: 'submitTask', id, dueAt: 2_000_000 });

  it('releases a created one', () => {
    world.do(create('t1', { priority: 1 }));
    expect(world.do(submitTask('t1')).task).toMatchObject({ dueAt: 2_000_000, claimKey: 1_940_000 });
    expect(world.log('t1')).toEqual(['task.created', 'task.submitted']);
  });

  it('finds one that is due, runs or has ended as it is', () => {
    world.openWorker('w1');
    world.do(submit('due'));
    world.running('busy');
    for (const id of ['due', 'busy']) {
      const before = world.tables.dump();
      expect(world.do(submitTask(id)).task).toEqual({ ...world.task(id) });
      expect(world.tables.dump()).toEqual(before);
    }
  });

  it('without a time makes it due by the clock of the store', () => {
    world.do(create('t9'));
    expect(world.do({ type: 'submitTask', id: 't9', dueAt: null }).task).toMatchObject({ dueAt: world.now });
  });

  it('needs one that is there', () => expectRefused('TASK_NOT_FOUND', submitTask('none')));
});

describe('claiming a task by id', () => {
  const claim = (id: string, more: Partial<Extract<Command, { type: 'claimTask' }>> = {}): Command => ({
    type: 'claimTask',
    id,
    workerId: 'w1',
    agentId: 'ada',
    ...more,
  });
  const claimAssigned: Command = { type: 'claimTask', id: 't1', workerId: 'w1' };

  beforeEach(() => {
    world.openWorker('w1');
    world.openWorker('w2');
    world.do(create('t1'));
  });

  it('starts the next attempt under the process’s lease and pins the task to the agent, whenever it is due', () => {
    world.do({ type: 'submitTask', id: 't1', dueAt: 9_000_000 });
    expect(world.do(claim('t1')).task).toMatchObject({
      status: 'running',
      attempt: 1,
      workerId: 'w1',
      agentId: 'ada',
      pinned: true,
    });
  });

  it('without an agent takes the assignment that the task has, and does not pin it', () => {
    world.tables.force({ ...world.task('t1'), agentId: 'bob' });
    expect(world.do(claimAssigned).task).toMatchObject({ agentId: 'bob', pinned: false });
  });

  it('with a decision assigns a task that is not routed yet, in the same commit', () => {
    const { task } = world.do({ type: 'claimTask', id: 't1', workerId: 'w1', decision: decisionFor('eve') });
    expect(task).toMatchObject({ agentId: 'eve', pinned: false });
    expect(world.log('t1')).toEqual(['task.created', 'task.routed', 'task.claimed']);
  });

  it('does not follow a decision for a task that has been routed meanwhile', () => {
    world.tables.force({ ...world.task('t1'), agentId: 'bob' });
    expect(world.do({ type: 'claimTask', id: 't1', workerId: 'w1', decision: decisionFor('eve') }).task).toMatchObject({
      agentId: 'bob',
    });
    expect(world.log('t1')).not.toContain('task.routed');
  });

  it('a newly passed policy replaces the stored one', () => {
    expect(world.do(claim('t1', { retry: { maxRetries: 9 } })).task?.retry).toEqual({ maxRetries: 9 });
  });

  it('adds the task to a workflow where that is asked, and refuses one of another workflow', () => {
    world.do(createWorkflow('wf'));
    world.do(createWorkflow('other'));
    expect(world.do(claim('t1', { workflowId: 'wf' })).task).toMatchObject({ workflowId: 'wf', status: 'running' });
    expect(world.workflow('wf')).toMatchObject({ total: 1, open: 1, started: 1 });
    expectRefused('TASK_IN_OTHER_WORKFLOW', claim('t1', { workflowId: 'other' }));
  });

  it('that fails adds it to no workflow: the group is all or nothing', () => {
    world.do(createWorkflow('wf'));
    expectRefused('WORKER_LOST', claim('t1', { workflowId: 'wf', workerId: 'gone' }));
  });

  it('needs a task and a worker’s row that are there', () => {
    expectRefused('TASK_NOT_FOUND', claim('none'));
    expectRefused('WORKER_LOST', claim('t1', { workerId: 'gone' }));
  });

  it('is refused for a task that has ended', () => {
    world.do(claim('t1'));
    world.report('t1', reports.complete);
    expectRefused('TASK_FINISHED', claim('t1'));
  });

  it('is refused for a task that runs, and tells until when its holder’s lease goes', () => {
    world.do(claim('t1'));
    world.advance(4_000);
    expect(world.try(claim('t1', { workerId: 'w2' }))).toMatchObject({
      code: 'TASK_NOT_CLAIMABLE',
      message: 'Task t1 is running under worker w1. Wait for its result instead.',
      details: { taskId: 't1', status: 'running', workerId: 'w1', leaseUntil: 60_000, leaseLeftMs: 6_000 },
    });
  });

  it('knows no lease of a holder whose row is gone, or is of another boot', () => {
    world.do(claim('t1'));
    const over = { code: 'TASK_NOT_CLAIMABLE', details: { leaseUntil: 0, leaseLeftMs: 0 } };
    world.bootId = 'boot-2';
    expect(world.try(claim('t1', { workerId: 'w2' }))).toMatchObject(over);
    world.bootId = 'boot-1';
    world.tables.deleteWorker('w1');
    expect(world.try(claim('t1', { workerId: 'w2' }))).toMatchObject(over);
  });

  it('is refused for a task that waits, which nobody holds', () => {
    world.do(claim('t1'));
    world.report('t1', reports.suspend);
    expect(world.try(claim('t1'))).toMatchObject({
      code: 'TASK_NOT_CLAIMABLE',
      message: expect.stringContaining('waiting under worker none') as string,
      details: { workerId: null, leaseUntil: 0 },
    });
  });

  it('of a task that is bound to a living caller is that caller’s alone', () => {
    world.do(claim('t1'));
    world.report('t1', { ...reports.fail, bindTo: 'w1' });
    expect(world.try(claim('t1', { workerId: 'w2' }))).toMatchObject({
      code: 'TASK_NOT_CLAIMABLE',
      message: expect.stringContaining('bound to worker w1') as string,
      details: { leaseUntil: 60_000 },
    });
    world.advance(1_000);
    expect(world.do(claim('t1')).task).toMatchObject({ attempt: 2, boundTo: null });
  });

  it('of a task that is bound to a caller without a row is anybody’s', () => {
    world.do(claim('t1'));
    world.report('t1', { ...reports.fail, bindTo: 'w1' });
    world.tables.deleteWorker('w1');
    world.advance(1_000);
    expect(world.do(claim('t1', { workerId: 'w2' })).task).toMatchObject({ attempt: 2, workerId: 'w2', failures: 1 });
  });

  it('of a task that has failed waits for its backoff, whoever claims', () => {
    world.do(claim('t1'));
    world.report('t1', reports.fail);
    world.advance(999);
    for (const workerId of ['w1', 'w2']) expectRefused('TASK_NOT_CLAIMABLE', claim('t1', { workerId }));
    expect(world.try(claim('t1'))).toMatchObject({ details: { taskId: 't1', dueAt: 1_001_000 } });
    world.advance(1);
    expect(world.do(claim('t1')).task).toMatchObject({ attempt: 2, failures: 1 });
  });

  it('is refused in a paused workflow and in a cancelled one', () => {
    world.do(createWorkflow('wf'), { type: 'addTask', workflowId: 'wf', taskId: 't1' });
    world.do({ type: 'pauseWorkflow', id: 'wf' });
    expectRefused('TASK_BLOCKED', claim('t1'));
    world.do({ type: 'resumeWorkflow', id: 'wf' });
    world.do({ type: 'cancelWorkflow', id: 'wf' });
    expectRefused('WORKFLOW_CANCELLED', claim('t1'));
  });

  it('is refused for a task that waits for others, or has no agent', () => {
    expectRefused('TASK_BLOCKED', claimAssigned);
    world.tables.force({ ...world.task('t1'), openDependencies: 2 });
    expectRefused('TASK_BLOCKED', claim('t1'));
  });

  it('of a suspect is refused where something runs, as is any where a suspect runs, and told apart from other refusals', () => {
    world.assigned('s1', 'ada', { crashes: 2 });
    world.assigned('s2', 'ada', { crashes: 2 });
    world.do(claim('s1'));
    expectRefused('TASK_NOT_CLAIMABLE', claim('s2'));
    expect(world.try(claim('s2'))).toMatchObject({ details: { suspect: true } });
    expectRefused('TASK_NOT_CLAIMABLE', claim('t1')); // nobody is to die with it
    world.do(claim('t1', { workerId: 'w2' }));
    expectRefused('TASK_NOT_CLAIMABLE', claim('s2', { workerId: 'w2' }));
  });

  it('of a suspect, or beside one, is granted to a process that has been still: what it runs may wait for it', () => {
    world.assigned('s1', 'ada', { crashes: 2 });
    world.assigned('s2', 'ada', { crashes: 2 });
    world.do(claim('s1'));
    world.do(claim('t1', { still: true }));
    world.do(claim('s2', { still: true }));
  });

  it('is judged by the policy that the claim brings: with it a task may be a suspect, or not be one', () => {
    world.assigned('s1', 'ada', { crashes: 2 });
    world.assigned('s2', 'ada', { crashes: 1 });
    world.assigned('s3', 'ada', { crashes: 2 });
    world.do(claim('t1'));
    expectRefused('TASK_NOT_CLAIMABLE', claim('s2', { retry: { maxCrashes: 2 } }));
    world.do(claim('s3', { retry: { maxCrashes: 9 } }));
  });
});

describe('the report of an attempt', () => {
  beforeEach(() => {
    world.openWorker('w1');
    world.openWorker('w2');
    world.running('t1');
  });

  it('ends it', () => {
    const result = world.report('t1', reports.complete);
    expect(result).toMatchObject({ status: 'ok', value: { task: { status: 'completed', output: '"done"' } } });
    expect(world.task('t1')).toMatchObject({ status: 'completed', output: '"done"' });
  });

  it.each(Object.entries(reports))(
    'that comes too late writes nothing and learns that it lost: %s',
    (_name, command) => {
      world.report('t1', reports.release);
      expectUntouched({ status: 'stale' }, { type: 'report', id: 't1', attempt: 1, command });
      world.do({ type: 'claimTask', id: 't1', workerId: 'w2', agentId: 'ada' });
      expectUntouched({ status: 'stale' }, { type: 'report', id: 't1', attempt: 1, command });
      expect(world.report('t1', command, 2).status).toBe('ok');
      expectUntouched({ status: 'stale' }, { type: 'report', id: 't1', attempt: 2, command });
    },
  );

  it('of a step or of progress that comes too late writes nothing either', () => {
    world.report('t1', reports.release);
    const late: Command[] = [step(), { type: 'progress', id: 't1', attempt: 1, value: '0.5' }];
    for (const command of late) expectUntouched({ status: 'stale' }, command);
    world.do({ type: 'claimTask', id: 't1', workerId: 'w2', agentId: 'ada' });
    for (const command of late) expectUntouched({ status: 'stale' }, command);
  });

  it('commit unknown: sent again after it was carried out it is stale, and the row says what it did', () => {
    world.report('t1', reports.complete, 1);
    expectUntouched({ status: 'stale' }, { type: 'report', id: 't1', attempt: 1, command: reports.complete });
  });

  it('does not check the version: a cancellation asked for meanwhile does not make it stale', () => {
    world.do({ type: 'cancelTask', id: 't1', graceMs: 5_000 });
    expect(world.report('t1', reports.complete, 1)).toMatchObject({
      status: 'ok',
      value: { task: { status: 'cancelled', output: null } },
    });
  });

  it('needs a task that is there', () => {
    expectRefused('TASK_NOT_FOUND', { type: 'report', id: 'none', attempt: 1, command: reports.complete });
    expectRefused('TASK_NOT_FOUND', step({ taskId: 'none' }));
    expectRefused('TASK_NOT_FOUND', { type: 'progress', id: 'none', attempt: 1, value: '1' });
  });
});

describe('a step', () => {
  beforeEach(() => {
    world.openWorker('w1');
    world.running('t1');
  });

  it('is recorded with the store’s time, and raises neither version nor attempt nor the log', () => {
    const before = world.task('t1');
    world.do(step());
    expect(world.tables.steps).toEqual([
      { taskId: 't1', agentId: 'ada', identity: 'pay#1', attempt: 1, output: '1', inputHash: null, at: 1_000_000 },
    ]);
    expect(world.task('t1')).toEqual(before);
  });

  it('commit unknown: sent again it is there already', () => {
    world.do(step());
    const before = world.tables.dump();
    expect(world.try(step({ output: '2' }))).toEqual({ status: 'ok', value: {} });
    expect(world.tables.dump()).toEqual(before);
  });

  it('recorded twice in one group is recorded once', () => {
    world.do(step(), step({ output: '2' }));
    expect(world.tables.steps).toMatchObject([{ identity: 'pay#1', output: '1' }]);
  });

  it('belongs to task and agent: another agent has a journal of its own', () => {
    world.do(step());
    world.do(step({ agentId: 'bob' }));
    expect(world.tables.steps).toHaveLength(2);
  });

  it('that is new ends a row of crashes, and the log says so', () => {
    world.tables.force({ ...world.task('t1'), crashes: 2 });
    world.do(step());
    expect(world.task('t1')).toMatchObject({ crashes: 0, status: 'running', version: 2 });
    expect(world.lastEvent('t1')).toEqual({ type: 'task.recovered', data: { attempt: 1, crashes: 2 } });
  });

  it('that was recorded before ends no row of crashes', () => {
    world.do(step());
    world.tables.force({ ...world.task('t1'), crashes: 2 });
    world.do(step());
    expect(world.task('t1').crashes).toBe(2);
  });
});

describe('progress', () => {
  it('keeps the last value, and raises nothing', () => {
    world.openWorker('w1');
    world.running('t1');
    const before = world.task('t1');
    expect(world.do({ type: 'progress', id: 't1', attempt: 1, value: '0.5' })).toEqual({});
    world.do({ type: 'progress', id: 't1', attempt: 1, value: '0.7' });
    expect(world.task('t1')).toEqual({ ...before, progress: '0.7' });
  });
});

describe('a note', () => {
  it('appends an event and changes no state', () => {
    world.do(create('t1'));
    const before = world.task('t1');
    world.do({
      type: 'note',
      id: 't1',
      event: { type: 'task.late_result', data: { attempt: 1, outcome: 'resolved' } },
    });
    expect(world.task('t1')).toEqual({ ...before, lastSeq: 2 });
    expect(world.lastEvent('t1')).toEqual({ type: 'task.late_result', data: { attempt: 1, outcome: 'resolved' } });
  });

  it('needs a task that is there', () => {
    const event = { type: 'task.hook_failed', data: { attempt: 1, phase: 'post', error: errorOf(1) } } as const;
    expectRefused('TASK_NOT_FOUND', { type: 'note', id: 'none', event });
  });
});

describe('the answer to a claim for routing', () => {
  const route = (claim: boolean, more: object = {}): Command => ({
    type: 'route',
    id: 't1',
    workerId: 'w1',
    decision: decisionFor('ada'),
    claim,
    ...more,
  });

  beforeEach(() => {
    world.openWorker('w1');
    world.openWorker('w2', ['bob']);
    world.do(submit('t1'));
    world.claim('w1', ['ada']);
  });

  it('hosted here: assignment and claim are one commit', () => {
    expect(world.do(route(true)).task).toMatchObject({
      status: 'running',
      attempt: 1,
      agentId: 'ada',
      workerId: 'w1',
      pinned: false,
    });
    expect(world.log('t1')).toEqual(['task.created', 'task.routed', 'task.claimed']);
  });

  it('hosted elsewhere: only the assignment is written, no attempt is counted, and the host may take it', () => {
    const { task } = world.do(route(false, { decision: decisionFor('bob') }));
    expect(task).toMatchObject({ status: 'pending', attempt: 0, agentId: 'bob', boundTo: null });
    expect(world.claim('w1', ['ada'])).toEqual([]);
    expect(world.claim('w2', ['bob'])).toMatchObject([{ id: 't1', status: 'running' }]);
  });

  it.each<[string, Command]>([
    ['a route', route(true)],
    ['an assignment', route(false)],
    ['a deferral', { type: 'defer', id: 't1', workerId: 'w1', forMs: 1_000, code: 'NO_ROUTE', reason: 'nobody' }],
    ['a rejection', { type: 'reject', id: 't1', workerId: 'w1', reason: 'nobody' }],
    ['an unbinding', { type: 'unbind', id: 't1', workerId: 'w1' }],
  ])('%s without the binding is stale', (_kind, command) => {
    world.do({ type: 'unbind', id: 't1', workerId: 'w1' });
    expectUntouched({ status: 'stale' }, command);
    world.claim('w2', []);
    expectUntouched({ status: 'stale' }, command);
    world.do({ type: 'route', id: 't1', workerId: 'w2', decision: decisionFor('bob'), claim: true });
    expectUntouched({ status: 'stale' }, command);
    expectRefused('TASK_NOT_FOUND', { ...command, id: 'none' } as Command);
  });

  it('in a workflow that was paused or cancelled meanwhile starts nothing, but keeps the decision', () => {
    for (const [type, id] of [
      ['pauseWorkflow', 't2'],
      ['cancelWorkflow', 't3'],
    ] as const) {
      // prettier-ignore
      world.workflowWith(`wf-${id}`, id);
      world.claim('w1', []);
      world.do({ type, id: `wf-${id}` });
      const { task } = world.do(route(true, { id }));
      expect(task).toMatchObject({ status: 'pending', agentId: 'ada', boundTo: null, attempt: 0 });
    }
  });

  it('in a workflow that goes on starts the attempt', () => {
    world.workflowWith('wf', 't2');
    world.claim('w1', []);
    expect(world.do(route(true, { id: 't2' })).task).toMatchObject({ status: 'running' });
  });

  it('of a worker without a row starts nothing', () => {
    world.tables.deleteWorker('w1');
    expectRefused('WORKER_LOST', route(true));
  });

  it('starts no second suspect on a worker, but keeps the decision', () => {
    world.tables.force({ ...world.task('t1'), crashes: 2 });
    world.assigned('s1', 'ada', { crashes: 2 });
    world.claim('w1', ['ada']);
    expect(world.do(route(true)).task).toMatchObject({ status: 'pending', agentId: 'ada', boundTo: null });
    world.report('s1', reports.complete);
    expect(world.claim('w1', ['ada'])).toMatchObject([{ id: 't1', status: 'running' }]);
  });

  it('nobody can take it now: it waits for a while, bound so that nobody looks at it', () => {
    world.do({ type: 'defer', id: 't1', workerId: 'w1', forMs: 1_000, code: 'NO_ROUTE', reason: 'nobody' });
    expect(world.task('t1')).toMatchObject({ boundTo: 'w1', boundUntil: 51_000, unroutable: true });
    expect(world.claim('w2', [])).toEqual([]);
    world.advance(1_000);
    world.sweep();
    expect(world.claim('w2', [])).toMatchObject([{ id: 't1', boundTo: 'w2' }]);
  });

  it('nobody will ever take it: failed with NO_ROUTE and each reason', () => {
    const { task } = world.do({ type: 'reject', id: 't1', workerId: 'w1', reason: 'ada refused: no' });
    expect(task).toMatchObject({
      status: 'failed',
      error: { code: 'NO_ROUTE', message: 'ada refused: no', attempt: 0 },
    });
  });

  it('a binding that is given up leaves the task to others', () => {
    world.do({ type: 'unbind', id: 't1', workerId: 'w1' });
    expect(world.claim('w2', [])).toMatchObject([{ id: 't1', boundTo: 'w2' }]);
  });
});

describe('commands on a task', () => {
  it('cancel ends a pending one, asks a running one to stop, and leaves an ended one as it is', () => {
    world.openWorker('w1');
    world.do(create('t1'));
    world.running('t2');
    expect(world.do({ type: 'cancelTask', id: 't1', graceMs: 5_000, reason: 'enough' }).task).toMatchObject({
      status: 'cancelled',
    });
    expect(world.lastEvent('t1').data).toEqual({ attempt: 0, reason: 'enough' });
    expect(world.do({ type: 'cancelTask', id: 't2', graceMs: 5_000 }).task).toMatchObject({
      status: 'running',
      cancelAt: 1_005_000,
    });
    const before = world.tables.dump();
    expect(world.do({ type: 'cancelTask', id: 't1', graceMs: 5_000 }).task).toMatchObject({ status: 'cancelled' });
    expect(world.tables.dump()).toEqual(before);
  });

  it('retry starts a failed one anew, and is refused with the status for one that did not fail', () => {
    world.openWorker('w1');
    world.running('t1');
    expectRefused('TASK_INVALID_TRANSITION', { type: 'retryTask', id: 't1' });
    expect(world.try({ type: 'retryTask', id: 't1' })).toMatchObject({ details: { taskId: 't1', status: 'running' } });
    world.report('t1', reports.failForGood);
    expect(world.task('t1').error).toEqual(errorOf(1));
    expect(world.do({ type: 'retryTask', id: 't1' }).task).toMatchObject({
      status: 'pending',
      error: null,
      failures: 0,
      attempt: 1,
    });
    expect(world.task('t1').error).toBeNull();
  });

  it('retry is refused in a cancelled workflow, where the task would only be cancelled again', () => {
    world.workflowWith('wf', 't1');
    world.do({ type: 'cancelTask', id: 't1', graceMs: 1 });
    world.do(create('t2', { workflowId: 'wf' }));
    world.do({ type: 'cancelWorkflow', id: 'wf' });
    expectRefused('WORKFLOW_CANCELLED', { type: 'retryTask', id: 't1' });
  });

  it('retry of a task in a workflow that goes on is like any other', () => {
    world.workflowWith('wf', 't1');
    world.do({ type: 'cancelTask', id: 't1', graceMs: 1 });
    expect(world.do({ type: 'retryTask', id: 't1' }).task).toMatchObject({ status: 'pending' });
    expect(world.workflow('wf')).toMatchObject({ open: 1, cancelled: 0, settledAt: null });
  });

  it('need a task that is there', () => {
    expectRefused('TASK_NOT_FOUND', { type: 'cancelTask', id: 'none', graceMs: 1 });
    expectRefused('TASK_NOT_FOUND', { type: 'retryTask', id: 'none' });
  });
});

describe('pausing a workflow', () => {
  it('makes it paused at once, and a second time changes nothing', () => {
    world.workflowWith('wf', 't1');
    expect(world.do({ type: 'pauseWorkflow', id: 'wf' }).workflow).toMatchObject({
      paused: true,
      version: 2,
      total: 1,
    });
    expect(workflowStatus(world.workflow('wf'))).toBe('paused');
    world.do({ type: 'pauseWorkflow', id: 'wf' });
    expect(world.log('wf')).toEqual(['workflow.created', 'workflow.paused']);
  });

  it('lets running attempts go on, and nothing of it is claimed', () => {
    world.openWorker('w1');
    world.workflowWith('wf', 't1', 't2');
    world.do({ type: 'claimTask', id: 't1', workerId: 'w1', agentId: 'ada' });
    world.do({ type: 'pauseWorkflow', id: 'wf' });
    expect(world.claim('w1', ['ada'])).toEqual([]);
    expect(world.task('t2')).toMatchObject({ held: true, dueAt: 1_000_000 });
    expect(world.report('t1', reports.complete).status).toBe('ok');
    expect(workflowStatus(world.workflow('wf'))).toBe('paused');
  });

  it('holds its tasks back in batches, and resuming lets them go, with the time at which they were due', () => {
    world.workflowWith('wf', 't1', 't2', 't3');
    world.do({ type: 'pauseWorkflow', id: 'wf' });
    const align: Command = { type: 'alignTasks', workflowId: 'wf', limit: 2, graceMs: 5_000 };
    expect([world.do(align), world.do(align), world.do(align)]).toEqual([{ count: 2 }, { count: 1 }, { count: 0 }]);
    expect(world.tables.tasks.map(({ held, dueAt }) => [held, dueAt])).toEqual(Array(3).fill([true, 1_000_000]));
    expect(world.do({ type: 'resumeWorkflow', id: 'wf' }).workflow).toMatchObject({
      paused: false,
      version: 3,
      total: 3,
    });
    world.do({ ...align, limit: 10 });
    expect(world.tables.tasks.map(({ held, dueAt }) => [held, dueAt])).toEqual(Array(3).fill([false, 1_000_000]));
    world.do({ type: 'resumeWorkflow', id: 'wf' });
    expect(world.log('wf')).toEqual(['workflow.created', 'workflow.paused', 'workflow.resumed']);
  });

  it('answers with counters that hold what the same flush has changed', () => {
    const [, result] = world.commit(
      [createWorkflow('wf'), submit('t1', { workflowId: 'wf' })],
      [submit('t2', { workflowId: 'wf' }), { type: 'pauseWorkflow', id: 'wf' }],
    );
    expect(result).toMatchObject({ value: { workflow: { paused: true, total: 2, open: 2 } } });
    expect(world.workflow('wf')).toMatchObject({ paused: true, total: 2, open: 2 });
  });

  it('needs a workflow that is there', () => {
    expectRefused('WORKFLOW_NOT_FOUND', { type: 'pauseWorkflow', id: 'none' });
    expectRefused('WORKFLOW_NOT_FOUND', { type: 'resumeWorkflow', id: 'none' });
    expectRefused('WORKFLOW_NOT_FOUND', { type: 'alignTasks', workflowId: 'none', limit: 1, graceMs: 1 });
  });
});

describe('cancelling a workflow', () => {
  const cancel: Command = { type: 'cancelWorkflow', id: 'wf', reason: 'enough' };

  it('clears the pause; afterwards pause, resume and add are refused', () => {
    world.workflowWith('wf', 't1');
    world.do(create('t2'));
    world.do({ type: 'pauseWorkflow', id: 'wf' });
    expect(world.do(cancel).workflow).toMatchObject({ cancelRequested: true, paused: false, total: 1 });
    expect(world.lastEvent('wf')).toEqual({ type: 'workflow.cancel_requested', data: { reason: 'enough' } });
    expectRefused('WORKFLOW_CANCELLED', { type: 'pauseWorkflow', id: 'wf' });
    expectRefused('WORKFLOW_CANCELLED', { type: 'resumeWorkflow', id: 'wf' });
    expectRefused('WORKFLOW_CANCELLED', { type: 'addTask', workflowId: 'wf', taskId: 't2' });
  });

  it('cancels its tasks in batches: what has not started at once, what runs after its grace', () => {
    world.openWorker('w1');
    world.workflowWith('wf', 't1', 't2');
    world.do({ type: 'claimTask', id: 't1', workerId: 'w1', agentId: 'ada' });
    world.do(cancel);
    expect(world.do({ type: 'alignTasks', workflowId: 'wf', limit: 10, graceMs: 5_000 })).toEqual({ count: 2 });
    expect(world.task('t1')).toMatchObject({ status: 'running', cancelAt: 1_005_000 });
    expect(world.task('t2')).toMatchObject({ status: 'cancelled' });
    expect(world.lastEvent('t2').data).toMatchObject({ reason: 'the workflow was cancelled' });
    expect(world.do({ type: 'alignTasks', workflowId: 'wf', limit: 10, graceMs: 5_000 })).toEqual({ count: 0 });
  });

  it('its tasks are cancelled by whoever would claim them, in the order of the claim', () => {
    world.openWorker('w1');
    world.workflowWith('wf', 't1', 't2');
    world.do(cancel);
    expect(world.claim('w1', ['ada'])).toEqual([]);
    expect(world.tables.tasks.map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
    expect(workflowStatus(world.workflow('wf'))).toBe('cancelled');
    expect(world.log('wf').slice(2)).toEqual(['workflow.cancelled', 'workflow.settled']);
  });

  it('a second time, or of a settled one, changes nothing', () => {
    world.openWorker('w1');
    world.workflowWith('wf', 't1');
    world.do(cancel);
    world.do(cancel);
    expect(world.log('wf').filter((type) => type === 'workflow.cancel_requested')).toHaveLength(1);
    world.workflowWith('done', 't2');
    world.do({ type: 'claimTask', id: 't2', workerId: 'w1', agentId: 'ada' });
    world.report('t2', reports.complete);
    expect(world.do({ type: 'cancelWorkflow', id: 'done' }).workflow).toMatchObject({ cancelRequested: false });
    expect(workflowStatus(world.workflow('done'))).toBe('completed');
  });

  it('sees a workflow as settled if the same flush has settled it', () => {
    world.openWorker('w1');
    world.workflowWith('wf', 't1');
    world.do({ type: 'claimTask', id: 't1', workerId: 'w1', agentId: 'ada' });
    const [, result] = world.commit([{ type: 'report', id: 't1', attempt: 1, command: reports.complete }], [cancel]);
    expect(result).toMatchObject({ value: { workflow: { cancelRequested: false, open: 0 } } });
  });

  it('settles a workflow that has no task', () => {
    world.do(createWorkflow('wf'));
    world.do({ type: 'cancelWorkflow', id: 'wf' });
    const row = world.do({ type: 'cancelWorkflow', id: 'wf' }).workflow as WorkflowRow;
    expect([workflowStatus(row), isSettled(row), row.settledAt]).toEqual(['cancelled', true, world.now]);
    expect(world.lastEvent('wf')).toMatchObject({ type: 'workflow.settled', data: { status: 'cancelled' } });
  });

  it('that has no task settles it at once: nothing can come that would', () => {
    world.do(createWorkflow('wf'));
    world.advance(5);
    const { workflow } = world.do(cancel);
    expect(workflow).toEqual(world.workflow('wf'));
    expect(workflow).toMatchObject({ cancelRequested: true, total: 0, settledAt: 1_000_005, version: 4, lastSeq: 4 });
    expect(workflowStatus(world.workflow('wf'))).toBe('cancelled');
    expect(world.log('wf').slice(1)).toEqual(['workflow.cancel_requested', 'workflow.cancelled', 'workflow.settled']);
    expect(world.lastEvent('wf').data).toEqual({ status: 'cancelled' });
    const before = world.tables.dump();
    world.do(cancel);
    expect(world.tables.dump()).toEqual(before);
  });

  it('whose first task comes in the same flush leaves it to settle with that task', () => {
    world.do(createWorkflow('wf'));
    world.commit([submit('t1', { workflowId: 'wf' })], [cancel]);
    expect(world.workflow('wf')).toMatchObject({ cancelRequested: true, total: 1, open: 1, settledAt: null });
    world.sweep();
    expect(world.log('wf').slice(-2)).toEqual(['workflow.cancelled', 'workflow.settled']);
  });

  it('needs no reason, but a workflow that is there', () => {
    world.workflowWith('wf', 't1');
    world.do({ type: 'cancelWorkflow', id: 'wf' });
    expect(world.lastEvent('wf').data).toEqual({});
    expectRefused('WORKFLOW_NOT_FOUND', { type: 'cancelWorkflow', id: 'none' });
  });
});

describe('registering an agent', () => {
  const config = toAgentConfig({ id: 'ada', description: 'adds' });

  it('stores it as enabled and never hosted', () => {
    world.do({ type: 'registerAgent', config });
    expect(world.tables.agent('ada')).toEqual({
      id: 'ada',
      config,
      enabled: true,
      removed: false,
      unhostedSince: 0,
      lastSeq: 1,
    });
    expect(world.lastEvent('agent:ada')).toEqual({ type: 'agent.registered', data: { agentId: 'ada' } });
  });

  it('that a live worker hosts already stores it as hosted', () => {
    world.openWorker('w1', ['bob', 'ada']);
    world.do({ type: 'registerAgent', config });
    expect(world.tables.agent('ada')?.unhostedSince).toBeNull();
  });

  it('again with the same description changes nothing', () => {
    world.do({ type: 'registerAgent', config });
    const before = world.tables.dump();
    world.do({ type: 'registerAgent', config: structuredClone(config) });
    expect(world.tables.dump()).toEqual(before);
  });

  it('differently by another process: the newest wins, an event says so, and what else is known stays', () => {
    world.do({ type: 'registerAgent', config });
    world.tables.putAgent({ id: 'ada', config, enabled: false, removed: false, unhostedSince: null, lastSeq: 1 });
    const changed = { ...config, description: 'subtracts' };
    world.do({ type: 'registerAgent', config: changed });
    expect(world.tables.agent('ada')).toEqual({
      id: 'ada',
      config: changed,
      enabled: false,
      removed: false,
      unhostedSince: null,
      lastSeq: 2,
    });
    expect(world.log('agent:ada')).toEqual(['agent.registered', 'agent.changed']);
  });

  it('twice in one group is two facts', () => {
    const changed = { ...config, description: 'subtracts' };
    world.do({ type: 'registerAgent', config }, { type: 'registerAgent', config: changed });
    expect(world.tables.agent('ada')?.config).toEqual(changed);
    expect(world.log('agent:ada')).toEqual(['agent.registered', 'agent.changed']);
  });
});

describe('a group', () => {
  it('is all or nothing, and never fails another', () => {
    world.do(create('t1'));
    const results = world.commit(
      [create('t2')],
      [
        createWorkflow('wf'),
        { type: 'addTask', workflowId: 'wf', taskId: 't1' },
        { type: 'submitTask', id: 'none', dueAt: 1 },
      ],
      [create('t3')],
    );
    expect(results).toMatchObject([{ status: 'ok' }, { status: 'error', code: 'TASK_NOT_FOUND' }, { status: 'ok' }]);
    expect(world.tables.tasks.map(({ id }) => id)).toEqual(['t1', 't2', 't3']);
    expect(world.tables.workflows).toEqual([]);
    expect(world.task('t1').workflowId).toBeNull();
  });

  it('that a stale write stops writes nothing of what came before it', () => {
    world.openWorker('w1');
    world.running('t1');
    world.report('t1', reports.release);
    expectUntouched(
      { status: 'stale' },
      { type: 'note', id: 't1', event: { type: 'task.late_result', data: { attempt: 1, outcome: 'resolved' } } },
      step(),
    );
  });

  it('sees its own writes, and the log of each task is numbered without gaps', () => {
    world.openWorker('w1');
    world.do(
      create('t1'),
      { type: 'submitTask', id: 't1', dueAt: 5 },
      { type: 'claimTask', id: 't1', workerId: 'w1', agentId: 'ada' },
      { type: 'progress', id: 't1', attempt: 1, value: '0.5' },
      step(),
      { type: 'report', id: 't1', attempt: 1, command: reports.complete },
    );
    expect(world.task('t1')).toMatchObject({
      status: 'completed',
      attempt: 1,
      progress: '0.5',
      output: '"done"',
      lastSeq: 4,
    });
    expect(world.tables.events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(world.tables.steps).toHaveLength(1);
  });

  it('answers with the task as it will be, both parts of it', () => {
    world.openWorker('w1');
    world.running('t1');
    const { task } = world.do(
      { type: 'progress', id: 't1', attempt: 1, value: '0.5' },
      { type: 'report', id: 't1', attempt: 1, command: reports.complete },
    );
    expect(task).toEqual(world.task('t1'));
    expect(task).toMatchObject({ progress: '0.5', output: '"done"' });
  });

  it('brings tasks in line as the group has left them', () => {
    world.workflowWith('wf', 't1');
    world.do(create('t2', { workflowId: 'wf' }));
    world.do(
      { type: 'submitTask', id: 't2', dueAt: 7 },
      { type: 'cancelTask', id: 't1', graceMs: 1 },
      { type: 'pauseWorkflow', id: 'wf' },
      { type: 'alignTasks', workflowId: 'wf', limit: 10, graceMs: 1 },
    );
    expect(world.task('t2')).toMatchObject({ dueAt: 7, held: true });
    expect(world.task('t1')).toMatchObject({ status: 'cancelled' });
  });

  it('without commands is carried out too', () => {
    expect(world.try()).toEqual({ status: 'ok', value: {} });
  });
});

describe('the counters of workflows', () => {
  it('are written once per flush, in the order of the ids', () => {
    world.do(createWorkflow('b'));
    world.do(createWorkflow('a'));
    world.do(createWorkflow('c'));
    const order: string[] = [];
    const tables = Object.assign(Object.create(world.tables) as typeof world.tables, {
      updateWorkflow: (row: { readonly id: string }) => void order.push(row.id),
      insertTask: () => undefined,
      insertEvent: () => undefined,
      taskHash: () => undefined,
      workflow: (id: string) => world.workflow(id),
    });
    const flush = new Flush(tables, world.times);
    for (const [index, workflowId] of ['b', 'c', 'a', 'b'].entries())
      flush.apply([submit(`t${index}`, { workflowId })]);
    flush.settle();
    expect(order).toEqual(['a', 'b', 'c']);
    flush.settle();
    expect(order).toHaveLength(3);
  });

  it('are handed over as they change, once for each workflow, where the adapter adds them up itself', () => {
    for (const id of ['b', 'a']) world.do(createWorkflow(id));
    const sums: unknown[] = [];
    const tables = Object.assign(Object.create(world.tables) as typeof world.tables, {
      addCounters: (id: string, delta: WorkflowCounters) => void sums.push([id, delta.total, delta.open]),
      updateWorkflow: () => expect.unreachable('the adapter adds the counters up'),
      insertTask: () => undefined,
      insertEvent: () => undefined,
      taskHash: () => undefined,
      workflow: (id: string) => world.workflow(id),
    });
    const flush = new Flush(tables, world.times);
    for (const [index, workflowId] of ['b', 'a', 'b'].entries()) flush.apply([submit(`t${index}`, { workflowId })]);
    flush.settle();
    expect(sums).toEqual([
      ['a', 1, 1],
      ['b', 2, 2],
    ]);
  });

  it('are computed from the row in the store, not from a copy that joined the workflow later', () => {
    world.openWorker('w1');
    world.running('t1');
    world.do(createWorkflow('wf'), { type: 'addTask', workflowId: 'wf', taskId: 't1' });
    world.report('t1', reports.complete);
    expect(world.workflow('wf')).toMatchObject({ total: 1, open: 0, started: 1, settledAt: 1_000_000 });
  });

  it('are summed by tables that can do so, which then settle the workflow themselves', () => {
    world.do(createWorkflow('wf'));
    const sums: unknown[] = [];
    const tables = Object.assign(Object.create(world.tables) as typeof world.tables, {
      addCounters: (id: string, delta: WorkflowCounters) => void sums.push([id, delta]),
      updateWorkflow: () => sums.push('the row was written'),
      insertTask: () => undefined,
      insertEvent: () => undefined,
      taskHash: () => undefined,
      workflow: (id: string) => world.workflow(id),
    });
    const flush = new Flush(tables, world.times);
    for (const id of ['t1', 't2']) flush.apply([submit(id, { workflowId: 'wf' })]);
    flush.settle();
    expect(sums).toEqual([['wf', { total: 2, open: 2, failed: 0, cancelled: 0, started: 0 }]]);
  });

  it('of a workflow that is not there any more do not keep its tasks from ending', () => {
    world.openWorker('w1');
    world.running('t1');
    world.tables.force({ ...world.task('t1'), workflowId: 'pruned' });
    expect(world.report('t1', reports.complete).status).toBe('ok');
    expect(world.task('t1').status).toBe('completed');
  });
});

describe('settling a workflow', () => {
  const none: WorkflowCounters = { total: 0, open: 0, failed: 0, cancelled: 0, started: 0 };
  const settle = (row: Parameters<typeof workflowRow>[0], delta: Partial<WorkflowCounters>) => {
    const { workflow, events } = settleWorkflow(workflowRow(row), { ...none, ...delta }, 77);
    return { workflow, events: events.map(({ type, data }) => [type, JSON.parse(data)] as const) };
  };

  it('the first start makes it running', () => {
    const { workflow, events } = settle({ total: 2, open: 2 }, { started: 1 });
    expect(events).toEqual([['workflow.started', {}]]);
    expect(workflow).toMatchObject({ started: 1, version: 2, lastSeq: 2, settledAt: null });
  });

  it('the last completion makes it completed and settled', () => {
    const { workflow, events } = settle({ total: 2, open: 1, started: 2 }, { open: -1 });
    expect(events).toEqual([
      ['workflow.completed', { total: 2 }],
      ['workflow.settled', { status: 'completed' }],
    ]);
    expect(workflow).toMatchObject({ open: 0, settledAt: 77, lastSeq: 3, version: 2 });
  });

  it('the first failure makes it failed at once, and the last end settled', () => {
    expect(settle({ total: 2, open: 2, started: 2 }, { open: -1, failed: 1 }).events).toEqual([
      ['workflow.failed', { failed: 1 }],
    ]);
    const { workflow, events } = settle({ total: 2, open: 1, failed: 1, started: 2 }, { open: -1 });
    expect(events).toEqual([['workflow.settled', { status: 'failed' }]]);
    expect(workflow.version).toBe(1);
  });

  it('the last cancellation makes it cancelled', () => {
    expect(settle({ total: 2, open: 2 }, { open: -2, cancelled: 2 }).events).toEqual([
      ['workflow.cancelled', { cancelled: 2 }],
      ['workflow.settled', { status: 'cancelled' }],
    ]);
  });

  it('a task added or retried after it had settled reopens it', () => {
    const row = { total: 1, started: 1, settledAt: 50 };
    const { workflow, events } = settle(row, { total: 1, open: 1 });
    expect(events.map(([type]) => type)).toEqual(['workflow.started', 'workflow.reopened']);
    expect(workflow.settledAt).toBeNull();
    expect(
      settle({ total: 1, cancelled: 1, settledAt: 50 }, { total: 1, open: 1 }).events.map(([type]) => type),
    ).toEqual(['workflow.reopened']);
  });

  it('an ended task that joins a settled one leaves it settled, since then', () => {
    const { workflow, events } = settle({ total: 1, started: 1, settledAt: 50 }, { total: 1, started: 1 });
    expect(events).toEqual([]);
    expect(workflow).toMatchObject({ settledAt: 50, version: 1, lastSeq: 1 });
  });

  it('numbers its events after those that are there', () => {
    const { events } = settleWorkflow(
      workflowRow({ total: 1, open: 1, started: 1, lastSeq: 4 }),
      { ...none, open: -1 },
      77,
    );
    expect(events.map(({ seq, at, subject, workflowId }) => [seq, at, subject, workflowId])).toEqual([
      [5, 77, 'wf_1', 'wf_1'],
      [6, 77, 'wf_1', 'wf_1'],
    ]);
  });

  it('retrying a failed task takes the failure back', () => {
    world.openWorker('w1');
    world.workflowWith('wf', 't1');
    world.do({ type: 'claimTask', id: 't1', workerId: 'w1', agentId: 'ada' });
    world.report('t1', reports.failForGood);
    expect(workflowStatus(world.workflow('wf'))).toBe('failed');
    world.do({ type: 'retryTask', id: 't1' });
    expect(world.workflow('wf')).toMatchObject({ total: 1, open: 1, failed: 0, started: 1, settledAt: null });
    expect(world.log('wf')).toEqual([
      'workflow.created',
      'workflow.started',
      'workflow.failed',
      'workflow.settled',
      'workflow.started',
      'workflow.reopened',
    ]);
  });
});

it('every command on an unknown id is refused with a code that says which id', () => {
  const results = taskStatuses.map((id) => world.try({ type: 'retryTask', id }));
  expect(results).toEqual(
    taskStatuses.map((taskId) => ({
      status: 'error',
      code: 'TASK_NOT_FOUND',
      message: `There is no task ${taskId}.`,
      details: { taskId },
    })),
  );
});
