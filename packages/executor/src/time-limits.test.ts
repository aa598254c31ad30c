import type { AgentContext, Clock, Store } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { flaky, Lab, StoppableClock, Waiting } from '../test/lab.ts';

describe('the idle timeout', () => {
  it.each([
    ['the task', { timeouts: { idleMs: 400 } }, {}],
    ['the agent', {}, { limits: { timeouts: { idleMs: 400 } } }],
    ['the task before the agent', { timeouts: { idleMs: 400 } }, { limits: { timeouts: { idleMs: 9_000 } } }],
  ])('is that of %s; the signal then says IDLE_TIMEOUT', async (_name, task, limits) => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const startedAt = lab.clock.now();
    const run = lab.executor().executeTask(await lab.create(task), { ...waiting.agent, ...limits });
    await lab.clock.advance(399);
    expect(waiting.context.signal.aborted).toBe(false);
    expect(await lab.until(run)).toMatchObject({
      status: 'failed',
      failures: 1,
      error: { code: 'IDLE_TIMEOUT', message: expect.stringContaining('gave no sign of life for 400 ms') as string },
    });
    expect(lab.clock.now() - startedAt).toBe(400);
    expect(waiting.context.signal.reason).toMatchObject({ code: 'IDLE_TIMEOUT', details: { timeoutMs: 400 } });
  });

  it('is a failure like others: the task is tried again', async () => {
    await using lab = new Lab();
    const id = await lab.create({ timeouts: { idleMs: 400 } });
    const run = lab.executor().executeWithRetry(id, new Waiting().agent, { maxRetries: 1, retryDelay: 10 });
    expect(await lab.until(run)).toMatchObject({ status: 'failed', attempt: 2, failures: 2 });
  });

  const signs: readonly (readonly [string, (context: AgentContext) => unknown])[] = [
    ['a progress', (context) => context.progress(1)],
    ['a recorded step', (context) => context.step('one', () => 1)],
    ['a spawned task', (context) => context.spawn('one', { name: 'child', agentId: 'nobody' })],
  ];
  it.each(signs)('begins anew with %s', async (_name, sign) => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const run = lab.executor().executeTask(await lab.create({ timeouts: { idleMs: 400 } }), waiting.agent);
    await lab.clock.advance(350);
    await sign(waiting.context);
    const toldAt = lab.clock.now();
    await lab.clock.advance(399);
    expect(waiting.context.signal.aborted).toBe(false);
    expect(await lab.until(run)).toMatchObject({ error: { code: 'IDLE_TIMEOUT' } });
    expect(lab.clock.now() - toldAt).toBe(400);
  });

  it('begins anew with a step that is found in the journal', async () => {
    await using lab = new Lab();
    const contexts: AgentContext[] = [];
    const id = await lab.create({ timeouts: { idleMs: 400 } });
    const agent = {
      id: 'ada',
      run: async (_task: unknown, context: AgentContext) => {
        contexts.push(context);
        await context.step('one', () => 1);
        if (contexts.length === 1) throw new Error('once');
        await new Promise((resolve) => lab.clock.setTimer(() => resolve(context.step('one', () => 2)), 300));
        await new Promise((resolve) => lab.clock.setTimer(() => resolve(1), 399));
        return 'done';
      },
    };
    const run = lab.executor().executeWithRetry(id, agent, { maxRetries: 1, retryDelay: 0 });
    expect(await lab.until(run)).toMatchObject({ status: 'completed', output: 'done' });
  });

  it('is not begun by pre-hooks, and ends with the agent’s run', async () => {
    await using lab = new Lab();
    const wait = (): Promise<void> => new Promise((resolve) => void lab.clock.setTimer(resolve, 5_000));
    const id = await lab.create({ timeouts: { idleMs: 400 } });
    const output = {
      '~standard': { version: 1, vendor: 'test', validate: async () => (await wait(), { value: 1 }) },
    } as const;
    const run = lab
      .executor()
      .executeTask(id, { id: 'ada', output, run: () => 1 }, { preExecutionHook: wait, postExecutionHook: wait });
    expect(await lab.until(run)).toMatchObject({ status: 'completed' });
  });

  it('does not count what the agent waits for us: a step that is being stored', async () => {
    await using lab = new Lab();
    const id = await lab.create({ timeouts: { idleMs: 400 } });
    let isAway = true;
    lab.break('commit', (commit): Store['commit'] => async (request) => {
      const isStep = request.groups.some(([command]) => command?.type === 'recordStep');
      if (isStep && isAway) await new Promise<void>((resolve) => void lab.clock.setTimer(resolve, 3_000));
      isAway &&= !isStep;
      return commit(request);
    });
    const agent = { id: 'ada', run: (_task: unknown, context: AgentContext) => context.step('one', () => 'stored') };
    expect(await lab.until(lab.executor().executeTask(id, agent))).toMatchObject({ status: 'completed' });
  });

  it('does not count the time in which its process was stopped', async () => {
    await using lab = new Lab();
    const clock = new StoppableClock(lab.clock);
    const waiting = new Waiting();
    const run = lab.executor({ clock }).executeTask(await lab.create({ timeouts: { idleMs: 400 } }), waiting.agent);
    await lab.clock.advance(150);
    clock.stop();
    await lab.clock.advance(2_000);
    clock.continue();
    await lab.clock.advance(250);
    expect(waiting.context.signal.aborted).toBe(false);
    waiting.context.progress('at last');
    waiting.go();
    expect(await lab.until(run)).toMatchObject({ status: 'completed' });
  });

  it('does count where the process is kept busy without an end: the agent is then the cause', async () => {
    await using lab = new Lab();
    const clock = new StoppableClock(lab.clock);
    const waiting = new Waiting();
    const run = lab.executor({ clock }).executeTask(await lab.create({ timeouts: { idleMs: 400 } }), waiting.agent);
    await lab.clock.advance(1);
    const startedAt = lab.clock.now();
    while (!waiting.context.signal.aborted) {
      clock.stop();
      await lab.clock.advance(200);
      clock.continue();
      await lab.clock.advance(0);
      expect(lab.clock.now() - startedAt).toBeLessThan(2_000);
    }
    expect(await lab.until(run)).toMatchObject({ error: { code: 'IDLE_TIMEOUT' } });
  });
});

