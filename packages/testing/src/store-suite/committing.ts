import assert from 'node:assert/strict';
import type { Command, TaskRecord } from '@symphony/core';
import { newAgentConfig, newTask, newWorkflow } from '../builders.ts';
import type { Suite } from './suite.ts';

/** What a commit promises: groups, their answers, and how far one reaches into another. */
export function committing({ group, test }: Suite): void {
  const create = (id: string): Command => ({ type: 'createTask', task: newTask(id), submit: false });
  const fails: Command = { type: 'submitTask', id: 'tsk_unknown', dueAt: 1 };

  group('a commit', () => {
    test('answers its groups in their order', async (lab) => {
      const { results, claimed } = await lab.commit([[create('tsk_2')], [fails], [create('tsk_1')]]);
      assert.deepEqual(
        results.map((result) => (result.status === 'ok' ? result.value.task?.id : result.status)),
        ['tsk_2', 'error', 'tsk_1'],
      );
      assert.deepEqual(claimed, []);
    });

    test('of nothing is answered with nothing', async (lab) => {
      assert.deepEqual(await lab.commit([]), { results: [], claimed: [] });
      assert.deepEqual(await lab.commit([[]]), { results: [{ status: 'ok', value: {} }], claimed: [] });
      assert.equal(await lab.store.lastPosition(), 0);
    });

    test('carries out a group whole or not at all', async (lab) => {
      await lab.submit('tsk_known');
      const before = await lab.task('tsk_known');
      const error = await lab.refused(
        'TASK_NOT_FOUND',
        create('tsk_1'),
        { type: 'createWorkflow', workflow: newWorkflow('wf_1') },
        { type: 'cancelTask', id: 'tsk_known', graceMs: 0 },
        { type: 'registerAgent', config: newAgentConfig('a') },
        fails,
      );
      assert.deepEqual(error.details, { taskId: 'tsk_unknown' });
      assert.equal(await lab.store.getTask('tsk_1'), undefined);
      assert.equal(await lab.store.getWorkflow('wf_1'), undefined);
      assert.deepEqual(await lab.store.agents(), []);
      assert.deepEqual(await lab.task('tsk_known'), before);
    });

    test('that refuses a group carries out its neighbours', async (lab) => {
      const { results } = await lab.commit([[create('tsk_1')], [create('tsk_2'), fails], [create('tsk_3')]]);
      assert.deepEqual(
        results.map(({ status }) => status),
        ['ok', 'error', 'ok'],
      );
      const tasks = await lab.store.listTasks({ limit: 10 });
      assert.deepEqual(
        tasks.map(({ id }) => id),
        ['tsk_1', 'tsk_3'],
      );
    });

    test('isolates a group that the store cannot carry out, and names the failure STORE_FAILED', async (lab) => {
      await lab.openWorker('wrk_1', ['a']);
      const poison = { type: 'no such command' } as unknown as Command;
      const { results, claimed } = await lab.commit(
        [[create('tsk_1')], [create('tsk_2'), poison], [{ type: 'createTask', task: newTask('tsk_3'), submit: true }]],
        { workerId: 'wrk_1', hosts: ['a'], limit: 5 },
      );
      assert.deepEqual(
        results.map((result) => (result.status === 'error' ? result.code : result.status)),
        ['ok', 'STORE_FAILED', 'ok'],
      );
      assert.deepEqual(
        claimed.map(({ id }) => id),
        ['tsk_3'],
      );
      assert.equal(await lab.store.getTask('tsk_2'), undefined);
    });

    test('isolates a group that the store cannot carry out from other commits of the same moment', async (lab) => {
      const poison = { type: 'no such command' } as unknown as Command;
      const commits = Array.from({ length: 20 }, (_, index) =>
        lab.answer(index === 7 ? poison : create(`tsk_${index}`)).then(({ status }) => status),
      );
      const statuses = await Promise.all(commits);
      assert.deepEqual(
        statuses,
        statuses.map((_, index) => (index === 7 ? 'error' : 'ok')),
      );
    });

    test('shows each command what those before it did, within its group and in the groups before', async (lab) => {
      const { results } = await lab.commit([
        [create('tsk_1'), { type: 'submitTask', id: 'tsk_1', dueAt: 5 }],
        [{ type: 'cancelTask', id: 'tsk_1', graceMs: 0 }],
        [{ type: 'retryTask', id: 'tsk_1' }],
      ]);
      assert.deepEqual(
        results.map((result) => (result.status === 'ok' ? result.value.task?.status : result)),
        ['pending', 'cancelled', 'pending'],
      );
      assert.deepEqual(await lab.log('tsk_1'), ['created', 'submitted', 'cancelled', 'retried']);
    });

    test('answers a group with the value of its last command, as the task then is', async (lab) => {
      await lab.openWorker('wrk_1', ['a']);
      const { task } = await lab.run(create('tsk_0'), create('tsk_1'), {
        type: 'claimTask',
        id: 'tsk_1',
        workerId: 'wrk_1',
        agentId: 'a',
      });
      assert.deepEqual(task, await lab.task('tsk_1'));
    });

    test('claims after its groups, so that what they made due can be taken at once', async (lab) => {
      await lab.openWorker('wrk_1', ['a']);
      const { claimed } = await lab.commit(
        [[{ type: 'createTask', task: newTask('tsk_1', { agentId: 'a' }), submit: true }]],
        {
          workerId: 'wrk_1',
          hosts: ['a'],
          limit: 1,
        },
      );
      assert.deepEqual(claimed, [await lab.task('tsk_1')]);
      assert.equal(claimed[0]?.status, 'running');
    });

    test('of many at the same moment is answered to each caller alone', async (lab) => {
      const ids = Array.from({ length: 200 }, (_, index) => `tsk_${String(index).padStart(3, '0')}`);
      const values = await Promise.all(ids.map((id) => lab.run(create(id))));
      assert.deepEqual(
        values.map(({ task }) => task?.id),
        ids,
      );
      assert.equal((await lab.store.listTasks({ limit: 1_000 })).length, 200);
    });
  });

  group('createTask', () => {
    test('stores a task that is its caller’s to start: pending and not due', async (lab) => {
      const task = newTask('tsk_1', {
        name: 'brief',
        description: 'A description.',
        input: '{"query":"?"}',
        tags: ['one', 'two'],
        requirements: { capabilities: ['research'] },
        metadata: '{"by":"me"}',
        priority: 7,
        retry: { maxRetries: 1, factor: 1.5, jitter: 'none' },
        timeouts: { startToCloseMs: 5_000 },
        idempotencyKey: 'key',
      });
      const value = await lab.run({ type: 'createTask', task, submit: false });
      const expected: TaskRecord = {
        ...task,
        status: 'pending',
        version: 1,
        attempt: 0,
        failures: 0,
        crashes: 0,
        dueAt: null,
        claimKey: null,
        pinned: false,
        workerId: null,
        boundTo: null,
        boundUntil: null,
        held: false,
        cancelAt: null,
        openDependencies: 0,
        parentId: null,
        refusedBy: [],
        timeLimits: { startToCloseMs: 5_000 },
        expiresAt: null,
        lastSeq: 1,
        createdAt: lab.clock.now(),
        startedAt: null,
        finishedAt: null,
        unroutable: false,
        output: null,
        error: null,
        progress: null,
      };
      assert.deepEqual(value.task, expected);
      assert.deepEqual(await lab.task('tsk_1'), expected);
      assert.deepEqual(await lab.events('tsk_1'), [
        {
          position: 1,
          subject: 'tsk_1',
          seq: 1,
          workflowId: undefined,
          type: 'task.created',
          at: lab.clock.now(),
          data: { name: 'brief', priority: 7 },
        },
      ]);
    });

    test('makes a submitted task due at once, or when its creator says', async (lab) => {
      assert.equal((await lab.submit('tsk_1')).dueAt, lab.clock.now());
      const later = await lab.submit('tsk_2', { dueAt: lab.clock.now() + 90_000, priority: 2 });
      assert.deepEqual([later.dueAt, later.claimKey], [lab.clock.now() + 90_000, lab.clock.now() - 30_000]);
      assert.deepEqual((await lab.lastEvent('tsk_2')).data, { name: 'task', priority: 2, dueAt: later.dueAt });
    });

    test('pins a task to the agent that its creator names', async (lab) => {
      const task = await lab.submit('tsk_1', { agentId: 'a' });
      assert.deepEqual([task.agentId, task.pinned], ['a', true]);
    });

    test('refuses an unknown workflow and stores nothing', async (lab) => {
      await lab.refused('WORKFLOW_NOT_FOUND', {
        type: 'createTask',
        task: newTask('tsk_1', { workflowId: 'wf_1' }),
        submit: true,
      });
      assert.equal(await lab.store.getTask('tsk_1'), undefined);
    });
  });

  group('submitTask', () => {
    test('releases a created task', async (lab) => {
      await lab.create('tsk_1');
      const { task } = await lab.run({ type: 'submitTask', id: 'tsk_1', dueAt: lab.clock.now() });
      assert.equal(task?.dueAt, lab.clock.now());
      assert.deepEqual(await lab.log('tsk_1'), ['created', 'submitted']);
    });

    test('finds a task that is due, runs or has ended as it is', async (lab) => {
      await lab.submit('tsk_1');
      const submit: Command = { type: 'submitTask', id: 'tsk_1', dueAt: lab.clock.now() + 5 };
      await lab.unchanged('tsk_1', () => lab.run(submit));
      await lab.start('tsk_1');
      await lab.unchanged('tsk_1', () => lab.run(submit));
      await lab.complete('tsk_1');
      await lab.unchanged('tsk_1', () => lab.run(submit));
    });

    test('refuses an unknown task', async (lab) => {
      await lab.refused('TASK_NOT_FOUND', fails);
    });
  });
}
