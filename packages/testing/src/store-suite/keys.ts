import assert from 'node:assert/strict';
import type { Command, NewTaskRecord } from '@symphony/core';
import { newTask, newWorkflow } from '../builders.ts';
import type { Suite } from './suite.ts';

/** Idempotency keys and ids: one record for each, whoever asks and however often. */
export function keys({ group, test }: Suite): void {
  const create = (id: string, overrides: Partial<NewTaskRecord> = {}, submit = false): Command => ({
    type: 'createTask',
    task: newTask(id, { idempotencyKey: 'key', ...overrides }),
    submit,
  });

  group('an idempotency key', () => {
    test('with the same body is the same task', async (lab) => {
      await lab.run(create('tsk_1'));
      await lab.unchanged('tsk_1', async () => {
        assert.deepEqual(await lab.answer(create('tsk_2')), { status: 'duplicate', id: 'tsk_1' });
      });
      assert.equal(await lab.store.getTask('tsk_2'), undefined);
    });

    test('with another body is refused, and nothing is merged', async (lab) => {
      await lab.run(create('tsk_1'));
      const error = await lab.refused('IDEMPOTENCY_CONFLICT', create('tsk_2', { bodyHash: 'other' }));
      assert.deepEqual(error.details, { taskId: 'tsk_1', idempotencyKey: 'key' });
      assert.match(error.message, /"key".*tsk_1/);
    });

    test('used by 1,000 creators at the same moment makes one task', async (lab) => {
      const answers = await Promise.all(
        Array.from({ length: 1_000 }, (_, index) => lab.answer(create(`tsk_${index}`, {}, true))),
      );
      const made = answers.filter(({ status }) => status === 'ok');
      assert.equal(made.length, 1);
      const [task] = await lab.store.listTasks({ limit: 10 });
      assert.ok(task !== undefined);
      for (const answer of answers) {
        if (answer.status !== 'ok') assert.deepEqual(answer, { status: 'duplicate', id: task.id });
      }
      assert.deepEqual(await lab.log(task.id), ['created']);
      assert.equal(await lab.store.lastPosition(), 1);
    });

    test('used by many groups of one commit makes one task', async (lab) => {
      const { results } = await lab.commit(Array.from({ length: 100 }, (_, index) => [create(`tsk_${index}`)]));
      assert.deepEqual(results[0]?.status, 'ok');
      for (const result of results.slice(1)) assert.deepEqual(result, { status: 'duplicate', id: 'tsk_0' });
    });

    test('used twice in one group is refused whole', async (lab) => {
      const result = await lab.answer(create('tsk_1'), create('tsk_2'));
      assert.equal(result.status, 'error');
      assert.equal(await lab.store.lastPosition(), 0);
    });

    test('used with submit releases the task that was only created', async (lab) => {
      await lab.run(create('tsk_1'));
      const { task } = await lab.run(create('tsk_2', {}, true));
      assert.deepEqual([task?.id, task?.dueAt], ['tsk_1', lab.clock.now()]);
      assert.deepEqual(await lab.log('tsk_1'), ['created', 'submitted']);
      assert.deepEqual(await lab.answer(create('tsk_3', {}, true)), { status: 'duplicate', id: 'tsk_1' });
    });

    test('lives as long as the record', async (lab) => {
      await lab.run(create('tsk_1'));
      await lab.start('tsk_1');
      await lab.complete('tsk_1');
      assert.deepEqual(await lab.answer(create('tsk_2', {}, true)), { status: 'duplicate', id: 'tsk_1' });
    });

    test('is one for tasks and another for workflows', async (lab) => {
      await lab.run(create('tsk_1'));
      const workflow = newWorkflow('wf_1', { idempotencyKey: 'key' });
      await lab.run({ type: 'createWorkflow', workflow });
      assert.deepEqual(await lab.answer({ type: 'createWorkflow', workflow: { ...workflow, id: 'wf_2' } }), {
        status: 'duplicate',
        id: 'wf_1',
      });
      const error = await lab.refused('IDEMPOTENCY_CONFLICT', {
        type: 'createWorkflow',
        workflow: { ...workflow, id: 'wf_2', bodyHash: 'other' },
      });
      assert.deepEqual(error.details, { workflowId: 'wf_1', idempotencyKey: 'key' });
      assert.equal(await lab.store.getWorkflow('wf_2'), undefined);
    });

    test('tells upper case from lower case, and names that only look alike', async (lab) => {
      const different = ['key', 'Key', 'kéy', 'ke\u0301y', 'key2', 'clé 🎻'];
      for (const [index, idempotencyKey] of different.entries())
        await lab.run(create(`tsk_${index}`, { idempotencyKey }));
      for (const [index, idempotencyKey] of different.entries()) {
        assert.deepEqual(await lab.answer(create('tsk_x', { idempotencyKey })), {
          status: 'duplicate',
          id: `tsk_${index}`,
        });
      }
    });

    test('that nobody gave is nobody’s: tasks without one are all different', async (lab) => {
      await lab.create('tsk_1');
      await lab.create('tsk_2');
      assert.equal((await lab.store.listTasks({ limit: 10 })).length, 2);
    });
  });

  group('an id', () => {
    test('sent again with the same body is the same record: the answer to an unknown commit', async (lab) => {
      const task: Command = { type: 'createTask', task: newTask('tsk_1'), submit: true };
      const workflow: Command = { type: 'createWorkflow', workflow: newWorkflow('wf_1') };
      await lab.run(task);
      await lab.run(workflow);
      const position = await lab.store.lastPosition();
      assert.deepEqual(await lab.answer(task), { status: 'duplicate', id: 'tsk_1' });
      assert.deepEqual(await lab.answer(workflow), { status: 'duplicate', id: 'wf_1' });
      assert.equal(await lab.store.lastPosition(), position);
    });

    test('sent again with another body is refused', async (lab) => {
      await lab.create('tsk_1');
      await lab.refused('IDEMPOTENCY_CONFLICT', {
        type: 'createTask',
        task: newTask('tsk_1', { bodyHash: 'other' }),
        submit: true,
      });
    });
  });
}
