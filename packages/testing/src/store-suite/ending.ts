import assert from 'node:assert/strict';
import type { Command } from '@symphony/core';
import { failure } from './lab.ts';
import type { Suite } from './suite.ts';

/** How attempts and tasks end, what that costs, and what may follow. */
export function ending({ group, test }: Suite): void {
  group('completion', () => {
    test('stores exactly the output, in the commit that ends the task', async (lab) => {
      await lab.running('tsk_1');
      await lab.clock.advance(7);
      const task = await lab.complete('tsk_1', '{"b":1,"a":[1.0e2, "\\u0000"]}');
      assert.deepEqual(
        [task.status, task.output, task.error, task.workerId, task.finishedAt],
        ['completed', '{"b":1,"a":[1.0e2, "\\u0000"]}', null, null, lab.clock.now()],
      );
      assert.deepEqual(await lab.task('tsk_1'), task);
      assert.deepEqual((await lab.lastEvent('tsk_1')).data, { attempt: 1 });
    });

    test('forgets the error of earlier attempts', async (lab) => {
      await lab.running('tsk_1');
      assert.equal((await lab.fail('tsk_1')).error?.message, 'no');
      await lab.start('tsk_1');
      assert.equal((await lab.complete('tsk_1')).error, null);
    });

    test('tells of recorded steps that did not occur any more', async (lab) => {
      await lab.running('tsk_1');
      await lab.end('tsk_1', { type: 'complete', output: '1', unusedSteps: ['old#1'] });
      assert.deepEqual(await lab.log('tsk_1'), ['created', 'routed', 'claimed', 'steps_unused', 'completed']);
      assert.deepEqual((await lab.events('tsk_1'))[3]?.data, { attempt: 1, steps: ['old#1'] });
    });

    test('is terminal: nothing but a look is possible afterwards', async (lab) => {
      await lab.running('tsk_1');
      await lab.complete('tsk_1');
      await lab.unchanged('tsk_1', async () => {
        assert.equal((await lab.run({ type: 'cancelTask', id: 'tsk_1', graceMs: 0 })).task?.status, 'completed');
        await lab.refused('TASK_INVALID_TRANSITION', { type: 'retryTask', id: 'tsk_1' });
        await lab.store.sweep({ markDead: true });
        await lab.die('wrk_1');
      });
    });
  });

  group('a failure', () => {
    test('is tried again when its policy says, by whoever hosts the agent', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', { retry: { initialDelayMs: 4_000, jitter: 'none' } });
      const task = await lab.fail('tsk_1');
      assert.deepEqual(
        [task.status, task.failures, task.attempt, task.agentId, task.dueAt, task.error?.message],
        ['pending', 1, 1, 'a', lab.clock.now() + 4_000, 'no'],
      );
      const event = await lab.lastEvent('tsk_1');
      assert.deepEqual(
        [event.type, event.data],
        ['task.retry_scheduled', { attempt: 1, error: failure().error, failures: 1, dueAt: task.dueAt }],
      );
      await lab.openWorker('wrk_2', ['a']);
      await lab.clock.advance(3_999);
      assert.deepEqual(await lab.claimedIds('wrk_2', ['a']), []);
      await lab.clock.advance(1);
      assert.deepEqual(await lab.claimedIds('wrk_2', ['a']), ['tsk_1']);
    });

    test('waits as long as it asks, down to fractions of a millisecond', async (lab) => {
      await lab.running('tsk_1');
      const { dueAt } = await lab.fail('tsk_1', { retryAfterMs: 1_500.25 });
      const wait = (dueAt ?? 0) - lab.clock.now();
      assert.ok(wait >= 1_500.25 && wait <= 1_501, `due in ${wait} ms`);
      assert.equal((await lab.task('tsk_1')).dueAt, dueAt);
    });

    test('is the end once failures exceed the retries', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', { retry: { maxRetries: 1 } });
      assert.equal((await lab.fail('tsk_1')).status, 'pending');
      await lab.start('tsk_1');
      const task = await lab.fail('tsk_1');
      assert.deepEqual([task.status, task.failures, task.error?.message], ['failed', 2, 'no']);
      assert.equal((await lab.lastEvent('tsk_1')).type, 'task.failed');
    });

    test('goes by the default of its caller where the policy is silent, and not where it speaks', async (lab) => {
      await lab.running('tsk_1');
      assert.equal((await lab.fail('tsk_1', { defaultMaxRetries: 0 })).status, 'failed');
      await lab.running('tsk_2', 'wrk_1', 'a', { retry: { maxRetries: 2 } });
      assert.equal((await lab.fail('tsk_2', { defaultMaxRetries: 0 })).status, 'pending');
    });

    test('that is of no use to repeat ends the task at once', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', { retry: { maxRetries: 9 } });
      assert.equal((await lab.fail('tsk_1', { retryable: false })).status, 'failed');
    });

    test('may keep the task for its worker until that worker’s row goes', async (lab) => {
      await lab.running('tsk_1');
      const task = await lab.fail('tsk_1', { bindTo: 'wrk_1' });
      assert.deepEqual([task.boundTo, task.boundUntil], ['wrk_1', null]);
      await lab.openWorker('wrk_2', ['a']);
      await lab.clock.advance(9_000);
      assert.deepEqual(await lab.claimedIds('wrk_2', ['a']), []);
      await lab.refused('TASK_NOT_CLAIMABLE', { type: 'claimTask', id: 'tsk_1', workerId: 'wrk_2', agentId: 'a' });
      await lab.renew('wrk_1', ['a']);
      await lab.renew('wrk_2', ['a']);
      await lab.clock.advance(9_000);
      await lab.store.sweep({ markDead: true });
      assert.equal((await lab.task('tsk_1')).boundTo, 'wrk_1');
      await lab.renew('wrk_2', ['a']);
      await lab.die('wrk_1');
      const freed = await lab.task('tsk_1');
      assert.deepEqual([freed.boundTo, freed.failures, freed.crashes, freed.dueAt], [null, 1, 0, task.dueAt]);
      assert.deepEqual(await lab.claimedIds('wrk_2', ['a']), ['tsk_1']);
    });

    test('kept for its worker can be started again by that worker alone', async (lab) => {
      await lab.running('tsk_1');
      await lab.fail('tsk_1', { bindTo: 'wrk_1' });
      const again = await lab.start('tsk_1', 'wrk_1');
      assert.deepEqual([again.attempt, again.failures, again.boundTo], [2, 1, null]);
    });
  });

  group('handing an attempt back', () => {
    test('costs nothing, and the task is due at once', async (lab) => {
      await lab.running('tsk_1');
      await lab.clock.advance(500);
      const task = await lab.end('tsk_1', { type: 'release', reason: 'shutdown' });
      assert.deepEqual(
        [task.status, task.failures, task.crashes, task.attempt, task.agentId, task.dueAt, task.error],
        ['pending', 0, 0, 1, 'a', lab.clock.now(), null],
      );
      assert.deepEqual((await lab.lastEvent('tsk_1')).data, { attempt: 1, workerId: 'wrk_1', reason: 'shutdown' });
    });

    test('leaves a pinned task to a worker that hosts its agent', async (lab) => {
      await lab.create('tsk_1');
      await lab.start('tsk_1');
      await lab.end('tsk_1', { type: 'release', reason: 'shutdown' });
      await lab.openWorker('wrk_2', ['b']);
      assert.deepEqual(await lab.claimedIds('wrk_2', ['b']), []);
      assert.deepEqual(await lab.claimedIds('wrk_2', ['a']), ['tsk_1']);
    });
  });

  group('waiting', () => {
    test('gives the task back without making it due', async (lab) => {
      await lab.running('tsk_1');
      const task = await lab.end('tsk_1', { type: 'suspend' });
      assert.deepEqual([task.status, task.workerId, task.dueAt, task.attempt], ['waiting', null, null, 1]);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      await lab.refused('TASK_NOT_CLAIMABLE', { type: 'claimTask', id: 'tsk_1', workerId: 'wrk_1', agentId: 'a' });
      await lab.die('wrk_1');
      assert.deepEqual(await lab.task('tsk_1'), task);
    });
  });

  group('progress', () => {
    test('keeps the last value and writes no event', async (lab) => {
      await lab.running('tsk_1');
      const position = await lab.store.lastPosition();
      for (const value of ['1', '{"half":true}']) await lab.run({ type: 'progress', id: 'tsk_1', attempt: 1, value });
      assert.equal((await lab.task('tsk_1')).progress, '{"half":true}');
      assert.equal(await lab.store.lastPosition(), position);
      assert.equal((await lab.complete('tsk_1')).progress, '{"half":true}');
    });
  });

  group('a note', () => {
    const error = { name: 'Error', message: 'hook', attempt: 1 };
    const note: Command = {
      type: 'note',
      id: 'tsk_1',
      event: { type: 'task.hook_failed', data: { attempt: 1, phase: 'post', error } },
    };

    test('appends an event, also to a task that has ended, and changes no state', async (lab) => {
      await lab.running('tsk_1');
      const before = await lab.complete('tsk_1');
      await lab.run(note);
      assert.deepEqual(await lab.task('tsk_1'), { ...before, lastSeq: before.lastSeq + 1 });
      const event = await lab.lastEvent('tsk_1');
      assert.deepEqual([event.type, event.data], ['task.hook_failed', { attempt: 1, phase: 'post', error }]);
    });

    test('on an unknown task is TASK_NOT_FOUND', async (lab) => {
      await lab.refused('TASK_NOT_FOUND', note);
    });
  });

  group('retryTask', () => {
    test('starts a failed task anew: budgets are cleared, attempt numbers and journal stay', async (lab) => {
      await lab.running('tsk_1');
      await lab.answer({
        type: 'recordStep',
        step: { taskId: 'tsk_1', agentId: 'a', identity: 'one#1', attempt: 1, output: '1', inputHash: null, at: 0 },
      });
      await lab.end('tsk_1', { type: 'refuse', reason: 'not mine' });
      await lab.bind('tsk_1', 'wrk_1');
      await lab.run({ type: 'route', id: 'tsk_1', workerId: 'wrk_1', decision: lab.decision('a'), claim: true });
      const failed = await lab.fail('tsk_1', { retryable: false });
      const { task } = await lab.run({ type: 'retryTask', id: 'tsk_1' });
      assert.deepEqual(task, {
        ...failed,
        status: 'pending',
        version: failed.version + 1,
        failures: 0,
        refusedBy: [],
        error: null,
        finishedAt: null,
        dueAt: lab.clock.now(),
        claimKey: lab.clock.now(),
        lastSeq: failed.lastSeq + 1,
      });
      assert.deepEqual(await lab.task('tsk_1'), task);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_1']);
      assert.equal((await lab.task('tsk_1')).attempt, 3);
      assert.equal((await lab.store.steps('tsk_1', 'a')).length, 1);
    });

    test('starts a cancelled task anew, and it can be completed', async (lab) => {
      await lab.running('tsk_1');
      await lab.run({ type: 'cancelTask', id: 'tsk_1', graceMs: 0 });
      await lab.complete('tsk_1');
      const { task } = await lab.run({ type: 'retryTask', id: 'tsk_1' });
      assert.deepEqual([task?.status, task?.cancelAt], ['pending', null]);
      await lab.start('tsk_1');
      assert.equal((await lab.complete('tsk_1', '1')).status, 'completed');
    });

    test('refuses a task that has not ended, and an unknown one', async (lab) => {
      await lab.submit('tsk_1');
      const { details } = await lab.refused('TASK_INVALID_TRANSITION', { type: 'retryTask', id: 'tsk_1' });
      assert.deepEqual(details, { taskId: 'tsk_1', status: 'pending' });
      await lab.refused('TASK_NOT_FOUND', { type: 'retryTask', id: 'tsk_2' });
    });
  });
}
