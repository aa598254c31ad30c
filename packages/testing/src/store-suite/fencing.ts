import assert from 'node:assert/strict';
import type { Command } from '@symphony/core';
import { newTask } from '../builders.ts';
import { failure, type AttemptEnd, type Lab } from './lab.ts';
import type { Suite } from './suite.ts';

/** `attempt` is the fence: a late worker's write changes nothing and tells it that it lost. */
export function fencing({ group, test }: Suite): void {
  const ends: readonly AttemptEnd[] = [
    { type: 'complete', output: '"late"' },
    failure(),
    { type: 'refuse', reason: 'late' },
    { type: 'release', reason: 'late' },
    { type: 'suspend' },
  ];
  const step = (attempt: number, output = '"late"'): Command => ({
    type: 'recordStep',
    step: { taskId: 'tsk_1', agentId: 'a', identity: 'late', attempt, output, inputHash: null, at: 0 },
  });
  /** Attempt 1 was taken from its worker; attempt 2 runs elsewhere. */
  const takenOver = async (lab: Lab): Promise<void> => {
    await lab.running('tsk_1');
    await lab.die('wrk_1');
    await lab.openWorker('wrk_2', ['a']);
    assert.deepEqual(await lab.claimedIds('wrk_2', ['a']), ['tsk_1']);
  };

  group('the attempt is the fence', () => {
    for (const end of ends) {
      test(`a stale ${end.type} writes neither row nor event`, async (lab) => {
        await takenOver(lab);
        await lab.unchanged('tsk_1', async () =>
          assert.deepEqual(await lab.report('tsk_1', 1, end), { status: 'stale' }),
        );
        await lab.complete('tsk_1', '"won"');
        assert.equal((await lab.task('tsk_1')).output, '"won"');
      });
    }

    test('a stale step is not recorded', async (lab) => {
      await takenOver(lab);
      await lab.unchanged('tsk_1', async () => assert.deepEqual(await lab.answer(step(1)), { status: 'stale' }));
      assert.deepEqual(await lab.store.steps('tsk_1', 'a'), []);
    });

    test('stale progress is not stored', async (lab) => {
      await takenOver(lab);
      const late: Command = { type: 'progress', id: 'tsk_1', attempt: 1, value: '"late"' };
      await lab.unchanged('tsk_1', async () => assert.deepEqual(await lab.answer(late), { status: 'stale' }));
    });

    test('an attempt that has not begun cannot write either', async (lab) => {
      await lab.running('tsk_1');
      for (const end of ends) {
        await lab.unchanged('tsk_1', async () =>
          assert.deepEqual(await lab.report('tsk_1', 2, end), { status: 'stale' }),
        );
      }
      await lab.unchanged('tsk_1', async () => assert.deepEqual(await lab.answer(step(2)), { status: 'stale' }));
    });

    test('the last attempt cannot write once it has ended: of two reports one wins', async (lab) => {
      await lab.running('tsk_1');
      const answers = await Promise.all(ends.map((end) => lab.report('tsk_1', 1, end)));
      assert.deepEqual(
        answers.map(({ status }) => status),
        ['ok', 'stale', 'stale', 'stale', 'stale'],
      );
      assert.equal((await lab.task('tsk_1')).status, 'completed');
      await lab.unchanged('tsk_1', async () => assert.deepEqual(await lab.answer(step(1)), { status: 'stale' }));
    });

    test('an attempt that was handed back cannot write while the task waits', async (lab) => {
      await lab.running('tsk_1');
      await lab.end('tsk_1', { type: 'release', reason: 'shutdown' });
      for (const end of ends) {
        await lab.unchanged('tsk_1', async () =>
          assert.deepEqual(await lab.report('tsk_1', 1, end), { status: 'stale' }),
        );
      }
    });

    test('a stale command takes its whole group with it, and no other group', async (lab) => {
      await takenOver(lab);
      const { results } = await lab.commit([
        [{ type: 'createTask', task: newTask('tsk_2'), submit: true }, step(1)],
        [{ type: 'report', id: 'tsk_1', attempt: 2, command: { type: 'complete', output: '1' } }],
        [
          { type: 'createTask', task: newTask('tsk_3'), submit: true },
          { type: 'progress', id: 'tsk_1', attempt: 2, value: '1' },
        ],
      ]);
      assert.deepEqual(
        results.map(({ status }) => status),
        ['stale', 'ok', 'stale'],
      );
      assert.equal(await lab.store.getTask('tsk_2'), undefined);
      assert.equal(await lab.store.getTask('tsk_3'), undefined);
    });

    test('reports on an unknown task are TASK_NOT_FOUND', async (lab) => {
      await lab.refused('TASK_NOT_FOUND', {
        type: 'report',
        id: 'tsk_1',
        attempt: 1,
        command: { type: 'complete', output: '1' },
      });
      await lab.refused('TASK_NOT_FOUND', step(1));
      await lab.refused('TASK_NOT_FOUND', { type: 'progress', id: 'tsk_1', attempt: 1, value: '1' });
    });

    test('attempts are numbered 1..n over every way of ending, and none is used twice', async (lab) => {
      await lab.running('tsk_1');
      await lab.end('tsk_1', { type: 'release', reason: 'shutdown' });
      await lab.start('tsk_1');
      await lab.fail('tsk_1');
      await lab.start('tsk_1');
      await lab.die('wrk_1');
      await lab.start('tsk_1', 'wrk_2');
      await lab.fail('tsk_1', { retryable: false });
      await lab.run({ type: 'retryTask', id: 'tsk_1' });
      assert.equal((await lab.start('tsk_1', 'wrk_2')).attempt, 5);
    });
  });

  group('version', () => {
    test('is raised by changes of status and by nothing else', async (lab) => {
      const versions: number[] = [];
      const note = async (): Promise<unknown> => versions.push((await lab.task('tsk_1')).version);
      await lab.running('tsk_1');
      await note();
      await lab.answer(step(1));
      await lab.run({ type: 'progress', id: 'tsk_1', attempt: 1, value: '1' });
      await lab.run({
        type: 'note',
        id: 'tsk_1',
        event: { type: 'task.late_result', data: { attempt: 1, outcome: 'resolved' } },
      });
      await lab.renew('wrk_1', ['a']);
      await lab.run({ type: 'cancelTask', id: 'tsk_1', graceMs: 1_000 });
      await note();
      await lab.complete('tsk_1');
      await note();
      await lab.run({ type: 'retryTask', id: 'tsk_1' });
      await note();
      assert.deepEqual(versions, [2, 2, 3, 4]);
    });
  });
}
