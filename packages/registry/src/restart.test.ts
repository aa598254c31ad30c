import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { newTask, VirtualClock } from '@symphony/testing';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { echo, Lab } from '../test/lab.ts';

const folder = mkdtempSync(join(tmpdir(), 'symphony-restart-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let path: string;
let clock: VirtualClock;
let files = 0;
beforeEach(() => {
  path = join(folder, `${++files}.db`);
  clock = new VirtualClock();
});

const leaseMs = 10_000;
const sweepMs = 2_000;

/** A worker starts an attempt and dies; the store ends with it. */
async function dieInTheMiddle(): Promise<void> {
  const store = await SqliteStore.open({ path, clock });
  await store.openWorker({ id: 'wrk_dead', hosts: ['echo'], leaseMs, renewMs: 3_000 });
  await store.commit({
    groups: [[{ type: 'createTask', submit: true, task: newTask('tsk_1', { agentId: 'echo', input: '7' }) }]],
    claim: { workerId: 'wrk_dead', hosts: ['echo'], limit: 1 },
  });
  expect(await store.getTask('tsk_1')).toMatchObject({ status: 'running', attempt: 1 });
  await store.close();
}

/** Opens the store again and lets a worker go on; answers how long that took. */
async function goOn(bootId?: string): Promise<number> {
  const store = await SqliteStore.open({ path, clock, ...(bootId === undefined ? {} : { bootId }) });
  try {
    await using lab = await Lab.open({ persistence: store, agents: [echo] }, clock);
    const startedAt = clock.monotonic();
    await lab.symphony.startWorker();
    const task = await lab.until(lab.taskManager.waitForTask('tsk_1'));
    expect(task).toMatchObject({ status: 'completed', attempt: 2, crashes: 1, output: 7 });
    return clock.monotonic() - startedAt;
  } finally {
    await store.close();
  }
}

describe('a task whose worker has died is taken over after a restart of the store', () => {
  it('while the lease still runs: when that is over, and one sweep later', async () => {
    await dieInTheMiddle();
    await clock.advance(4_000);
    const tookMs = await goOn();
    expect(tookMs).toBeGreaterThanOrEqual(leaseMs - 4_000);
    expect(tookMs).toBeLessThanOrEqual(leaseMs - 4_000 + sweepMs);
  });

  it('in the middle of the recovery, when the worker’s row was gone and its task was not released yet', async () => {
    await dieInTheMiddle();
    const database = new DatabaseSync(path);
    database.exec('DELETE FROM workers');
    database.close();
    expect(await goOn()).toBeLessThanOrEqual(sweepMs);
  });

  it('of the whole machine: a lease of another boot is over', async () => {
    await dieInTheMiddle();
    expect(await goOn('another boot')).toBeLessThanOrEqual(sweepMs);
  });
});
