import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../../packages/persistence/postgres/test/server.ts';
import { poisonLeases, type PoisonConfig } from './poison/work.ts';
import { bundle } from './scene/bundle.ts';
import { Crew } from './scene/crew.ts';

const folder = mkdtempSync(join(tmpdir(), 'symphony-bundled-'));
let server: TestServer;
beforeAll(async () => void (server = await startServer()), 60_000);
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

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
