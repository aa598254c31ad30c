import { SymphonyError, type Agent } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { Lab, StoppableClock, Waiting } from '../test/lab.ts';

describe('a lease', () => {
  it('is opened with the first claim and renewed while the process lives', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    expect(await lab.openWorkers()).toEqual([]);
    const waiting = new Waiting();
    const run = executor.executeTask(await lab.create(), waiting.agent);
    await lab.until(() => waiting.started === 1);
    const [worker] = await lab.openWorkers();
    await lab.clock.advance(60_000);
    expect(await lab.openWorkers()).toEqual([worker]);
    expect((await lab.inner.worker(worker as string))?.leaseLeftMs).toBeGreaterThan(6_000);
    waiting.go();
    expect(await run).toMatchObject({ status: 'completed', attempt: 1 });
  });

  it('is one for all that a process runs', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const waiting = new Waiting();
    const runs = [await lab.create(), await lab.create(), await lab.create()].map((id) =>
      executor.executeTask(id, waiting.agent),
    );
    await executor.startWorker({ agents: [new Waiting('other').agent] });
    await lab.until(() => waiting.started === 3);
    expect(await lab.openWorkers()).toHaveLength(1);
    waiting.go();
    await lab.until(Promise.all(runs));
  });

  it('that was lost aborts every signal with LEASE_LOST and rejects executeTask', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const executor = lab.executor();
    const id = await lab.create();
    const run = executor.executeTask(id, waiting.agent);
    await lab.until(() => waiting.started === 1);
    const [worker] = await lab.openWorkers();
    await lab.inner.closeWorker(worker as string);
    const lostAt = lab.clock.now();
    await expect(lab.until(run)).rejects.toMatchObject({ code: 'LEASE_LOST', details: { taskId: id } });
    expect(waiting.context.signal.reason).toMatchObject({ code: 'LEASE_LOST' });
    expect(lab.clock.now() - lostAt).toBeLessThanOrEqual(3_000);

    // The executor goes on under another.
    expect(await executor.executeTask(await lab.create(), { id: 'next', run: () => 1 })).toMatchObject({
      status: 'completed',
    });
  });

  it('that is over but whose row is still there is renewed, and nothing is lost', async () => {
    await using lab = new Lab();
    const clock = new StoppableClock(lab.clock);
    const waiting = new Waiting();
    const run = lab.executor({ clock }).executeTask(await lab.create(), waiting.agent);
    await lab.until(() => waiting.started === 1);
    clock.stop();
    await lab.clock.advance(25_000);
    clock.continue();
    await lab.clock.advance(1_000);
    waiting.go();
    expect(await lab.until(run)).toMatchObject({ status: 'completed', attempt: 1, crashes: 0 });
  });

  it('of a worker that was lost is opened anew, and the worker goes on', async () => {
    await using lab = new Lab();
    const agent: Agent = { id: 'ada', run: () => 'done' };
    await lab.executor().startWorker({ agents: [agent] });
    const [worker] = await lab.openWorkers();
    await lab.inner.closeWorker(worker as string);
    const id = await lab.submit({ agentId: 'ada' });
    expect(await lab.until(lab.tasks.handle(id).result())).toBe('done');
    expect(await lab.openWorkers()).not.toEqual([worker]);
  });
});