describe('the schedule-to-close timeout', () => {
  it('is not early where the timers of the machine are', async () => {
    await using lab = new Lab();
    const clock: Clock = {
      now: () => lab.clock.now(),
      monotonic: () => lab.clock.monotonic(),
      setTimer: (callback, delayMs, options) =>
        lab.clock.setTimer(callback, delayMs > 10 ? delayMs - 1 : delayMs, options),
    };
    const waiting = new Waiting();
    const id = await lab.create({ timeouts: { scheduleToCloseMs: 3_000 } });
    const run = lab.executor({ clock }).executeTask(id, waiting.agent);
    await lab.clock.advance(2_999);
    expect(waiting.context.signal.aborted).toBe(false);
    expect(await lab.until(run)).toMatchObject({ error: { code: 'SCHEDULE_TO_CLOSE_TIMEOUT' } });
  });

  it('aborts the attempt that runs when it is over, and the task fails for good', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const id = await lab.submit({
      agentId: 'ada',
      timeouts: { scheduleToCloseMs: 3_000 },
      retry: { maxRetries: 5, initialDelayMs: 1_000, jitter: 'none' },
    });
    const submittedAt = lab.clock.now();
    let failed = false;
    const agent = {
      id: 'ada',
      run: (task: never, context: AgentContext) => {
        if (failed) return waiting.agent.run?.(task, context);
        failed = true;
        throw new Error('once');
      },
    };
    await lab.executor().startWorker({ agents: [agent] });
    await lab.clock.advance(2_999);
    expect(waiting.context.signal.aborted).toBe(false);
    await lab.clock.advance(1);
    expect(waiting.context.signal.reason).toMatchObject({
      code: 'SCHEDULE_TO_CLOSE_TIMEOUT',
      details: { timeoutMs: 3_000 },
    });
    const task = await lab.task(id);
    expect(task).toMatchObject({
      status: 'failed',
      attempt: 2,
      error: { code: 'SCHEDULE_TO_CLOSE_TIMEOUT', attempt: 2 },
    });
    expect(Number(task.finishedAt) - submittedAt).toBe(3_000);
  });

  it('is not early where the wall clock is set on while the attempt runs', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const run = lab.executor().executeTask(await lab.create({ timeouts: { scheduleToCloseMs: 3_000 } }), waiting.agent);
    await lab.clock.advance(1_000);
    lab.clock.jump(3_600_000);
    await lab.clock.advance(1_999);
    expect(waiting.context.signal.aborted).toBe(false);
    expect(await lab.until(run)).toMatchObject({ error: { code: 'SCHEDULE_TO_CLOSE_TIMEOUT' } });
  });

  it('ends the task between two tries, and whoever tries is told so', async () => {
    await using lab = new Lab();
    const id = await lab.create({ timeouts: { scheduleToCloseMs: 3_000 } });
    const run = lab
      .executor()
      .executeWithRetry(id, flaky(9), { maxRetries: 9, retry: { initialDelayMs: 60_000, jitter: 'none' } });
    const startedAt = lab.clock.now();
    expect(await lab.until(run)).toMatchObject({
      status: 'failed',
      attempt: 1,
      error: { code: 'SCHEDULE_TO_CLOSE_TIMEOUT' },
    });
    expect(lab.clock.now() - startedAt).toBeLessThanOrEqual(3_000 + 2_000 + 1_000);
  });

  it('is told to whoever wants to start the task after it', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const ids = [1, 2].map(() => lab.submit({ agentId: 'ada', timeouts: { scheduleToCloseMs: 3_000 } }));
    const [first, second] = (await Promise.all(ids)) as [string, string];
    await lab.clock.advance(3_000);
    const { agent } = new Waiting();
    expect(await executor.executeTask(first, agent)).toMatchObject({ status: 'failed', attempt: 0 });
    expect(await executor.runAttempt(second, [agent])).toMatchObject({
      state: 'ended',
      task: { status: 'failed', error: { code: 'SCHEDULE_TO_CLOSE_TIMEOUT' } },
    });
  });
});

