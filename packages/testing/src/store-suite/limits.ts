import assert from 'node:assert/strict';
import type { AgentLimits, Command } from '@symphony/core';
import { newAgentConfig, newTask } from '../builders.ts';
import { failure, type Lab } from './lab.ts';
import type { Suite } from './suite.ts';

/** How many attempts of an agent run at once, over all workers: never more than its limit, and none while it is disabled. */
export function limits({ group, test }: Suite): void {
  const register = (lab: Lab, agentLimits: AgentLimits): Promise<unknown> =>
    lab.run({ type: 'registerAgent', config: newAgentConfig('a', { limits: agentLimits }) });
  const enable = (enabled: boolean): Command => ({ type: 'enableAgent', id: 'a', enabled });
  const submitMany = (lab: Lab, count: number, agentId: string | null = 'a'): Promise<unknown> =>
    lab.run(
      ...Array.from({ length: count }, (_, index): Command => {
        const task = newTask(`tsk_${String(index).padStart(3, '0')}`, { agentId });
        return { type: 'createTask', task, submit: true };
      }),
    );
  const start = (id: string, workerId = 'wrk_1'): Command => ({ type: 'claimTask', id, workerId, agentId: 'a' });
  const runningIds = async (lab: Lab): Promise<readonly string[]> =>
    (await lab.store.listTasks({ status: ['running'], agentId: 'a', limit: 1_000 })).map(({ id }) => id);

  group('an agent with a limit', () => {
    test('is given as many attempts as its limit says, over all workers, and the next when one ends', async (lab) => {
      await register(lab, { concurrency: 3 });
      await submitMany(lab, 6);
      for (const id of ['wrk_1', 'wrk_2']) await lab.openWorker(id, ['a']);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a'], 2), ['tsk_000', 'tsk_001']);
      assert.deepEqual(await lab.claimedIds('wrk_2', ['a']), ['tsk_002']);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      await lab.complete('tsk_001');
      assert.deepEqual(await lab.claimedIds('wrk_2', ['a']), ['tsk_003']);
    });

    test('gets its place back however an attempt ends', async (lab) => {
      await register(lab, { concurrency: 1 });
      await submitMany(lab, 7);
      const next = async (workerId = 'wrk_1'): Promise<string> => {
        if ((await lab.store.worker(workerId)) === undefined) await lab.openWorker(workerId, ['a']);
        const [id, ...more] = await lab.claimedIds(workerId, ['a'], 10);
        assert.ok(id !== undefined, 'there is a place, and nothing was claimed');
        assert.deepEqual(more, []);
        return id;
      };
      await lab.end(await next(), { type: 'complete', output: '1' });
      await lab.end(await next(), failure({ retryable: false }));
      await lab.end(await next(), failure());
      await lab.end(await next(), { type: 'refuse', reason: 'no' });
      await lab.end(await next(), { type: 'suspend' });
      const cancelled = await next('wrk_2');
      await lab.run({ type: 'cancelTask', id: cancelled, graceMs: 0 });
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), [], 'one that is asked to stop still has its place');
      await lab.store.sweep({ markDead: false });
      await next('wrk_2');
      await lab.die('wrk_2');
      await next('wrk_3');
      await lab.store.closeWorker('wrk_3');
      assert.deepEqual(await runningIds(lab), []);
    });

    test('never runs more than its limit at any commit, however many workers claim at the same moment', async (lab) => {
      await register(lab, { concurrency: 5 });
      await submitMany(lab, 60);
      const workers = Array.from({ length: 8 }, (_, index) => `wrk_${index}`);
      for (const id of workers) await lab.openWorker(id, ['a']);
      let done = 0;
      for (let round = 0; done < 60; round++) {
        assert.ok(round < 100, 'places that were freed are not given out again');
        const responses = await Promise.all(
          workers.map((workerId) => lab.commit([], { workerId, hosts: ['a'], limit: 3 })),
        );
        const claimed = responses.flatMap((response) => response.claimed);
        assert.equal((await runningIds(lab)).length, Math.min(5, 60 - done));
        const ending = claimed.slice(round % 2);
        const reports = ending.map(({ id, attempt }) => lab.report(id, attempt, { type: 'complete', output: 'null' }));
        // The others go on: they are completed when nothing else is left to be claimed.
        const left = claimed.length === 0 ? await runningIds(lab) : claimed.slice(0, round % 2).map(({ id }) => id);
        await Promise.all(reports);
        for (const id of left) await lab.complete(id);
        done += ending.length + left.length;
      }
      assertNeverMore(await holders(lab), 5);
    });

    test('is given no more by id, by route and by claim in one commit', async (lab) => {
      await register(lab, { concurrency: 2 });
      await lab.openWorker('wrk_1', ['a']);
      for (const id of ['tsk_r1', 'tsk_r2']) await lab.submit(id);
      assert.deepEqual(await lab.claimedIds('wrk_1', [], 2), ['tsk_r1', 'tsk_r2']);
      await submitMany(lab, 3);
      const route = (id: string): Command => ({
        type: 'route',
        id,
        workerId: 'wrk_1',
        decision: lab.decision('a'),
        claim: true,
      });
      const { results, claimed } = await lab.commit(
        [[start('tsk_000')], [route('tsk_r1')], [route('tsk_r2')], [start('tsk_001')]],
        { workerId: 'wrk_1', hosts: ['a'], limit: 10 },
      );
      assert.deepEqual(
        results.map((result) => (result.status === 'error' ? result.code : result.status)),
        ['ok', 'ok', 'ok', 'AGENT_BUSY'],
      );
      assert.deepEqual(claimed, []);
      assert.deepEqual(await runningIds(lab), ['tsk_000', 'tsk_r1']);
      const waiting = await lab.task('tsk_r2');
      assert.deepEqual([waiting.status, waiting.agentId, waiting.boundTo], ['pending', 'a', null]);
    });

    test('is given no more by the commands of one group', async (lab) => {
      await register(lab, { concurrency: 1 });
      await lab.openWorker('wrk_1', ['a']);
      await submitMany(lab, 2);
      await lab.refused('AGENT_BUSY', start('tsk_000'), start('tsk_001'));
      await lab.run(start('tsk_000'));
      const done: Command = { type: 'report', id: 'tsk_000', attempt: 1, command: { type: 'complete', output: '1' } };
      await lab.run(done, start('tsk_001'));
      assert.deepEqual(await runningIds(lab), ['tsk_001']);
    });

    test('gives its place to the claim of the commit that frees it', async (lab) => {
      await register(lab, { concurrency: 1 });
      await lab.openWorker('wrk_1', ['a']);
      await submitMany(lab, 2);
      await lab.claim('wrk_1', ['a']);
      const done: Command = { type: 'report', id: 'tsk_000', attempt: 1, command: { type: 'complete', output: '1' } };
      const { claimed } = await lab.commit([[done]], { workerId: 'wrk_1', hosts: ['a'], limit: 10 });
      assert.deepEqual(
        claimed.map(({ id }) => id),
        ['tsk_001'],
      );
    });

    test('does not keep others from being claimed, however much of its own is ahead', async (lab) => {
      await register(lab, { concurrency: 1 });
      await submitMany(lab, 300);
      await lab.submit('tsk_z', { agentId: 'b' });
      await lab.openWorker('wrk_1', ['a', 'b']);
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a', 'b'], 2), ['tsk_000', 'tsk_z']);
    });

    test('that is lowered ends nothing that runs, and that is raised is used at once', async (lab) => {
      await register(lab, { concurrency: 2 });
      await submitMany(lab, 5);
      await lab.openWorker('wrk_1', ['a']);
      await lab.claim('wrk_1', ['a']);
      await register(lab, { concurrency: 1 });
      await lab.complete('tsk_000');
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      await register(lab, { concurrency: 3 });
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_002', 'tsk_003']);
      await register(lab, {});
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_004']);
    });
  });

  group('an agent that is disabled', () => {
    test('starts nothing, by a claim, by id or by a route, and what it runs goes on', async (lab) => {
      await register(lab, {});
      await lab.openWorker('wrk_1', ['a']);
      await lab.submit('tsk_r');
      await lab.claim('wrk_1', []);
      await submitMany(lab, 3);
      await lab.claim('wrk_1', ['a'], 1);
      await lab.run(enable(false));
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), []);
      await lab.refused('AGENT_DISABLED', start('tsk_001'));
      await lab.run({ type: 'route', id: 'tsk_r', workerId: 'wrk_1', decision: lab.decision('a'), claim: true });
      assert.deepEqual(await runningIds(lab), ['tsk_000']);
      await lab.complete('tsk_000');
      await lab.run(enable(true));
      assert.deepEqual(await lab.claimedIds('wrk_1', ['a']), ['tsk_001', 'tsk_002', 'tsk_r']);
    });

    test('loses at a sweep what it has not started and nobody has pinned to it', async (lab) => {
      await register(lab, {});
      await lab.openWorker('wrk_1', ['a']);
      await lab.assigned('tsk_1', 'a');
      await lab.submit('tsk_2', { agentId: 'a' });
      await lab.run(enable(false));
      await lab.store.sweep({ markDead: false });
      assert.deepEqual([(await lab.task('tsk_1')).agentId, (await lab.task('tsk_2')).agentId], [null, 'a']);
      assert.deepEqual((await lab.lastEvent('tsk_1')).data, { agentId: 'a', reason: 'the agent was disabled' });
    });
  });
}

/** How many attempts of agent `a` ran after each event, read from the log. */
async function holders(lab: Lab): Promise<readonly number[]> {
  let running = 0;
  const events = await lab.store.events({ limit: 10_000 });
  return events.map(({ type }) => {
    if (type === 'task.claimed') running++;
    if (type === 'task.completed') running--;
    return running;
  });
}

function assertNeverMore(numbers: readonly number[], limit: number): void {
  for (const number of numbers)
    assert.ok(number <= limit, `${number} attempts at once, where ${limit} are allowed (I21)`);
  assert.ok(numbers.includes(limit), 'the limit was never reached: the test shows nothing');
}
