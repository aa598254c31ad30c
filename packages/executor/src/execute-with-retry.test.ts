import { RetryAfterError, TerminalError, type Task } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { flaky, Lab, StoppableClock } from '../test/lab.ts';

const day = 24 * 60 * 60 * 1000;

describe('executeWithRetry', () => {
  it('with maxRetries 3 tries at most four times, and every attempt is in the log', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    const task = await lab.until(lab.executor().executeWithRetry(id, flaky(9), { maxRetries: 3 }));
    expect(task).toMatchObject({ status: 'failed', attempt: 4, failures: 4, retry: { maxRetries: 3 } });
    expect(task.error).toMatchObject({ message: 'no 4', attempt: 4 });
    expect(await lab.facts(id)).toEqual([
      'task.created',
      ...Array.from({ length: 3 }, () => ['task.claimed', 'task.retry_scheduled']).flat(),
      'task.claimed',
      'task.failed',
    ]);
    expect(await lab.data(id, 'task.retry_scheduled')).toMatchObject([
      { attempt: 1, failures: 1, error: { message: 'no 1' } },
      { attempt: 2, failures: 2, error: { message: 'no 2' } },
      { attempt: 3, failures: 3, error: { message: 'no 3' } },
    ]);
  });

  it('retries three times where nobody said how often', async () => {
    await using lab = new Lab();
    const task = await lab.until(lab.executor().executeWithRetry(await lab.create(), flaky(9)));
    expect(task).toMatchObject({ status: 'failed', attempt: 4, retry: {} });
  });

  it('stops at the first success', async () => {
    await using lab = new Lab();
    const task = await lab.until(lab.executor().executeWithRetry(await lab.create(), flaky(2), { maxRetries: 9 }));
    expect(task).toMatchObject({ status: 'completed', output: 'done', attempt: 3, failures: 2, error: undefined });
  });

  it.each([
    ['the longest', 0, [1_000, 2_000, 4_000, 5_000]],
    ['half', 0.5, [500, 1_000, 2_000, 2_500]],
    ['the shortest', 1 - Number.EPSILON, [1, 1, 1, 1]],
  ])('waits longer after each failure, up to a limit, with full jitter: %s draw', async (_name, draw, delays) => {
    await using lab = new Lab();
    const starts: number[] = [];
    const agent = { id: 'bad', run: () => (starts.push(lab.clock.now()), Promise.reject(new Error('no'))) };
    const retry = { maxRetries: 4, initialDelayMs: 1_000, factor: 2, maxDelayMs: 5_000 };
    await lab.until(lab.executor({ random: () => draw }).executeWithRetry(await lab.create(), agent, { retry }));
    expect(starts.slice(1).map((at, index) => at - (starts[index] as number))).toEqual(delays);
  });

  it('with a real draw waits between nothing and the computed delay, and never nothing', async () => {
    await using lab = new Lab();
    const executor = lab.executor({ random: Math.random });
    const delays: number[] = [];
    for (let run = 0; run < 100; run++) {
      const id = await lab.create();
      await lab.until(executor.executeWithRetry(id, flaky(1), { retryDelay: 1_000 }));
      const [scheduled] = (await lab.history(id)).filter(({ type }) => type === 'task.retry_scheduled');
      delays.push((scheduled as unknown as { data: { dueAt: number } }).data.dueAt - (scheduled?.at as number));
    }
    expect(Math.min(...delays)).toBeGreaterThan(0);
    expect(Math.max(...delays)).toBeLessThanOrEqual(1_000);
    expect(new Set(delays).size).toBeGreaterThan(50);
  });

  it('stops at once on a TerminalError, under its code', async () => {
    await using lab = new Lab();
    const agent = flaky(9, () => new TerminalError('no such account', { code: 'NO_ACCOUNT' }));
    expect(await lab.executor().executeWithRetry(await lab.create(), agent)).toMatchObject({
      status: 'failed',
      attempt: 1,
      error: { name: 'TerminalError', code: 'NO_ACCOUNT', message: 'no such account' },
    });
  });

  it('waits as long as a RetryAfterError says, whatever the policy', async () => {
    await using lab = new Lab();
    const startedAt = lab.clock.now();
    const agent = flaky(1, () => new RetryAfterError('busy', 90_000.4));
    const run = lab.executor().executeWithRetry(await lab.create(), agent, { retry: { maxDelayMs: 10 } });
    expect(await lab.until(run)).toMatchObject({ status: 'completed', attempt: 2 });
    expect(lab.clock.now() - startedAt).toBe(90_001);
  });

  it('cuts what a RetryAfterError asks for at ten years, so that the task can be stored', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    const run = lab.executor().executeWithRetry(
      id,
      flaky(9, () => new RetryAfterError('never', 1e300)),
    );
    await lab.clock.advance(10);
    const { dueAt, status } = await lab.task(id);
    expect(status).toBe('pending');
    expect(dueAt).toBeLessThan(lab.clock.now() + 11 * 366 * day);
    await lab.tasks.cancelTask(id);
    expect(await lab.until(run)).toMatchObject({ status: 'cancelled' });
  });

  it('goes by the policy where what was thrown only looks like a RetryAfterError', async () => {
    await using lab = new Lab();
    const agent = flaky(1, () => Object.assign(new RetryAfterError('soon', 1), { retryAfterMs: NaN }));
    const run = lab.executor().executeWithRetry(await lab.create(), agent, { retry: { initialDelayMs: 10 } });
    expect(await lab.until(run)).toMatchObject({ status: 'completed', attempt: 2 });
  });

  it('waits longer than setTimeout can', async () => {
    await using lab = new Lab();
    const startedAt = lab.clock.now();
    const rarely = { leaseMs: day, renewMs: day / 3, sweepMs: day / 2, pollMs: day };
    const retry = { initialDelayMs: 60 * day, maxDelayMs: 60 * day, jitter: 'none' } as const;
    const run = lab.executor(rarely).executeWithRetry(await lab.create(), flaky(1), { retry });
    expect(await lab.until(run, 61 * day)).toMatchObject({ status: 'completed', attempt: 2 });
    expect(lab.clock.now() - startedAt).toBe(60 * day);
  });

  it('stores its policy on the task in place of the one that the task had', async () => {
    await using lab = new Lab();
    const id = await lab.create({ retry: { maxRetries: 7, factor: 3 } });
    const retry = { maxRetries: 1, initialDelayMs: 5 };
    expect(await lab.until(lab.executor().executeWithRetry(id, flaky(9), { retry }))).toMatchObject({ attempt: 2 });
    expect((await lab.task(id)).retry).toEqual(retry);
  });

  it('with maxRetries or retryDelay alone changes just that of the policy that the task had', async () => {
    await using lab = new Lab();
    const id = await lab.create({ retry: { maxRetries: 7, factor: 3 } });
    const run = lab.executor().executeWithRetry(id, flaky(9), { maxRetries: 1, retryDelay: 5 });
    expect(await lab.until(run)).toMatchObject({ attempt: 2 });
    expect((await lab.task(id)).retry).toEqual({ maxRetries: 1, factor: 3, initialDelayMs: 5 });
  });

  it('without a policy of its own goes by the one on the task; and so does executeTask', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const retry = { maxRetries: 1, initialDelayMs: 5 };
    const first = executor.executeWithRetry(await lab.create({ retry }), flaky(9));
    expect(await lab.until(first)).toMatchObject({ attempt: 2, retry });
    const second = executor.executeTask(await lab.create({ retry }), flaky(9));
    expect(await lab.until(second)).toMatchObject({ attempt: 2, retry });
  });

  it('keeps the task from workers between its tries', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const agents: string[] = [];
    const agent = (where: string) => ({
      id: 'ada',
      run: (task: Task) => {
        agents.push(where);
        if (task.attempt < 3) throw new Error('no');
        return where;
      },
    });
    await lab.executor().startWorker({ agents: [agent('worker')] });
    const run = executor.executeWithRetry(await lab.create(), agent('caller'), { retryDelay: 20_000 });
    expect(await lab.until(run)).toMatchObject({ status: 'completed', output: 'caller' });
    expect(agents).toEqual(['caller', 'caller', 'caller']);
    await lab.until(executor.close());
  });

  it('whose process dies in the backoff leaves the task to a worker that hosts the agent', async () => {
    await using lab = new Lab();
    const dead = new StoppableClock(lab.clock);
    const id = await lab.create();
    const first = lab.executor({ clock: dead }).executeWithRetry(id, flaky(9), { retryDelay: 1_000 });
    await lab.clock.advance(10);
    dead.stop();
    await lab.executor().startWorker({ agents: [{ id: 'flaky', run: () => 'worker' }] });
    await lab.clock.advance(5_000);
    expect(await lab.task(id)).toMatchObject({ status: 'pending', failures: 1, crashes: 0 });
    await lab.until(lab.tasks.waitForTask(id));
    expect(await lab.task(id)).toMatchObject({ status: 'completed', output: 'worker', attempt: 2, crashes: 0 });
    dead.continue();
    expect(await lab.until(first)).toMatchObject({ status: 'completed', output: 'worker' });
  });

  it('run again after its process died waits for lease and backoff, and goes on counting', async () => {
    await using lab = new Lab();
    const dead = new StoppableClock(lab.clock);
    const id = await lab.create();
    void lab
      .executor({ clock: dead })
      .executeWithRetry(id, flaky(9), { maxRetries: 1, retryDelay: 15_000 })
      .catch(() => undefined);
    await lab.clock.advance(10);
    dead.stop();
    const startedAt = lab.clock.now();
    const again = await lab.until(lab.executor().executeWithRetry(id, flaky(9), { maxRetries: 2, retryDelay: 10 }));
    expect(again).toMatchObject({ status: 'failed', failures: 3, attempt: 3, retry: { maxRetries: 2 } });
    const [, second] = (await lab.history(id)).filter(({ type }) => type === 'task.claimed');
    expect((second?.at as number) - startedAt).toBeGreaterThanOrEqual(14_000);
    dead.continue();
  });

  it('whose signal aborts in the backoff cancels the task', async () => {
    await using lab = new Lab();
    const controller = new AbortController();
    const id = await lab.create();
    const run = lab.executor().executeWithRetry(id, flaky(9), { retryDelay: 60_000, signal: controller.signal });
    await lab.clock.advance(1_000);
    controller.abort();
    expect(await run).toMatchObject({ status: 'cancelled', attempt: 1 });
  });

  it('answers with the cancelled task soon after somebody else has cancelled it in the backoff', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    const run = lab.executor().executeWithRetry(id, flaky(9), { retry: { initialDelayMs: day, maxDelayMs: day } });
    await lab.clock.advance(5_000);
    await lab.tasks.cancelTask(id);
    const cancelledAt = lab.clock.now();
    expect(await lab.until(run)).toMatchObject({ status: 'cancelled', attempt: 1 });
    expect(lab.clock.now() - cancelledAt).toBeLessThanOrEqual(1_000);
  });

  it('waits while the workflow is paused, without keeping the store busy', async () => {
    await using lab = new Lab();
    const { id: workflowId } = await lab.workflows.createWorkflow({ name: 'flow' });
    const id = await lab.create({ workflowId });
    await lab.workflows.pause(workflowId);
    let commits = 0;
    lab.break('commit', (commit) => (request) => (commits++, commit(request)));
    const run = lab.executor().executeWithRetry(id, flaky(0));
    await lab.clock.advance(10_000);
    expect(await lab.task(id)).toMatchObject({ status: 'pending', attempt: 0 });
    expect(commits).toBeLessThan(60);
    await lab.workflows.resume(workflowId);
    expect(await lab.until(run)).toMatchObject({ status: 'completed' });
  });

  it('whose workflow is cancelled while it waits answers with the cancelled task', async () => {
    await using lab = new Lab();
    const { id: workflowId } = await lab.workflows.createWorkflow({ name: 'flow' });
    const id = await lab.create({ workflowId });
    const run = lab.executor().executeWithRetry(id, flaky(9), { retryDelay: 60_000 });
    await lab.clock.advance(1_000);
    await lab.workflows.pause(workflowId);
    await lab.workflows.cancel(workflowId);
    expect(await lab.until(run)).toMatchObject({ status: 'cancelled' });
  });

  it('between tries goes on under a new lease if the store was away for longer than the old one', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const id = await lab.create();
    const run = executor.executeWithRetry(id, flaky(1), { retryDelay: 60_000 });
    await lab.clock.advance(10);
    const [before] = await lab.openWorkers();
    await lab.inner.closeWorker(before as string);
    expect(await lab.until(run)).toMatchObject({ status: 'completed', attempt: 2, crashes: 0 });
    expect(await lab.openWorkers()).not.toContain(before);
  });

  it('ends in SHUTDOWN when its executor closes between tries, and leaves the task to others', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const id = await lab.create();
    const run = executor.executeWithRetry(id, flaky(9), { retryDelay: 60_000 });
    const rejection = expect(run).rejects.toMatchObject({ code: 'SHUTDOWN' });
    await lab.clock.advance(10);
    await executor.close();
    await rejection;
    expect(await lab.openWorkers()).toEqual([]);
    expect(await lab.task(id)).toMatchObject({ status: 'pending', failures: 1 });
    expect(await lab.until(lab.executor().executeWithRetry(id, flaky(0)))).toMatchObject({
      status: 'completed',
      attempt: 2,
      crashes: 0,
    });
  });
});
