import { SymphonyError, type Agent, type CommitRequest, type Store } from '@symphony/core';
import { TaskRouter } from '@symphony/router';
import { describe, expect, it } from 'vitest';
import type { ExecutionHooks } from './index.ts';
import { Lab } from '../test/lab.ts';

const echo: Agent = { id: 'echo', run: ({ input }) => input as unknown };

/** Keeps answers for a while, as a busy store does. */
function slowly(lab: Lab, ms: number, isMeant: (request: CommitRequest) => boolean): void {
  lab.break('commit', (commit) => async (request) => {
    const response = await commit(request);
    if (isMeant(request)) await new Promise<void>((resolve) => void lab.clock.setTimer(resolve, ms));
    return response;
  });
}

describe('a worker with a free slot', () => {
  it('takes what falls due while its claim is under way as soon as that is answered, not at the next look', async () => {
    await using lab = new Lab();
    await lab.executor().startWorker({ agents: [echo] });
    await lab.clock.advance(10);
    slowly(lab, 100, ({ claim }) => claim !== undefined);
    // Rings, and brings the worker nothing.
    await lab.submit({ agentId: 'other' });
    await lab.clock.advance(50);
    const id = await lab.submit({ agentId: 'echo' });
    const submittedAt = lab.clock.now();
    await lab.until(lab.tasks.waitForTask(id));
    expect(((await lab.task(id)).finishedAt ?? Infinity) - submittedAt).toBeLessThanOrEqual(200);
  });

  it('goes on looking for as long as it lives where the doorbell is silent', async () => {
    await using lab = new Lab();
    lab.isSilent = true;
    await lab.executor().startWorker({ agents: [echo] });
    for (let round = 0; round < 5; round++) {
      await lab.clock.advance(7_300);
      const submittedAt = lab.clock.now();
      const id = await lab.submit({ agentId: 'echo' });
      await lab.clock.advance(1_001);
      expect(((await lab.task(id)).finishedAt ?? Infinity) - submittedAt).toBeLessThanOrEqual(1_000);
    }
  });

  it('takes the next task at once when a post-hook was the last to use the slot', async () => {
    await using lab = new Lab();
    lab.isSilent = true;
    const hooks: ExecutionHooks = {
      postExecution: () => new Promise((resolve) => void lab.clock.setTimer(resolve, 1_100)),
    };
    const ids = [await lab.submit({ agentId: 'echo' }), await lab.submit({ agentId: 'echo' })];
    const startedAt = lab.clock.now();
    await lab.executor({ hooks }).startWorker({ agents: [echo], concurrency: 1 });
    await lab.until(Promise.all(ids.map((id) => lab.tasks.waitForTask(id))));
    expect((await lab.task(ids[1] as string)).startedAt).toBe(startedAt + 1_100);
    await lab.clock.advance(2_000);
  });

  it('reaches what somebody can take, however many that nobody can take are ahead and however slow the store is', async () => {
    await using lab = new Lab();
    const router = new TaskRouter({ agents: [echo], clock: lab.clock });
    for (let index = 0; index < 300; index++) await lab.submit({ requirements: { capabilities: ['surgery'] } });
    slowly(lab, 20, () => true);
    await lab.executor({ router }).startWorker({ agents: [echo], concurrency: 2 });
    await lab.clock.advance(10_000);
    const submittedAt = lab.clock.now();
    const id = await lab.submit();
    await lab.until(lab.tasks.waitForTask(id), 120_000);
    expect(lab.clock.now() - submittedAt).toBeLessThanOrEqual(10_000);
  });

  it('has all of its slots left after its attempts have ended in every way', async () => {
    await using lab = new Lab();
    const concurrency = 4;
    const agent: Agent = {
      id: 'ada',
      capabilities: ['odd'],
      limits: { timeouts: { startToCloseMs: 50 } },
      run: ({ input }, { refuse, signal }) => {
        if (input === 'fail') throw new Error('no');
        if (input === 'refuse') return refuse('not mine');
        if (input === 'hang') {
          return new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
          });
        }
        return input as unknown;
      },
    };
    const executor = lab.executor();
    await executor.startWorker({ agents: [agent], concurrency });
    let commits = 0;
    lab.break('commit', (commit): Store['commit'] => async (request) => {
      const answer = commit(request);
      // Now and then an answer is lost on its way, be it to a report, to a claim, or to both in one.
      if (++commits % 7 === 0) return answer.then(() => Promise.reject(new SymphonyError('STORE_FAILED', 'away')));
      return answer;
    });
    const ways = ['done', 'fail', 'refuse', 'hang', 1n];
    for (let round = 0; round < 20; round++) {
      for (const input of ways) await lab.submit({ agentId: 'ada', input: String(input), retry: { maxRetries: 1 } });
      const [cancelled] = await lab.tasks.listTasks({ status: 'running', limit: 1 });
      if (cancelled !== undefined) await lab.tasks.cancelTask(cancelled.id);
      if (round % 5 === 0) for (const worker of await lab.openWorkers()) await lab.inner.closeWorker(worker);
      await lab.clock.advance(500);
    }
    lab.mend();
    await lab.clock.advance(120_000);
    expect(await lab.tasks.listTasks({ status: ['pending', 'running'], limit: 100 })).toEqual([]);

    for (let slot = 0; slot < concurrency; slot++) await lab.submit({ agentId: 'ada', input: 'hang' });
    await lab.clock.advance(1);
    expect(await lab.tasks.listTasks({ status: 'running' })).toHaveLength(concurrency);
    await lab.clock.advance(60_000);
  });
});
