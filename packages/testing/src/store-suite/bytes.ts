import assert from 'node:assert/strict';
import { checkName, encodeJson } from '@symphony/core';
import { newAgentConfig, newTask, newWorkflow } from '../builders.ts';
import type { Suite } from './suite.ts';

const mebibyte = 1024 * 1024;

/** What is stored comes back byte for byte. */
export function bytes({ group, test }: Suite): void {
  group('bytes come back as they were stored:', () => {
    for (const [name, text] of Object.entries(hardTexts())) {
      test(name, async (lab) => {
        await lab.running('tsk_1', 'wrk_1', 'a', { input: text, metadata: text });
        await lab.run({ type: 'progress', id: 'tsk_1', attempt: 1, value: text });
        await lab.run({
          type: 'recordStep',
          step: { taskId: 'tsk_1', agentId: 'a', identity: 'one#1', attempt: 1, output: text, inputHash: null, at: 0 },
        });
        const answered = await lab.complete('tsk_1', text);
        await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1', { metadata: text }) });
        const [listed] = await lab.store.listTasks({ limit: 1 });
        for (const task of [answered, listed, await lab.task('tsk_1')]) {
          for (const part of [task?.input, task?.metadata, task?.progress, task?.output]) same(part, text);
        }
        same((await lab.store.steps('tsk_1', 'a'))[0]?.output, text);
        same((await lab.workflow('wf_1')).metadata, text);
      });
    }

    test('an output of 4 MiB', async (lab) => {
      await lab.running('tsk_1');
      const output = encodeJson('é'.repeat(2 * mebibyte - 1), 'output', 4 * mebibyte);
      await lab.complete('tsk_1', output);
      same((await lab.task('tsk_1')).output, output);
    });

    test('a large part beside small ones, and what comes in its place', async (lab) => {
      const error = { name: 'Error', message: 'x'.repeat(5_000), attempt: 1 };
      await lab.running('tsk_1');
      assert.deepEqual((await lab.fail('tsk_1', { error, retryable: false })).error, error);
      assert.deepEqual((await lab.task('tsk_1')).error, error);
      await lab.run({ type: 'retryTask', id: 'tsk_1' });
      assert.equal((await lab.task('tsk_1')).error, null);
      await lab.start('tsk_1');
      assert.deepEqual((await lab.fail('tsk_1', { error: { ...error, message: 'small' } })).error?.message, 'small');
      assert.equal((await lab.task('tsk_1')).error?.message, 'small');
      await lab.start('tsk_1');
      await lab.complete('tsk_1', JSON.stringify(error));
      const { output, error: none } = await lab.task('tsk_1');
      assert.deepEqual([output, none], [JSON.stringify(error), null]);
    });

    test('a part that grows and shrinks', async (lab) => {
      await lab.running('tsk_1');
      for (const length of [1, 5_000, 10, 200_000, 0]) {
        const value = JSON.stringify('x'.repeat(length));
        await lab.run({ type: 'progress', id: 'tsk_1', attempt: 1, value });
        same((await lab.task('tsk_1')).progress, value);
      }
    });

    test('texts that people write: names, descriptions, errors, reasons', async (lab) => {
      const text = 'line one\nline two\ttab \u0000 NUL \ud800 half, 🎻 é "quoted" \\ \'single\' %s ${x}';
      await lab.running('tsk_1', 'wrk_1', 'a', { description: text, tags: ['é 🎻', "it's"] });
      assert.equal((await lab.task('tsk_1')).description, text);
      assert.deepEqual((await lab.task('tsk_1')).tags, ['é 🎻', "it's"]);
      const error = { name: 'E', message: text, code: 'X', stack: text.repeat(200), attempt: 1 };
      await lab.fail('tsk_1', { error });
      assert.deepEqual((await lab.task('tsk_1')).error, error);
      assert.deepEqual(((await lab.lastEvent('tsk_1')).data as { error: unknown }).error, error);
      await lab.start('tsk_1');
      await lab.run({ type: 'cancelTask', id: 'tsk_1', graceMs: 0, reason: text });
      assert.equal(((await lab.lastEvent('tsk_1')).data as { reason: string }).reason, text);
      await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1', { description: text }) });
      assert.equal((await lab.workflow('wf_1')).description, text);
      const config = newAgentConfig('a', { description: text, examples: [text, ''] });
      await lab.run({ type: 'registerAgent', config });
      assert.deepEqual((await lab.store.agents())[0]?.config, config);
    });

    test('names in any script', async (lab) => {
      const names = [
        'исполнитель',
        '指揮者',
        'مايسترو',
        '🎻',
        'e\u0301',
        'a/b?c=d&e#f',
        'NULL',
        '0',
        'constructor',
        'toString',
      ];
      for (const name of names) {
        checkName(name, 'name');
        await lab.submit(`tsk_${name}`, { name, agentId: name, idempotencyKey: name });
        await lab.openWorker(`wrk_${name}`, [name]);
        assert.deepEqual(await lab.claimedIds(`wrk_${name}`, [name]), [`tsk_${name}`]);
        assert.equal((await lab.complete(`tsk_${name}`)).name, name);
        await lab.run({ type: 'registerAgent', config: newAgentConfig(name) });
      }
      assert.equal((await lab.store.agents()).length, names.length);
    });

    test('times at the ends of what a task may have', async (lab) => {
      const last = 253_402_300_799_999;
      await lab.run({ type: 'createTask', task: newTask('tsk_1', { dueAt: last, priority: -100 }), submit: true });
      await lab.run({ type: 'createTask', task: newTask('tsk_2', { dueAt: 0, priority: 100 }), submit: true });
      const [late, early] = [await lab.task('tsk_1'), await lab.task('tsk_2')];
      assert.deepEqual([late.dueAt, late.claimKey], [last, last + 6_000_000]);
      assert.deepEqual([early.dueAt, early.claimKey], [0, -6_000_000]);
    });
  });
}

