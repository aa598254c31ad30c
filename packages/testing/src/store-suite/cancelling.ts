import assert from 'node:assert/strict';
import type { Command } from '@symphony/core';
import { failure, type AttemptEnd, type Lab } from './lab.ts';
import type { Suite } from './suite.ts';

/** Cancel: at once where nothing runs, after a grace where something does, and never undone by a late report. */
export function cancelling({ group, test }: Suite): void {
  const cancel = (reason?: string, graceMs = 5_000): Command => ({
    type: 'cancelTask',
    id: 'tsk_1',
    graceMs,
    ...(reason === undefined ? {} : { reason }),
  });
  const step: Command = {
    type: 'recordStep',
    step: { taskId: 'tsk_1', agentId: 'a', identity: 'one#1', attempt: 1, output: '1', inputHash: null, at: 0 },
  };

  group('cancelling', () => {
    test('a pending task ends it at once', async (lab) => {
      await lab.submit('tsk_1');
      const { task } = await lab.run(cancel('not needed'));
      assert.deepEqual([task?.status, task?.dueAt, task?.finishedAt], ['cancelled', null, lab.clock.now()]);
      assert.deepEqual((await lab.lastEvent('tsk_1')).data, { attempt: 0, reason: 'not needed' });
      await lab.openWorker('wrk_1', ['a']);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
    });

    test('a task that is bound for routing ends it, and the answer comes too late', async (lab) => {
      await lab.submit('tsk_1');
      await lab.openWorker('wrk_1', ['a']);
      await lab.bind('tsk_1', 'wrk_1');
      assert.equal((await lab.run(cancel())).task?.status, 'cancelled');
      const answer = await lab.answer({
        type: 'route',
        id: 'tsk_1',
        workerId: 'wrk_1',
        decision: lab.decision('a'),
        claim: true,
      });
      assert.deepEqual(answer, { status: 'stale' });
    });

    test('a waiting task ends it at once', async (lab) => {
      await lab.running('tsk_1');
      await lab.end('tsk_1', { type: 'suspend' });
      assert.equal((await lab.run(cancel())).task?.status, 'cancelled');
    });

    test('a running task commits until when it has time, and tells the caller that it runs', async (lab) => {
      await lab.running('tsk_1');
      const { task } = await lab.run(cancel('enough'));
      const cancelAt = lab.clock.now() + 5_000;
      assert.deepEqual([task?.status, task?.cancelAt, task?.version], ['running', cancelAt, 2]);
      const event = await lab.lastEvent('tsk_1');
      assert.deepEqual([event.type, event.data], ['task.cancel_requested', { attempt: 1, cancelAt, reason: 'enough' }]);
    });

    test('twice leaves the first grace', async (lab) => {
      await lab.running('tsk_1');
      await lab.run(cancel());
      await lab.clock.advance(1_000);
      await lab.unchanged('tsk_1', () => lab.run(cancel()));
    });

    const reports: readonly AttemptEnd[] = [
      { type: 'complete', output: '"too late"' },
      failure(),
      failure({ retryable: false }),
      { type: 'refuse', reason: 'too late' },
      { type: 'release', reason: 'too late' },
      { type: 'suspend' },
    ];
    for (const end of reports) {
      const name = end.type === 'fail' && !end.retryable ? 'fail for good' : end.type;
      test(`makes a later ${name} count as cancelled, never completed, never retried`, async (lab) => {
        await lab.running('tsk_1');
        await lab.run(cancel());
        const task = await lab.end('tsk_1', end);
        assert.deepEqual([task.status, task.output, task.failures, task.dueAt], ['cancelled', null, 0, null]);
        assert.deepEqual((await lab.log('tsk_1')).slice(-2), ['cancel_requested', 'cancelled']);
      });
    }

    test('lets an attempt record what it has already paid for', async (lab) => {
      await lab.running('tsk_1');
      await lab.run(cancel());
      await lab.run(step);
      assert.equal((await lab.store.steps('tsk_1', 'a')).length, 1);
    });

    test('is ended by any sweeper once the grace is over, not before', async (lab) => {
      await lab.running('tsk_1');
      await lab.run(cancel());
      await lab.clock.advance(4_999);
      await lab.store.sweep({ markDead: true });
      assert.equal((await lab.task('tsk_1')).status, 'running');
      await lab.clock.advance(1);
      await lab.store.sweep({ markDead: false });
      assert.equal((await lab.task('tsk_1')).status, 'cancelled');
      await lab.unchanged('tsk_1', async () => {
        assert.deepEqual(await lab.report('tsk_1', 1, { type: 'complete', output: '1' }), { status: 'stale' });
      });
    });

    test('a task whose worker then dies ends it; it is not released', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', { retry: { maxCrashes: 1 } });
      await lab.run(cancel(undefined, 3_600_000));
      await lab.die('wrk_1');
      assert.equal((await lab.task('tsk_1')).status, 'cancelled');
    });

    test('a task whose worker is then closed ends it', async (lab) => {
      await lab.running('tsk_1');
      await lab.run(cancel());
      await lab.store.closeWorker('wrk_1');
      assert.equal((await lab.task('tsk_1')).status, 'cancelled');
    });

    test('a task that has ended answers with it as it is', async (lab) => {
      await lab.running('tsk_1');
      await lab.complete('tsk_1');
      await lab.unchanged('tsk_1', () => lab.run(cancel()));
    });

    test('an unknown task is TASK_NOT_FOUND', async (lab) => {
      await lab.refused('TASK_NOT_FOUND', cancel());
    });

    test('races with completion: one wins, and each caller is told which', async (lab) => {
      const race = async (first: Command, second: Command): Promise<readonly (string | undefined)[]> => {
        const results = await Promise.all([lab.answer(first), lab.answer(second)]);
        return results.map((result) => (result.status === 'ok' ? result.value.task?.status : result.status));
      };
      const complete = (id: string): Command => ({
        type: 'report',
        id,
        attempt: 1,
        command: { type: 'complete', output: '1' },
      });
      await lab.running('tsk_1');
      assert.deepEqual(await race(cancel(), complete('tsk_1')), ['running', 'cancelled']);
      await lab.running('tsk_2');
      assert.deepEqual(await race(complete('tsk_2'), { ...cancel(), id: 'tsk_2' } as Command), [
        'completed',
        'completed',
      ]);
    });
  });

  group('a cancelled task', () => {
    test('keeps its journal and its attempts', async (lab: Lab) => {
      await lab.running('tsk_1');
      await lab.run(step);
      await lab.run(cancel());
      await lab.complete('tsk_1');
      assert.equal((await lab.task('tsk_1')).attempt, 1);
      assert.equal((await lab.store.steps('tsk_1', 'a')).length, 1);
    });
  });
}
