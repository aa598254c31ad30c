import type { DatabaseSync } from 'node:sqlite';

/** What is read of a task. */
export interface TaskRow {
  readonly id: string;
  readonly name: string;
  readonly key: string | null;
  readonly status: string;
  readonly attempt: number;
  readonly failures: number;
  readonly crashes: number;
  readonly agent: string | null;
  readonly worker: string | null;
  readonly boundTo: string | null;
  readonly dueAt: number | null;
  readonly held: number;
  readonly cancelAt: number | null;
  readonly workflow: string | null;
  readonly lastSeq: number;
  readonly output: string | null;
  readonly error: string | null;
  readonly finishedAt: number | null;
}

/** What is read of a recorded fact. */
export interface EventRow {
  readonly position: number;
  readonly subject: string;
  readonly seq: number;
  readonly workflow: string | null;
  readonly type: string;
  readonly at: number;
  /** When it was committed, as exactly as the store tells: in SQLite it is when its transaction began. */
  readonly committed: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What is read of a recorded step. */
export interface StepRow {
  readonly task: string;
  readonly agent: string;
  readonly step: string;
  readonly attempt: number;
  readonly value: string;
  readonly at: number;
  readonly committed: number;
}

/** What is read of a workflow. */
export interface WorkflowRow {
  readonly id: string;
  readonly name: string;
  readonly key: string | null;
  readonly sealed: number;
  readonly paused: number;
  readonly cancelRequested: number;
  readonly total: number;
  readonly open: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly started: number;
  readonly lastSeq: number;
  readonly settledAt: number | null;
}

export function readTasks(database: DatabaseSync): TaskRow[] {
  return database
    .prepare(
      `SELECT id, name, idempotency_key AS key, status, attempt, failures, crashes, agent_id AS agent, worker_id AS worker,
         bound_to AS boundTo, due_at AS dueAt, held, cancel_at AS cancelAt, workflow_id AS workflow, last_seq AS lastSeq,
         iif(spilled & 8, (SELECT text FROM payloads WHERE task_id = tasks.id AND part = 'output'), output) AS output,
         iif(spilled & 16, (SELECT text FROM payloads WHERE task_id = tasks.id AND part = 'error'), error) AS error,
         finished_at AS finishedAt
       FROM tasks ORDER BY id`,
    )
    .all() as unknown as TaskRow[];
}

export function readWorkflows(database: DatabaseSync): WorkflowRow[] {
  return database
    .prepare(
      `SELECT id, name, idempotency_key AS key, sealed, paused, cancel_requested AS cancelRequested, total, open, failed, cancelled,
         started, last_seq AS lastSeq, settled_at AS settledAt
       FROM workflows ORDER BY id`,
    )
    .all() as unknown as WorkflowRow[];
}

export function readSteps(database: DatabaseSync): StepRow[] {
  return database
    .prepare(
      `SELECT task_id AS task, agent_id AS agent, identity AS step, attempt, output, at, ${committed(database)} FROM steps
       ORDER BY rowid`,
    )
    .all()
    .map((row) => ({ ...row, value: JSON.parse(String(row['output'])) as string }) as unknown as StepRow);
}

export function readEvents(database: DatabaseSync): EventRow[] {
  return database
    .prepare(
      `SELECT position, subject, seq, workflow_id AS workflow, type, at, data, ${committed(database)} FROM events
       ORDER BY subject, seq, position`,
    )
    .all()
    .map((row) => ({ ...row, data: JSON.parse(String(row['data'])) as object }) as unknown as EventRow);
}

/** One transaction after the other, as in SQLite, needs no second time. */
function committed(database: DatabaseSync): string {
  const columns = database.prepare(`SELECT name FROM pragma_table_info('events')`).all();
  return columns.some(({ name }) => name === 'committed') ? 'committed' : 'at AS committed';
}