describe('the schedule-to-start timeout', () => {
  it('fails a task for which no worker has come, by whichever worker there is', async () => {
    await using lab = new Lab();
    await lab.executor().startWorker({ agents: [flaky(0)] });
    const id = await lab.submit({ agentId: 'nobody', timeouts: { scheduleToStartMs: 5_000 } });
    await lab.clock.advance(4_999);
    expect(await lab.task(id)).toMatchObject({ status: 'pending' });
    await lab.clock.advance(2_001);
    expect(await lab.task(id)).toMatchObject({
      status: 'failed',
      error: {
        code: 'SCHEDULE_TO_START_TIMEOUT',
        message: expect.stringContaining('no worker hosts agent "nobody"') as string,
      },
    });
  });
});

/** Keeps the leases of a lab's workers, as the thread of a store does while a process's own is busy. */
function keepLeases(lab: Lab): () => void {
  let cancel: () => void;
  const renew = async (): Promise<void> => {
    for (const id of await lab.openWorkers())
      await lab.inner.renew({ id, hosts: ['ada'], leaseMs: 10_000, renewMs: 3_000 });
  };
  const again = (): void => {
    cancel = lab.clock.setTimer(() => void renew().then(again), 3_000);
  };
  again();
  return () => cancel();
}

describe('an attempt whose process does not end it in time', () => {
  it('is ended by another process: the task is tried again there, and the first one’s result is discarded', async () => {
    await using lab = new Lab();
    const clock = new StoppableClock(lab.clock);
    const busy = new Waiting('ada', { heeds: false });
    const id = await lab.submit({ agentId: 'ada', timeouts: { startToCloseMs: 1_000 } });
    await lab.executor({ clock }).startWorker({ agents: [busy.agent] });
    await lab.until(() => busy.started === 1);
    const stop = keepLeases(lab);
    clock.stop();
    await lab.executor().startWorker({ agents: [{ id: 'ada', run: () => 'the second' }] });
    await lab.clock.advance(10_999);
    expect(await lab.task(id)).toMatchObject({ status: 'running', attempt: 1 });
    await lab.clock.advance(6_000);
    expect(await lab.task(id)).toMatchObject({ status: 'completed', output: 'the second', failures: 1, attempt: 2 });
    busy.go('the first');
    await lab.clock.advance(0);
    stop();
    clock.continue();
    await lab.clock.advance(0);
    expect(await lab.task(id)).toMatchObject({ output: 'the second' });
    expect(await lab.facts(id)).toEqual([
      ...['task.created', 'task.claimed', 'task.retry_scheduled', 'task.claimed', 'task.completed', 'task.late_result'],
    ]);
  });

  it('is told to the caller who runs it as its own end', async () => {
    await using lab = new Lab();
    const clock = new StoppableClock(lab.clock);
    const busy = new Waiting('ada', { heeds: false });
    const id = await lab.create({ timeouts: { startToCloseMs: 1_000 } });
    const run = lab.executor({ clock }).executeTask(id, busy.agent);
    await lab.until(() => busy.started === 1);
    const stop = keepLeases(lab);
    clock.stop();
    await lab.executor().startWorker({ agents: [flaky(0)] });
    await lab.clock.advance(14_000);
    expect(await lab.task(id)).toMatchObject({ status: 'failed', failures: 1 });
    busy.go('too late');
    expect(await lab.until(run)).toMatchObject({ status: 'failed', error: { code: 'START_TO_CLOSE_TIMEOUT' } });
    stop();
    clock.continue();
  });

  it('is tried again by the caller who runs it, where there is a retry left', async () => {
    await using lab = new Lab();
    const clock = new StoppableClock(lab.clock);
    const busy = new Waiting('ada', { heeds: false });
    const id = await lab.create({ timeouts: { startToCloseMs: 1_000 } });
    const run = lab.executor({ clock }).executeWithRetry(id, busy.agent, { maxRetries: 1, retryDelay: 0 });
    await lab.until(() => busy.started === 1);
    const stop = keepLeases(lab);
    clock.stop();
    await lab.executor().startWorker({ agents: [flaky(0)] });
    await lab.clock.advance(14_000);
    expect(await lab.task(id)).toMatchObject({ status: 'pending', failures: 1 });
    busy.go('done');
    expect(await lab.until(run)).toMatchObject({ status: 'completed', attempt: 2, output: 'done' });
    stop();
    clock.continue();
  });
});

