import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { delay, systemClock } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { eventually, isolated, isolations, isRunning, moduleOf, Scratch, stepOf } from '../../test/isolation-lab.ts';
import { Lab, Waiting } from '../../test/lab.ts';

/** Whether the system still knows a process, be it only to tell how it ended. */
function isKnown(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits until an agent writes its file without end. */
function beginsToWrite(file: string): Promise<void> {
  return eventually(() => expect(statSync(file).size).toBeGreaterThan(0));
}

/** Whether an agent that writes its file without end does so still. */
async function writes(file: string): Promise<boolean> {
  const { size } = statSync(file);
  await delay(systemClock, 50);
  return statSync(file).size > size;
}

/** Leaves nothing running behind a test that has failed. */
function endAll(pids: readonly number[]): void {
  for (const pid of pids.filter(isRunning)) process.kill(pid, 'SIGKILL');
}

describe.each(isolations)('an agent in a %s', (isolation) => {
  const agent = isolated(isolation);

  it('hears of the cancellation of its task in its own words, and may end by itself', async () => {
    await using lab = new Lab();
    const id = await lab.create({ name: 'wait for the signal' });
    const running = lab.executor().executeTask(id, agent);
    await stepOf(lab, id);
    await lab.tasks.cancelTask(id);
    await lab.clock.advance(1_000);
    expect(await running).toMatchObject({ status: 'cancelled' });
    // Without moving time any further: it was not waited for until its grace was over.
    expect(lab.log.map(({ message }) => message)).toContain(`TASK_CANCELLED Task ${id} was cancelled.`);
  });

  it('that never looks up is killed when its time and its grace are over', async () => {
    await using lab = new Lab();
    using scratch = new Scratch();
    const input = scratch.file('written');
    const timeouts = { startToCloseMs: 60_000 };
    const id = await lab.create({ name: 'write a file without end', input, timeouts });
    const running = lab.executor().executeTask(id, agent);
    const pid = (await stepOf(lab, id)) as number;
    await beginsToWrite(input);
    await lab.clock.advance(64_999);
    expect(await lab.task(id)).toMatchObject({ status: 'running' });
    expect(await writes(input)).toBe(true);
    await lab.clock.advance(1);
    expect(await running).toMatchObject({ status: 'failed', error: { code: 'START_TO_CLOSE_TIMEOUT' } });
    if (isolation === 'process') expect(isKnown(pid)).toBe(false);
    expect(await writes(input)).toBe(false);
    expect(await lab.facts(id)).not.toContain('task.late_result');
    expect(lab.complaints).toEqual([]);
  });

  it('that never looks up is killed when its task is cancelled and the grace is over', async () => {
    await using lab = new Lab();
    using scratch = new Scratch();
    const input = scratch.file('written');
    const id = await lab.create({ name: 'write a file without end', input });
    const running = lab.executor().executeTask(id, agent);
    const pid = (await stepOf(lab, id)) as number;
    await beginsToWrite(input);
    await lab.tasks.cancelTask(id);
    await lab.clock.advance(4_999);
    expect(await lab.task(id)).toMatchObject({ status: 'running' });
    expect(await writes(input)).toBe(true);
    await lab.clock.advance(1);
    expect(await running).toMatchObject({ status: 'cancelled' });
    if (isolation === 'process') expect(isKnown(pid)).toBe(false);
    expect(await writes(input)).toBe(false);
    expect(lab.complaints).toEqual([]);
  });

  it('is killed at once when the lease is lost', async () => {
    await using lab = new Lab();
    using scratch = new Scratch();
    const input = scratch.file('written');
    const id = await lab.create({ name: 'write a file without end', input });
    const lost = expect(lab.executor().executeTask(id, agent)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    const pid = (await stepOf(lab, id)) as number;
    await beginsToWrite(input);
    const [worker] = await lab.openWorkers();
    await lab.inner.closeWorker(worker as string);
    await lab.clock.advance(3_000); // a renewal, and none of the grace
    await lost;
    if (isolation === 'process') expect(isKnown(pid)).toBe(false);
    expect(await writes(input)).toBe(false);
  });

  it('is killed when the worker stops, and its task goes back at no cost', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const worker = await executor.startWorker({ agents: [agent] });
    const id = await lab.submit({ name: 'loop', agentId: 'ada' });
    await stepOf(lab, id);
    const drained = worker.drain({ timeoutMs: 0 });
    await lab.clock.advance(1_000);
    await drained;
    expect(await lab.task(id)).toMatchObject({ status: 'pending', failures: 0, crashes: 0 });
  });

  it('does not hold up its worker, however it loops', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const id = await lab.create({ name: 'loop', timeouts: { startToCloseMs: 1_000 } });
    const running = executor.executeTask(id, agent);
    await stepOf(lab, id);
    const other = await executor.executeTask(await lab.create(), { id: 'other', run: () => 'done' });
    expect(other.status).toBe('completed');
    await lab.clock.advance(6_000);
    expect((await running).status).toBe('failed');
  });
});

