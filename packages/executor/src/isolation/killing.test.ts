import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { delay, systemClock } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { eventually, isolated, isolations, isRunning, moduleOf, stepOf } from '../../test/isolation-lab.ts';
import { Lab } from '../../test/lab.ts';

/** Whether the system still knows a process, be it only to tell how it ended. */
function isKnown(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
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
    const id = await lab.create({ name: 'loop', timeouts: { startToCloseMs: 60_000 } });
    const running = lab.executor().executeTask(id, agent);
    const pid = (await stepOf(lab, id)) as number;
    await lab.clock.advance(60_000);
    expect(await lab.task(id)).toMatchObject({ status: 'running' });
    await lab.clock.advance(5_000);
    expect(await running).toMatchObject({ status: 'failed', error: { code: 'START_TO_CLOSE_TIMEOUT' } });
    if (isolation === 'process') expect(isKnown(pid)).toBe(false);
    expect(await lab.facts(id)).not.toContain('task.late_result');
    expect(lab.complaints).toEqual([]);
  });

  it('that never looks up is killed when its task is cancelled and the grace is over', async () => {
    await using lab = new Lab();
    const id = await lab.create({ name: 'loop' });
    const running = lab.executor().executeTask(id, agent);
    await stepOf(lab, id);
    await lab.tasks.cancelTask(id);
    await lab.clock.advance(5_000);
    expect(await running).toMatchObject({ status: 'cancelled' });
    expect(lab.complaints).toEqual([]);
  });

  it('is killed at once when the lease is lost', async () => {
    await using lab = new Lab();
    const id = await lab.create({ name: 'loop' });
    const lost = expect(lab.executor().executeTask(id, agent)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    const pid = (await stepOf(lab, id)) as number;
    const [worker] = await lab.openWorkers();
    await lab.inner.closeWorker(worker as string);
    await lab.clock.advance(3_000); // a renewal, and none of the grace
    await lost;
    if (isolation === 'process') expect(isKnown(pid)).toBe(false);
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
  it('has ended when its task has', async () => {
    await using lab = new Lab();
    const folder = mkdtempSync(join(tmpdir(), 'symphony-thread-'));
    try {
      const file = join(folder, 'written');
      const timeouts = { startToCloseMs: 1_000 };
      const id = await lab.create({ name: 'write a file without end', input: file, timeouts });
      const running = lab.executor().executeTask(id, isolated('thread'));
      await eventually(() => expect(statSync(file).size).toBeGreaterThan(0));
      await lab.clock.advance(6_000);
      await running;
      const { size } = statSync(file);
      await delay(systemClock, 50);
      expect(statSync(file).size).toBe(size);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
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
