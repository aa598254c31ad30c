import assert from 'node:assert/strict';
import type { Command } from '@symphony/core';
import { newTask, newWorkflow } from '../builders.ts';
import type { Suite } from './suite.ts';

/** Which task goes to whom: the order of claims, and what no claim may touch. */
export function claiming({ group, test }: Suite): void {
  group('a claim', () => {
    test('starts the attempt of a task whose agent is hosted', async (lab) => {
      const before = await lab.submit('tsk_1', { agentId: 'a' });
      await lab.openWorker('wrk_1', ['a']);
      await lab.clock.advance(5);
      const [task] = await lab.claim('wrk_1', ['a']);
      assert.deepEqual(task, {
        ...before,
        status: 'running',
        version: 2,
        attempt: 1,
        workerId: 'wrk_1',
        dueAt: null,
        claimKey: null,
        lastSeq: 2,
        startedAt: lab.clock.now(),
      });
      assert.deepEqual(await lab.task('tsk_1'), task);
      const event = await lab.lastEvent('tsk_1');
      assert.deepEqual([event.type, event.data], ['task.claimed', { attempt: 1, workerId: 'wrk_1', agentId: 'a' }]);
    });

    test('goes by due time, and by id where that is equal', async (lab) => {
      const now = lab.clock.now();
      await lab.submit('tsk_1', { agentId: 'a', dueAt: now - 10 });
      await lab.submit('tsk_2', { agentId: 'a', dueAt: now - 30 });
      await lab.submit('tsk_4', { agentId: 'a', dueAt: now - 20 });
      await lab.submit('tsk_3', { agentId: 'a', dueAt: now - 20 });
      await lab.openWorker('wrk_1', ['a']);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_2', 'tsk_3', 'tsk_4', 'tsk_1']);
    });

    test('values a step of priority at a minute of waiting, so that nothing waits for ever', async (lab) => {
      const now = lab.clock.now();
      await lab.submit('tsk_urgent', { agentId: 'a', priority: 1, dueAt: now });
      await lab.submit('tsk_waited_less', { agentId: 'a', dueAt: now - 59_999 });
      await lab.submit('tsk_waited_more', { agentId: 'a', dueAt: now - 60_001 });
      await lab.submit('tsk_low', { agentId: 'a', priority: -100, dueAt: now - 6_060_001 });
      await lab.openWorker('wrk_1', ['a']);
      const order = ['tsk_low', 'tsk_waited_more', 'tsk_urgent', 'tsk_waited_less'];
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), order);
    });

    test('leaves what is not due yet, and takes it when its time has come', async (lab) => {
      await lab.submit('tsk_1', { agentId: 'a', dueAt: lab.clock.now() + 1_000, priority: 100 });
      await lab.openWorker('wrk_1', ['a']);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      await lab.clock.advance(999);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      await lab.clock.advance(1);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_1']);
    });

    test('goes by the wall clock as it stands, also when it was set back', async (lab) => {
      await lab.submit('tsk_1', { agentId: 'a' });
      await lab.openWorker('wrk_1', ['a']);
      lab.clock.jump(-60_000);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      await lab.submit('tsk_2', { agentId: 'a' });
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_2']);
      lab.clock.jump(60_000);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_1']);
    });

    test('passes over any number of urgent tasks that are not due yet', async (lab) => {
      const later = Array.from({ length: 1_500 }, (_, index): Command => {
        const task = newTask(`tsk_later_${index}`, { agentId: 'a', priority: 100, dueAt: lab.clock.now() + 1_000 });
        return { type: 'createTask', task, submit: true };
      });
      await lab.run(...later);
      await lab.submit('tsk_1', { agentId: 'a' });
      await lab.openWorker('wrk_1', ['a']);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a'], 2), ['tsk_1']);
    });

    test('takes no more than its limit, and goes on from there', async (lab) => {
      for (const id of ['tsk_1', 'tsk_2', 'tsk_3']) await lab.submit(id, { agentId: 'a' });
      await lab.openWorker('wrk_1', ['a']);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a'], 0), []);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a'], 2), ['tsk_1', 'tsk_2']);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a'], 2), ['tsk_3']);
    });

    test('takes more than a hundred at once in order', async (lab) => {
      const ids = Array.from({ length: 350 }, (_, index) => `tsk_${String(index).padStart(3, '0')}`);
      await lab.run(
        ...ids.map((id): Command => ({ type: 'createTask', task: newTask(id, { agentId: 'a' }), submit: true })),
      );
      await lab.openWorker('wrk_1', ['a']);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a'], 1_000), ids);
    });

    test('skips what is assigned to agents that are not hosted, however much of it is ahead', async (lab) => {
      const others = Array.from({ length: 1_200 }, (_, index): Command => {
        const task = newTask(`tsk_other_${index}`, { agentId: 'b', priority: 100 });
        return { type: 'createTask', task, submit: true };
      });
      await lab.run(...others);
      await lab.submit('tsk_1', { agentId: 'a', priority: -100 });
      await lab.openWorker('wrk_1', ['a']);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a'], 10), ['tsk_1']);
      assert.deepEqual(await lab.claimedIds('wrk_1', [], 10), []);
      assert.equal((await lab.task('tsk_other_0')).status, 'pending');
    });

    test('merges what is assigned to its agents with what is not routed yet, in one order', async (lab) => {
      const now = lab.clock.now();
      await lab.submit('tsk_b', { agentId: 'b', dueAt: now - 3 });
      await lab.submit('tsk_none', { dueAt: now - 2 });
      await lab.submit('tsk_a', { agentId: 'a', dueAt: now - 1 });
      await lab.submit('tsk_none_2', { dueAt: now });
      await lab.openWorker('wrk_1', ['a', 'b']);
      const claimed = await lab.claim('wrk_1', ['a', 'b'], 3);
      assert.deepEqual(
        claimed.map(({ id, status }) => [id, status]),
        [
          ['tsk_b', 'running'],
          ['tsk_none', 'pending'],
          ['tsk_a', 'running'],
        ],
      );
    });

    test('leaves what was created and never submitted to its creator', async (lab) => {
      await lab.create('tsk_1');
      await lab.create('tsk_2', { agentId: 'a' });
      await lab.openWorker('wrk_1', ['a']);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
    });

    test('by a worker without a row takes nothing', async (lab) => {
      await lab.submit('tsk_1', { agentId: 'a' });
      await lab.submit('tsk_2');
      assert.deepEqual(await lab.claimedIds('wrk_unknown', ['a']), []);
      assert.equal((await lab.task('tsk_1')).attempt, 0);
    });

    test('never gives one task to two workers, however they hurry', async (lab) => {
      const ids = Array.from({ length: 60 }, (_, index) => `tsk_${String(index).padStart(2, '0')}`);
      for (const [index, id] of ids.entries()) await lab.submit(id, index % 2 === 0 ? {} : { agentId: 'a' });
      const names = ['wrk_1', 'wrk_2', 'wrk_3', 'wrk_4'];
      for (const name of names) await lab.openWorker(name, ['a']);
      const rounds = Array.from({ length: 5 }, () => names).flat();
      const taken = (await Promise.all(rounds.map((name) => lab.claimedIds(name, ['a'], 4)))).flat();
      assert.deepEqual([...taken].sort(), ids);
      for (const name of names) assert.ok((await lab.store.holding(name)).length <= 20);
    });
  });

  group('a claim by id', () => {
    const claim = (id: string, more: Partial<Extract<Command, { readonly type: 'claimTask' }>> = {}): Command => ({
      type: 'claimTask',
      id,
      workerId: 'wrk_1',
      agentId: 'a',
      ...more,
    });

    test('starts a task whether it is due or not, and pins it to its agent', async (lab) => {
      await lab.openWorker('wrk_1', ['a']);
      await lab.create('tsk_1');
      await lab.submit('tsk_2', { dueAt: lab.clock.now() + 3_600_000 });
      for (const id of ['tsk_1', 'tsk_2']) {
        const { task } = await lab.run(claim(id));
        assert.deepEqual(
          [task?.status, task?.attempt, task?.agentId, task?.pinned, task?.workerId, task?.dueAt],
          ['running', 1, 'a', true, 'wrk_1', null],
        );
      }
    });

    test('without an agent starts it with its own assignment, and leaves that unpinned', async (lab) => {
      await lab.assigned('tsk_1', 'b');
      await lab.openWorker('wrk_1', ['b']);
      const { task } = await lab.run({ type: 'claimTask', id: 'tsk_1', workerId: 'wrk_1' });
      assert.deepEqual([task?.agentId, task?.pinned], ['b', false]);
      await lab.create('tsk_2');
      await lab.refused('TASK_BLOCKED', { type: 'claimTask', id: 'tsk_2', workerId: 'wrk_1' });
    });

    test('of a task that has failed waits until its next try is due', async (lab) => {
      await lab.running('tsk_1');
      const { dueAt } = await lab.fail('tsk_1', { retryAfterMs: 700 });
      await lab.clock.advance(699);
      const { details } = await lab.refused('TASK_NOT_CLAIMABLE', claim('tsk_1'));
      assert.deepEqual(details, { taskId: 'tsk_1', dueAt });
      await lab.clock.advance(1);
      assert.equal((await lab.run(claim('tsk_1'))).task?.attempt, 2);
    });

    test('may bring the decision on its route, which counts where the task has no assignment', async (lab) => {
      await lab.assigned('tsk_1', 'b');
      await lab.openWorker('wrk_1', ['a', 'b']);
      await lab.create('tsk_2');
      const decided = (id: string): Command => {
        return { type: 'claimTask', id, workerId: 'wrk_1', decision: lab.decision('a') };
      };
      assert.equal((await lab.run(decided('tsk_1'))).task?.agentId, 'b');
      const { task } = await lab.run(decided('tsk_2'));
      assert.deepEqual([task?.agentId, task?.pinned], ['a', false]);
      assert.deepEqual(await lab.log('tsk_2'), ['created', 'routed', 'claimed']);
    });

    test('replaces the stored retry policy by the one it brings', async (lab) => {
      await lab.openWorker('wrk_1', ['a']);
      await lab.create('tsk_1', { retry: { maxRetries: 9 } });
      await lab.run(claim('tsk_1', { retry: { maxRetries: 1, initialDelayMs: 5 } }));
      assert.deepEqual((await lab.task('tsk_1')).retry, { maxRetries: 1, initialDelayMs: 5 });
    });

    test('without a row is WORKER_LOST', async (lab) => {
      await lab.create('tsk_1');
      await lab.unchanged('tsk_1', () => lab.refused('WORKER_LOST', claim('tsk_1')));
      await lab.openWorker('wrk_1', ['a']);
      await lab.store.closeWorker('wrk_1');
      await lab.unchanged('tsk_1', () => lab.refused('WORKER_LOST', claim('tsk_1')));
    });

    test('of an unknown task is TASK_NOT_FOUND, of one that has ended TASK_FINISHED', async (lab) => {
      await lab.openWorker('wrk_1', ['a']);
      await lab.refused('TASK_NOT_FOUND', claim('tsk_1'));
      await lab.running('tsk_1');
      await lab.complete('tsk_1');
      await lab.unchanged('tsk_1', () => lab.refused('TASK_FINISHED', claim('tsk_1')));
    });

    test('of a running task is TASK_NOT_CLAIMABLE and tells until when its holder has a lease', async (lab) => {
      await lab.running('tsk_1');
      await lab.openWorker('wrk_2', ['a']);
      await lab.clock.advance(2_500);
      const { details } = await lab.refused('TASK_NOT_CLAIMABLE', claim('tsk_1', { workerId: 'wrk_2' }));
      assert.deepEqual(details, {
        taskId: 'tsk_1',
        status: 'running',
        workerId: 'wrk_1',
        leaseUntil: lab.clock.monotonic() + 7_500,
        leaseLeftMs: 7_500,
      });
      await lab.refused('TASK_NOT_CLAIMABLE', claim('tsk_1'));
    });

    test('of a task bound to somebody else who lives is TASK_NOT_CLAIMABLE; one’s own binding is no obstacle', async (lab) => {
      await lab.submit('tsk_1');
      await lab.openWorker('wrk_1', ['a']);
      await lab.openWorker('wrk_2', ['a']);
      await lab.bind('tsk_1', 'wrk_2');
      await lab.unchanged('tsk_1', () => lab.refused('TASK_NOT_CLAIMABLE', claim('tsk_1')));
      const { task } = await lab.run(claim('tsk_1', { workerId: 'wrk_2' }));
      assert.deepEqual([task?.attempt, task?.boundTo, task?.boundUntil], [1, null, null]);
    });

    test('into a workflow adds the task to it, in the same commit', async (lab) => {
      await lab.openWorker('wrk_1', ['a']);
      await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1') });
      await lab.create('tsk_1');
      const { task } = await lab.run(claim('tsk_1', { workflowId: 'wf_1' }));
      assert.equal(task?.workflowId, 'wf_1');
      const { total, open, started } = await lab.workflow('wf_1');
      assert.deepEqual([total, open, started], [1, 1, 1]);
      assert.deepEqual(await lab.log('tsk_1'), ['created', 'added_to_workflow', 'claimed']);
    });

    test('that is refused does not add the task to the workflow either', async (lab) => {
      await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1') });
      await lab.create('tsk_1');
      await lab.unchanged('tsk_1', () => lab.refused('WORKER_LOST', claim('tsk_1', { workflowId: 'wf_1' })));
      assert.equal((await lab.workflow('wf_1')).total, 0);
    });

    test('of a task of another workflow is TASK_IN_OTHER_WORKFLOW', async (lab) => {
      await lab.openWorker('wrk_1', ['a']);
      for (const id of ['wf_1', 'wf_2']) await lab.run({ type: 'createWorkflow', workflow: newWorkflow(id) });
      await lab.create('tsk_1', { workflowId: 'wf_1' });
      await lab.unchanged('tsk_1', () => lab.refused('TASK_IN_OTHER_WORKFLOW', claim('tsk_1', { workflowId: 'wf_2' })));
      await lab.create('tsk_2');
      await lab.unchanged('tsk_2', () => lab.refused('WORKFLOW_NOT_FOUND', claim('tsk_2', { workflowId: 'wf_3' })));
      await lab.run(claim('tsk_1', { workflowId: 'wf_1' }));
    });
  });
}
