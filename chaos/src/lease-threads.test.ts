import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store, WorkerBeat } from '@symphony/core';
import { PostgresStore } from '@symphony/persistence-postgres';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { newTask } from '@symphony/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../../packages/persistence/postgres/test/server.ts';
import { poisonLeases, type PoisonConfig } from './poison/work.ts';
import { bundle } from './scene/bundle.ts';
import { Crew } from './scene/crew.ts';

const folder = mkdtempSync(join(tmpdir(), 'symphony-lease-threads-'));
let server: TestServer;
beforeAll(async () => void (server = await startServer()), 60_000);
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

const stores: Readonly<Record<string, () => Promise<Store & AsyncDisposable>>> = {
  SQLite: () => SqliteStore.open({ path: join(folder, `${Math.random()}.db`) }),
  PostgreSQL: () => PostgresStore.open({ url: server.newUrl() }),
};

/** Computes without a break: nothing else of this thread gets a turn. */
function compute(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

/** Runs a task under a lease, computes for five leases, and says how many workers a sweep takes for dead. */
async function deadAfterComputing(store: Store, beat: Pick<WorkerBeat, 'stallMs'>): Promise<number> {
  await store.openWorker({ id: 'wrk_1', hosts: ['a'], leaseMs: 400, renewMs: 130, ...beat });
  const { claimed } = await store.commit({
    groups: [[{ type: 'createTask', submit: true, task: newTask('tsk_1', { agentId: 'a' }) }]],
    claim: { workerId: 'wrk_1', hosts: ['a'], limit: 1 },
  });
  expect(claimed).toHaveLength(1);
  // The thread is up once it has had the time to connect.
  await new Promise((resolve) => setTimeout(resolve, 300));
  await store.renew({ id: 'wrk_1', hosts: ['a'], leaseMs: 400, renewMs: 130, ...beat });
  compute(2_000);
  return (await store.sweep({ markDead: true })).deadWorkers;
}

describe.each(Object.entries(stores))('an agent that computes for five leases, on %s,', (_name, open) => {
  it('keeps its lease, since another thread renews it', async () => {
    await using store = await open();
    expect(await deadAfterComputing(store, { stallMs: 60_000 })).toBe(0);
    expect(await store.getTask('tsk_1')).toMatchObject({ status: 'running', attempt: 1, crashes: 0 });
  });

  it('loses it if it goes on for longer than the limit of a stall: it may as well never end', async () => {
    await using store = await open();
    expect(await deadAfterComputing(store, { stallMs: 600 })).toBe(1);
    expect(await store.getTask('tsk_1')).toMatchObject({ status: 'pending', attempt: 1, crashes: 1 });
  });
});

/** What a worker prints that holds its lease for a few renewals; it is a bundle in a folder of its own. */
async function printed(name: string, missing: readonly string[]): Promise<string> {
  const programs = join(folder, name);
  await bundle(programs, { entries: { worker: join(import.meta.dirname, 'poison/worker.ts') } });
  for (const file of missing) rmSync(join(programs, file));
  const crew = new Crew({ programs, folder: programs });
  const config: PoisonConfig = {
    store: server.newUrl(),
    notes: programs,
    concurrency: 1,
    lease: poisonLeases.postgres,
  };
  const worker = crew.start('worker', config);
  await new Promise<void>((resolve) => void worker.once('message', () => resolve()));
  // Three renewals of the lane's lease.
  await new Promise((resolve) => setTimeout(resolve, 3 * poisonLeases.postgres.renewMs));
  expect(await crew.close()).toBe(0);
  return readFileSync(join(programs, 'output.log'), 'utf8');
}

describe('a bundled worker on PostgreSQL', () => {
  it('is silent when the thread for its leases lies beside it', async () => {
    expect(await printed('whole', [])).toBe('');
  });

  it('says once that this thread is missing, and works on', async () => {
    const output = await printed('broken', ['heart-thread.js']);
    expect(output.match(/LEASE_THREAD_DIED/g)).toHaveLength(1);
    expect(output).toContain('heart-thread.js');
  });
});
