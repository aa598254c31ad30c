import { runInNewContext } from 'node:vm';
import { setFlagsFromString } from 'node:v8';
import type { Agent, AgentEntry, ClaimRequest, Task } from '@symphony/core';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { TaskRouter } from '@symphony/router';
import { newAgentConfig, VirtualClock } from '@symphony/testing';
import { describe, expect, it } from 'vitest';
import { flaky, Lab, StoppableClock, Waiting } from '../test/lab.ts';

const echo: Agent = { id: 'echo', run: (task: Task) => task.input };

/** An agent that takes its time and notes how many of it run at once. */
function slow(
  lab: Lab,
  ms: number,
): { readonly agent: Agent; readonly most: () => number; readonly runs: () => number } {
  let running = 0;
  let most = 0;
  let runs = 0;
  const agent: Agent = {
    id: 'slow',
    async run() {
      runs++;
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => void lab.clock.setTimer(resolve, ms));
      running--;
    },
  };
  return { agent, most: () => most, runs: () => runs };
}

describe('a worker', () => {
  it('takes due tasks of the agents that it hosts, and no others', async () => {
    await using lab = new Lab();
    await lab.executor().startWorker({ agents: [echo] });
    const mine = await lab.submit({ agentId: 'echo', input: 1 });
    const foreign = await lab.submit({ agentId: 'other' });
    const later = await lab.submit({ agentId: 'echo', dueAt: lab.clock.now() + 60_000 });
    const created = await lab.create({ agentId: 'echo' });
    expect(await lab.until(lab.tasks.handle(mine).result())).toBe(1);
    await lab.clock.advance(30_000);
    expect(await Promise.all([foreign, later, created].map(async (id) => (await lab.task(id)).status))).toEqual([
      'pending',
      'pending',
      'pending',
    ]);
    await lab.clock.advance(31_000);
    expect(await lab.task(later)).toMatchObject({ status: 'completed' });
  });

  it('retries three times where nobody said how often, and as the task says otherwise', async () => {
    await using lab = new Lab();
    await lab.executor().startWorker({ agents: [flaky(99)] });
    const [three, none] = [
      await lab.submit({ agentId: 'flaky' }),
      await lab.submit({ agentId: 'flaky', retry: { maxRetries: 0 } }),
    ];
    expect(await lab.until(lab.tasks.waitForTask(three))).toMatchObject({ status: 'failed', attempt: 4 });
    expect(await lab.until(lab.tasks.waitForTask(none))).toMatchObject({ status: 'failed', attempt: 1 });
  });

  it('tries again when the delay is over, not at the next look', async () => {
    await using lab = new Lab();
    await lab.executor().startWorker({ agents: [flaky(1)] });
    const id = await lab.submit({ agentId: 'flaky', retry: { initialDelayMs: 130, jitter: 'none' } });
    const startedAt = lab.clock.now();
    await lab.until(lab.tasks.waitForTask(id));
    expect((await lab.task(id)).finishedAt).toBe(startedAt + 130);
  });

  it.each([1, 3, 8])('never runs more than its concurrency %i at once, and as many as it may', async (concurrency) => {
    await using lab = new Lab();
    const { agent, most } = slow(lab, 30);
    const limits: ClaimRequest[] = [];
    lab.break('commit', (commit) => (request) => (request.claim && limits.push(request.claim), commit(request)));
    const ids = await Promise.all(Array.from({ length: 40 }, () => lab.submit({ agentId: 'slow' })));
    await lab.executor().startWorker({ agents: [agent], concurrency });
    await lab.until(Promise.all(ids.map((id) => lab.tasks.waitForTask(id))));
    expect(most()).toBe(concurrency);
    expect(Math.max(...limits.map(({ limit }) => limit))).toBe(concurrency);
  });

  it('never claims more than its free slots', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const ids = await Promise.all(Array.from({ length: 10 }, () => lab.submit({ agentId: 'ada' })));
    await lab.executor().startWorker({ agents: [waiting.agent], concurrency: 3 });
    await lab.clock.advance(10_000);
    const statuses = (await Promise.all(ids.map((id) => lab.task(id)))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 'running')).toHaveLength(3);
    expect(statuses.filter((status) => status === 'pending')).toHaveLength(7);
    waiting.go();
    await lab.until(Promise.all(ids.map((id) => lab.tasks.waitForTask(id))));
  });

  it('claims the next task in the commit that ends the last', async () => {
    await using lab = new Lab();
    let commits = 0;
    lab.break('commit', (commit) => (request) => (commits++, commit(request)));
    const ids = await Promise.all(Array.from({ length: 50 }, () => lab.submit({ agentId: 'echo' })));
    await lab.executor().startWorker({ agents: [echo], concurrency: 1 });
    await lab.until(Promise.all(ids.map((id) => lab.tasks.waitForTask(id))));
    expect(commits).toBeLessThan(60);
  });

  it('is woken by the doorbell', async () => {
    await using lab = new Lab();
    await lab.executor().startWorker({ agents: [echo] });
    await lab.clock.advance(10);
    const submittedAt = lab.clock.now();
    const id = await lab.submit({ agentId: 'echo' });
    await lab.clock.advance(1);
    expect(await lab.task(id)).toMatchObject({ status: 'completed', finishedAt: submittedAt });
  });

  it('looks by itself every second where the doorbell is silent', async () => {
    await using lab = new Lab();
    lab.isSilent = true;
    await lab.executor().startWorker({ agents: [echo] });
    await lab.clock.advance(10);
    const submittedAt = lab.clock.now();
    const id = await lab.submit({ agentId: 'echo' });
    await lab.clock.advance(2_000);
    expect(((await lab.task(id)).finishedAt ?? Infinity) - submittedAt).toBeLessThanOrEqual(1_000);
  });

  it('takes what is due in order of priority, then of time', async () => {
    await using lab = new Lab();
    const order: string[] = [];
    const agent: Agent = { id: 'ada', run: (task) => void order.push(task.name) };
    for (const [name, priority] of [
      ['low', -1],
      ['first', 0],
      ['second', 0],
      ['high', 5],
    ] as const) {
      await lab.submit({ name, priority, agentId: 'ada' });
      await lab.clock.advance(1);
    }
    await lab.executor().startWorker({ agents: [agent], concurrency: 1 });
    await lab.until(() => order.length === 4);
    expect(order).toEqual(['high', 'first', 'second', 'low']);
  });

  it('beside another of the same process takes only what its own agents do', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const other: Agent = { id: 'other', run: () => 'other' };
    await executor.startWorker({ agents: [echo] });
    await executor.startWorker({ agents: [other] });
    const ids: string[] = [];
    for (let index = 0; index < 40; index++)
      ids.push(await lab.submit({ agentId: index % 2 === 0 ? 'echo' : 'other' }));
    const tasks = await lab.until(Promise.all(ids.map((id) => lab.tasks.waitForTask(id))));
    expect(tasks.map(({ output }) => output)).toEqual(ids.map((_, index) => (index % 2 === 0 ? null : 'other')));
    expect(tasks.every(({ attempt }) => attempt === 1)).toBe(true);
    expect(await lab.openWorkers()).toHaveLength(1);
  });

  it('hands back at no cost what a store gives it for an agent that it does not host', async () => {
    await using lab = new Lab();
    lab.break('commit', (commit) => (request) => {
      const { claim } = request;
      return commit(
        claim === undefined ? request : { ...request, claim: { ...claim, hosts: [...claim.hosts, 'zoe'] } },
      );
    });
    const id = await lab.submit({ agentId: 'zoe' });
    await lab.executor().startWorker({ agents: [echo] });
    await lab.clock.advance(10);
    lab.mend();
    await lab.executor().startWorker({ agents: [{ id: 'zoe', run: () => 'zoe' }] });
    expect(await lab.until(lab.tasks.handle(id).result())).toBe('zoe');
    expect(await lab.task(id)).toMatchObject({ failures: 0, crashes: 0 });
  });

  it('takes over what a dead one left: attempt n + 1, one crash', async () => {
    await using lab = new Lab();
    const dead = new StoppableClock(lab.clock);
    const waiting = new Waiting('echo');
    await lab.executor({ clock: dead }).startWorker({ agents: [waiting.agent] });
    const id = await lab.submit({ agentId: 'echo', input: 7 });
    await lab.until(() => waiting.started === 1);
    dead.stop();
    const diedAt = lab.clock.now();
    await lab.executor().startWorker({ agents: [echo] });
    expect(await lab.until(lab.tasks.handle(id).result())).toBe(7);
    expect(await lab.task(id)).toMatchObject({ attempt: 2, crashes: 1, failures: 0 });
    expect(lab.clock.now() - diedAt).toBeLessThanOrEqual(10_000 + 2_000 + 1_000);
    dead.continue();
  });

  it('that dies again and again over one task makes it POISON, and only that', async () => {
    await using lab = new Lab();
    const poison = await lab.submit({ agentId: 'ada', name: 'poison' });
    const innocent = await lab.submit({ agentId: 'ada', name: 'innocent' });
    const clocks: StoppableClock[] = [];
    for (let life = 0; life < 12; life++) {
      const clock = new StoppableClock(lab.clock);
      clocks.push(clock);
      const agent: Agent = {
        id: 'ada',
        run: async (task) => {
          if (task.name === 'innocent' && life > 6) return 'done';
          if (task.name === 'poison') clock.stop();
          return new Promise(() => undefined);
        },
      };
      await lab.executor({ clock }).startWorker({ agents: [agent] });
      await lab.clock.advance(15_000);
    }
    expect(await lab.task(poison)).toMatchObject({ status: 'failed', crashes: 3, error: { code: 'POISON' } });
    expect(await lab.task(innocent)).not.toMatchObject({ status: 'failed' });
    for (const clock of clocks) clock.continue();
  });

  it('of a paused workflow takes nothing until it is resumed; what runs goes on', async () => {
    await using lab = new Lab();
    const { agent, runs } = slow(lab, 5_000);
    const workflow = await lab.workflows.createWorkflow({
      name: 'flow',
      tasks: Array.from({ length: 4 }, () => ({ name: 'job', agentId: 'slow' })),
    });
    await lab.executor().startWorker({ agents: [agent], concurrency: 1 });
    await lab.until(() => runs() === 1);
    expect(await lab.workflows.pause(workflow.id)).toMatchObject({ status: 'paused' });
    await lab.clock.advance(60_000);
    expect(runs()).toBe(1);
    expect(await lab.workflows.getWorkflow(workflow.id)).toMatchObject({ status: 'paused', tasks: { completed: 1 } });
    await lab.workflows.resume(workflow.id);
    expect(await lab.until(lab.workflows.waitForWorkflow(workflow.id))).toMatchObject({ status: 'completed' });
    expect(runs()).toBe(4);
  });

  it('of a cancelled workflow starts nothing more, and what runs is told', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const workflow = await lab.workflows.createWorkflow({
      name: 'flow',
      tasks: Array.from({ length: 4 }, () => ({ name: 'job', agentId: 'ada' })),
    });
    await lab.executor().startWorker({ agents: [waiting.agent], concurrency: 2 });
    await lab.until(() => waiting.started === 2);
    await lab.workflows.cancel(workflow.id, { reason: 'enough' });
    const settled = await lab.until(lab.workflows.waitForWorkflow(workflow.id));
    expect(settled).toMatchObject({ status: 'cancelled', settled: true, tasks: { cancelled: 4, total: 4 } });
    expect(waiting.started).toBe(2);
    for (const { signal } of waiting.contexts) expect(signal.reason).toMatchObject({ code: 'TASK_CANCELLED' });
  });
});