describe('an attempt that the store does not list any more', () => {
  it('is lost within a second: its signal says LEASE_LOST', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    lab.isSilent = true;
    const run = lab.executor().executeTask(await lab.create(), waiting.agent);
    run.catch(() => undefined);
    await lab.until(() => waiting.started === 1);
    const [task] = await lab.inner.listTasks({ limit: 1 });
    const command = { type: 'release', reason: 'by somebody else' } as const;
    await lab.inner.commit({ groups: [[{ type: 'report', id: String(task?.id), attempt: 1, command }]] });
    await lab.clock.advance(1_000);
    expect(waiting.context.signal.reason).toMatchObject({ code: 'LEASE_LOST' });
    await expect(run).rejects.toMatchObject({ code: 'LEASE_LOST' });
  });

  it('is not lost by an answer that is older than the attempt', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const [first, second] = [new Waiting('ada'), new Waiting('ada')];
    const runs = [executor.executeTask(await lab.create(), first.agent)];
    await lab.until(() => first.started === 1);
    const answered = Promise.withResolvers<void>();
    let asked = 0;
    lab.break('holding', (holding): Store['holding'] => async (id) => {
      const answer = await holding(id);
      if (++asked === 1) await answered.promise;
      return answer;
    });
    await lab.until(() => asked === 1);
    runs.push(executor.executeTask(await lab.create(), second.agent));
    await lab.clock.advance(0);
    expect(second.started).toBe(1);
    answered.resolve();
    await lab.clock.advance(5_000);
    expect(asked).toBeGreaterThan(2);
    expect([first, second].map(({ context }) => context.signal.aborted)).toEqual([false, false]);
    first.go();
    second.go();
    await lab.until(Promise.all(runs));
  });

  it('is not lost while it reports, nor while its post-hooks run', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    waiting.go();
    const postExecutionHook = (): Promise<void> => new Promise((resolve) => void lab.clock.setTimer(resolve, 9_000));
    const run = lab.executor().executeTask(await lab.create(), waiting.agent, { postExecutionHook });
    expect(await lab.until(run)).toMatchObject({ status: 'completed' });
    expect(waiting.context.signal.aborted).toBe(false);
  });
});