describe('a thread of an agent', () => {
  it('that a call into the system keeps from ending counts as abandoned until that returns', async () => {
    await using lab = new Lab();
    using scratch = new Scratch();
    const deaf = new Waiting('deaf', { heeds: false });
    await lab.executor().startWorker({ agents: [deaf.agent, isolated('thread')], concurrency: 1 });
    const given = { timeouts: { startToCloseMs: 1_000 }, retry: { maxRetries: 0 } };
    const first = await lab.submit({ ...given, agentId: 'deaf' });
    await lab.until(() => deaf.started === 1);
    await lab.clock.advance(6_000);
    expect(await lab.task(first)).toMatchObject({ status: 'failed' });
    const input = scratch.file('goes on');
    const second = await lab.submit({ ...given, agentId: 'ada', name: 'block until a file is there', input });
    try {
      await stepOf(lab, second);
      await lab.clock.advance(6_000);
      await eventually(async () => expect(await lab.task(second)).toMatchObject({ status: 'failed' }));
      const third = await lab.submit({ agentId: 'ada', name: 'a promise of a value' });
      await lab.clock.advance(60_000);
      expect(await lab.task(third)).toMatchObject({ status: 'pending', attempt: 0 });
      expect(lab.complaints).toEqual([
        "The agent's thread was killed and does not end.",
        'The worker takes no tasks: too many abandoned attempts ignore their signal.',
      ]);
      scratch.write('goes on');
      await eventually(async () => expect(await lab.task(third)).toMatchObject({ status: 'completed', output: 7 }));
    } finally {
      scratch.write('goes on');
      deaf.go();
    }
  }, 30_000);
});

describe('a process of an agent', () => {
  const agent = isolated('process');

  it.each(['loop with a child', 'leave a child behind', 'exit and leave a child behind'])(
    'that is to %s takes the processes that it started with it',
    async (name) => {
      await using lab = new Lab();
      const id = await lab.create({ name, timeouts: { startToCloseMs: 1_000 } });
      const running = lab.executor().executeTask(id, agent);
      const [own, child] = (await stepOf(lab, id)) as [number, number];
      try {
        if (name.startsWith('loop')) {
          expect([isRunning(own), isRunning(child)]).toEqual([true, true]);
          await lab.clock.advance(6_000);
        }
        await running;
        expect(isKnown(own)).toBe(false);
        await eventually(() => expect(isRunning(child)).toBe(false));
      } finally {
        endAll([child]);
      }
    },
  );

  it('does not wait for a daemon that got away, which lives on', async () => {
    await using lab = new Lab();
    const task = await lab.executor().executeTask(await lab.create({ name: 'start a daemon' }), agent);
    const daemon = task.output as number;
    try {
      expect([task.status, isRunning(daemon)]).toEqual(['completed', true]);
    } finally {
      endAll([daemon]);
    }
  });

  it.each(['loop with a child', 'wait for the signal'])(
    'that is to %s ends within a moment when its worker is killed, with what it started',
    async (name) => {
      const program = fileURLToPath(moduleOf('../doomed-worker.ts'));
      const worker = spawn(process.execPath, [program, name], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [told] = (await once(worker.stdout, 'data')) as [Buffer];
      const pids = [JSON.parse(told.toString())].flat() as number[];
      try {
        expect(pids.map(isRunning)).toEqual(pids.map(() => true));
        const killedAt = systemClock.monotonic();
        worker.kill('SIGKILL');
        await eventually(() => expect(pids.filter(isRunning)).toEqual([]));
        expect(systemClock.monotonic() - killedAt).toBeLessThan(2_000);
      } finally {
        endAll(pids);
      }
    },
  );
});
