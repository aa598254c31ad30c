import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { Pool } from 'pg';

/** The tables that the judge reads, as a SQLite file of the product has them, with the columns that it reads. */
const tables = {
  tasks: `id TEXT PRIMARY KEY, name TEXT, idempotency_key TEXT, status TEXT, attempt INTEGER, failures INTEGER,
    crashes INTEGER, agent_id TEXT, worker_id TEXT, bound_to TEXT, due_at INTEGER, held INTEGER, cancel_at INTEGER,
    workflow_id TEXT, last_seq INTEGER, output TEXT, error TEXT, finished_at INTEGER`,
  workflows: `id TEXT PRIMARY KEY, name TEXT, idempotency_key TEXT, sealed INTEGER, paused INTEGER, cancel_requested INTEGER,
    total INTEGER, open INTEGER, failed INTEGER, cancelled INTEGER, started INTEGER, last_seq INTEGER, settled_at INTEGER`,
  steps: `task_id TEXT, agent_id TEXT, identity TEXT, attempt INTEGER, output TEXT, at INTEGER, committed REAL`,
  events: `position INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT, seq INTEGER, workflow_id TEXT, type TEXT, at INTEGER,
    data TEXT, committed REAL`,
  workers: `id TEXT PRIMARY KEY, lease_until REAL, boot_id TEXT, hosts TEXT, started_at INTEGER`,
} as const;

/**
 * When the transaction was committed that wrote a row, which the server keeps. Its own times are older: they are read when it
 * begins, and it may have waited for others since.
 */
const committed = 'extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000 AS committed';

/** What a SQLite file has besides: large texts lie in a table of their own there. */
const rest = `
  ALTER TABLE tasks ADD COLUMN spilled INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE payloads (task_id TEXT, part TEXT, text TEXT);
  CREATE UNIQUE INDEX steps_identity ON steps (task_id, agent_id, identity);
`;

/** Copies what a judge reads from a schema of PostgreSQL into a new SQLite file. Both are plain SQL. */
export async function copyRows(pool: Pool, path: string): Promise<DatabaseSync> {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA synchronous = OFF; BEGIN');
  for (const [table, columns] of Object.entries(tables)) {
    database.exec(`CREATE TABLE ${table} (${columns})`);
    const names = columns.split(',').map((column) => column.trim().split(' ')[0] as string);
    const order = table === 'steps' || table === 'events' ? 'position' : 'id';
    const { rows } = await pool.query({
      text: `SELECT ${names.map((name) => (name === 'committed' ? committed : name)).join(', ')} FROM ${table} ORDER BY ${order}`,
      rowMode: 'array',
    });
    const insert = database.prepare(`INSERT INTO ${table} VALUES (${names.map(() => '?').join(', ')})`);
    for (const row of rows as readonly (readonly unknown[])[]) insert.run(...row.map(toSqlite));
  }
  database.exec(rest);
  database.exec('COMMIT');
  return database;
}

/** A value as a SQLite file of the product holds it. Whole numbers of 64 bits come as text from the driver. */
function toSqlite(value: unknown): SQLInputValue {
  return typeof value === 'boolean' ? Number(value) : (value as SQLInputValue);
}
