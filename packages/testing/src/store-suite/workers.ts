import assert from 'node:assert/strict';
import type { Command } from '@symphony/core';
import { newAgentConfig, newTask } from '../builders.ts';
import { again } from './again.ts';
import { lease, type Lab } from './lab.ts';
import type { Suite } from './suite.ts';

/** Leases belong to workers: who is alive, who is dead, and what becomes of what the dead held. */
export function workers({ subject, group, test }: Suite): void {
  group('a worker', () => {
    test('has a row with a lease on the store’s lease clock', async (lab) => {
      assert.equal(await lab.store.worker('wrk_1'), undefined);
      await lab.openWorker('wrk_1', ['a', 'b']);
      const { bootId, ...row } = (await lab.store.worker('wrk_1')) ?? { bootId: '' };
      assert.notEqual(bootId, '');
      assert.deepEqual(row, {
        id: 'wrk_1',
        hosts: ['a', 'b'],
        leaseUntil: lab.clock.monotonic() + 10_000,
        startedAt: lab.clock.now(),
        leaseLeftMs: 10_000,
      });
      await lab.clock.advance(12_000);
      const later = await lab.store.worker('wrk_1');
      assert.ok(later !== undefined && later.leaseLeftMs < 0);
    });

    test('renews its lease and hears the time and what it holds', async (lab) => {
      await lab.running('tsk_1');
      await lab.submit('tsk_2');
      await lab.bind('tsk_2', 'wrk_1');
      await lab.clock.advance(4_000);
      const renewal = await lab.renew('wrk_1', ['a']);
      assert.ok(renewal.alive);
      assert.equal(renewal.now, lab.clock.now());
      assert.deepEqual(byTask(renewal.holding), [
        { taskId: 'tsk_1', attempt: 1, status: 'running', cancelAt: null },
        { taskId: 'tsk_2', attempt: 0, status: 'pending', cancelAt: null },
      ]);
      assert.deepEqual(byTask(await lab.store.holding('wrk_1')), byTask(renewal.holding));
      const row = await lab.store.worker('wrk_1');
      assert.deepEqual([row?.leaseLeftMs, row?.startedAt], [10_000, lab.clock.now() - 4_000]);
    });

    test('without a row cannot renew, and gets none by trying', async (lab) => {
      assert.deepEqual(await lab.renew('wrk_1', ['a']), { alive: false });
      assert.equal(await lab.store.worker('wrk_1'), undefined);
    });

    test('whose lease is over but whose row is there renews, and nothing is lost', async (lab) => {
      await lab.running('tsk_1');
      await lab.clock.advance(60_000);
      const renewal = await lab.renew('wrk_1', ['a']);
      assert.equal(renewal.alive, true);
      await lab.store.sweep({ markDead: true });
      assert.equal((await lab.complete('tsk_1')).attempt, 1);
    });

    test('hears of a cancellation in what it holds', async (lab) => {
      await lab.running('tsk_1');
      await lab.run({ type: 'cancelTask', id: 'tsk_1', graceMs: 5_000 });
      const [held] = await lab.store.holding('wrk_1');
      assert.deepEqual(held, { taskId: 'tsk_1', attempt: 1, status: 'running', cancelAt: lab.clock.now() + 5_000 });
    });

    test('that is unknown holds nothing', async (lab) => {
      assert.deepEqual(await lab.store.holding('wrk_1'), []);
    });
  });

  group('a sweep', () => {
    test('takes nothing before the lease is over, and everything when it is', async (lab) => {
      await lab.running('tsk_1');
      await lab.openWorker('wrk_2', ['a']);
      await lab.clock.advance(9_999);
      await lab.renew('wrk_2', ['a']);
      assert.deepEqual(await lab.store.sweep({ markDead: true }), { deadWorkers: 0, releasedTasks: 0, more: false });
      assert.equal((await lab.task('tsk_1')).status, 'running');
      await lab.clock.advance(1);
      assert.deepEqual(await lab.store.sweep({ markDead: true }), { deadWorkers: 1, releasedTasks: 1, more: false });
      assert.equal(await lab.store.worker('wrk_1'), undefined);
      assert.ok((await lab.store.worker('wrk_2')) !== undefined);
    });

    test('does not go by the wall clock, however far it jumps', async (lab) => {
      await lab.running('tsk_1');
      lab.clock.jump(3_600_000);
      assert.equal((await lab.store.sweep({ markDead: true })).deadWorkers, 0);
      lab.clock.jump(-7_200_000);
      await lab.clock.advance(10_000);
      assert.equal((await lab.store.sweep({ markDead: true })).deadWorkers, 1);
    });

    test('releases the task of a dead worker: a crash, due at once, for the next attempt', async (lab) => {
      await lab.running('tsk_1');
      await lab.die('wrk_1');
      const task = await lab.task('tsk_1');
      assert.deepEqual(
        [task.status, task.crashes, task.failures, task.attempt, task.agentId, task.workerId, task.dueAt],
        ['pending', 1, 0, 1, 'a', null, lab.clock.now()],
      );
      const event = await lab.lastEvent('tsk_1');
      assert.deepEqual(
        [event.type, event.data],
        ['task.crashed', { attempt: 1, workerId: 'wrk_1', charged: true, crashes: 1 }],
      );
      await lab.openWorker('wrk_2', ['a']);
      assert.deepEqual(await lab.claimedIds('wrk_2', ['a']), ['tsk_1']);
      assert.equal((await lab.task('tsk_1')).attempt, 2);
    });

    test('marks nobody dead for a sweeper that was itself late', async (lab) => {
      await lab.running('tsk_1');
      await lab.clock.advance(60_000);
      assert.deepEqual(await lab.store.sweep({ markDead: false }), { deadWorkers: 0, releasedTasks: 0, more: false });
      assert.equal((await lab.renew('wrk_1', ['a'])).alive, true);
    });

    test('releases what has a holder without a row, whoever removed the row', async (lab) => {
      await lab.running('tsk_1');
      const task = await lab.fail('tsk_1', { bindTo: 'wrk_gone' });
      assert.equal(task.boundTo, 'wrk_gone');
      await lab.store.sweep({ markDead: false });
      assert.equal((await lab.task('tsk_1')).boundTo, null);
    });

    test('is repeated without effect once nothing is left to do', async (lab) => {
      await lab.running('tsk_1');
      await lab.die('wrk_1');
      await lab.unchanged('tsk_1', async () => {
        assert.deepEqual(await lab.store.sweep({ markDead: true }), { deadWorkers: 0, releasedTasks: 0, more: false });
      });
    });

    test('by many at the same moment releases each task once', async (lab) => {
      for (const id of ['tsk_1', 'tsk_2', 'tsk_3']) await lab.running(id);
      await lab.clock.advance(10_000);
      const sweeps = await Promise.all(Array.from({ length: 8 }, () => lab.store.sweep({ markDead: true })));
      assert.equal(
        sweeps.reduce((sum, { releasedTasks }) => sum + releasedTasks, 0),
        3,
      );
      assert.equal((await lab.task('tsk_2')).crashes, 1);
    });

    test('does a bounded amount and says when more is left', async (lab) => {
      const create = (_: unknown, index: number): Command => ({
        type: 'createTask',
        task: newTask(`tsk_${index}`),
        submit: true,
      });
      await lab.run(...Array.from({ length: 1_200 }, create));
      await lab.openWorker('wrk_1');
      assert.equal((await lab.claim('wrk_1', [], 1_200)).length, 1_200);
      await lab.clock.advance(5_000);
      assert.equal((await lab.store.sweep({ markDead: true })).more, true);
      const left = (await lab.store.holding('wrk_1')).length;
      assert.ok(left > 0 && left < 1_200, `${left} left`);
      for (let sweeps = 0; (await lab.store.sweep({ markDead: true })).more; sweeps++) assert.ok(sweeps < 100);
      assert.deepEqual(await lab.store.holding('wrk_1'), []);
    });

    test(
      'counts a lease of another boot as over',
      async (lab) => {
        await lab.running('tsk_1');
        const look = async ({ store }: Lab): Promise<void> => {
          assert.deepEqual(await store.sweep({ markDead: true }), { deadWorkers: 1, releasedTasks: 1, more: false });
          assert.equal((await store.getTask('tsk_1'))?.status, 'pending');
        };
        await again(subject, lab, look, 'reboot');
      },
      { skip: subject.reboot === undefined && 'the store does not say how to reboot it' },
    );
  });

  group('crashes', () => {
    const crash = async (lab: Lab, ...workerIds: string[]): Promise<void> => {
      await lab.die(...workerIds);
    };

    test('have a budget of their own: after three in a row the task is POISON', async (lab) => {
      await lab.running('tsk_1', 'wrk_0', 'a', { retry: { maxRetries: 0 } });
      await crash(lab, 'wrk_0');
      await lab.start('tsk_1', 'wrk_1');
      await crash(lab, 'wrk_1');
      assert.equal((await lab.task('tsk_1')).status, 'pending');
      await lab.start('tsk_1', 'wrk_2');
      await crash(lab, 'wrk_2');
      const task = await lab.task('tsk_1');
      assert.deepEqual(
        [task.status, task.error?.code, task.error?.attempt, task.crashes, task.failures],
        ['failed', 'POISON', 3, 3, 0],
      );
      assert.deepEqual((await lab.log('tsk_1')).slice(-2), ['crashed', 'failed']);
    });

    test('are counted against the policy of the task', async (lab) => {
      await lab.running('tsk_1', 'wrk_1', 'a', { retry: { maxCrashes: 1 } });
      await crash(lab, 'wrk_1');
      assert.equal((await lab.task('tsk_1')).error?.code, 'POISON');
    });

    test('one from POISON make a task run alone on its worker', async (lab) => {
      for (const id of ['tsk_1', 'tsk_2']) await lab.running(id, 'wrk_1', 'a', { retry: { maxCrashes: 2 } });
      await crash(lab, 'wrk_1');
      await lab.submit('tsk_3', { agentId: 'a' });
      await lab.openWorker('wrk_2', ['a']);
      assert.deepEqual(await lab.claimedIds('wrk_2', ['a']), ['tsk_1']);
      assert.deepEqual(await lab.claimedIds('wrk_2', ['a']), []);
      const { details } = await lab.refused('TASK_NOT_CLAIMABLE', {
        type: 'claimTask',
        id: 'tsk_2',
        workerId: 'wrk_2',
      });
      assert.equal(details['suspect'], true);
      await lab.openWorker('wrk_3', ['a']);
      assert.deepEqual(await lab.claimedIds('wrk_3', ['a']), ['tsk_2']);
      await lab.complete('tsk_1');
    });
  });

  group('closing a worker', () => {
    test('releases what it holds at no cost and leaves no row', async (lab) => {
      await lab.running('tsk_1');
      await lab.submit('tsk_2');
      await lab.bind('tsk_2', 'wrk_1');
      await lab.store.closeWorker('wrk_1');
      const task = await lab.task('tsk_1');
      assert.deepEqual(
        [task.status, task.crashes, task.failures, task.dueAt, task.agentId],
        ['pending', 0, 0, lab.clock.now(), 'a'],
      );
      assert.equal((await lab.lastEvent('tsk_1')).type, 'task.released');
      assert.equal((await lab.task('tsk_2')).boundTo, null);
      assert.equal(await lab.store.worker('wrk_1'), undefined);
      assert.deepEqual(await lab.renew('wrk_1', ['a']), { alive: false });
    });

    test('twice is harmless, and so is closing an unknown one', async (lab) => {
      await lab.openWorker('wrk_1');
      await lab.store.closeWorker('wrk_1');
      await lab.store.closeWorker('wrk_1');
      await lab.store.closeWorker('wrk_2');
    });
  });

  group('an agent of the catalogue', () => {
    const hosted = async (lab: Lab): Promise<readonly boolean[]> =>
      (await lab.store.agents()).map((agent) => agent.hosted);

    test('is listed by id, with its configuration', async (lab) => {
      const config = newAgentConfig('b', {
        name: 'Bee',
        role: 'worker',
        description: 'Collects.',
        capabilities: ['fly', 'sting'],
        examples: ['Fetch honey'],
        limits: { timeouts: { startToCloseMs: 5 } },
        cost: { perTask: 0.25, notes: [null, true] },
      });
      await lab.run({ type: 'registerAgent', config }, { type: 'registerAgent', config: newAgentConfig('a') });
      assert.deepEqual(await lab.store.agents(), [
        { config: newAgentConfig('a'), enabled: true, hosted: false },
        { config, enabled: true, hosted: false },
      ]);
      assert.deepEqual(await lab.log('agent:b'), ['registered']);
    });

    test('registered again as it is changes nothing; registered otherwise, the newest wins and the log says so', async (lab) => {
      await lab.run({ type: 'registerAgent', config: newAgentConfig('a') });
      await lab.run({ type: 'registerAgent', config: newAgentConfig('a') });
      assert.deepEqual(await lab.log('agent:a'), ['registered']);
      await lab.run({ type: 'registerAgent', config: newAgentConfig('a', { role: 'new' }) });
      assert.deepEqual(await lab.log('agent:a'), ['registered', 'changed']);
      assert.equal((await lab.store.agents())[0]?.config.role, 'new');
    });

    test('counts as hosted while a worker hosts it, and for a minute after the last has gone', async (lab) => {
      await lab.run({ type: 'registerAgent', config: newAgentConfig('a') });
      await lab.openWorker('wrk_1', ['a']);
      await lab.openWorker('wrk_2', ['a']);
      assert.deepEqual(await hosted(lab), [true]);
      await lab.store.closeWorker('wrk_1');
      await lab.clock.advance(9_000);
      await lab.store.closeWorker('wrk_2');
      await lab.clock.advance(59_999);
      assert.deepEqual(await hosted(lab), [true]);
      await lab.clock.advance(1);
      assert.deepEqual(await hosted(lab), [false]);
      await lab.openWorker('wrk_3', ['a']);
      assert.deepEqual(await hosted(lab), [true]);
    });

    test('stops being hosted when its worker dies, or renews without it', async (lab) => {
      for (const id of ['a', 'b']) await lab.run({ type: 'registerAgent', config: newAgentConfig(id) });
      await lab.openWorker('wrk_1', ['a', 'b']);
      await lab.clock.advance(5_000);
      await lab.renew('wrk_1', ['b']);
      await lab.clock.advance(10_000);
      await lab.store.sweep({ markDead: true });
      await lab.clock.advance(50_000);
      assert.deepEqual(await hosted(lab), [false, true]);
      await lab.clock.advance(10_000);
      assert.deepEqual(await hosted(lab), [false, false]);
    });

    test('that a worker starts to host is hosted from that renewal on', async (lab) => {
      await lab.openWorker('wrk_1', []);
      await lab.run({ type: 'registerAgent', config: newAgentConfig('a') });
      await lab.store.renew({ id: 'wrk_1', hosts: ['a'], ...lease });
      assert.deepEqual(await hosted(lab), [true]);
    });
  });
}

function byTask<T extends { readonly taskId: string }>(holding: readonly T[]): readonly T[] {
  return [...holding].sort((first, second) => (first.taskId < second.taskId ? -1 : 1));
}
