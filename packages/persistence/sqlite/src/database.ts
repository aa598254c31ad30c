import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SymphonyError } from '@symphony/core';
import { applicationId, migrations } from './migrations.ts';

/** How a store file is opened. */
export interface DatabaseOptions {
  /** The file, or `:memory:`. */
  readonly path: string;
  /** What an acknowledged write survives: `full` a power loss, `normal` only the death of the process. */
  readonly synchronous: 'full' | 'normal';
}

/** Largest file that is checked page by page when it is opened; larger ones would make every start slow. */
const quickCheckBytes = 8 * 1024 * 1024;

const newestVersion = migrations.at(-1)?.number ?? 0;

/**
 * Opens the file for writing, creating or migrating it where needed. A file that is not ours, damaged or too new is left
 * as it is.
 *
 * @throws SymphonyError `STORE_OPEN_FAILED`, `STORE_NOT_OURS`, `STORE_CORRUPT`, `STORE_TOO_NEW`
 */
export function openDatabase({ path, synchronous }: DatabaseOptions): DatabaseSync {
  if (path !== ':memory:') inspectFile(path);
  const database = guardedOpen(path, () => new DatabaseSync(path));
  try {
    const pragmas = [
      'busy_timeout = 0',
      'journal_mode = WAL',
      `synchronous = ${synchronous === 'full' ? 'FULL' : 'NORMAL'}`,
      'journal_size_limit = 67108864',
      'wal_autocheckpoint = 1000',
      'trusted_schema = OFF',
      'cell_size_check = ON',
      'temp_store = MEMORY',
      'cache_size = -32768',
    ];
    for (const pragma of pragmas) retryBusy(() => database.exec(`PRAGMA ${pragma}`));
    migrate(database, path);
    return database;
  } catch (error) {
    database.close();
    throw SymphonyError.is(error) ? error : openFailed(path, error);
  }
}

/** Opens an existing store file for reading only. */
export function openReader(path: string): DatabaseSync {
  return guardedOpen(path, () => {
    const reader = new DatabaseSync(path, { readOnly: true });
    reader.exec('PRAGMA busy_timeout = 5000; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -16384');
    return reader;
  });
}

