import { DatabaseSync } from 'node:sqlite';

/** Tasks per second that bare `node:sqlite` inserts, and executes as two updates a task, in transactions of 100. */
export function measureRawSqlite(path: string, count: number): { readonly create: number; readonly execute: number } {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec('CREATE TABLE tasks (id TEXT PRIMARY KEY, status TEXT, due_at INTEGER, input TEXT, output TEXT)');
  const insert = database.prepare('INSERT INTO tasks VALUES (?, ?, ?, ?, NULL)');
  const start = database.prepare(`UPDATE tasks SET status = 'running' WHERE id = ?`);
  const complete = database.prepare(`UPDATE tasks SET status = 'completed', output = ? WHERE id = ?`);
  const ids = Array.from({ length: count }, (_, index) => `tsk_${String(index).padStart(26, '0')}`);
  const create = perSecond(count, () =>
    inGroups(database, ids, (id) => insert.run(id, 'pending', 0, `{"text":"${'x'.repeat(180)}"}`)),
  );
  const execute = perSecond(count, () => {
    inGroups(database, ids, (id) => start.run(id));
    inGroups(database, ids, (id) => complete.run(`{"text":"${'y'.repeat(80)}"}`, id));
  });
  database.close();
  return { create, execute };
}

function inGroups(database: DatabaseSync, ids: readonly string[], write: (id: string) => void): void {
  for (let index = 0; index < ids.length; index += 100) {
    database.exec('BEGIN IMMEDIATE');
    for (const id of ids.slice(index, index + 100)) write(id);
    database.exec('COMMIT');
  }
}

function perSecond(count: number, action: () => void): number {
  const startedAt = performance.now();
  action();
  return (count / (performance.now() - startedAt)) * 1000;
}
