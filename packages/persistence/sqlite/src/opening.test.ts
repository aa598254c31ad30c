import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { SymphonyError, toAgentConfig, type ErrorCode } from '@symphony/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteStore } from './index.ts';
import { migrations } from './migrations.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'symphony-sqlite-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function refusal(path: string): Promise<SymphonyError> {
  try {
    await (await SqliteStore.open({ path })).close();
  } catch (error) {
    if (SymphonyError.is(error)) return error;
    throw error;
  }
  throw new Error(`${path} was opened`);
}

async function expectUntouched(path: string, code: ErrorCode): Promise<SymphonyError> {
  const before = readFileSync(path);
  const error = await refusal(path);
  expect(error.code).toBe(code);
  expect(error.message).toContain(path);
  expect(readFileSync(path).equals(before)).toBe(true);
  return error;
}

describe('opening a SQLite store', () => {
  it('creates the file for its owner only and opens it again', async () => {
    const path = join(folder, 'symphony.db');
    await (await SqliteStore.open({ path })).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const store = await SqliteStore.open({ path });
    expect(await store.lastPosition()).toBe(0);
    await store.close();
  });

  it('leaves one file behind after closing, without a write-ahead log', async () => {
    const path = join(folder, 'symphony.db');
    await (await SqliteStore.open({ path })).close();
    expect(() => statSync(`${path}-wal`)).toThrow();
  });

  it('treats an empty file as a new one', async () => {
    const path = join(folder, 'empty.db');
    writeFileSync(path, '');
    await (await SqliteStore.open({ path })).close();
    expect(statSync(path).size).toBeGreaterThan(0);
  });

  it('records each migration with the checksum of its text', async () => {
    const path = join(folder, 'symphony.db');
    await (await SqliteStore.open({ path })).close();
    const database = new DatabaseSync(path, { readOnly: true });
    const rows = database.prepare('SELECT number, name, length(checksum) AS length FROM migrations').all();
    database.close();
    expect(rows.map((row) => ({ ...row }))).toEqual(
      migrations.map(({ number, name }) => ({ number, name, length: 64 })),
    );
  });

  it('refuses a file that is no database and leaves it as it is', async () => {
    const path = join(folder, 'notes.txt');
    writeFileSync(path, 'These are my notes, and they are longer than a header.');
    await expectUntouched(path, 'STORE_NOT_OURS');
  });

  it('refuses a database of another application and leaves it as it is', async () => {
    const path = join(folder, 'other.db');
    const other = new DatabaseSync(path);
    other.exec('CREATE TABLE customers (id INTEGER); INSERT INTO customers VALUES (1)');
    other.close();
    await expectUntouched(path, 'STORE_NOT_OURS');
  });

  it('refuses a schema newer than the code and leaves it as it is', async () => {
    const path = join(folder, 'symphony.db');
    await (await SqliteStore.open({ path })).close();
    const database = new DatabaseSync(path);
    database.exec('PRAGMA user_version = 999');
    database.close();
    const error = await expectUntouched(path, 'STORE_TOO_NEW');
    expect(error.details).toMatchObject({ got: 999 });
  });

  it('refuses a damaged file and leaves it as it is', async () => {
    const path = join(folder, 'symphony.db');
    await (await SqliteStore.open({ path })).close();
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 4096 + 8, 4096 * 3);
    writeFileSync(path, bytes);
    await expectUntouched(path, 'STORE_CORRUPT');
  });

  it('refuses a file that was cut off and leaves it as it is', async () => {
    const path = join(folder, 'symphony.db');
    await (await SqliteStore.open({ path })).close();
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, 4096 * 2 + 100));
    await expectUntouched(path, 'STORE_CORRUPT');
  });

  it.each([
    ['a folder', () => folder],
    ['a file in a folder that does not exist', () => join(folder, 'missing', 'symphony.db')],
    ['a file in a folder that nobody may write to', () => '/proc/symphony.db'],
    ['a file below a file', () => join(process.execPath, 'symphony.db')],
    ['a file: URI', () => 'file:symphony.db?mode=memory'],
    ['a path with a NUL', () => `${folder}/a\0b`],
    ['an empty path', () => ''],
  ])('refuses %s with a message that names it', async (_what, path) => {
    const error = await refusal(path());
    expect(error.code).toBe('STORE_OPEN_FAILED');
    expect(error.message.length).toBeGreaterThan(20);
  });

  it('refuses an unknown option and an unknown durability', async () => {
    await expect(SqliteStore.open({ path: ':memory:', sync: 'full' } as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(SqliteStore.open({ path: ':memory:', synchronous: 'off' as never })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  it('says what an acknowledged write survives', async () => {
    const full = await SqliteStore.open({ path: join(folder, 'full.db') });
    const normal = await SqliteStore.open({ path: join(folder, 'normal.db'), synchronous: 'normal' });
    const memory = await SqliteStore.open({ path: ':memory:' });
    expect([full, normal, memory].map(({ traits }) => traits.durability)).toEqual([
      'power-loss',
      'process-crash',
      'none',
    ]);
    await Promise.all([full.close(), normal.close(), memory.close()]);
  });

  describe('of a file that is there', () => {
    /** Another program that writes: until it commits, the file can be read and the writer's thread cannot open it. */
    async function holdFile(path: string): Promise<DatabaseSync> {
      await (await SqliteStore.open({ path })).close();
      const other = new DatabaseSync(path);
      other.exec('PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE');
      return other;
    }

    it('waits for nobody: it can be read while its first write still waits', async () => {
      const path = join(folder, 'symphony.db');
      const other = await holdFile(path);
      const store = await SqliteStore.open({ path });
      expect(await store.lastPosition()).toBe(0);
      const config = toAgentConfig({ id: 'ada' });
      const written = store.commit({ groups: [[{ type: 'registerAgent', config }]] });
      other.exec('COMMIT');
      other.close();
      expect((await written).results).toMatchObject([{ status: 'ok' }]);
      expect(await store.lastPosition()).toBe(1);
      await store.close();
    });

    it('tells the first write what went wrong afterwards', async () => {
      const path = join(folder, 'symphony.db');
      const other = await holdFile(path);
      other.exec('PRAGMA user_version = 999');
      const store = await SqliteStore.open({ path });
      other.exec('COMMIT');
      other.close();
      const write = (): Promise<unknown> => store.openWorker({ id: 'wrk_1', hosts: [], leaseMs: 1000, renewMs: 300 });
      await expect(write()).rejects.toMatchObject({ code: 'STORE_TOO_NEW' });
      await expect(write()).rejects.toMatchObject({ code: 'STORE_TOO_NEW' });
      await expect(store.close()).rejects.toMatchObject({ code: 'STORE_TOO_NEW' });
    });
  });

  it('lets several processes create one file at the same time', async () => {
    const path = join(folder, 'symphony.db');
    const program = new URL('../test/open-and-close.ts', import.meta.url).pathname;
    const opened = Array.from({ length: 4 }, () =>
      promisify(execFile)(process.execPath, ['--conditions=@symphony/source', program, path]),
    );
    for (const { stdout } of await Promise.all(opened)) expect(stdout).toBe('opened\n');
  });
});
