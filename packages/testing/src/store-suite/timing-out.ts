import assert from 'node:assert/strict';
import { longestDuration, type Command, type NewTaskRecord, type TaskTimeouts } from '@symphony/core';
import { newAgentConfig, newTask, newWorkflow } from '../builders.ts';
import { again } from './again.ts';
import { failure, type Lab } from './lab.ts';
import type { Suite } from './suite.ts';

/** What others wait for beyond the limit of an attempt: the agent's grace, and as much for its process to report. */
const overdueMs = 10_000;

/** Time limits: never early, at the next sweep after they have passed, and each under a code of its own. */
export function timingOut({ subject, group, test }: Suite): void {
  const limited = (timeouts: TaskTimeouts, others: Partial<NewTaskRecord> = {}): Partial<NewTaskRecord> => ({
    timeouts,
    ...others,
  });
  const sweep = (lab: Lab, markDead = true): Promise<unknown> => lab.store.sweep({ markDead });
  /** Lets time pass while workers go on renewing, and sweeps at the end. */
  const pass = async (lab: Lab, ms: number, ...workerIds: readonly string[]): Promise<void> => {
    for (let left = ms; left > 0; left -= 3_000) {
      for (const id of workerIds) await lab.renew(id, ['a']);
      await lab.clock.advance(Math.min(left, 3_000));
    }
    for (const id of workerIds) await lab.renew(id, ['a']);
    await sweep(lab);
  };
  /** Asserts that a task is left alone a millisecond before a limit is over, and fails under a code once it is. */
  const failsAfter = async (lab: Lab, ms: number, code: string, ...workerIds: readonly string[]): Promise<string> => {
    const before = await lab.task('tsk_1');
    await pass(lab, ms - 1, ...workerIds);
    assert.equal((await lab.task('tsk_1')).status, before.status, 'a limit is never early');
    await pass(lab, 1, ...workerIds);
    const { status, error, finishedAt, attempt } = await lab.task('tsk_1');
    assert.deepEqual([status, error?.code, error?.attempt], ['failed', code, attempt]);
    assert.equal(finishedAt, lab.clock.now());
    assert.deepEqual((await lab.lastEvent('tsk_1')).data, { attempt, error });
    return error?.message ?? '';
  };
  const isLeft = async (lab: Lab, ms = 3_600_000): Promise<void> => {
    const { status } = await lab.task('tsk_1');
    await lab.clock.advance(ms);
    await sweep(lab, false);
    assert.equal((await lab.task('tsk_1')).status, status);
  };
  const register = (lab: Lab, timeouts: TaskTimeouts): Promise<unknown> =>
    lab.run({ type: 'registerAgent', config: newAgentConfig('a', { limits: { timeouts } }) });

  group('schedule-to-start', () => {
    const start = { scheduleToStartMs: 1_000 };
    const code = 'SCHEDULE_TO_START_TIMEOUT';

    test('fails a task that nobody has started when it is over, not before, and is not tried again', async (lab) => {
      await lab.submit('tsk_1', limited(start, { retry: { maxRetries: 5 } }));
      await lab.clock.advance(999);
      await sweep(lab, false);
      assert.equal((await lab.task('tsk_1')).status, 'pending');
      await lab.clock.advance(1);
      await sweep(lab, false);
      const { status, attempt, failures, error, expiresAt } = await lab.task('tsk_1');
      assert.deepEqual([status, attempt, failures, expiresAt], ['failed', 0, 0, null]);
      assert.deepEqual(error, {
        name: 'SymphonyError',
        code,
        message: 'Task tsk_1 was not started within 1000 ms: no worker had a free place to look for its agent.',
        attempt: 0,
      });
      assert.deepEqual(await lab.log('tsk_1'), ['created', 'failed']);
    });

    test('counts from when the task falls due', async (lab) => {
      await lab.submit('tsk_1', limited(start, { dueAt: lab.clock.now() + 60_000 }));
      await failsAfter(lab, 61_000, code);
    });

    test('counts from the submission of what should have been due before', async (lab) => {
      await lab.create('tsk_1', limited(start));
      await isLeft(lab);
      await lab.run({ type: 'submitTask', id: 'tsk_1', dueAt: lab.clock.now() - 600_000 });
      await failsAfter(lab, 1_000, code);
    });

    test('begins when the last task that it waits for has completed', async (lab) => {
      await lab.submit('tsk_0');
      await lab.submit('tsk_1', limited(start, { dependsOn: [{ name: 'first', taskId: 'tsk_0' }] }));
      await isLeft(lab);
      await lab.start('tsk_0');
      await lab.complete('tsk_0');
      await failsAfter(lab, 1_000, code, 'wrk_1');
    });

    test('begins anew with each retry, when its delay is over', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', limited(start));
      await pass(lab, 5_000, 'wrk_1');
      await lab.fail('tsk_1');
      await failsAfter(lab, 2_000, code, 'wrk_1');
    });

    test('begins anew where an attempt is handed back', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', limited(start));
      await pass(lab, 5_000, 'wrk_1');
      await lab.end('tsk_1', { type: 'release', reason: 'draining' });
      await failsAfter(lab, 1_000, code, 'wrk_1');
    });

    test('does not pass while the workflow is paused, and begins anew when it is resumed', async (lab) => {
      await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1') });
      await lab.submit('tsk_1', limited(start, { workflowId: 'wf_1' }));
      await lab.clock.advance(999);
      await lab.run({ type: 'pauseWorkflow', id: 'wf_1' });
      // Not held back yet: the workflow's row counts, not what has been done about it.
      await isLeft(lab, 500);
      assert.equal((await lab.task('tsk_1')).held, true);
      await isLeft(lab);
      await lab.run(
        { type: 'resumeWorkflow', id: 'wf_1' },
        { type: 'alignTasks', workflowId: 'wf_1', limit: 10, graceMs: 0 },
      );
      await failsAfter(lab, 1_000, code);
    });

    test('does not pass once its caller has run the task, even if that one dies', async (lab) => {
      await lab.create('tsk_1', limited(start));
      await lab.start('tsk_1');
      await lab.die('wrk_1');
      assert.equal((await lab.task('tsk_1')).status, 'pending');
      await isLeft(lab);
    });

    test('is not outrun by a claim that comes later', async (lab) => {
      await lab.submit('tsk_1', limited(start, { agentId: 'a' }));
      await lab.submit('tsk_2', { agentId: 'a' });
      await lab.openWorker('wrk_1', ['a']);
      await lab.clock.advance(1_000);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_2']);
      assert.equal((await lab.task('tsk_1')).error?.code, code);
    });

    test('passes also while a route is looked for, and the decision then comes too late', async (lab) => {
      await lab.openWorker('wrk_1', ['a']);
      await lab.submit('tsk_1', limited(start));
      await lab.bind('tsk_1', 'wrk_1');
      await lab.clock.advance(1_000);
      const decision = lab.decision('a');
      const { task } = await lab.run({ type: 'route', id: 'tsk_1', workerId: 'wrk_1', decision, claim: true });
      assert.deepEqual([task?.status, task?.error?.code], ['failed', code]);
    });

    const reasons: readonly (readonly [why: string, prepare: (lab: Lab) => Promise<unknown>])[] = [
      ['no worker hosts agent "a"', async (lab) => lab.submit('tsk_1', limited(start, { agentId: 'a' }))],
      [
        'agent "a" is disabled',
        async (lab) => {
          await lab.submit('tsk_1', limited(start, { agentId: 'a' }));
          await lab.run({ type: 'registerAgent', config: newAgentConfig('a') });
          await lab.run({ type: 'enableAgent', id: 'a', enabled: false });
        },
      ],
      [
        'agent "a" had no free place',
        async (lab) => {
          await lab.openWorker('wrk_1', ['a']);
          await lab.submit('tsk_1', limited(start, { agentId: 'a' }));
        },
      ],
      [
        'no agent could take it, see task.unroutable in its log',
        async (lab) => {
          await lab.openWorker('wrk_1', ['a']);
          await lab.submit('tsk_1', limited(start));
          await lab.bind('tsk_1', 'wrk_1');
          const [id, workerId] = ['tsk_1', 'wrk_1'];
          await lab.run({ type: 'defer', id, workerId, forMs: 1_000, code: 'NO_ROUTE', reason: 'nobody can' });
        },
      ],
    ];
    for (const [why, prepare] of reasons) {
      test(`says why, where the rows tell: ${why}`, async (lab) => {
        await prepare(lab);
        await lab.clock.advance(1_000);
        await sweep(lab, false);
        assert.equal((await lab.task('tsk_1')).error?.message, `Task tsk_1 was not started within 1000 ms: ${why}.`);
      });
    }
  });

  group('start-to-close', () => {
    const close = { startToCloseMs: 1_000 };
    const over = 1_000 + overdueMs;
    const code = 'START_TO_CLOSE_TIMEOUT';

    test('ends an attempt whose living process lets it and twice the grace pass: a failure like others', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', limited(close, { retry: { maxRetries: 1 } }));
      await pass(lab, over - 1, 'wrk_1');
      assert.equal((await lab.task('tsk_1')).status, 'running');
      await pass(lab, 1, 'wrk_1');
      const task = await lab.task('tsk_1');
      assert.deepEqual([task.status, task.failures, task.workerId], ['pending', 1, null]);
      assert.deepEqual(task.error, {
        name: 'SymphonyError',
        code,
        message: 'The attempt at task tsk_1 took longer than 1000 ms, and its process did not end it.',
        attempt: 1,
      });
      assert.equal((await lab.lastEvent('tsk_1')).type, 'task.retry_scheduled');
      assert.deepEqual(await lab.store.holding('wrk_1'), []);
      assert.deepEqual(await lab.report('tsk_1', 1, { type: 'complete', output: '1' }), { status: 'stale' });
      await lab.start('tsk_1', 'wrk_1');
      await failsAfter(lab, over, code, 'wrk_1');
    });

    test('is left to the process of the attempt by a sweeper that must not judge', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', limited(close));
      await lab.clock.advance(over);
      await sweep(lab, false);
      assert.equal((await lab.task('tsk_1')).status, 'running');
    });

    test('counts from the claim, and anew for each attempt', async (lab) => {
      await lab.submit('tsk_1', limited(close));
      await lab.clock.advance(3_600_000);
      await lab.start('tsk_1');
      await pass(lab, over - 1, 'wrk_1');
      await lab.end('tsk_1', { type: 'release', reason: 'draining' });
      await lab.start('tsk_1');
      await pass(lab, over - 1, 'wrk_1');
      assert.equal((await lab.task('tsk_1')).status, 'running');
    });

    test('is judged by the retries that its process would have allowed', async (lab) => {
      await lab.create('tsk_1', limited(close));
      await lab.openWorker('wrk_1', ['a']);
      await lab.run({ type: 'claimTask', id: 'tsk_1', workerId: 'wrk_1', agentId: 'a', defaultMaxRetries: 0 });
      await failsAfter(lab, over, code, 'wrk_1');
    });

    test('changes nothing for an attempt that is to be cancelled', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', limited(close));
      await lab.run({ type: 'cancelTask', id: 'tsk_1', graceMs: 60_000 });
      await pass(lab, 59_999, 'wrk_1');
      assert.equal((await lab.task('tsk_1')).status, 'running');
      await pass(lab, 1, 'wrk_1');
      assert.equal((await lab.task('tsk_1')).status, 'cancelled');
    });
  });

  group('schedule-to-close', () => {
    const close = { scheduleToCloseMs: 30_000 };
    const code = 'SCHEDULE_TO_CLOSE_TIMEOUT';

    test('fails a task that waits when it is over, not before', async (lab) => {
      await lab.submit('tsk_1', limited(close, { dueAt: lab.clock.now() + 5_000 }));
      assert.equal(await failsAfter(lab, 35_000, code), 'Task tsk_1 did not end within 30000 ms.');
    });

    test('runs on over attempts, delays and pauses', async (lab) => {
      await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1') });
      await lab.running('tsk_1', 'wrk_1', 'a', limited(close, { workflowId: 'wf_1' }));
      await pass(lab, 9_000, 'wrk_1');
      await lab.fail('tsk_1');
      await lab.run({ type: 'pauseWorkflow', id: 'wf_1' });
      await pass(lab, 9_000, 'wrk_1');
      await lab.run(
        { type: 'resumeWorkflow', id: 'wf_1' },
        { type: 'alignTasks', workflowId: 'wf_1', limit: 10, graceMs: 0 },
      );
      await lab.start('tsk_1');
      await lab.end('tsk_1', { type: 'release', reason: 'draining' });
      await failsAfter(lab, 12_000, code, 'wrk_1');
    });

    test('passes also in a pause', async (lab) => {
      await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1') });
      await lab.submit('tsk_1', limited(close, { workflowId: 'wf_1' }));
      await lab.run({ type: 'pauseWorkflow', id: 'wf_1' });
      await lab.run({ type: 'alignTasks', workflowId: 'wf_1', limit: 10, graceMs: 0 });
      await failsAfter(lab, 30_000, code);
    });

    test('ends an attempt whose living process lets it and twice the grace pass, for good', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', limited(close, { retry: { maxRetries: 5 } }));
      await failsAfter(lab, 30_000 + overdueMs, code, 'wrk_1');
      assert.equal((await lab.task('tsk_1')).failures, 1);
    });

    test('tells the attempt how much is left of it', async (lab) => {
      await lab.submit('tsk_1', limited(close));
      await lab.clock.advance(12_000);
      assert.equal((await lab.start('tsk_1')).timeLimits.closeAfterMs, 18_000);
    });

    test('of a task that only its caller starts counts from there', async (lab) => {
      await lab.create('tsk_1', limited(close));
      await isLeft(lab);
      await lab.start('tsk_1');
      await lab.end('tsk_1', { type: 'release', reason: 'draining' });
      await failsAfter(lab, 30_000, code, 'wrk_1');
    });

    test('lets nobody start an attempt after it: who wants to is told how the task has ended', async (lab) => {
      await lab.submit('tsk_1', limited(close));
      await lab.openWorker('wrk_1', ['a']);
      await lab.clock.advance(30_000);
      const { task } = await lab.run({ type: 'claimTask', id: 'tsk_1', workerId: 'wrk_1', agentId: 'a' });
      assert.deepEqual([task?.status, task?.attempt, task?.error?.code], ['failed', 0, code]);
    });

    test('ends a task that waits for something outside', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', limited(close));
      await lab.end('tsk_1', { type: 'suspend' });
      await failsAfter(lab, 30_000, code, 'wrk_1');
    });

    test('begins anew with a retry by hand', async (lab) => {
      await lab.submit('tsk_1', limited(close));
      await failsAfter(lab, 30_000, code);
      await lab.clock.advance(60_000);
      await lab.run({ type: 'retryTask', id: 'tsk_1' });
      await failsAfter(lab, 30_000, code);
    });
  });

  group('the time limits of an agent', () => {
    test('hold from the creation of a task that is pinned to it, except where the task has its own', async (lab) => {
      await register(lab, { scheduleToStartMs: 9_000, scheduleToCloseMs: 20_000 });
      await lab.submit('tsk_1', limited({ scheduleToStartMs: 2_000 }, { agentId: 'a' }));
      const { timeLimits } = await lab.task('tsk_1');
      assert.deepEqual([timeLimits.scheduleToStartMs, timeLimits.scheduleToCloseMs], [2_000, 20_000]);
      await failsAfter(lab, 2_000, 'SCHEDULE_TO_START_TIMEOUT');
    });

    test('hold from when a task is given to it', async (lab) => {
      await register(lab, { scheduleToStartMs: 2_000 });
      await lab.submit('tsk_1');
      await isLeft(lab);
      await lab.openWorker('wrk_1');
      await lab.bind('tsk_1', 'wrk_1');
      const decision = lab.decision('a');
      await lab.run({ type: 'route', id: 'tsk_1', workerId: 'wrk_1', decision, claim: false });
      await failsAfter(lab, 2_000, 'SCHEDULE_TO_START_TIMEOUT', 'wrk_1');
    });

    test('hold for an attempt as the process that runs it has them', async (lab) => {
      await register(lab, { startToCloseMs: 1, scheduleToCloseMs: 60_000 });
      await lab.submit('tsk_1', limited({ idleMs: 700 }, { agentId: 'a' }));
      await lab.openWorker('wrk_1', ['a']);
      const timeouts = { a: { startToCloseMs: 5_000, idleMs: 1, scheduleToCloseMs: 1 } };
      const { claimed } = await lab.commit([], { workerId: 'wrk_1', hosts: ['a'], limit: 1, timeouts });
      const limits = claimed[0]?.timeLimits;
      assert.deepEqual([limits?.startToCloseMs, limits?.idleMs, limits?.closeAfterMs], [5_000, 700, 60_000]);
    });

    test('hold for an attempt that starts where it was routed', async (lab) => {
      await lab.openWorker('wrk_1', ['a']);
      await lab.submit('tsk_1');
      await lab.bind('tsk_1', 'wrk_1');
      const timeouts = { startToCloseMs: 5_000 };
      const route: Command = {
        type: 'route',
        id: 'tsk_1',
        workerId: 'wrk_1',
        decision: lab.decision('a'),
        claim: true,
        timeouts,
      };
      assert.equal((await lab.run(route)).task?.timeLimits.startToCloseMs, 5_000);
    });

    test('end with the assignment: when it refuses the task, or is not hosted any more', async (lab) => {
      await register(lab, { scheduleToStartMs: 3_600_000, scheduleToCloseMs: 3_600_000 });
      const own = limited({ scheduleToCloseMs: 7_200_000 });
      await lab.assigned('tsk_1', 'a', own);
      await lab.running('tsk_2', 'wrk_2', 'a', own);
      await lab.end('tsk_2', { type: 'refuse', reason: 'not mine' });
      await lab.die('wrk_2');
      await lab.clock.advance(60_000);
      await sweep(lab);
      for (const id of ['tsk_1', 'tsk_2']) {
        const { agentId, timeLimits } = await lab.task(id);
        assert.deepEqual([agentId, Object.keys(timeLimits).sort()], [null, ['closeBy', 'scheduleToCloseMs']]);
      }
    });

    test('hold anew after a retry by hand', async (lab) => {
      await register(lab, { scheduleToStartMs: 2_000 });
      await lab.submit('tsk_1', { agentId: 'a' });
      await failsAfter(lab, 2_000, 'SCHEDULE_TO_START_TIMEOUT');
      await lab.run({ type: 'retryTask', id: 'tsk_1' });
      await failsAfter(lab, 2_000, 'SCHEDULE_TO_START_TIMEOUT');
    });
  });

  group('a time limit', () => {
    for (const ms of [1, longestDuration]) {
      test(`of ${ms === 1 ? 'a millisecond' : 'ten years'} is kept to the millisecond`, async (lab) => {
        await lab.submit('tsk_1', limited({ scheduleToStartMs: ms, scheduleToCloseMs: ms }));
        await lab.clock.advance(ms - 1);
        await sweep(lab);
        assert.equal((await lab.task('tsk_1')).status, 'pending');
        await lab.clock.advance(1);
        await sweep(lab);
        assert.equal((await lab.task('tsk_1')).status, 'failed');
      });
    }

    test('is not passed by a wall clock that is set on', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', limited({ startToCloseMs: 1_000 }));
      await lab.submit('tsk_2', limited({ scheduleToStartMs: 20_000 }));
      await lab.submit('tsk_3', limited({ scheduleToCloseMs: 20_000 }));
      lab.clock.jump(3_600_000);
      await pass(lab, 10_999, 'wrk_1');
      const statuses = async (): Promise<readonly string[]> =>
        (await lab.store.listTasks({ limit: 10 })).map(({ status }) => status);
      assert.deepEqual(await statuses(), ['running', 'pending', 'pending']);
      await pass(lab, 1, 'wrk_1');
      assert.deepEqual(await statuses(), ['pending', 'pending', 'pending']);
      await pass(lab, 9_000, 'wrk_1');
      assert.deepEqual((await statuses()).slice(1), ['failed', 'failed']);
    });

    test(
      'goes by the wall clock after the machine was started anew',
      async (lab) => {
        await lab.submit('tsk_1', limited({ scheduleToCloseMs: 3_600_000 }));
        await lab.clock.advance(60_000);
        await again(
          subject,
          lab,
          async (other) => {
            await other.clock.advance(3_539_999);
            await sweep(other);
            assert.equal((await other.task('tsk_1')).status, 'pending');
            await other.clock.advance(1);
            await sweep(other);
            assert.equal((await other.task('tsk_1')).status, 'failed');
          },
          'reboot',
        );
      },
      { skip: subject.reboot === undefined && 'it lives no longer than its process' },
    );

    test('that a task fails of ends what depends on it, and its workflow where that fails fast', async (lab) => {
      await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1', { onFailure: 'failFast' }) });
      await lab.submit('tsk_1', limited({ scheduleToStartMs: 1_000 }, { workflowId: 'wf_1' }));
      await lab.submit('tsk_2', limited({ scheduleToStartMs: 1_000 }, { workflowId: 'wf_1' }));
      await lab.submit('tsk_3', { workflowId: 'wf_1', dependsOn: [{ name: 'first', taskId: 'tsk_1' }] });
      await lab.submit('tsk_4', { workflowId: 'wf_1' });
      await lab.clock.advance(1_000);
      await sweep(lab);
      const tasks = await lab.store.listTasks({ limit: 10 });
      assert.deepEqual(
        tasks.map(({ status, error }) => [status, error?.code]),
        [
          ['failed', 'SCHEDULE_TO_START_TIMEOUT'],
          ['failed', 'SCHEDULE_TO_START_TIMEOUT'],
          ['cancelled', 'DEPENDENCY_FAILED'],
          ['cancelled', undefined],
        ],
      );
      assert.equal((await lab.workflow('wf_1')).settledAt, lab.clock.now());
    });

    test('of a task whose workflow is being cancelled does not make it fail', async (lab) => {
      await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1') });
      await lab.submit('tsk_1', limited({ scheduleToStartMs: 1_000 }, { workflowId: 'wf_1' }));
      await lab.clock.advance(1_000);
      await lab.run({ type: 'cancelWorkflow', id: 'wf_1' });
      await sweep(lab);
      assert.equal((await lab.task('tsk_1')).status, 'cancelled');
    });

    test('of very many tasks is seen to in bounded amounts', async (lab) => {
      await lab.run(
        ...Array.from({ length: 1_001 }, (_, index): Command => {
          const task = newTask(`tsk_${String(index).padStart(4, '0')}`, limited({ scheduleToStartMs: 1_000 }));
          return { type: 'createTask', task, submit: true };
        }),
      );
      await lab.clock.advance(1_000);
      assert.equal((await lab.store.sweep({ markDead: false })).more, true);
      assert.equal((await lab.store.stats()).tasks.failed, 1_000);
      assert.equal((await lab.store.sweep({ markDead: false })).more, false);
      assert.equal((await lab.store.stats()).tasks.failed, 1_001);
    });

    test('that passes as the attempt reports: one of the two ends it', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', limited({ startToCloseMs: 1_000 }));
      for (let index = 0; index < 4; index++) {
        await lab.clock.advance(2_750);
        await lab.renew('wrk_1', ['a']);
      }
      const report: Command = {
        type: 'report',
        id: 'tsk_1',
        attempt: 1,
        command: failure({ retryable: false }),
      };
      const [answer] = await Promise.all([lab.answer(report), sweep(lab)]);
      const { status, failures } = await lab.task('tsk_1');
      assert.equal(failures, 1);
      assert.equal(status, answer.status === 'ok' ? 'failed' : 'pending');
    });
  });
}