// Texts of a mebibyte must not be printed where they differ.
function same(got: string | null | undefined, expected: string): void {
  if (got === expected) return;
  let at = 0;
  while (at < expected.length && got?.[at] === expected[at]) at++;
  assert.fail(`${String(got?.length)} characters came back instead of ${expected.length}, different from ${at} on`);
}

/** JSON texts that a store must return byte for byte, by what is hard about them. */
function hardTexts(): { readonly [name: string]: string } {
  return {
    NUL: encodeJson('before\u0000after', 'text', mebibyte),
    'NUL, written out': '"before\\u0000after"',
    'lone surrogates': encodeJson(['\ud800', '\udfff', 'a\ud83dz', '\udc00\ud800'], 'text', mebibyte),
    'emoji and combining marks': encodeJson('🎻👩‍👩‍👧‍👦 e\u0301 é ﷽ 𝄞', 'text', mebibyte),
    'all of the first 256 characters': encodeJson(
      String.fromCharCode(...Array.from({ length: 256 }, (_, code) => code)),
      'text',
      mebibyte,
    ),
    'noncharacters and marks of byte order': encodeJson('\ufffe\uffff\ufeff\u2028\u2029', 'text', mebibyte),
    'white space, order of keys and repeats': '{ "b" : 1,\n\t"a":2, "a" :3 }',
    'numbers as they were written': '[1.0, 1e2, -0, 0.1, 12345678901234567890, 1E-7]',
    'escapes as they were written': '"\\u0041\\/\\ud83c\\udfbb"',
    'what looks like SQL': encodeJson(`'); DROP TABLE tasks; --`, 'text', mebibyte),
    'a text that looks like a number': '"007"',
    'a number': '7',
    null: 'null',
    'a character over a kibibyte': encodeJson('x'.repeat(1_023), 'text', mebibyte),
    '1 MiB': encodeJson('x'.repeat(mebibyte - 2), 'text', mebibyte),
    '1 MiB of three-byte characters': encodeJson('あ'.repeat(Math.floor((mebibyte - 2) / 3)), 'text', mebibyte),
  };
}
