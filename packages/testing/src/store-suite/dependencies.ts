import assert from 'node:assert/strict';
import type { Command, NewTaskRecord } from '@symphony/core';
import { newTask, newWorkflow } from '../builders.ts';
import { failure, type Lab } from './lab.ts';
import type { Suite } from './suite.ts';

/** Tasks that wait for others: when they fall due, when they can't any more, and that graphs may be large. */
export function dependencies({ subject, group, test }: Suite): void {
  const { graphSize = 10_000 } = subject;
  const chainLength = Math.min(1_000, graphSize);
  const side = Math.floor(Math.sqrt(graphSize));

  group('a task that depends on others', () => {
    test('waits until the last of them has completed, and falls due in that transaction', async (lab) => {
      await lab.submit('tsk_a', { agentId: 'a' });
      await lab.submit('tsk_b', { agentId: 'a' });
      await lab.submit('tsk_c', { agentId: 'a', ...on('tsk_a', 'tsk_b') });
      await lab.openWorker('wrk_1', ['a']);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_a', 'tsk_b']);
      await lab.complete('tsk_a');
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      assert.equal((await lab.task('tsk_c')).openDependencies, 1);
      await lab.clock.advance(700);
      const report: Command = { type: 'report', id: 'tsk_b', attempt: 1, command: { type: 'complete', output: '1' } };
      const { claimed } = await lab.commit([[report]], { workerId: 'wrk_1', hosts: ['a'], limit: 10 });
      assert.deepEqual(
        claimed.map(({ id, status }) => [id, status]),
        [['tsk_c', 'running']],
      );
      assert.deepEqual(await lab.log('tsk_c'), ['created', 'unblocked', 'claimed']);
      assert.deepEqual((await lab.events('tsk_c'))[1]?.data, { dueAt: lab.clock.now() });
    });

    test('keeps what it was told to depend on, in the order given, under the names given', async (lab) => {
      for (const id of ['tsk_a', 'tsk_b']) await lab.create(id);
      const dependsOn = [
        { name: 'second ü🎻', taskId: 'tsk_b' },
        { name: 'first', taskId: 'tsk_a' },
      ];
      const created = await lab.create('tsk_c', { dependsOn });
      assert.deepEqual(created.dependsOn, dependsOn);
      assert.deepEqual((await lab.task('tsk_c')).dependsOn, dependsOn);
      assert.deepEqual((await lab.task('tsk_a')).dependsOn, []);
    });

    test('on one task by two names waits for it once', async (lab) => {
      await lab.submit('tsk_a');
      const dependsOn = [
        { name: 'one', taskId: 'tsk_a' },
        { name: 'two', taskId: 'tsk_a' },
      ];
      assert.equal((await lab.submit('tsk_b', { dependsOn })).openDependencies, 1);
      await lab.start('tsk_a');
      await lab.complete('tsk_a');
      assert.equal((await lab.task('tsk_b')).openDependencies, 0);
    });

    test('on what does not exist is refused with its group, naming it', async (lab) => {
      const { message } = await lab.refused('DEPENDENCY_NOT_FOUND', submit('tsk_a'), submit('tsk_b', on('tsk_none')));
      assert.match(message, /tsk_b.*tsk_none/);
      await lab.refused('DEPENDENCY_NOT_FOUND', submit('tsk_c', on('tsk_c')));
      assert.deepEqual(await lab.store.listTasks({ limit: 10 }), []);
    });

    test('is created with its workflow and all that it depends on, whole or not at all', async (lab) => {
      const tasks = [
        submit('tsk_a', { workflowId: 'wf_1' }),
        submit('tsk_b', { workflowId: 'wf_1', ...on('tsk_a') }),
        submit('tsk_c', { workflowId: 'wf_1', ...on('tsk_a', 'tsk_b') }),
      ];
      await lab.refused('DEPENDENCY_NOT_FOUND', createWorkflow(), ...tasks.toReversed());
      await lab.run(createWorkflow(), ...tasks);
      assert.deepEqual(await waiting(lab, 'tsk_a', 'tsk_b', 'tsk_c'), [0, 1, 2]);
      assert.equal((await lab.workflow('wf_1')).open, 3);
    });

    test('on one that has completed is due at once', async (lab) => {
      await lab.running('tsk_a');
      await lab.complete('tsk_a');
      await lab.submit('tsk_b', { agentId: 'a', ...on('tsk_a') });
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_b']);
    });

    test('is cancelled as it is created where one of them has failed', async (lab) => {
      await lab.running('tsk_a');
      await lab.fail('tsk_a', { retryable: false });
      const task = await lab.submit('tsk_b', on('tsk_a'));
      assert.deepEqual([task.status, task.error?.code], ['cancelled', 'DEPENDENCY_FAILED']);
      assert.deepEqual(await lab.task('tsk_b'), task);
      assert.deepEqual(await lab.log('tsk_b'), ['created', 'cancelled']);
    });

    test('that falls due later than they complete is taken when it is due', async (lab) => {
      await lab.running('tsk_a');
      await lab.submit('tsk_b', { agentId: 'a', dueAt: lab.clock.now() + 1_000, ...on('tsk_a') });
      await lab.complete('tsk_a');
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      await lab.clock.advance(1_000);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_b']);
    });

    test('that was created only is taken after it was submitted and freed, whichever comes first', async (lab) => {
      await lab.running('tsk_a');
      for (const id of ['tsk_b', 'tsk_c']) await lab.create(id, { agentId: 'a', ...on('tsk_a') });
      await lab.run({ type: 'submitTask', id: 'tsk_b', dueAt: lab.clock.now() });
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      await lab.complete('tsk_a');
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_b']);
      await lab.run({ type: 'submitTask', id: 'tsk_c', dueAt: lab.clock.now() });
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_c']);
    });

    test('is not started by id while it waits', async (lab) => {
      await lab.running('tsk_a');
      await lab.submit('tsk_b', on('tsk_a'));
      await lab.refused('TASK_BLOCKED', { type: 'claimTask', id: 'tsk_b', workerId: 'wrk_1', agentId: 'a' });
      await lab.complete('tsk_a');
      await lab.start('tsk_b');
    });

    test('in a paused workflow is held, freed or not, and goes on when that is resumed', async (lab) => {
      await lab.run(createWorkflow());
      await lab.running('tsk_a');
      await lab.submit('tsk_b', { workflowId: 'wf_1', agentId: 'a', ...on('tsk_a') });
      const align: Command = { type: 'alignTasks', workflowId: 'wf_1', limit: 10, graceMs: 0 };
      await lab.run({ type: 'pauseWorkflow', id: 'wf_1' }, align);
      await lab.complete('tsk_a');
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      await lab.run({ type: 'resumeWorkflow', id: 'wf_1' }, align);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_b']);
    });

    test('is not counted among what an agent has queued, nor unassigned, before it is freed', async (lab) => {
      await lab.running('tsk_a');
      await lab.submit('tsk_b', { agentId: 'b', ...on('tsk_a') });
      assert.equal((await lab.store.loads()).get('b')?.queued ?? 0, 0);
      assert.equal((await lab.store.stats()).due, 0);
      await lab.complete('tsk_a');
      assert.equal((await lab.store.stats()).due, 1);
    });
  });

  group('where a dependency fails or is cancelled', () => {
    test('its dependants are cancelled in the same transaction, however deep, over workflows', async (lab) => {
      for (const id of ['wf_1', 'wf_2']) await lab.run(createWorkflow(id));
      await lab.running('tsk_a', 'wrk_1', 'a', { workflowId: 'wf_1' });
      await lab.submit('tsk_b', { workflowId: 'wf_2', ...on('tsk_a') });
      await lab.submit('tsk_c', { workflowId: 'wf_1', ...on('tsk_b') });
      await lab.submit('tsk_d', { ...on('tsk_c') });
      await lab.submit('tsk_e', { workflowId: 'wf_2' });
      await lab.fail('tsk_a', { retryable: false });
      assert.deepEqual(await statuses(lab, 'tsk_b', 'tsk_c', 'tsk_d', 'tsk_e'), [
        'cancelled',
        'cancelled',
        'cancelled',
        'pending',
      ]);
      const { error } = await lab.task('tsk_d');
      assert.equal(error?.code, 'DEPENDENCY_FAILED');
      assert.match(error.message, /tsk_c/);
      assert.equal((await lab.workflow('wf_1')).settledAt, lab.clock.now());
      assert.deepEqual([(await lab.workflow('wf_2')).open, (await lab.workflow('wf_2')).cancelled], [1, 1]);
    });

    test('it is the same for one that is cancelled, rejected, swept or turns out to be poison', async (lab) => {
      const after = async (id: string): Promise<void> => {
        await lab.submit(`${id}_next`, on(id));
      };
      await lab.submit('tsk_cancelled');
      await after('tsk_cancelled');
      await lab.run({ type: 'cancelTask', id: 'tsk_cancelled', graceMs: 0 });
      await lab.openWorker('wrk_1', ['a']);
      await lab.submit('tsk_rejected');
      await after('tsk_rejected');
      await lab.bind('tsk_rejected', 'wrk_1');
      await lab.run({ type: 'reject', id: 'tsk_rejected', workerId: 'wrk_1', reason: 'nobody' });
      await lab.running('tsk_swept');
      await after('tsk_swept');
      await lab.run({ type: 'cancelTask', id: 'tsk_swept', graceMs: 100 });
      await lab.clock.advance(100);
      await lab.store.sweep({ markDead: false });
      await lab.running('tsk_poison', 'wrk_2', 'a', { retry: { maxCrashes: 1 } });
      await after('tsk_poison');
      await lab.die('wrk_2');
      for (const id of ['tsk_cancelled', 'tsk_rejected', 'tsk_swept', 'tsk_poison']) {
        assert.equal((await lab.task(`${id}_next`)).error?.code, 'DEPENDENCY_FAILED', id);
      }
    });

    test('nothing is cancelled by a failure that is retried, nor by a wish to cancel that is not obeyed yet', async (lab) => {
      await lab.running('tsk_a');
      await lab.running('tsk_b');
      await lab.submit('tsk_c', on('tsk_a', 'tsk_b'));
      await lab.fail('tsk_a');
      await lab.run({ type: 'cancelTask', id: 'tsk_b', graceMs: 5_000 });
      assert.deepEqual(await statuses(lab, 'tsk_c'), ['pending']);
      await lab.complete('tsk_b');
      assert.deepEqual(await statuses(lab, 'tsk_b', 'tsk_c'), ['cancelled', 'cancelled']);
    });

    test('they can be retried after it, from above: all that was cancelled runs then', async (lab) => {
      await lab.running('tsk_a');
      await lab.submit('tsk_b', { agentId: 'a', ...on('tsk_a') });
      await lab.submit('tsk_c', { agentId: 'a', ...on('tsk_b') });
      await lab.fail('tsk_a', { retryable: false });
      await lab.refused('TASK_BLOCKED', { type: 'retryTask', id: 'tsk_b' });
      for (const id of ['tsk_a', 'tsk_b', 'tsk_c']) await lab.run({ type: 'retryTask', id });
      assert.deepEqual(await waiting(lab, 'tsk_a', 'tsk_b', 'tsk_c'), [0, 1, 1]);
      await workOff(lab);
      assert.deepEqual(await statuses(lab, 'tsk_a', 'tsk_b', 'tsk_c'), ['completed', 'completed', 'completed']);
    });
  });

  group('a workflow that fails fast', () => {
    const failFast: Command = { type: 'createWorkflow', workflow: newWorkflow('wf_1', { onFailure: 'failFast' }) };
    const failed: Command = { type: 'report', id: 'tsk_a', attempt: 1, command: failure({ retryable: false }) };

    test('cancels in the transaction of the first failure what has not started, and asks what runs to stop', async (lab) => {
      await lab.run(failFast);
      for (const id of ['tsk_a', 'tsk_b']) await lab.running(id, 'wrk_1', 'a', { workflowId: 'wf_1' });
      await lab.submit('tsk_c', { workflowId: 'wf_1' });
      await lab.submit('tsk_d', { workflowId: 'wf_1', ...on('tsk_b') });
      await lab.create('tsk_e', { workflowId: 'wf_1' });
      await lab.run(failed);
      assert.deepEqual(await statuses(lab, 'tsk_b', 'tsk_c', 'tsk_d', 'tsk_e'), [
        'running',
        'cancelled',
        'cancelled',
        'cancelled',
      ]);
      assert.equal((await lab.task('tsk_b')).cancelAt, lab.clock.now() + 5_000);
      const { cancelRequested, open, failed: failures, cancelled } = await lab.workflow('wf_1');
      assert.deepEqual([cancelRequested, open, failures, cancelled], [true, 1, 1, 3]);
      await lab.complete('tsk_b');
      assert.deepEqual((await lab.log('wf_1')).slice(2), ['cancel_requested', 'failed', 'settled']);
    });

    test('starts nothing after it, not even by the claim that came with the failure', async (lab) => {
      await lab.run(failFast);
      await lab.running('tsk_a', 'wrk_1', 'a', { workflowId: 'wf_1' });
      for (const id of ['tsk_b', 'tsk_c']) await lab.submit(id, { workflowId: 'wf_1', agentId: 'a' });
      const start: Command = { type: 'claimTask', id: 'tsk_b', workerId: 'wrk_1', agentId: 'a' };
      const add = submit('tsk_d', { workflowId: 'wf_1' });
      const { results, claimed } = await lab.commit([[failed], [start], [add]], {
        workerId: 'wrk_1',
        hosts: ['a'],
        limit: 10,
      });
      assert.deepEqual(
        results.map((result) => (result.status === 'error' ? result.code : result.status)),
        ['ok', 'TASK_FINISHED', 'WORKFLOW_CANCELLED'],
      );
      assert.deepEqual(claimed, []);
      assert.deepEqual(await statuses(lab, 'tsk_b', 'tsk_c'), ['cancelled', 'cancelled']);
    });

    test(`of ${graphSize + 500} tasks ends in sweeps what one transaction leaves, and starts none of it`, async (lab) => {
      const rest = ids(graphSize + 500);
      await lab.run(failFast, submit('tsk_a', { workflowId: 'wf_1', agentId: 'a', priority: 1 }));
      await lab.run(...rest.map((id) => submit(id, { workflowId: 'wf_1', agentId: 'a' })));
      await lab.openWorker('wrk_1', ['a']);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a'], 1), ['tsk_a']);
      const { claimed } = await lab.commit([[failed]], { workerId: 'wrk_1', hosts: ['a'], limit: 10 });
      assert.deepEqual(claimed, []);
      while ((await lab.store.sweep({ markDead: false })).more) assert.deepEqual(await lab.claim('wrk_1', ['a']), []);
      const { open, started, cancelled, failed: failures } = await lab.workflow('wf_1');
      assert.deepEqual([open, started, cancelled, failures], [0, 1, rest.length, 1]);
    });

    test('does so for each kind of failure, and only for its own tasks', async (lab) => {
      await lab.run(failFast);
      await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_2', { onFailure: 'failFast' }) });
      await lab.running('tsk_a', 'wrk_1', 'a', { workflowId: 'wf_1', retry: { maxCrashes: 1 } });
      await lab.running('tsk_b', 'wrk_1', 'a', { workflowId: 'wf_1' });
      await lab.submit('tsk_c', { workflowId: 'wf_2', ...on('tsk_a') });
      await lab.submit('tsk_d', { workflowId: 'wf_2' });
      await lab.die('wrk_1');
      assert.deepEqual(await statuses(lab, 'tsk_a', 'tsk_b', 'tsk_c', 'tsk_d'), [
        'failed',
        'cancelled',
        'cancelled',
        'pending',
      ]);
    });
  });

  group('a large graph', () => {
    test(`a fan-out of ${graphSize} runs to its end, and every counter is right`, async (lab) => {
      const leaves = ids(graphSize);
      await lab.run(
        createWorkflow(),
        submit('tsk_a', { workflowId: 'wf_1', agentId: 'a' }),
        ...leaves.map((id) => submit(id, { workflowId: 'wf_1', agentId: 'a', ...on('tsk_a') })),
      );
      await completeAll(lab, graphSize + 1);
    });

    test(`a fan-in of ${graphSize} runs to its end, and its last task is freed once`, async (lab) => {
      const roots = ids(graphSize);
      await lab.run(
        createWorkflow(),
        ...roots.map((id) => submit(id, { workflowId: 'wf_1', agentId: 'a' })),
        submit('tsk_z', { workflowId: 'wf_1', agentId: 'a', ...on(...roots) }),
      );
      await completeAll(lab, graphSize + 1);
      assert.deepEqual(await lab.log('tsk_z'), ['created', 'unblocked', 'claimed', 'completed']);
    });

    test(`a chain of ${chainLength} runs to its end, link by link`, async (lab) => {
      const links = ids(chainLength);
      await lab.run(createWorkflow(), ...chain(links));
      await completeAll(lab, links.length);
    });

    test(`a chain of ${chainLength} whose head fails is cancelled to its end, each link naming the one before`, async (lab) => {
      const links = ids(chainLength);
      await lab.run(createWorkflow(), ...chain(links));
      await lab.start(links[0] as string);
      await lab.fail(links[0] as string, { retryable: false });
      const { open, failed, cancelled } = await lab.workflow('wf_1');
      assert.deepEqual([open, failed, cancelled], [0, 1, chainLength - 1]);
      assert.match((await lab.task(links.at(-1) as string)).error?.message ?? '', new RegExp(links.at(-2) as string));
    });

    test(`a grid of ${side} × ${side} runs to its end, no cell before those above and left of it`, async (lab) => {
      const id = (row: number, column: number): string => `tsk_${pad(row)}_${pad(column)}`;
      const cells = Array.from({ length: side * side }, (_, index): Command => {
        const [row, column] = [Math.floor(index / side), index % side];
        const above = row === 0 ? [] : [id(row - 1, column)];
        const left = column === 0 ? [] : [id(row, column - 1)];
        return submit(id(row, column), { workflowId: 'wf_1', agentId: 'a', ...on(...above, ...left) });
      });
      await lab.run(createWorkflow(), ...cells);
      await completeAll(lab, side * side);
    });
  });

  group('tasks of a workflow that is cancelled', () => {
    for (const [order, ids] of Object.entries({ before: ['tsk_1', 'tsk_2'], behind: ['tsk_2', 'tsk_1'] })) {
      test(`end as cancelled with it and not for each other, also one that stands ${order} what it needs`, async (lab) => {
        const [needed, dependant] = ids as [string, string];
        await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1') });
        await lab.submit(needed, { workflowId: 'wf_1' });
        await lab.submit(dependant, { workflowId: 'wf_1', ...on(needed) });
        await lab.run({ type: 'cancelWorkflow', id: 'wf_1' });
        const align = { type: 'alignTasks', workflowId: 'wf_1', limit: 1, graceMs: 0 } as const;
        for (const count of [1, 1, 0]) assert.equal((await lab.run(align)).count, count);
        for (const id of ids) {
          const { status, error } = await lab.task(id);
          assert.deepEqual([status, error], ['cancelled', null]);
        }
      });
    }
  });

  group('a task that an attempt spawns', () => {
    const spawn = (id: string, attempt = 1, overrides: Partial<NewTaskRecord> = {}): Command => ({
      type: 'spawn',
      id: 'tsk_p',
      attempt,
      key: 'one',
      task: newTask(id, { idempotencyKey: 'spawn:tsk_p:one', agentId: 'a', ...overrides }),
    });

    test('is created once per key, however often the attempt is repeated', async (lab) => {
      await lab.running('tsk_p');
      const { task } = await lab.run(spawn('tsk_1'));
      assert.deepEqual(task, await lab.task('tsk_1'));
      assert.deepEqual(await lab.answer(spawn('tsk_2')), { status: 'duplicate', id: 'tsk_1' });
      await lab.die('wrk_1');
      await lab.start('tsk_p', 'wrk_2');
      const again = spawn('tsk_3', 2, { bodyHash: 'other' });
      assert.deepEqual(await lab.answer(again), { status: 'duplicate', id: 'tsk_1' });
      const { results } = await lab.commit([[again], [again]]);
      assert.deepEqual(
        results.map(({ status }) => status),
        ['duplicate', 'duplicate'],
      );
      assert.deepEqual((await lab.log('tsk_p')).filter((type) => type === 'spawned').length, 1);
    });

    test('is none for an attempt that has lost its task or has ended', async (lab) => {
      await lab.running('tsk_p');
      await lab.unchanged('tsk_p', async () => {
        assert.deepEqual(await lab.answer(spawn('tsk_1', 2)), { status: 'stale' });
      });
      await lab.complete('tsk_p');
      assert.deepEqual(await lab.answer(spawn('tsk_1')), { status: 'stale' });
      assert.equal(await lab.store.getTask('tsk_1'), undefined);
    });

    test('joins the workflow of its parent, though that takes no task from outside', async (lab) => {
      const sealed: Command = { type: 'createWorkflow', workflow: newWorkflow('wf_1', { sealed: true }) };
      await lab.run(sealed, submit('tsk_p', { workflowId: 'wf_1' }));
      await lab.start('tsk_p');
      await lab.refused('WORKFLOW_SEALED', submit('tsk_x', { workflowId: 'wf_1' }));
      await lab.run(spawn('tsk_1'));
      await lab.complete('tsk_p');
      assert.deepEqual([(await lab.workflow('wf_1')).total, (await lab.workflow('wf_1')).open], [2, 1]);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_1']);
    });

    test('is refused in a workflow that was cancelled or has failed fast', async (lab) => {
      await lab.run({ type: 'createWorkflow', workflow: newWorkflow('wf_1', { onFailure: 'failFast' }) });
      for (const id of ['tsk_p', 'tsk_q']) await lab.running(id, 'wrk_1', 'a', { workflowId: 'wf_1' });
      await lab.fail('tsk_q', { retryable: false });
      await lab.refused('WORKFLOW_CANCELLED', spawn('tsk_1'));
    });

    test('may depend on its parent, and then runs after it or not at all', async (lab) => {
      await lab.running('tsk_p');
      await lab.run(spawn('tsk_1', 1, on('tsk_p')));
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      await lab.complete('tsk_p');
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_1']);
    });
  });
}