/** Runs in a write transaction of its own, waiting in short naps while another process writes. */
export function inTransaction<T>(database: DatabaseSync, action: () => T): T {
  retryBusy(() => database.exec('BEGIN IMMEDIATE'));
  try {
    const result = action();
    // In WAL mode a commit may still meet a checkpoint of another process.
    retryBusy(() => database.exec('COMMIT'));
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

const napCell = new Int32Array(new SharedArrayBuffer(4));

/** Longest wait for another writer. Nobody holds the file that long but a process that was stopped in a transaction. */
const busyLimitMs = 60_000;

/**
 * Repeats what fails because the file is busy. Short random naps instead of SQLite's own busy handler: its growing waits
 * let one of two busy processes starve.
 */
function retryBusy(action: () => void): void {
  let waitedMs = 0;
  for (;;) {
    try {
      action();
      return;
    } catch (error) {
      if (!isBusy(error) || waitedMs > busyLimitMs) throw error;
      const napMs = 0.1 + (crypto.getRandomValues(new Uint8Array(1))[0] as number) / 300;
      Atomics.wait(napCell, 0, 0, napMs);
      waitedMs += napMs;
    }
  }
}

/** SQLite's result code, where the error is one of SQLite. */
function sqliteCode(error: unknown): number | undefined {
  const code = (error as { readonly errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' ? code & 0xff : undefined;
}

function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === 5 || code === 6;
}

/**
 * Whether what was thrown lies in the data of one group: a constraint, a wrong type, a value that is too large, or text
 * that cannot be read. Everything else, such as a disk that fails, concerns the whole transaction.
 */
export function isDataError(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === undefined || [1, 18, 19, 20, 25].includes(code);
}

/** The coded error for what SQLite threw during work. */
export function toStoreError(error: unknown): SymphonyError {
  if (SymphonyError.is(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  switch (sqliteCode(error)) {
    case 13:
      return new SymphonyError(
        'STORE_FULL',
        'The disk is full: nothing was written. Free some space; work goes on by itself.',
        { cause: error },
      );
    case 11:
    case 26:
      return new SymphonyError(
        'STORE_CORRUPT',
        `The store file is damaged (${message}). Restore it from a backup; do not delete its -wal file.`,
        { cause: error },
      );
    default:
      return new SymphonyError('STORE_FAILED', `The store could not carry out the request: ${message}`, {
        cause: error,
      });
  }
}

/**
 * Looks at the file without writing to it, and creates an empty one where there is none. Answers whether it holds a store
 * of the newest schema, which can be read at once.
 *
 * @throws SymphonyError `STORE_OPEN_FAILED`, `STORE_NOT_OURS`, `STORE_CORRUPT`, `STORE_TOO_NEW`
 */
export function inspectFile(path: string): boolean {
  const folder = dirname(resolve(path));
  if (!existsSync(folder)) {
    throw new SymphonyError(
      'STORE_OPEN_FAILED',
      `${path} cannot be opened: the folder ${folder} does not exist. Create it first.`,
      { details: { path } },
    );
  }
  if (!existsSync(path)) {
    createFile(path);
    return false;
  }
  const stats = statSync(path);
  if (!stats.isFile())
    throw new SymphonyError(
      'STORE_OPEN_FAILED',
      `${path} is not a file. Name a file, for example ${path}/symphony.db.`,
      { details: { path } },
    );
  if (stats.size === 0) return false;
  if (readHeader(path) !== 'SQLite format 3\0') {
    throw new SymphonyError(
      'STORE_NOT_OURS',
      `${path} is no SQLite database; it was left as it is. Choose another path.`,
      { details: { path } },
    );
  }
  return inspectDatabase(path, stats.size) === newestVersion;
}

function createFile(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600));
  } catch (error) {
    throw openFailed(path, error);
  }
}

function readHeader(path: string): string {
  const file = openSync(path, 'r');
  try {
    const header = Buffer.alloc(16);
    const length = readSync(file, header);
    return header.toString('latin1', 0, length);
  } catch (error) {
    throw openFailed(path, error);
  } finally {
    closeSync(file);
  }
}

/** The version of the schema. */
function inspectDatabase(path: string, size: number): number {
  const reader = guardedOpen(path, () => new DatabaseSync(path, { readOnly: true }));
  try {
    reader.exec('PRAGMA busy_timeout = 5000');
    const tables = numberOf(reader, 'SELECT count(*) AS value FROM sqlite_master');
    if (tables > 0 && numberOf(reader, 'PRAGMA application_id', 'application_id') !== applicationId) {
      throw new SymphonyError(
        'STORE_NOT_OURS',
        `${path} is a database of another application; it was left as it is. Choose another path.`,
        { details: { path } },
      );
    }
    const version = numberOf(reader, 'PRAGMA user_version', 'user_version');
    checkVersion(version, path);
    if (size > quickCheckBytes) return version;
    const verdict = reader.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
    if (verdict !== 'ok') throw corrupt(path, String(verdict));
    return version;
  } catch (error) {
    if (SymphonyError.is(error)) throw error;
    const code = sqliteCode(error);
    throw code === 11 || code === 26 ? corrupt(path, (error as Error).message, error) : openFailed(path, error);
  } finally {
    reader.close();
  }
}

function checkVersion(version: number, path: string): void {
  if (version > newestVersion) {
    throw new SymphonyError(
      'STORE_TOO_NEW',
      `${path} has schema ${version}, and this version of Symphony knows ${newestVersion}. Update the packages; the file was left as it is.`,
      { details: { path, got: version, want: newestVersion } },
    );
  }
}

function migrate(database: DatabaseSync, path: string): void {
  if (numberOf(database, 'PRAGMA user_version', 'user_version') === newestVersion) return;
  inTransaction(database, () => {
    // Read again under the lock: another process may have migrated meanwhile.
    const version = numberOf(database, 'PRAGMA user_version', 'user_version');
    checkVersion(version, path);
    database.exec(`PRAGMA application_id = ${applicationId}`);
    database.exec(
      'CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT',
    );
    for (const migration of migrations) {
      if (migration.number <= version) continue;
      database.exec(migration.sql);
      const checksum = createHash('sha256').update(migration.sql).digest('hex');
      database.prepare('INSERT INTO migrations VALUES (?, ?, ?)').run(migration.number, migration.name, checksum);
      database.exec(`PRAGMA user_version = ${migration.number}`);
    }
  });
}

function numberOf(database: DatabaseSync, sql: string, column = 'value'): number {
  return database.prepare(sql).get()?.[column] as number;
}

function guardedOpen(path: string, open: () => DatabaseSync): DatabaseSync {
  try {
    return open();
  } catch (error) {
    throw openFailed(path, error);
  }
}

function openFailed(path: string, cause: unknown): SymphonyError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SymphonyError(
    'STORE_OPEN_FAILED',
    `${path} cannot be opened: ${reason}. Check that the folder exists and may be written to.`,
    {
      details: { path },
      cause,
    },
  );
}

function corrupt(path: string, finding: string, cause?: unknown): SymphonyError {
  return new SymphonyError(
    'STORE_CORRUPT',
    `${path} is damaged (${finding}); it was left as it is. Restore it from a backup, or recover it with the sqlite3 tool's .recover command.`,
    { details: { path }, ...(cause === undefined ? {} : { cause }) },
  );
}
