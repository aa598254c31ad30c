import assert from 'node:assert/strict';
import { workflowStatus, type Command } from '@symphony/core';
import { newTask, newWorkflow } from '../builders.ts';
import type { Lab } from './lab.ts';
import type { Suite } from './suite.ts';

/** Workflows: a status that is a function of their tasks, counted in the tasks' own transactions. */
export function workflows({ group, test }: Suite): void {
  const createWorkflow = (id = 'wf_1', sealed = false): Command => ({
    type: 'createWorkflow',
    workflow: newWorkflow(id, { sealed }),
  });
  const createTask = (id: string, workflowId: string | null = 'wf_1', agentId: string | null = 'a'): Command => ({
    type: 'createTask',
    task: newTask(id, { workflowId, agentId }),
    submit: true,
  });
  const align = (limit = 1_000): Command => ({ type: 'alignTasks', workflowId: 'wf_1', limit, graceMs: 5_000 });
  const open = async (lab: Lab, ...taskIds: string[]): Promise<void> => {
    await lab.openWorker('wrk_1', ['a']);
    await lab.run(createWorkflow(), ...taskIds.map((id) => createTask(id)));
  };
  const status = async (lab: Lab): Promise<string> => {
    const row = await lab.workflow('wf_1');
    return `${workflowStatus(row)}${row.settledAt === null ? '' : ', settled'}`;
  };
  const counters = async (lab: Lab): Promise<readonly number[]> => {
    const { total, open: openTasks, failed, cancelled, started } = await lab.workflow('wf_1');
    return [total, openTasks, failed, cancelled, started];
  };

  group('a workflow', () => {
    test('is stored as it was created', async (lab) => {
      const workflow = newWorkflow('wf_1', {
        name: 'report',
        description: 'For Monday.',
        metadata: '{"a":[1]}',
        idempotencyKey: 'key',
      });
      const { workflow: row } = await lab.run({ type: 'createWorkflow', workflow });
      assert.deepEqual(row, {
        ...workflow,
        total: 0,
        open: 0,
        failed: 0,
        cancelled: 0,
        started: 0,
        paused: false,
        cancelRequested: false,
        version: 1,
        lastSeq: 1,
        createdAt: lab.clock.now(),
        settledAt: null,
      });
      assert.deepEqual(await lab.workflow('wf_1'), row);
      const event = await lab.lastEvent('wf_1');
      assert.deepEqual(
        [event.type, event.data, event.workflowId],
        ['workflow.created', { name: 'report', sealed: false }, 'wf_1'],
      );
      assert.equal(await lab.store.getWorkflow('wf_2'), undefined);
    });

    test('has the status of its tasks after every commit, and a log that says so', async (lab) => {
      await lab.openWorker('wrk_1', ['a']);
      await lab.run(createWorkflow());
      assert.equal(await status(lab), 'pending');
      await lab.run(createTask('tsk_1'), createTask('tsk_2'));
      assert.deepEqual([await status(lab), await counters(lab)], ['pending', [2, 2, 0, 0, 0]]);
      await lab.claim('wrk_1', ['a']);
      assert.deepEqual([await status(lab), await counters(lab)], ['running', [2, 2, 0, 0, 2]]);
      await lab.complete('tsk_1');
      assert.deepEqual([await status(lab), await counters(lab)], ['running', [2, 1, 0, 0, 2]]);
      await lab.clock.advance(50);
      await lab.complete('tsk_2');
      assert.deepEqual([await status(lab), await counters(lab)], ['completed, settled', [2, 0, 0, 0, 2]]);
      assert.equal((await lab.workflow('wf_1')).settledAt, lab.clock.now());
      assert.deepEqual(await lab.log('wf_1'), ['created', 'started', 'completed', 'settled']);
      assert.deepEqual((await lab.lastEvent('wf_1')).data, { status: 'completed' });
    });

    test('fails at once when a task fails for good, and settles when none is open', async (lab) => {
      await open(lab, 'tsk_1', 'tsk_2');
      await lab.claim('wrk_1', ['a']);
      await lab.fail('tsk_1', { retryable: false });
      assert.equal(await status(lab), 'failed');
      await lab.complete('tsk_2');
      assert.equal(await status(lab), 'failed, settled');
      assert.deepEqual(await lab.log('wf_1'), ['created', 'started', 'failed', 'settled']);
      assert.deepEqual((await lab.lastEvent('wf_1')).data, { status: 'failed' });
    });

    test('does not fail for a task that is tried again', async (lab) => {
      await open(lab, 'tsk_1');
      await lab.claim('wrk_1', ['a']);
      await lab.fail('tsk_1');
      assert.equal(await status(lab), 'running');
    });

    test('is cancelled when all its tasks are, and completed when only some are', async (lab) => {
      await open(lab, 'tsk_1', 'tsk_2');
      await lab.run({ type: 'cancelTask', id: 'tsk_1', graceMs: 0 });
      assert.equal(await status(lab), 'pending');
      await lab.start('tsk_2');
      await lab.complete('tsk_2');
      assert.equal(await status(lab), 'completed, settled');
      await lab.run(createWorkflow('wf_2'), createTask('tsk_3', 'wf_2'));
      await lab.run({ type: 'cancelTask', id: 'tsk_3', graceMs: 0 });
      assert.equal(workflowStatus(await lab.workflow('wf_2')), 'cancelled');
      assert.deepEqual(await lab.log('wf_2'), ['created', 'cancelled', 'settled']);
    });

    test('counts exactly, however many tasks end in one commit or at one moment', async (lab) => {
      const ids = Array.from({ length: 300 }, (_, index) => `tsk_${index}`);
      await open(lab, ...ids);
      assert.equal((await lab.claim('wrk_1', ['a'], 300)).length, 300);
      const end = (id: string): Command => ({
        type: 'report',
        id,
        attempt: 1,
        command: { type: 'complete', output: '1' },
      });
      await lab.commit(ids.slice(0, 150).map((id) => [end(id)]));
      assert.deepEqual(await counters(lab), [300, 150, 0, 0, 300]);
      await Promise.all(ids.slice(150).map((id) => lab.run(end(id))));
      assert.deepEqual([await status(lab), await counters(lab)], ['completed, settled', [300, 0, 0, 0, 300]]);
      assert.deepEqual(await lab.log('wf_1'), ['created', 'started', 'completed', 'settled']);
    });

    test('counts tasks of several workflows in one commit apart', async (lab) => {
      await lab.openWorker('wrk_1', ['a']);
      const ids = ['wf_3', 'wf_1', 'wf_2'];
      await lab.commit(ids.map((id) => [createWorkflow(id)]));
      await lab.commit(ids.flatMap((id) => [[createTask(`tsk_${id}_1`, id)], [createTask(`tsk_${id}_2`, id)]]));
      for (const id of ids) assert.equal((await lab.workflow(id)).open, 2);
    });

    test('keeps one version per change of its status or flags', async (lab) => {
      const versions: number[] = [];
      const note = async (): Promise<unknown> => versions.push((await lab.workflow('wf_1')).version);
      await open(lab, 'tsk_1', 'tsk_2');
      await note();
      await lab.claim('wrk_1', ['a']);
      await note();
      await lab.complete('tsk_1');
      await note();
      await lab.complete('tsk_2');
      await note();
      assert.deepEqual(versions, [1, 2, 2, 3]);
    });
  });

  group('a sealed workflow', () => {
    test('is created whole with its tasks, and takes no more', async (lab) => {
      await lab.run(createWorkflow('wf_1', true), createTask('tsk_1'), createTask('tsk_2'));
      assert.equal((await lab.workflow('wf_1')).total, 2);
      await lab.refused('WORKFLOW_SEALED', createTask('tsk_3'));
      await lab.create('tsk_4');
      await lab.refused('WORKFLOW_SEALED', { type: 'addTask', workflowId: 'wf_1', taskId: 'tsk_4' });
      assert.equal(await lab.store.getTask('tsk_3'), undefined);
    });

    test('is not created at all if one of its tasks is refused', async (lab) => {
      await lab.submit('tsk_2', { bodyHash: 'other' });
      await lab.refused('IDEMPOTENCY_CONFLICT', createWorkflow('wf_1', true), createTask('tsk_1'), createTask('tsk_2'));
      assert.equal(await lab.store.getWorkflow('wf_1'), undefined);
      assert.equal(await lab.store.getTask('tsk_1'), undefined);
    });
  });

  group('adding a task', () => {
    const add = (taskId: string, workflowId = 'wf_1'): Command => ({ type: 'addTask', workflowId, taskId });

    test('counts it, and the task says where it belongs', async (lab) => {
      await lab.run(createWorkflow());
      await lab.submit('tsk_1');
      const before = await lab.task('tsk_1');
      await lab.run(add('tsk_1'));
      assert.deepEqual(await lab.task('tsk_1'), { ...before, workflowId: 'wf_1', lastSeq: 2 });
      const event = await lab.lastEvent('tsk_1');
      assert.deepEqual([event.type, event.workflowId], ['task.added_to_workflow', 'wf_1']);
    });

    test('twice changes nothing', async (lab) => {
      await lab.run(createWorkflow());
      await lab.submit('tsk_1');
      await lab.run(add('tsk_1'));
      await lab.unchanged('tsk_1', () => lab.run(add('tsk_1')));
      assert.equal((await lab.workflow('wf_1')).total, 1);
    });

    test('of another workflow is TASK_IN_OTHER_WORKFLOW; unknown ids are refused', async (lab) => {
      await lab.run(createWorkflow(), createWorkflow('wf_2'), createTask('tsk_1', 'wf_2'));
      const { details } = await lab.refused('TASK_IN_OTHER_WORKFLOW', add('tsk_1'));
      assert.deepEqual(details, { taskId: 'tsk_1', workflowId: 'wf_2' });
      await lab.refused('TASK_NOT_FOUND', add('tsk_2'));
      await lab.submit('tsk_3');
      await lab.refused('WORKFLOW_NOT_FOUND', add('tsk_3', 'wf_3'));
    });

    test('that has completed, to an empty workflow, makes that completed and settled', async (lab) => {
      await lab.running('tsk_1');
      await lab.complete('tsk_1');
      await lab.run(createWorkflow());
      await lab.run(add('tsk_1'));
      assert.deepEqual([await status(lab), await counters(lab)], ['completed, settled', [1, 0, 0, 0, 1]]);
    });

    test('that runs, failed or was cancelled counts as what it is', async (lab) => {
      await lab.running('tsk_1');
      await lab.running('tsk_2');
      await lab.fail('tsk_2', { retryable: false });
      await lab.submit('tsk_3');
      await lab.run({ type: 'cancelTask', id: 'tsk_3', graceMs: 0 });
      await lab.run(createWorkflow(), add('tsk_1'), add('tsk_2'), add('tsk_3'));
      assert.deepEqual([await status(lab), await counters(lab)], ['failed', [3, 1, 1, 1, 2]]);
    });

    test('to a settled open workflow reopens it', async (lab) => {
      await open(lab, 'tsk_1');
      await lab.claim('wrk_1', ['a']);
      await lab.complete('tsk_1');
      await lab.run(createTask('tsk_2'));
      assert.equal(await status(lab), 'running');
      assert.deepEqual((await lab.log('wf_1')).slice(-3), ['settled', 'started', 'reopened']);
    });
  });

  group('retrying a task', () => {
    test('of a failed workflow takes the failure back', async (lab) => {
      await open(lab, 'tsk_1');
      await lab.claim('wrk_1', ['a']);
      await lab.fail('tsk_1', { retryable: false });
      await lab.run({ type: 'retryTask', id: 'tsk_1' });
      assert.deepEqual([await status(lab), await counters(lab)], ['running', [1, 1, 0, 0, 1]]);
      await lab.claim('wrk_1', ['a']);
      await lab.complete('tsk_1');
      assert.equal(await status(lab), 'completed, settled');
    });
  });

  group('pausing', () => {
    const pause: Command = { type: 'pauseWorkflow', id: 'wf_1' };
    const resume: Command = { type: 'resumeWorkflow', id: 'wf_1' };

    test('holds at once, and nothing of the workflow is claimed', async (lab) => {
      await open(lab, 'tsk_1', 'tsk_2');
      const { dueAt } = await lab.task('tsk_1');
      assert.equal((await lab.run(pause)).workflow?.paused, true);
      assert.equal(await status(lab), 'paused');
      await lab.submit('tsk_other', { agentId: 'a' });
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_other']);
      assert.equal((await lab.task('tsk_1')).dueAt, dueAt);
      const { details } = await lab.refused('TASK_BLOCKED', {
        type: 'claimTask',
        id: 'tsk_1',
        workerId: 'wrk_1',
        agentId: 'a',
      });
      assert.deepEqual(details, { taskId: 'tsk_1', workflowId: 'wf_1' });
    });

    test('lets running attempts go on and end, and nothing starts after them', async (lab) => {
      await open(lab, 'tsk_1', 'tsk_2', 'tsk_3');
      await lab.claim('wrk_1', ['a'], 3);
      await lab.run(pause);
      await lab.complete('tsk_1');
      await lab.end('tsk_2', { type: 'release', reason: 'shutdown' });
      await lab.fail('tsk_3', { retryAfterMs: 0 });
      assert.equal(await status(lab), 'paused');
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      await lab.run(resume, align());
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_2', 'tsk_3']);
    });

    test('marks tasks held in batches, resuming releases them, each in the old order', async (lab) => {
      const ids = ['tsk_1', 'tsk_2', 'tsk_3', 'tsk_4', 'tsk_5'];
      await open(lab, ...ids);
      await lab.run(pause);
      assert.equal((await lab.run(align(2))).count, 2);
      assert.equal((await lab.run(align(2))).count, 2);
      assert.equal((await lab.run(align(2))).count, 1);
      assert.equal((await lab.run(align(2))).count, 0);
      for (const id of ids) assert.equal((await lab.task(id)).held, true);
      await lab.run(resume);
      assert.equal(await status(lab), 'pending');
      assert.equal((await lab.run(align())).count, 5);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ids);
    });

    test('is undone by any sweep, if whoever resumed could not release all', async (lab) => {
      await open(lab, 'tsk_1', 'tsk_2');
      await lab.run(pause, align());
      await lab.run(resume);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      await lab.store.sweep({ markDead: true });
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_1', 'tsk_2']);
    });

    test('holds what is added or retried meanwhile', async (lab) => {
      await open(lab, 'tsk_1');
      await lab.run({ type: 'cancelTask', id: 'tsk_1', graceMs: 0 });
      await lab.run(pause, align());
      await lab.run({ type: 'retryTask', id: 'tsk_1' });
      await lab.run(createTask('tsk_2'));
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      await lab.run(resume, align());
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_1', 'tsk_2']);
    });

    test('does not stand in the way of others, however many are held', async (lab) => {
      await open(lab, ...Array.from({ length: 1_500 }, (_, index) => `tsk_${index}`));
      await lab.clock.advance(1);
      await lab.submit('tsk_other', { agentId: 'a' });
      await lab.run(pause);
      for (let claims = 0; claims < 3; claims++) {
        const claimed = await lab.claimedIds('wrk_1', ['a'], 5);
        if (claimed.length > 0) {
          assert.deepEqual(claimed, ['tsk_other']);
          return;
        }
      }
      assert.fail('three claims did not get past 1,500 paused tasks');
    });

    test('twice, and resuming what is not paused, change nothing', async (lab) => {
      await open(lab, 'tsk_1');
      await lab.run(resume);
      await lab.run(pause);
      await lab.run(pause);
      await lab.run(resume);
      assert.deepEqual(await lab.log('wf_1'), ['created', 'paused', 'resumed']);
      assert.equal((await lab.workflow('wf_1')).version, 3);
    });

    test('an unknown workflow is WORKFLOW_NOT_FOUND', async (lab) => {
      for (const command of [pause, resume, align(), { type: 'cancelWorkflow', id: 'wf_1' } as Command]) {
        await lab.refused('WORKFLOW_NOT_FOUND', command);
      }
    });
  });

  group('cancelling a workflow', () => {
    const cancel: Command = { type: 'cancelWorkflow', id: 'wf_1', reason: 'enough' };

    test('ends what waits, asks what runs to stop, and keeps what has completed', async (lab) => {
      await open(lab, 'tsk_1', 'tsk_2', 'tsk_3');
      await lab.claim('wrk_1', ['a'], 2);
      await lab.complete('tsk_1');
      const { count } = await lab.run(cancel, align());
      assert.equal(count, 2);
      assert.deepEqual(
        [(await lab.task('tsk_1')).status, (await lab.task('tsk_2')).status, (await lab.task('tsk_3')).status],
        ['completed', 'running', 'cancelled'],
      );
      assert.equal((await lab.task('tsk_2')).cancelAt, lab.clock.now() + 5_000);
      assert.equal(await status(lab), 'running');
      await lab.complete('tsk_2');
      assert.deepEqual([await status(lab), await counters(lab)], ['cancelled, settled', [3, 0, 0, 2, 2]]);
      assert.deepEqual(await lab.log('wf_1'), ['created', 'started', 'cancel_requested', 'cancelled', 'settled']);
      assert.deepEqual((await lab.events('wf_1'))[2]?.data, { reason: 'enough' });
    });

    test('starts nothing any more: a claim that meets one of its tasks ends it', async (lab) => {
      await open(lab, 'tsk_1');
      await lab.run(cancel);
      await lab.refused('WORKFLOW_CANCELLED', { type: 'claimTask', id: 'tsk_1', workerId: 'wrk_1', agentId: 'a' });
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      assert.equal((await lab.task('tsk_1')).status, 'cancelled');
      assert.equal(await status(lab), 'cancelled, settled');
    });

    test('is finished by any sweep, if whoever asked for it could not', async (lab) => {
      await open(lab, 'tsk_1', 'tsk_2');
      await lab.claim('wrk_1', ['a'], 1);
      await lab.run(cancel);
      await lab.store.sweep({ markDead: true });
      assert.equal((await lab.task('tsk_2')).status, 'cancelled');
      assert.notEqual((await lab.task('tsk_1')).cancelAt, null);
      await lab.clock.advance(5_000);
      await lab.store.sweep({ markDead: true });
      assert.equal(await status(lab), 'cancelled, settled');
    });

    test('clears the pause; afterwards pause, resume and add are refused', async (lab) => {
      await open(lab, 'tsk_1');
      await lab.run({ type: 'pauseWorkflow', id: 'wf_1' }, align());
      await lab.run(cancel);
      assert.equal((await lab.workflow('wf_1')).paused, false);
      await lab.submit('tsk_2');
      await lab.refused('WORKFLOW_CANCELLED', { type: 'pauseWorkflow', id: 'wf_1' });
      await lab.refused('WORKFLOW_CANCELLED', { type: 'resumeWorkflow', id: 'wf_1' });
      await lab.refused('WORKFLOW_CANCELLED', { type: 'addTask', workflowId: 'wf_1', taskId: 'tsk_2' });
      await lab.refused('WORKFLOW_CANCELLED', createTask('tsk_3'));
      await lab.run(align());
      assert.equal(await status(lab), 'cancelled, settled');
    });

    test('twice, or when it has settled, changes nothing', async (lab) => {
      await open(lab, 'tsk_1');
      await lab.run(cancel);
      const position = await lab.store.lastPosition();
      await lab.run(cancel);
      assert.equal(await lab.store.lastPosition(), position);
      await lab.run(createWorkflow('wf_2'), createTask('tsk_2', 'wf_2'));
      await lab.start('tsk_2');
      await lab.complete('tsk_2');
      await lab.run({ type: 'cancelWorkflow', id: 'wf_2' });
      assert.equal(workflowStatus(await lab.workflow('wf_2')), 'completed');
    });

    test('without tasks settles it at once', async (lab) => {
      await lab.run(createWorkflow());
      await lab.run(cancel);
      assert.equal(await status(lab), 'cancelled, settled');
      assert.deepEqual(await lab.log('wf_1'), ['created', 'cancel_requested', 'cancelled', 'settled']);
    });

    test('in the commit that gives it its first task settles it when that has ended, and only once', async (lab) => {
      await lab.run(createWorkflow());
      await lab.commit([[createTask('tsk_1')], [cancel]]);
      assert.deepEqual(await lab.log('wf_1'), ['created', 'cancel_requested']);
      await lab.run(align());
      assert.equal(await status(lab), 'cancelled, settled');
      assert.deepEqual((await lab.log('wf_1')).slice(2), ['cancelled', 'settled']);
    });

    test('cancels in batches', async (lab) => {
      await open(lab, 'tsk_1', 'tsk_2', 'tsk_3');
      await lab.run(cancel);
      assert.equal((await lab.run(align(2))).count, 2);
      assert.equal((await lab.run(align(2))).count, 1);
      assert.equal((await lab.run(align(2))).count, 0);
    });

    test('in the group that changes one of its tasks sees that change', async (lab) => {
      await open(lab, 'tsk_1', 'tsk_2');
      await lab.run(cancel, { type: 'cancelTask', id: 'tsk_1', graceMs: 0 }, align());
      assert.deepEqual(await counters(lab), [2, 0, 0, 2, 0]);
      assert.deepEqual(await lab.log('tsk_1'), ['created', 'cancelled']);
    });
  });
}