describe('a worker and tasks without an agent', () => {
  it('routes a task, and starts it in the commit that records the decision', async () => {
    await using lab = new Lab();
    await lab
      .executor({ router: new TaskRouter({ agents: [echo], clock: lab.clock }) })
      .startWorker({ agents: [echo] });
    const id = await lab.submit({ input: 1 });
    expect(await lab.until(lab.tasks.handle(id).result())).toBe(1);
    expect(await lab.facts(id)).toEqual(['task.created', 'task.routed', 'task.claimed', 'task.completed']);
    expect(await lab.data(id, 'task.routed')).toMatchObject([{ agentId: 'echo', considered: 1 }]);
  });

  it('hands a task to a worker elsewhere that hosts the agent, without counting an attempt', async () => {
    await using lab = new Lab();
    const other: Agent = { id: 'zoe', run: () => 'zoe' };
    const router = new TaskRouter({ agents: [other], clock: lab.clock });
    await lab.executor({ router }).startWorker({ agents: [echo] });
    const id = await lab.submit();
    await lab.clock.advance(1_000);
    expect(await lab.task(id)).toMatchObject({ status: 'pending', agentId: 'zoe', attempt: 0 });
    await lab.executor().startWorker({ agents: [other] });
    expect(await lab.until(lab.tasks.handle(id).result())).toBe('zoe');
    expect(await lab.task(id)).toMatchObject({ attempt: 1 });
  });

  it('says once in the log that nobody can take a task, and takes it when an agent appears', async () => {
    await using lab = new Lab();
    const entries: AgentEntry[] = [];
    const router = new TaskRouter({
      clock: lab.clock,
      directory: { list: async () => entries, loads: async () => new Map() },
    });
    const late: Agent = { id: 'late', run: () => 'at last' };
    const executor = lab.executor({ router });
    await executor.startWorker({ agents: [late] });
    const id = await lab.submit();
    await lab.clock.advance(120_000);
    expect(await lab.facts(id)).toEqual(['task.created', 'task.unroutable']);
    expect(await lab.data(id, 'task.unroutable')).toEqual([
      { code: 'NO_ROUTE', reason: 'No agent is known. There is no fallback agent.' },
    ]);
    entries.push({ config: newAgentConfig('late'), enabled: true, hosted: true });
    const appearedAt = lab.clock.now();
    expect(await lab.until(lab.tasks.handle(id).result())).toBe('at last');
    expect(lab.clock.now() - appearedAt).toBeLessThanOrEqual(4_000);
    expect(await lab.task(id)).toMatchObject({ attempt: 1 });
  });

  it('does not let those that nobody can take stand in the way of those that somebody can', async () => {
    await using lab = new Lab();
    const capable: Agent = { id: 'capable', capabilities: ['law'], run: () => 'done' };
    const router = new TaskRouter({ agents: [capable], clock: lab.clock });
    for (let index = 0; index < 300; index++) await lab.submit({ requirements: { capabilities: ['surgery'] } });
    await lab.executor({ router }).startWorker({ agents: [capable], concurrency: 2 });
    await lab.clock.advance(10_000);
    const submittedAt = lab.clock.now();
    const id = await lab.submit({ requirements: { capabilities: ['law'] } });
    expect(await lab.until(lab.tasks.handle(id).result())).toBe('done');
    expect(lab.clock.now() - submittedAt).toBeLessThanOrEqual(5_000);
  });

  it('says so as well where there is no router at all', async () => {
    await using lab = new Lab();
    await lab.executor().startWorker({ agents: [echo] });
    const id = await lab.submit();
    await lab.clock.advance(10_000);
    expect(await lab.data(id, 'task.unroutable')).toEqual([
      { code: 'NO_ROUTE', reason: 'The task has no agent, and this worker has no router to choose one.' },
    ]);
  });

  it('works through many of them without holding on to those that are done', async () => {
    const clock = new VirtualClock();
    // On SQLite each task that is read is read anew: what is not let go of shows.
    await using lab = new Lab(clock, await SqliteStore.open({ path: ':memory:', clock }));
    const last = Promise.withResolvers<undefined>();
    let runs = 0;
    const agent: Agent = { id: 'ada', run: () => (++runs === 300 ? last.promise : 'done') };
    const router = new TaskRouter({ agents: [agent], clock });
    for (let index = 0; index < 300; index++) await lab.submit({ input: String(index).repeat(100_000) });
    const before = await usedHeap();
    await lab.executor({ router }).startWorker({ agents: [agent], concurrency: 1 });
    await lab.until(() => runs === 300);
    expect((await usedHeap()) - before).toBeLessThan(20 * 1024 * 1024);
    last.resolve(undefined);
  });
});

