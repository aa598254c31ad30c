import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import type { Command, Group } from '@symphony/core';
import { newTask } from '@symphony/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteStore } from './index.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'symphony-sqlite-'));
  path = join(folder, 'symphony.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function create(id: string, name = 'task'): Group {
  const command: Command = { type: 'createTask', submit: true, task: newTask(id, { name, agentId: 'agent' }) };
  return [command];
}

function ids(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `tsk_${String(index).padStart(6, '0')}`);
}

describe('a SQLite store', () => {
  it('isolates a group that the database refuses from its neighbours in the same flush', async () => {
    const store = await SqliteStore.open({ path });
    const other = new DatabaseSync(path);
    other.exec(
      `CREATE TRIGGER refuse BEFORE INSERT ON tasks WHEN NEW.name = 'poison' BEGIN SELECT RAISE(ABORT, 'not this one'); END`,
    );
    other.close();
    const names = ids(50).map((id, index) => ({ id, name: index === 31 ? 'poison' : 'task' }));
    const responses = await Promise.all(names.map(({ id, name }) => store.commit({ groups: [create(id, name)] })));
    const statuses = responses.map(({ results }) => results[0]?.status);
    expect(statuses.filter((status) => status === 'ok')).toHaveLength(49);
    expect(responses[31]?.results[0]).toMatchObject({
      status: 'error',
      code: 'STORE_FAILED',
      message: expect.stringContaining('not this one') as string,
    });
    expect(await store.listTasks({ limit: 1000 })).toHaveLength(49);
    expect(await store.events({ limit: 1000 })).toHaveLength(49);
    await store.close();
  });

  it('answers the other groups of the request that holds the refused one', async () => {
    const store = await SqliteStore.open({ path });
    const other = new DatabaseSync(path);
    other.exec(
      `CREATE TRIGGER refuse BEFORE INSERT ON tasks WHEN NEW.name = 'poison' BEGIN SELECT RAISE(ABORT, 'no'); END`,
    );
    other.close();
    const { results } = await store.commit({ groups: [create('tsk_1'), create('tsk_2', 'poison'), create('tsk_3')] });
    expect(results.map(({ status }) => status)).toEqual(['ok', 'error', 'ok']);
    await store.close();
  });

  it('keeps what it acknowledged when it is opened again', async () => {
    const first = await SqliteStore.open({ path });
    await first.commit({ groups: ids(10).map((id) => create(id)) });
    await first.close();
    const second = await SqliteStore.open({ path });
    expect((await second.listTasks({ limit: 100 })).map(({ id }) => id)).toEqual(ids(10));
    await second.close();
  });

  it('gives each of 10,000 tasks to one of four processes, and to no other', { timeout: 60_000 }, async () => {
    const store = await SqliteStore.open({ path });
    await Promise.all(ids(10_000).map((id) => store.commit({ groups: [create(id)] })));
    const program = new URL('../test/claim-all.ts', import.meta.url).pathname;
    const runs = Array.from({ length: 4 }, () =>
      promisify(execFile)(process.execPath, ['--conditions=@symphony/source', program, path], { maxBuffer: 1 << 24 }),
    );
    const done = (await Promise.all(runs)).flatMap(({ stdout }) => JSON.parse(stdout) as string[]);
    expect(done.toSorted()).toEqual(ids(10_000));
    expect(await store.events({ types: ['task.claimed'], limit: 20_000 })).toHaveLength(10_000);
    await store.close();
  });

  it('rings when another process has changed the file', async () => {
    const store = await SqliteStore.open({ path });
    const rung = new Promise<void>((resolve) => store.onChange(resolve));
    const other = await SqliteStore.open({ path });
    await other.commit({ groups: [create('tsk_1')] });
    await rung;
    await other.close();
    await store.close();
  });

  it('refuses everything once it is closed, twice without harm', async () => {
    const store = await SqliteStore.open({ path });
    await Promise.all([store.close(), store.close()]);
    await expect(store.commit({ groups: [create('tsk_1')] })).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    await expect(store.getTask('tsk_1')).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    await expect(store.renew({ id: 'w', hosts: [], leaseMs: 1, renewMs: 1 })).rejects.toMatchObject({
      code: 'STORE_CLOSED',
    });
  });

  it('answers what was under way when it was closed', async () => {
    const store = await SqliteStore.open({ path });
    const pending = store.commit({ groups: [create('tsk_1')] });
    await store.close();
    expect((await pending).results[0]?.status).toBe('ok');
  });
});