function createWorkflow(id = 'wf_1'): Command {
  return { type: 'createWorkflow', workflow: newWorkflow(id) };
}

function submit(id: string, overrides: Partial<NewTaskRecord> = {}): Command {
  return { type: 'createTask', task: newTask(id, overrides), submit: true };
}

function on(...taskIds: readonly string[]): Pick<NewTaskRecord, 'dependsOn'> {
  return { dependsOn: taskIds.map((taskId) => ({ name: taskId, taskId })) };
}

function ids(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `tsk_${pad(index)}`);
}

function pad(index: number): string {
  return String(index).padStart(5, '0');
}

function chain(links: readonly string[]): readonly Command[] {
  return links.map((id, index) =>
    submit(id, { workflowId: 'wf_1', agentId: 'a', ...on(...links.slice(Math.max(0, index - 1), index)) }),
  );
}

async function statuses(lab: Lab, ...taskIds: readonly string[]): Promise<readonly string[]> {
  return Promise.all(taskIds.map(async (id) => (await lab.task(id)).status));
}

async function waiting(lab: Lab, ...taskIds: readonly string[]): Promise<readonly number[]> {
  return Promise.all(taskIds.map(async (id) => (await lab.task(id)).openDependencies));
}

/** Takes and completes what is due until nothing is, each report with the next claim; answers how many. */
async function workOff(lab: Lab): Promise<number> {
  const claim = { workerId: 'wrk_1', hosts: ['a'], limit: 1_000 };
  if ((await lab.store.worker('wrk_1')) === undefined) await lab.openWorker('wrk_1', ['a']);
  let done = 0;
  for (let { claimed } = await lab.commit([], claim); claimed.length > 0;) {
    done += claimed.length;
    const reports = claimed.map(({ id, attempt }): readonly Command[] => [
      { type: 'report', id, attempt, command: { type: 'complete', output: '1' } },
    ]);
    const response = await lab.commit(reports, claim);
    assert.ok(response.results.every(({ status }) => status === 'ok'));
    claimed = response.claimed;
  }
  return done;
}

async function completeAll(lab: Lab, total: number): Promise<void> {
  assert.equal(await workOff(lab), total);
  const { open, failed, cancelled, started, ...workflow } = await lab.workflow('wf_1');
  assert.deepEqual([workflow.total, open, failed, cancelled, started], [total, 0, 0, 0, total]);
  assert.deepEqual(await lab.log('wf_1'), ['created', 'started', 'completed', 'settled']);
}