describe('a late attempt', () => {
  /** A first attempt whose process is stopped, and a second that has taken its task over. */
  async function overtaken(lab: Lab) {
    const clock = new StoppableClock(lab.clock);
    const late = new Waiting('late', { heeds: false });
    const current = new Waiting('current');
    const id = await lab.create();
    const first = lab.executor({ clock }).executeTask(id, late.agent);
    await lab.until(() => late.started === 1);
    clock.stop();
    const second = lab.executor().executeTask(id, current.agent);
    await lab.until(() => current.started === 1);
    return { id, clock, late, current, first, second };
  }

  it('can write nothing: neither step, nor progress, nor result; and learns that it lost', async () => {
    await using lab = new Lab();
    const { id, clock, late, current, first, second } = await overtaken(lab);
    const rejection = expect(first).rejects.toMatchObject({ code: 'LEASE_LOST' });
    const before = await lab.task(id);
    const step = expect(late.context.step('late', () => 1)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    late.context.progress('late');
    await lab.clock.advance(10);
    await step;
    expect(late.context.signal.reason).toMatchObject({ code: 'LEASE_LOST' });
    clock.continue();
    await lab.until(rejection);
    late.go('late');
    await lab.clock.advance(10);
    expect(await lab.inner.steps(id, 'late')).toEqual([]);
    expect(await lab.task(id)).toEqual(before);
    current.go('current');
    expect(await lab.until(second)).toMatchObject({ status: 'completed', output: 'current', attempt: 2 });
    expect((await lab.facts(id)).filter((type) => type === 'task.completed')).toHaveLength(1);
  });

  it('that reports a result which is refused rejects with LEASE_LOST, and the log has a note of it', async () => {
    await using lab = new Lab();
    const { id, clock, late, current, first, second } = await overtaken(lab);
    const rejection = expect(first).rejects.toMatchObject({ code: 'LEASE_LOST' });
    late.go('late');
    await lab.until(rejection);
    expect(await lab.data(id, 'task.late_result')).toEqual([{ attempt: 1, outcome: 'resolved' }]);
    expect(await lab.task(id)).toMatchObject({ status: 'running', attempt: 2 });
    clock.continue();
    current.go('current');
    expect(await lab.until(second)).toMatchObject({ output: 'current' });
  });
});

describe('a process that cannot reach the store', () => {
  let asked = 0;
  const refusesOnce = (): Promise<never> =>
    ++asked === 1 ? Promise.reject(new SymphonyError('STORE_FAILED', 'away')) : new Promise<never>(() => undefined);

  it.each([
    ['refuses', () => Promise.reject(new SymphonyError('STORE_FAILED', 'away'))],
    ['does not answer', () => new Promise<never>(() => undefined)],
    ['refuses at first and then does not answer', refusesOnce],
  ])('aborts its attempts before its lease ends, if the store %s', async (_name, answer) => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const run = lab.executor().executeTask(await lab.create(), waiting.agent);
    await lab.until(() => waiting.started === 1);
    await lab.clock.advance(8_000);
    const [worker] = await lab.openWorkers();
    lab.break('renew', () => answer);
    let leftMs: number | undefined;
    waiting.context.signal.addEventListener('abort', () => {
      void lab.inner.worker(worker as string).then((row) => (leftMs = row?.leaseLeftMs));
    });
    await expect(lab.until(run, 20_000)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(leftMs).toBeGreaterThan(0);
  });

  it('for less than that loses nothing', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const run = lab.executor().executeTask(await lab.create(), waiting.agent);
    await lab.until(() => waiting.started === 1);
    lab.break('renew', () => () => Promise.reject(new SymphonyError('STORE_FAILED', 'away')));
    await lab.clock.advance(6_000);
    lab.mend();
    await lab.clock.advance(60_000);
    waiting.go();
    expect(await run).toMatchObject({ status: 'completed', attempt: 1 });
  });

  it('marks nobody dead for one lease after it is back', async () => {
    await using lab = new Lab();
    const [first, second] = [new Waiting('first'), new Waiting('second')];
    const slow = new StoppableClock(lab.clock);
    const runs = [
      lab.executor().executeTask(await lab.create(), first.agent),
      lab.executor({ clock: slow }).executeTask(await lab.create(), second.agent),
    ];
    await lab.until(() => first.started + second.started === 2);
    const lost = expect(runs[0]).rejects.toMatchObject({ code: 'LEASE_LOST' });
    // The store hangs for all, and one of the two is slower to come back.
    const release = Promise.withResolvers<undefined>();
    slow.stop();
    lab.break('renew', (renew) => (worker) => release.promise.then(() => renew(worker)));
    lab.break('sweep', (sweep) => (request) => release.promise.then(() => sweep({ ...request, markDead: false })));
    await lab.clock.advance(12_000);
    release.resolve(undefined);
    lab.mend();
    await lab.clock.advance(4_000);
    expect(await lab.openWorkers()).toHaveLength(2);
    slow.continue();
    await lab.clock.advance(30_000);
    second.go();
    expect(await lab.until(runs[1] as Promise<unknown>)).toMatchObject({ status: 'completed', attempt: 1, crashes: 0 });
    await lost;
  });
});

describe('a process that was stopped together with others', () => {
  it('marks nobody dead for one lease after it goes on', async () => {
    await using lab = new Lab();
    const clocks = [new StoppableClock(lab.clock), new StoppableClock(lab.clock)];
    const waiting = [new Waiting('first'), new Waiting('second')];
    const runs = await Promise.all(
      waiting.map(async ({ agent }, index) => ({
        promise: lab.executor({ clock: clocks[index] as StoppableClock }).executeTask(await lab.create(), agent),
      })),
    );
    await lab.until(() => waiting.every(({ started }) => started === 1));
    for (const clock of clocks) clock.stop();
    await lab.clock.advance(60_000);
    clocks[0]?.continue();
    await lab.clock.advance(8_000);
    expect(await lab.openWorkers()).toHaveLength(2);
    clocks[1]?.continue();
    await lab.clock.advance(30_000);
    for (const each of waiting) each.go();
    const tasks = await lab.until(Promise.all(runs.map(({ promise }) => promise)));
    expect(tasks.map(({ attempt, crashes, status }) => [attempt, crashes, status])).toEqual([
      [1, 0, 'completed'],
      [1, 0, 'completed'],
    ]);
  });

  it('after that lease marks dead who has not come back', async () => {
    await using lab = new Lab();
    const clocks = [new StoppableClock(lab.clock), new StoppableClock(lab.clock)];
    const waiting = [new Waiting('first'), new Waiting('second')];
    const ids = [await lab.create(), await lab.create()];
    const runs = ids.map((id, index) =>
      lab
        .executor({ clock: clocks[index] as StoppableClock })
        .executeTask(id, (waiting[index] as Waiting).agent)
        .catch(() => undefined),
    );
    await lab.until(() => waiting.every(({ started }) => started === 1));
    for (const clock of clocks) clock.stop();
    await lab.clock.advance(60_000);
    clocks[0]?.continue();
    await lab.clock.advance(14_000);
    expect(await lab.openWorkers()).toHaveLength(1);
    expect(await lab.task(ids[1] as string)).toMatchObject({ status: 'pending', crashes: 1 });
    clocks[1]?.continue();
    waiting[0]?.go();
    await lab.until(Promise.all(runs));
  });
});
