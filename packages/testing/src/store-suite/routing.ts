import assert from 'node:assert/strict';
import type { Command } from '@symphony/core';
import { newAgentConfig, newWorkflow } from '../builders.ts';
import type { Lab } from './lab.ts';
import type { Suite } from './suite.ts';

/** From nobody's task to an assignment: the binding for routing, its answers, and the ways back. */
export function routing({ group, test }: Suite): void {
  const route = (lab: Lab, workerId: string, claim: boolean, agentId = 'a', id = 'tsk_1'): Command => ({
    type: 'route',
    id,
    workerId,
    decision: lab.decision(agentId),
    claim,
  });
  const bound = async (lab: Lab, workerId = 'wrk_1'): Promise<void> => {
    await lab.submit('tsk_1');
    await lab.openWorker(workerId, ['a']);
    await lab.bind('tsk_1', workerId);
  };

  group('a task without assignment', () => {
    test('is bound to one worker for routing, and no attempt is counted', async (lab) => {
      const before = await lab.submit('tsk_1');
      await lab.openWorker('wrk_1', ['a']);
      const [task] = await lab.claim('wrk_1', ['a']);
      assert.deepEqual(task, { ...before, boundTo: 'wrk_1', boundUntil: lab.clock.monotonic() + 5_000 });
      assert.deepEqual(await lab.task('tsk_1'), task);
      assert.deepEqual(await lab.log('tsk_1'), ['created']);
    });

    test('is nobody else’s for 5 s on the lease clock, then anybody’s again', async (lab) => {
      await bound(lab);
      await lab.openWorker('wrk_2', ['a']);
      await lab.clock.advance(4_999);
      await lab.store.sweep({ markDead: true });
      assert.deepEqual(await lab.claimedIds('wrk_2', ['a']), []);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      await lab.clock.advance(1);
      await lab.store.sweep({ markDead: true });
      assert.deepEqual(await lab.claimedIds('wrk_2', ['a']), ['tsk_1']);
    });

    test('stays bound when the wall clock jumps', async (lab) => {
      await bound(lab);
      lab.clock.jump(3_600_000);
      await lab.store.sweep({ markDead: true });
      assert.equal((await lab.task('tsk_1')).boundTo, 'wrk_1');
    });

    test('is free again once its worker has no row', async (lab) => {
      await bound(lab);
      await lab.die('wrk_1');
      const task = await lab.task('tsk_1');
      assert.deepEqual([task.boundTo, task.boundUntil, task.crashes, task.version], [null, null, 0, 1]);
      await lab.openWorker('wrk_2', ['a']);
      assert.deepEqual(await lab.claimedIds('wrk_2', ['a']), ['tsk_1']);
    });
  });

  group('the answer to a binding', () => {
    test('with a claim is decision and attempt in one commit', async (lab) => {
      await bound(lab);
      const { task } = await lab.run(route(lab, 'wrk_1', true));
      assert.deepEqual(
        [task?.status, task?.attempt, task?.agentId, task?.pinned, task?.workerId, task?.boundTo, task?.boundUntil],
        ['running', 1, 'a', false, 'wrk_1', null, null],
      );
      assert.deepEqual(await lab.log('tsk_1'), ['created', 'routed', 'claimed']);
      assert.deepEqual((await lab.events('tsk_1'))[1]?.data, lab.decision('a'));
    });

    test('without a claim is the assignment alone, and whoever hosts the agent takes it', async (lab) => {
      await bound(lab);
      const due = (await lab.task('tsk_1')).dueAt;
      const { task } = await lab.run(route(lab, 'wrk_1', false, 'b'));
      assert.deepEqual(
        [task?.status, task?.attempt, task?.agentId, task?.boundTo, task?.boundUntil, task?.dueAt],
        ['pending', 0, 'b', null, null, due],
      );
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      await lab.openWorker('wrk_2', ['b']);
      assert.deepEqual(await lab.claimedIds('wrk_2', ['b']), ['tsk_1']);
    });

    test('is stale once the binding was lost, and writes nothing', async (lab) => {
      await bound(lab);
      await lab.clock.advance(5_000);
      await lab.store.sweep({ markDead: true });
      await lab.openWorker('wrk_2', ['a']);
      await lab.bind('tsk_1', 'wrk_2');
      const answers: Command[] = [
        route(lab, 'wrk_1', true),
        route(lab, 'wrk_1', false),
        { type: 'defer', id: 'tsk_1', workerId: 'wrk_1', forMs: 5, code: 'NO_ROUTE', reason: 'nobody' },
        { type: 'reject', id: 'tsk_1', workerId: 'wrk_1', reason: 'nobody' },
        { type: 'unbind', id: 'tsk_1', workerId: 'wrk_1' },
      ];
      for (const answer of answers) {
        await lab.unchanged('tsk_1', async () => assert.deepEqual(await lab.answer(answer), { status: 'stale' }));
      }
    });

    test('with a claim, by a worker without a row, is WORKER_LOST', async (lab) => {
      await bound(lab);
      await lab.die('wrk_1');
      await lab.unchanged('tsk_1', () => lab.refused('WORKER_LOST', route(lab, 'wrk_1', true)));
      await lab.unchanged('tsk_1', async () => {
        assert.deepEqual(await lab.answer(route(lab, 'wrk_1', false)), { status: 'stale' });
      });
    });

    test('for a task of a workflow that was paused meanwhile is the assignment alone', async (lab) => {
      await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1') });
      await lab.submit('tsk_1', { workflowId: 'wf_1' });
      await lab.openWorker('wrk_1', ['a']);
      await lab.bind('tsk_1', 'wrk_1');
      await lab.run({ type: 'pauseWorkflow', id: 'wf_1' });
      const { task } = await lab.run(route(lab, 'wrk_1', true));
      assert.deepEqual([task?.status, task?.attempt, task?.agentId], ['pending', 0, 'a']);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
    });

    test('may be to wait: nobody looks at the task until then, and the log says it once', async (lab) => {
      await bound(lab);
      await lab.openWorker('wrk_2', ['a']);
      for (let round = 0; round < 3; round++) {
        const defer: Command = {
          type: 'defer',
          id: 'tsk_1',
          workerId: 'wrk_1',
          forMs: 1_000,
          code: 'NO_ROUTE',
          reason: 'nobody',
        };
        const { task } = await lab.run(defer);
        assert.deepEqual([task?.unroutable, task?.boundUntil], [true, lab.clock.monotonic() + 1_000]);
        await lab.clock.advance(999);
        await lab.store.sweep({ markDead: true });
        assert.deepEqual(await lab.claimedIds('wrk_2', ['a']), []);
        await lab.clock.advance(1);
        await lab.store.sweep({ markDead: true });
        await lab.bind('tsk_1', 'wrk_1');
        await lab.renew('wrk_1', ['a']);
        await lab.renew('wrk_2', ['a']);
      }
      assert.deepEqual(await lab.log('tsk_1'), ['created', 'unroutable']);
      assert.deepEqual((await lab.lastEvent('tsk_1')).data, { code: 'NO_ROUTE', reason: 'nobody' });
      assert.equal((await lab.run(route(lab, 'wrk_1', true))).task?.unroutable, false);
    });

    test('may be that nobody will ever take it: the task fails with NO_ROUTE', async (lab) => {
      await bound(lab);
      const { task } = await lab.run({ type: 'reject', id: 'tsk_1', workerId: 'wrk_1', reason: 'a: not mine' });
      assert.deepEqual([task?.status, task?.error?.code, task?.error?.attempt], ['failed', 'NO_ROUTE', 0]);
      assert.match(task?.error?.message ?? '', /not mine/);
    });

    test('may be to give it up, at no cost', async (lab) => {
      await bound(lab);
      const { task } = await lab.run({ type: 'unbind', id: 'tsk_1', workerId: 'wrk_1' });
      assert.deepEqual([task?.boundTo, task?.failures, task?.crashes, task?.attempt], [null, 0, 0, 0]);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_1']);
    });

    test('of an unknown task is TASK_NOT_FOUND', async (lab) => {
      await lab.openWorker('wrk_1', ['a']);
      await lab.refused('TASK_NOT_FOUND', route(lab, 'wrk_1', true));
      await lab.refused('TASK_NOT_FOUND', route(lab, 'wrk_1', false));
    });
  });

  group('a refusal', () => {
    test('costs neither failure nor crash and frees the task for another agent', async (lab) => {
      await lab.running('tsk_1');
      const task = await lab.end('tsk_1', { type: 'refuse', reason: 'not mine' });
      assert.deepEqual(
        [task.status, task.agentId, task.failures, task.crashes, task.attempt, task.dueAt],
        ['pending', null, 0, 0, 1, lab.clock.now()],
      );
      assert.deepEqual(task.refusedBy, [{ agentId: 'a', reason: 'not mine' }]);
      assert.deepEqual((await lab.lastEvent('tsk_1')).data, { attempt: 1, agentId: 'a', reason: 'not mine' });
      await lab.bind('tsk_1', 'wrk_1');
      await lab.run(route(lab, 'wrk_1', true, 'b'));
      const again = await lab.end('tsk_1', { type: 'refuse', reason: 'nor mine' });
      assert.deepEqual(
        again.refusedBy.map(({ agentId }) => agentId),
        ['a', 'b'],
      );
    });

    test('by the agent that a task is pinned to ends it with REFUSED', async (lab) => {
      await lab.create('tsk_1');
      await lab.start('tsk_1');
      const task = await lab.end('tsk_1', { type: 'refuse', reason: 'not mine' });
      assert.deepEqual([task.status, task.error?.code], ['failed', 'REFUSED']);
      assert.deepEqual(await lab.log('tsk_1'), ['created', 'claimed', 'refused', 'failed']);
    });
  });

  group('an agent without a live host for a minute', () => {
    const registered = async (lab: Lab): Promise<void> => {
      await lab.run({ type: 'registerAgent', config: newAgentConfig('a') });
      await lab.openWorker('wrk_1', ['a']);
      await lab.store.closeWorker('wrk_1');
    };
    const align: Command = { type: 'alignTasks', workflowId: 'wf_1', limit: 10, graceMs: 0 };
    const sweepAfter = async (lab: Lab, ms: number): Promise<void> => {
      await lab.clock.advance(ms);
      await lab.store.sweep({ markDead: true });
    };

    test('loses the tasks that have not started, so that they are routed anew', async (lab) => {
      await lab.assigned('tsk_1', 'a');
      await registered(lab);
      await sweepAfter(lab, 59_999);
      assert.equal((await lab.task('tsk_1')).agentId, 'a');
      await sweepAfter(lab, 1);
      assert.equal((await lab.task('tsk_1')).agentId, null);
      const event = await lab.lastEvent('tsk_1');
      assert.deepEqual([event.type, (event.data as { agentId: string }).agentId], ['task.unassigned', 'a']);
      await lab.openWorker('wrk_2', ['b']);
      assert.deepEqual(await lab.claimedIds('wrk_2', ['b']), ['tsk_1']);
    });

    test('loses what is held once that is released', async (lab) => {
      await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1') });
      await lab.assigned('tsk_1', 'a', { workflowId: 'wf_1' });
      await lab.run({ type: 'pauseWorkflow', id: 'wf_1' }, align);
      await registered(lab);
      await sweepAfter(lab, 60_000);
      assert.equal((await lab.task('tsk_1')).agentId, 'a');
      await lab.run({ type: 'resumeWorkflow', id: 'wf_1' }, align);
      await sweepAfter(lab, 0);
      assert.equal((await lab.task('tsk_1')).agentId, null);
    });

    test('keeps what it has started, with its journal, and what was pinned to it', async (lab) => {
      await lab.submit('tsk_pinned', { agentId: 'a' });
      await lab.running('tsk_started');
      await lab.end('tsk_started', { type: 'release', reason: 'shutdown' });
      await lab.store.closeWorker('wrk_1');
      await registered(lab);
      await sweepAfter(lab, 600_000);
      for (const id of ['tsk_pinned', 'tsk_started']) assert.equal((await lab.task(id)).agentId, 'a');
    });

    test('keeps them as long as any worker hosts it', async (lab) => {
      await lab.assigned('tsk_1', 'a');
      await registered(lab);
      await lab.openWorker('wrk_1', ['a']);
      await lab.openWorker('wrk_2', ['a']);
      await lab.store.closeWorker('wrk_2');
      for (let round = 0; round < 15; round++) {
        await sweepAfter(lab, 9_000);
        assert.equal((await lab.renew('wrk_1', ['a'])).alive, true);
      }
      assert.equal((await lab.task('tsk_1')).agentId, 'a');
    });
  });
}