/** Bytes in use once the garbage is gone. */
async function usedHeap(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let turn = 0; turn < 3; turn++) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    collect();
  }
  return process.memoryUsage().heapUsed;
}

describe('attempts that ignore their signal', () => {
  it('free their slots, but running and abandoned together are at most twice the concurrency', async () => {
    await using lab = new Lab();
    let alive = 0;
    let most = 0;
    const releases: (() => void)[] = [];
    const deaf: Agent = {
      id: 'deaf',
      limits: { timeouts: { startToCloseMs: 100 } },
      run: async () => {
        most = Math.max(most, ++alive);
        await new Promise<void>((resolve) => releases.push(resolve));
        alive--;
      },
    };
    await lab.executor().startWorker({ agents: [deaf], concurrency: 2 });
    for (let index = 0; index < 10; index++) await lab.submit({ agentId: 'deaf', retry: { maxRetries: 0 } });
    await lab.clock.advance(60_000);
    expect(alive).toBe(4);
    expect(await lab.tasks.listTasks({ status: 'failed' })).toHaveLength(4);
    expect(await lab.tasks.listTasks({ status: 'pending' })).toHaveLength(6);
    expect(lab.complaints).toEqual(['The worker takes no tasks: too many abandoned attempts ignore their signal.']);
    for (const release of releases.splice(0, 2)) release();
    await lab.clock.advance(60_000);
    expect(alive).toBe(4);
    expect(most).toBe(4);
    for (let round = 0; round < 10; round++) {
      for (const release of releases.splice(0)) release();
      await lab.clock.advance(10_000);
    }
    expect(alive).toBe(0);
  });
});

