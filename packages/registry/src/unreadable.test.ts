import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { VirtualClock } from '@symphony/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { echo, Lab } from '../test/lab.ts';

const folder = mkdtempSync(join(tmpdir(), 'symphony-unreadable-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * A worker for five tasks, the first of which somebody has written over in the file; the others must complete all the same.
 *
 * @returns the row of the first after some minutes
 */
async function workBeside(column: string, value = '{"half'): Promise<Record<string, unknown> | undefined> {
  const path = join(folder, `${column}.db`);
  const clock = new VirtualClock();
  await using store = disposable(await SqliteStore.open({ path, clock }));
  await using lab = await Lab.open({ persistence: store, agents: [echo] }, clock);
  const ids: string[] = [];
  for (let index = 0; index < 5; index++) {
    ids.push((await lab.symphony.submit({ name: `job ${index}`, input: index, agentId: 'echo' })).id);
    await clock.advance(1);
  }
  const [first = '', ...others] = ids;
  const database = new DatabaseSync(path);
  database.prepare(`UPDATE tasks SET ${column} = ? WHERE id = ?`).run(value, first);
  await lab.symphony.startWorker({ concurrency: 1 });
  const ended = await lab.until(Promise.all(others.map((id) => lab.taskManager.waitForTask(id))));
  expect(ended.map(({ status, output }) => [status, output])).toEqual([1, 2, 3, 4].map((n) => ['completed', n]));
  await clock.advance(300_000);
  const row = database.prepare('SELECT status, worker_id, error, output FROM tasks WHERE id = ?').get(first);
  database.close();
  return row;
}

function disposable(store: SqliteStore): SqliteStore & AsyncDisposable {
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}

describe('a row of the store that cannot be read', () => {
  it.each(['input', 'metadata', 'progress'])(
    'in its %s fails that task with STORE_CORRUPT, and no other',
    async (column) => {
      const row = await workBeside(column);
      expect(row).toMatchObject({ status: 'failed', worker_id: null, output: null });
      expect(JSON.parse(row?.['error'] as string)).toMatchObject({ code: 'STORE_CORRUPT' });
    },
  );

  it.each(['retry', 'timeouts', 'refused_by', 'tags', 'requirements', 'description', 'error', 'depends_on'])(
    'in its %s runs as if that had not been given, and keeps nobody from running',
    async (column) => {
      expect(await workBeside(column)).toMatchObject({ status: 'completed', output: '0', error: null });
    },
  );

  it('because its status is none is left as it is, and keeps nobody from running', async () => {
    expect(await workBeside('status', 'strange')).toMatchObject({ status: 'strange', worker_id: null });
  });
});
