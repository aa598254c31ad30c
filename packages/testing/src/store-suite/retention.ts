import assert from 'node:assert/strict';
import type { Command, NewTaskRecord, PruneResult, TaskStatus } from '@symphony/core';
import { newTask, newWorkflow } from '../builders.ts';
import type { Lab } from './lab.ts';
import type { Suite } from './suite.ts';

/** What is removed after it ended, what is kept, and that nothing else disappears. */
export function retention({ subject, group, test }: Suite): void {
  const createWorkflow = (id = 'wf_1', idempotencyKey: string | null = null): Command => ({
    type: 'createWorkflow',
    workflow: newWorkflow(id, { idempotencyKey }),
  });
  const on = (taskId: string): Pick<NewTaskRecord, 'dependsOn'> => ({ dependsOn: [{ name: 'it', taskId }] });
  const completed = async (lab: Lab, id: string, overrides: Partial<NewTaskRecord> = {}): Promise<void> => {
    await lab.running(id, 'wrk_1', 'a', overrides);
    await lab.complete(id, '"done"');
  };
  const prune = (lab: Lab, olderThanMs = 0, limit = 100): Promise<PruneResult> =>
    lab.store.prune({ olderThanMs, limit });
  const left = async (lab: Lab): Promise<readonly string[]> =>
    (await lab.store.listTasks({ limit: 1_000 })).map(({ id }) => id);
  const step = (taskId: string, output = '1'): Command => ({
    type: 'recordStep',
    step: { taskId, agentId: 'a', identity: 's#1', attempt: 1, output, inputHash: null, at: 0 },
  });

  group('retention', () => {
    test('removes what ended by then, with its steps and events, and keeps the rest', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', { input: `"${'x'.repeat(5_000)}"` });
      await lab.run(step('tsk_1'));
      await lab.complete('tsk_1', `"${'é'.repeat(5_000)}"`);
      await lab.submit('tsk_2');
      await lab.run({ type: 'cancelTask', id: 'tsk_2', graceMs: 0 });
      await lab.clock.advance(1_000);
      await lab.running('tsk_3');
      await lab.run(step('tsk_3'));
      await lab.fail('tsk_3', { retryable: false });
      await lab.submit('tsk_4');
      await lab.running('tsk_5');
      assert.deepEqual(await prune(lab, 1_000), { tasks: 2, workflows: 0, more: false });
      assert.deepEqual(await left(lab), ['tsk_3', 'tsk_4', 'tsk_5']);
      assert.equal(await lab.store.getTask('tsk_1'), undefined);
      assert.deepEqual(await lab.store.steps('tsk_1', 'a'), []);
      assert.equal((await lab.store.steps('tsk_3', 'a')).length, 1);
      for (const id of ['tsk_1', 'tsk_2']) assert.deepEqual(await lab.events(id), []);
      assert.deepEqual(await prune(lab, 1_000), { tasks: 0, workflows: 0, more: false });
    });

    test('removes a workflow whole, once it has settled by then, however long its tasks have ended', async (lab) => {
      await lab.run(createWorkflow());
      await lab.submit('tsk_2', { workflowId: 'wf_1' });
      await completed(lab, 'tsk_1', { workflowId: 'wf_1' });
      await lab.clock.advance(1_000);
      assert.deepEqual(await prune(lab), { tasks: 0, workflows: 0, more: false });
      await lab.run({ type: 'cancelTask', id: 'tsk_2', graceMs: 0 });
      assert.deepEqual(await prune(lab, 1), { tasks: 0, workflows: 0, more: false });
      assert.deepEqual(await prune(lab), { tasks: 2, workflows: 1, more: false });
      assert.equal(await lab.store.getWorkflow('wf_1'), undefined);
      assert.deepEqual(await lab.store.listWorkflows({ limit: 10 }), []);
      assert.deepEqual(await lab.store.events({ workflowId: 'wf_1', limit: 10 }), []);
      assert.deepEqual(await left(lab), []);
    });

    test('keeps workflows that are open, empty ones too', async (lab) => {
      await lab.run(createWorkflow());
      await lab.clock.advance(1_000);
      assert.deepEqual(await prune(lab), { tasks: 0, workflows: 0, more: false });
      await lab.run({ type: 'cancelWorkflow', id: 'wf_1' });
      assert.deepEqual(await prune(lab), { tasks: 0, workflows: 1, more: false });
    });

    test('keeps a workflow that was reopened', async (lab) => {
      await lab.run(createWorkflow());
      await lab.running('tsk_1', 'wrk_1', 'a', { workflowId: 'wf_1' });
      await lab.fail('tsk_1', { retryable: false });
      await lab.run({ type: 'retryTask', id: 'tsk_1' });
      assert.deepEqual(await prune(lab), { tasks: 0, workflows: 0, more: false });
    });

    test('keeps a task whose output somebody waits for, in whatever workflow, until nobody does', async (lab) => {
      await lab.run(createWorkflow());
      await completed(lab, 'tsk_1', { workflowId: 'wf_1' });
      await lab.running('tsk_0');
      const dependsOn = ['tsk_0', 'tsk_1'].map((taskId) => ({ name: taskId, taskId }));
      await lab.submit('tsk_2', { agentId: 'a', dependsOn });
      assert.deepEqual(await prune(lab), { tasks: 0, workflows: 1, more: false });
      await lab.complete('tsk_0');
      assert.deepEqual(await prune(lab), { tasks: 0, workflows: 0, more: false });
      await lab.start('tsk_2');
      assert.deepEqual((await prune(lab)).tasks, 0, 'who runs may still read it');
      await lab.complete('tsk_2');
      assert.deepEqual(await prune(lab), { tasks: 3, workflows: 0, more: false });
    });

    test('keeps what an attempt has spawned, and so its key, as long as the attempt may be repeated', async (lab) => {
      await lab.running('tsk_p');
      const task = newTask('tsk_1', { agentId: 'a', idempotencyKey: 'spawn:one' });
      const spawn = { type: 'spawn', id: 'tsk_p', attempt: 1, key: 'one', task } as const;
      const { task: spawned } = await lab.run(spawn);
      assert.equal(spawned?.parentId, 'tsk_p');
      await lab.start('tsk_1');
      await lab.complete('tsk_1');
      assert.deepEqual(await prune(lab), { tasks: 0, workflows: 0, more: false });
      const again = { ...spawn, task: { ...task, id: 'tsk_2' } };
      assert.deepEqual(await lab.answer(again), { status: 'duplicate', id: 'tsk_1' });
      await lab.complete('tsk_p');
      assert.deepEqual(await prune(lab), { tasks: 2, workflows: 0, more: false });
    });

    test('frees the keys of what it removed', async (lab) => {
      await lab.run(createWorkflow('wf_1', 'key'));
      await completed(lab, 'tsk_1', { workflowId: 'wf_1', idempotencyKey: 'key' });
      await prune(lab);
      await lab.run({
        type: 'createWorkflow',
        workflow: newWorkflow('wf_2', { idempotencyKey: 'key', bodyHash: 'other' }),
      });
      await lab.submit('tsk_2', { workflowId: 'wf_2', idempotencyKey: 'key', bodyHash: 'other' });
    });

    test('leaves nothing of a task to one that gets its id', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', { input: `"${'x'.repeat(5_000)}"` });
      await lab.run(step('tsk_1', '"old"'));
      await lab.complete('tsk_1');
      await prune(lab);
      await lab.running('tsk_1');
      assert.deepEqual(await lab.store.steps('tsk_1', 'a'), []);
      await lab.run(step('tsk_1', '"new"'));
      assert.deepEqual(await lab.log('tsk_1'), ['created', 'routed', 'claimed']);
      assert.equal((await lab.task('tsk_1')).input, 'null');
    });

    test('removes what depended on others with the way back: who is left is told nothing of it', async (lab) => {
      await lab.running('tsk_1');
      await lab.submit('tsk_2', on('tsk_1'));
      await lab.run({ type: 'cancelTask', id: 'tsk_2', graceMs: 0 });
      await prune(lab);
      assert.deepEqual(await left(lab), ['tsk_1']);
      await lab.create('tsk_2');
      await lab.fail('tsk_1', { retryable: false });
      assert.equal((await lab.task('tsk_2')).status, 'pending');
    });

    test('removes at most so many at a time, the earliest first, and says whether there is more', async (lab) => {
      for (const id of ['tsk_3', 'tsk_1', 'tsk_2']) {
        await completed(lab, id);
        await lab.clock.advance(1);
      }
      assert.deepEqual(await prune(lab, 0, 2), { tasks: 2, workflows: 0, more: true });
      assert.deepEqual(await left(lab), ['tsk_2']);
      assert.deepEqual(await prune(lab, 0, 2), { tasks: 1, workflows: 0, more: false });
      for (const id of ['wf_1', 'wf_2']) {
        await lab.run(createWorkflow(id));
        for (const number of [1, 2]) await completed(lab, `${id}_${number}`, { workflowId: id });
      }
      const total = { tasks: 0, workflows: 0 };
      for (let more = true; more;) {
        const removed = await prune(lab, 0, 1);
        total.tasks += removed.tasks;
        total.workflows += removed.workflows;
        assert.ok(removed.tasks <= 1 && removed.workflows <= 1);
        more = removed.more;
      }
      assert.deepEqual(total, { tasks: 4, workflows: 2 });
      assert.equal((await lab.store.events({ limit: 10 })).length, 0);
    });

    test('moves no event: who reads on from a position misses none and reads none twice', async (lab) => {
      await completed(lab, 'tsk_1');
      await lab.submit('tsk_2');
      const [{ position } = { position: 0 }] = await lab.events('tsk_2');
      await prune(lab);
      assert.deepEqual(
        (await lab.store.events({ limit: 10 })).map(({ subject: id }) => id),
        ['tsk_2'],
      );
      await lab.submit('tsk_3');
      assert.deepEqual(
        (await lab.store.events({ after: position, limit: 10 })).map(({ subject: id }) => id),
        ['tsk_3'],
      );
    });

    test('never gives the position of a removed event to another', async (lab) => {
      await completed(lab, 'tsk_1');
      const last = await lab.store.lastPosition();
      await prune(lab);
      assert.deepEqual(await lab.store.events({ limit: 10 }), []);
      await lab.submit('tsk_2');
      assert.ok(((await lab.events('tsk_2'))[0]?.position ?? 0) > last);
    });

    test('accounts for all: what was submitted is what is there and what was removed (I33)', async (lab) => {
      const submitted = subject.graphSize === undefined ? 2_000 : Math.min(2_000, subject.graphSize);
      const tasks = Array.from({ length: submitted }, (_, index): Command => {
        const task = newTask(`tsk_${String(index).padStart(5, '0')}`, { agentId: 'a' });
        return { type: 'createTask', task, submit: true };
      });
      await lab.run(...tasks);
      await lab.openWorker('wrk_1', ['a']);
      let removed = 0;
      const ends = ['complete', 'fail', 'cancel', 'none'] as const;
      for (let round = 0; round < 5; round++) {
        const claimed = await lab.claim('wrk_1', ['a'], submitted / 10);
        const groups = claimed.map(({ id, attempt }, index): readonly Command[] => {
          const end = ends[index % ends.length];
          if (end === 'none') return [];
          if (end === 'cancel') return [{ type: 'cancelTask', id, graceMs: 60_000 }];
          const error = { name: 'Error', message: 'no', attempt };
          const command =
            end === 'complete'
              ? ({ type: 'complete', output: '1' } as const)
              : ({ type: 'fail', error, retryable: false, draw: 0, defaultMaxRetries: 0 } as const);
          return [{ type: 'report', id, attempt, command }];
        });
        await lab.commit(groups);
        removed += (await prune(lab, 0, Math.ceil(submitted / 40))).tasks;
        const { tasks: counts } = await lab.store.stats();
        const there = Object.values(counts).reduce((sum, count) => sum + count, 0);
        assert.equal(there + removed, submitted);
        assert.ok(removed > 0);
      }
    });
  });

  group('stats', () => {
    test('count tasks by status, workflows, workers, and what is due, at the moment in which they are asked for', async (lab) => {
      const none: Record<TaskStatus, number> = {
        pending: 0,
        running: 0,
        waiting: 0,
        completed: 0,
        failed: 0,
        cancelled: 0,
      };
      assert.deepEqual(await lab.store.stats(), {
        tasks: none,
        due: 0,
        oldestDueAt: null,
        workflows: { open: 0, settled: 0 },
        workers: 0,
      });
      const begin = lab.clock.now();
      await lab.run(createWorkflow(), createWorkflow('wf_2'), createWorkflow('wf_3'));
      await completed(lab, 'tsk_completed', { workflowId: 'wf_1' });
      await lab.running('tsk_failed');
      await lab.fail('tsk_failed', { retryable: false });
      await lab.running('tsk_waiting');
      await lab.end('tsk_waiting', { type: 'suspend' });
      await lab.create('tsk_cancelled');
      await lab.run({ type: 'cancelTask', id: 'tsk_cancelled', graceMs: 0 });
      await lab.running('tsk_running');
      await lab.create('tsk_created');
      await lab.submit('tsk_blocked', on('tsk_running'));
      await lab.submit('tsk_held', { workflowId: 'wf_2' });
      await lab.run(
        { type: 'pauseWorkflow', id: 'wf_2' },
        { type: 'alignTasks', workflowId: 'wf_2', limit: 10, graceMs: 0 },
      );
      await lab.submit('tsk_bound');
      await lab.claim('wrk_1', []);
      await lab.clock.advance(50);
      await lab.submit('tsk_later', { dueAt: begin + 1_000 });
      await lab.submit('tsk_due_1', { agentId: 'a' });
      await lab.submit('tsk_due_2', { dueAt: begin + 10, priority: -100 });
      assert.deepEqual(await lab.store.stats(), {
        tasks: { pending: 7, running: 1, waiting: 1, completed: 1, failed: 1, cancelled: 1 },
        due: 2,
        oldestDueAt: begin + 10,
        workflows: { open: 2, settled: 1 },
        workers: 1,
      });
      await lab.clock.advance(950);
      assert.equal((await lab.store.stats()).due, 3);
    });
  });
}