describe('draining a worker', () => {
  it('takes nothing more, lets what runs end, and leaves no worker row', async () => {
    await using lab = new Lab();
    const { agent, runs } = slow(lab, 3_000);
    const worker = await lab.executor().startWorker({ agents: [agent], concurrency: 2 });
    const ids = await Promise.all(Array.from({ length: 5 }, () => lab.submit({ agentId: 'slow' })));
    await lab.until(() => runs() === 2);
    const claims: ClaimRequest[] = [];
    lab.break('commit', (commit) => (request) => (request.claim && claims.push(request.claim), commit(request)));
    const startedAt = lab.clock.now();
    await lab.until(worker.drain());
    expect(lab.clock.now() - startedAt).toBe(3_000);
    expect(claims).toEqual([]);
    expect(worker.running).toBe(0);
    expect(await lab.openWorkers()).toEqual([]);
    expect((await Promise.all(ids.map((id) => lab.task(id)))).map(({ status }) => status).sort()).toEqual([
      'completed',
      'completed',
      'pending',
      'pending',
      'pending',
    ]);
  });

  it('aborts what takes too long with SHUTDOWN, and hands it back at no cost', async () => {
    await using lab = new Lab();
    const [heeding, deaf] = [new Waiting('heeding'), new Waiting('deaf', { heeds: false })];
    const worker = await lab.executor().startWorker({ agents: [heeding.agent, deaf.agent] });
    const ids = [await lab.submit({ agentId: 'heeding' }), await lab.submit({ agentId: 'deaf' })];
    await lab.until(() => heeding.started + deaf.started === 2);
    const startedAt = lab.clock.now();
    await lab.until(worker.drain({ timeoutMs: 2_000 }));
    expect(lab.clock.now() - startedAt).toBe(3_000);
    expect(heeding.context.signal.reason).toMatchObject({ code: 'SHUTDOWN' });
    for (const id of ids) {
      expect(await lab.task(id)).toMatchObject({ status: 'pending', attempt: 1, failures: 0, crashes: 0 });
      expect(await lab.data(id, 'task.released')).toMatchObject([{ attempt: 1, reason: 'the worker is stopping' }]);
    }
    expect(await lab.openWorkers()).toEqual([]);

    // It was not counted: the task still has all its tries.
    await lab.executor().startWorker({ agents: [{ id: 'heeding', run: () => 'done' }] });
    expect(await lab.until(lab.tasks.handle(ids[0] as string).result())).toBe('done');
  });

  it('keeps a result that comes in time although the signal has aborted', async () => {
    await using lab = new Lab();
    const deaf = new Waiting('deaf', { heeds: false });
    const worker = await lab.executor().startWorker({ agents: [deaf.agent] });
    const id = await lab.submit({ agentId: 'deaf' });
    await lab.until(() => deaf.started === 1);
    const drained = worker.drain({ timeoutMs: 0 });
    await lab.clock.advance(500);
    deaf.go('just in time');
    await lab.until(drained);
    expect(await lab.task(id)).toMatchObject({ status: 'completed', output: 'just in time' });
  });

  it('is hurried by a second call', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const worker = await lab.executor().startWorker({ agents: [waiting.agent] });
    const id = await lab.submit({ agentId: 'ada' });
    await lab.until(() => waiting.started === 1);
    const first = worker.drain({ timeoutMs: 60_000 });
    await lab.clock.advance(100);
    const startedAt = lab.clock.now();
    await lab.until(Promise.all([first, worker.drain({ timeoutMs: 0 })]));
    expect(lab.clock.now() - startedAt).toBeLessThanOrEqual(1_000);
    expect(await lab.task(id)).toMatchObject({ status: 'pending', failures: 0 });
  });

  it('while a claim is under way hands back what that still brings', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const id = await lab.submit({ agentId: 'ada' });
    lab.break('commit', (commit) => async (request) => {
      const response = await commit(request);
      if (request.claim !== undefined) await new Promise<void>((resolve) => void lab.clock.setTimer(resolve, 500));
      return response;
    });
    const worker = await lab.executor().startWorker({ agents: [waiting.agent] });
    await lab.clock.advance(100);
    const drained = worker.drain({ timeoutMs: 0 });
    await lab.until(drained);
    expect(await lab.task(id)).toMatchObject({ status: 'pending', failures: 0, crashes: 0 });
    expect(await lab.openWorkers()).toEqual([]);
  });

  it('before the worker has claimed claims nothing', async () => {
    await using lab = new Lab();
    const id = await lab.submit({ agentId: 'echo' });
    const gate = Promise.withResolvers<undefined>();
    lab.break('openWorker', (open) => async (worker) => {
      await gate.promise;
      return open(worker);
    });
    const executor = lab.executor();
    const started = executor.startWorker({ agents: [echo] });
    const closed = executor.close();
    gate.resolve(undefined);
    await lab.until(Promise.all([started, closed]));
    expect(await lab.task(id)).toMatchObject({ status: 'pending', attempt: 0 });
    expect(await lab.openWorkers()).toEqual([]);
  });

  it('is what a signal does, a second signal hurries it, and the listeners go with the worker', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const signal = 'SIGUSR2';
    const before = process.listenerCount(signal);
    const worker = await lab.executor().startWorker({ agents: [waiting.agent] });
    const stopped = worker.stopOnSignals([signal]);
    await lab.submit({ agentId: 'ada' });
    await lab.until(() => waiting.started === 1);
    expect(process.listenerCount(signal)).toBe(before + 1);
    process.emit(signal);
    await lab.clock.advance(100);
    expect(waiting.context.signal.aborted).toBe(false);
    process.emit(signal);
    await lab.until(stopped);
    expect(waiting.context.signal.reason).toMatchObject({ code: 'SHUTDOWN' });
    expect(process.listenerCount(signal)).toBe(before);
  });

  it('by other means also ends stopOnSignals', async () => {
    await using lab = new Lab();
    const before = process.listenerCount('SIGUSR2');
    const executor = lab.executor();
    const worker = await executor.startWorker({ agents: [echo] });
    const stopped = worker.stopOnSignals(['SIGUSR2']);
    await lab.until(executor.close());
    await stopped;
    expect(process.listenerCount('SIGUSR2')).toBe(before);
  });

  it('leaves the lease to what a caller is about to claim in the same process', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const worker = await executor.startWorker({ agents: [echo] });
    lab.break('commit', (commit) => async (request) => {
      const response = await commit(request);
      if (request.claim === undefined) await new Promise<void>((resolve) => void lab.clock.setTimer(resolve, 500));
      return response;
    });
    const run = executor.executeTask(await lab.create({ input: 1 }), echo);
    await lab.clock.advance(100);
    await lab.until(worker.drain());
    expect(await lab.until(run)).toMatchObject({ status: 'completed', attempt: 1, output: 1 });
  });

  it('leaves the lease to what callers run in the same process', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const executor = lab.executor();
    const run = executor.executeTask(await lab.create(), waiting.agent);
    const worker = await executor.startWorker({ agents: [echo] });
    await lab.until(() => waiting.started === 1);
    await lab.until(worker.drain());
    expect(await lab.openWorkers()).toHaveLength(1);
    waiting.go();
    expect(await run).toMatchObject({ status: 'completed', attempt: 1 });
  });
});
