import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { newTask } from '@symphony/testing';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { ServiceRegistry } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'symphony-processes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let path: string;
let files = 0;
beforeEach(() => void (path = join(folder, `${++files}.db`)));

const program = (name: string): string => join(import.meta.dirname, `../test/processes/${name}.ts`);
const hour = 3_600_000;

interface Found {
  readonly found: number;
  readonly leaseLeftMs?: number;
  readonly wallTime: number;
}

/** Sweeps in a process whose wall clock goes wrong by so much, in all of its threads. */
async function sweepElsewhere(wrongByMs: number, until: 'found' | 'once'): Promise<Found> {
  const shift = `const right = Date.now; Date.now = () => right() + ${wrongByMs};`;
  const preload = `--import=data:text/javascript,${encodeURIComponent(shift)}`;
  const { stdout } = await promisify(execFile)(process.execPath, [program('sweeper'), path, 'wrk_1', until], {
    env: { ...process.env, NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} ${preload}` },
    timeout: 20_000,
  });
  return JSON.parse(stdout) as Found;
}

async function runAttempt(store: SqliteStore, leaseMs: number): Promise<void> {
  await store.openWorker({ id: 'wrk_1', hosts: ['a'], leaseMs, renewMs: leaseMs });
  const { claimed } = await store.commit({
    groups: [[{ type: 'createTask', submit: true, task: newTask('tsk_1', { agentId: 'a' }) }]],
    claim: { workerId: 'wrk_1', hosts: ['a'], limit: 1 },
  });
  expect(claimed).toHaveLength(1);
}

describe('processes whose wall clocks disagree', () => {
  it.each([hour, -hour])(
    'leave each other their leases: one that is wrong by %i ms takes nothing early',
    async (wrongByMs) => {
      const store = await SqliteStore.open({ path });
      await runAttempt(store, 60_000);
      const { found, leaseLeftMs, wallTime } = await sweepElsewhere(wrongByMs, 'once');
      expect(Math.abs(wallTime - Date.now() - wrongByMs)).toBeLessThan(60_000);
      expect(found).toBe(0);
      expect(leaseLeftMs).toBeGreaterThan(0);
      expect(leaseLeftMs).toBeLessThanOrEqual(60_000);
      expect(await store.getTask('tsk_1')).toMatchObject({ status: 'running', crashes: 0 });
      await store.close();
    },
    30_000,
  );

  it('take over from the dead all the same, though their own clock is an hour behind', async () => {
    const store = await SqliteStore.open({ path });
    await runAttempt(store, 300);
    expect(await sweepElsewhere(-hour, 'found')).toMatchObject({ found: 1 });
    expect(await store.getTask('tsk_1')).toMatchObject({ status: 'pending', crashes: 1 });
    await store.close();
  }, 30_000);
});

describe('an agent that may run two attempts at once', () => {
  it('runs no third, however many processes host it, and two whenever there is work', async ({ onTestFinished }) => {
    const ledger = join(folder, 'narrow.ledger');
    const symphony = await ServiceRegistry.open({ persistence: `sqlite:${path}` });
    const workers = [1, 2, 3].map(() => fork(program('narrow-worker'), [path, ledger]));
    onTestFinished(() => workers.forEach((worker) => void worker.kill('SIGKILL')));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    const handles = await Promise.all(
      Array.from({ length: 60 }, () => symphony.submit({ name: 'job', agentId: 'narrow' })),
    );
    await Promise.all(handles.map((handle) => handle.result()));
    for (const worker of workers) worker.kill('SIGTERM');
    await Promise.all(workers.map((worker) => once(worker, 'exit')));
    await symphony.close();

    const lines = readFileSync(ledger, 'utf8').trimEnd().split('\n');
    const changes = lines.map((line) => line.split(' ') as [string, string, string]);
    changes.sort(([first], [second]) => (BigInt(first) < BigInt(second) ? -1 : 1));
    let running = 0;
    let most = 0;
    for (const [, change] of changes) most = Math.max(most, (running += Number(change)));
    expect([most, running, changes.length]).toEqual([2, 0, 120]);
    expect(new Set(changes.map(([, , pid]) => pid)).size).toBeGreaterThan(1);
  }, 60_000);
});
