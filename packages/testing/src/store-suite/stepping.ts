import assert from 'node:assert/strict';
import type { Command, StepRow } from '@symphony/core';
import type { Lab } from './lab.ts';
import type { Suite } from './suite.ts';

/** The journal: what an attempt has done and no other does again. */
export function stepping({ group, test }: Suite): void {
  const record = (identity: string, more: Partial<StepRow> = {}): Command => ({
    type: 'recordStep',
    step: { taskId: 'tsk_1', agentId: 'a', identity, attempt: 1, output: 'null', inputHash: null, at: 0, ...more },
  });
  const identities = async (lab: Lab, agentId = 'a'): Promise<readonly string[]> =>
    (await lab.store.steps('tsk_1', agentId)).map(({ identity }) => identity);

  group('a step', () => {
    test('is recorded with its output, under the time of the store', async (lab) => {
      await lab.running('tsk_1');
      await lab.clock.advance(9);
      await lab.run(record('fetch#1', { output: '{"n":1}', inputHash: 'abc', at: 5 }));
      assert.deepEqual(await lab.store.steps('tsk_1', 'a'), [
        {
          taskId: 'tsk_1',
          agentId: 'a',
          identity: 'fetch#1',
          attempt: 1,
          output: '{"n":1}',
          inputHash: 'abc',
          at: lab.clock.now(),
        },
      ]);
    });

    test('stands in the journal in the order of recording', async (lab) => {
      await lab.running('tsk_1');
      await lab.run(record('z#1'));
      await lab.run(record('a#1'), record('m#1'));
      await lab.run(record('z#2'));
      assert.deepEqual(await identities(lab), ['z#1', 'a#1', 'm#1', 'z#2']);
    });

    test('recorded twice is recorded once: the first stands', async (lab) => {
      await lab.running('tsk_1');
      await lab.run(record('fetch#1', { output: '1' }));
      await lab.unchanged('tsk_1', () => lab.run(record('fetch#1', { output: '2' })));
      const steps = await lab.store.steps('tsk_1', 'a');
      assert.deepEqual(
        steps.map(({ output }) => output),
        ['1'],
      );
    });

    test('recorded twice in one commit is recorded once', async (lab) => {
      await lab.running('tsk_1');
      const { results } = await lab.commit([[record('one#1', { output: '1' })], [record('one#1', { output: '2' })]]);
      assert.deepEqual(
        results.map(({ status }) => status),
        ['ok', 'ok'],
      );
      assert.equal((await lab.store.steps('tsk_1', 'a'))[0]?.output, '1');
      await lab.run(record('two#1', { output: '1' }), record('two#1', { output: '2' }));
      assert.deepEqual(await identities(lab), ['one#1', 'two#1']);
    });

    test('is there for the next attempt of the same agent', async (lab) => {
      await lab.running('tsk_1');
      await lab.run(record('fetch#1'));
      await lab.die('wrk_1');
      await lab.start('tsk_1', 'wrk_2');
      await lab.run(record('write#1', { attempt: 2 }));
      const steps = await lab.store.steps('tsk_1', 'a');
      assert.deepEqual(
        steps.map(({ identity, attempt }) => [identity, attempt]),
        [
          ['fetch#1', 1],
          ['write#1', 2],
        ],
      );
    });

    test('belongs to task and agent: another agent starts an empty journal', async (lab) => {
      await lab.running('tsk_1');
      await lab.run(record('fetch#1', { output: '"of a"' }));
      await lab.end('tsk_1', { type: 'refuse', reason: 'not mine' });
      await lab.start('tsk_1', 'wrk_1', 'b');
      assert.deepEqual(await identities(lab, 'b'), []);
      await lab.run(record('fetch#1', { agentId: 'b', attempt: 2, output: '"of b"' }));
      assert.equal((await lab.store.steps('tsk_1', 'a'))[0]?.output, '"of a"');
      assert.equal((await lab.store.steps('tsk_1', 'b'))[0]?.output, '"of b"');
      assert.deepEqual(await lab.store.steps('tsk_2', 'a'), []);
    });

    test('ends a row of crashes, and the log says so', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', { retry: { maxCrashes: 2 } });
      await lab.die('wrk_1');
      await lab.start('tsk_1', 'wrk_2');
      assert.equal((await lab.task('tsk_1')).crashes, 1);
      await lab.run(record('fetch#1', { attempt: 2 }));
      assert.equal((await lab.task('tsk_1')).crashes, 0);
      const event = await lab.lastEvent('tsk_1');
      assert.deepEqual([event.type, event.data], ['task.recovered', { attempt: 2, crashes: 1 }]);
      await lab.die('wrk_2');
      assert.deepEqual([(await lab.task('tsk_1')).status, (await lab.task('tsk_1')).crashes], ['pending', 1]);
    });

    test('is stored with the end of its attempt, where they come together', async (lab) => {
      await lab.running('tsk_1');
      await lab.run(record('last#1'), {
        type: 'report',
        id: 'tsk_1',
        attempt: 1,
        command: { type: 'complete', output: '1' },
      });
      assert.deepEqual(await identities(lab), ['last#1']);
      assert.equal((await lab.task('tsk_1')).status, 'completed');
    });
  });
}
