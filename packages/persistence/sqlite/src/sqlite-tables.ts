import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type {
  AgentRow,
  BodyPatch,
  DueCursor,
  EventRow,
  StepRow,
  Tables,
  TaskRecord,
  TaskRow,
  WorkerRow,
  WorkflowRow,
} from '@symphony/core';
import {
  hotColumns,
  hotValues,
  inlineLimit,
  objectText,
  parts,
  recordColumns,
  taskColumns,
  toAgentRow,
  toTaskRecord,
  toTaskRow,
  toWorkerRow,
  toWorkflowRow,
  workflowColumns,
  workflowValues,
  type Part,
  type SqlArray,
  type SqlRow,
  type SqlValue,
} from './rows.ts';

const insertTask = `INSERT INTO tasks (${recordColumns})
  VALUES (${placeholders(hotColumns.length + 15)})`;
const insertWorkflow = `INSERT INTO workflows (id, ${workflowColumns.join(', ')}) VALUES (${placeholders(workflowColumns.length + 1)})`;
const updateWorkflow = `UPDATE workflows SET ${workflowColumns.map((name) => `${name} = ?`).join(', ')} WHERE id = ?`;
/** What a worker may take, now or when it falls due: the rows of the index `tasks_due`. */
export const dueCondition = `status = 'pending' AND due_at IS NOT NULL AND held = 0 AND bound_to IS NULL AND open_dependencies = 0`;

/** The rows of a SQLite store: one visible statement per operation, no rule. */
export class SqliteTables implements Tables {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #arrayStatements = new Map<string, StatementSync>();
  /** The tasks that this transaction has read or written, as they are in the file. */
  readonly #read = new Map<string, SqlArray>();
  /** The agents that this transaction has asked for: each claim asks for the same few. */
  readonly #agents = new Map<string, AgentRow | undefined>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Forgets what an earlier transaction has read: others may have written since. */
  begin(): void {
    this.#agents.clear();
    this.#read.clear();
  }

  task(id: string): TaskRow | undefined {
    return this.#tasks(`SELECT ${taskColumns} FROM tasks WHERE id = ?`, id)[0];
  }

  taskRecord(id: string): TaskRecord | undefined {
    const row = this.#arrays(`SELECT ${recordColumns} FROM tasks WHERE id = ?`, id)[0];
    if (row === undefined) return undefined;
    this.#read.set(id, row);
    return toTaskRecord(row, (taskId) => this.#payloads(taskId));
  }

  taskHash(
    by: { readonly id: string } | { readonly key: string },
  ): { readonly id: string; readonly bodyHash: string } | undefined {
    return toHash(
      'id' in by
        ? this.#get('SELECT id, body_hash FROM tasks WHERE id = ?', by.id)
        : this.#get('SELECT id, body_hash FROM tasks WHERE idempotency_key = ?', by.key),
    );
  }

  insertTask(record: TaskRecord): void {
    const texts = bodyTexts(record);
    const values: SqlValue[] = [];
    let spilled = 0;
    for (const part of Object.keys(parts) as Part[]) {
      const text = texts[part] ?? null;
      if (text !== null && text.length > inlineLimit) {
        spilled |= parts[part];
        this.#run('INSERT INTO payloads VALUES (?, ?, ?)', record.id, part, text);
        values.push(null);
      } else {
        values.push(text);
      }
    }
    this.#run(
      insertTask,
      record.id,
      ...hotValues(record),
      record.idempotencyKey,
      record.bodyHash,
      record.name,
      record.tags.length === 0 ? null : JSON.stringify(record.tags),
      objectText(record.requirements),
      ...values,
      spilled,
      record.dependsOn.length === 0 ? null : JSON.stringify(record.dependsOn),
      record.parentId,
    );
    for (const { taskId } of record.dependsOn)
      this.#run('INSERT OR IGNORE INTO dependencies VALUES (?, ?)', taskId, record.id);
  }

  updateTask(row: TaskRow, body: BodyPatch): void {
    const { columns, values } = this.#changes(row);
    const texts = bodyTexts(body);
    let moved = 0;
    let kept = 0;
    for (const part of ['output', 'error', 'progress'] as const) {
      const text = texts[part];
      if (text === undefined) continue;
      const isLarge = text !== null && text.length > inlineLimit;
      if (isLarge) this.#run('INSERT OR REPLACE INTO payloads VALUES (?, ?, ?)', row.id, part, text);
      if (isLarge) moved |= parts[part];
      else kept |= parts[part];
      columns.push(`${part} = ?`);
      values.push(isLarge ? null : text);
    }
    if ((moved | kept) !== 0) columns.push(`spilled = (spilled | ${moved}) & ~${kept}`);
    if (columns.length > 0) this.#run(`UPDATE tasks SET ${columns.join(', ')} WHERE id = ?`, ...values, row.id);
  }

  deleteTask(id: string): void {
    this.#run('DELETE FROM tasks WHERE id = ?', id);
    this.#run('DELETE FROM payloads WHERE task_id = ?', id);
    this.#run('DELETE FROM steps WHERE task_id = ?', id);
    this.#run('DELETE FROM events WHERE subject = ?', id);
    this.#run('DELETE FROM dependencies WHERE task_id = ?', id);
    this.#run('DELETE FROM dependencies WHERE depends_on = ?', id);
    this.#read.delete(id);
  }

  dependants(taskId: string, after: string | undefined, limit: number): readonly TaskRow[] {
    // Asked of every task that ends, and nearly always there is none: the small question costs a tenth of the large one.
    if (this.#get('SELECT 1 AS found FROM dependencies WHERE depends_on = ?', taskId) === undefined) return [];
    return this.#tasks(
      `SELECT ${taskColumns} FROM dependencies JOIN tasks ON id = task_id
       WHERE dependencies.depends_on = ? AND task_id > ? ORDER BY task_id LIMIT ?`,
      taskId,
      after ?? '',
      limit,
    );
  }

  workflow(id: string): WorkflowRow | undefined {
    const row = this.#get('SELECT * FROM workflows WHERE id = ?', id);
    return row === undefined ? undefined : toWorkflowRow(row);
  }

  workflowHash(
    by: { readonly id: string } | { readonly key: string },
  ): { readonly id: string; readonly bodyHash: string } | undefined {
    return toHash(
      'id' in by
        ? this.#get('SELECT id, body_hash FROM workflows WHERE id = ?', by.id)
        : this.#get('SELECT id, body_hash FROM workflows WHERE idempotency_key = ?', by.key),
    );
  }

  insertWorkflow(row: WorkflowRow): void {
    this.#run(insertWorkflow, row.id, ...workflowValues(row));
  }

  updateWorkflow(row: WorkflowRow): void {
    this.#run(updateWorkflow, ...workflowValues(row), row.id);
  }

  deleteWorkflow(id: string): void {
    this.#run('DELETE FROM workflows WHERE id = ?', id);
    this.#run('DELETE FROM events WHERE subject = ?', id);
  }

  hasStep(taskId: string, agentId: string, identity: string): boolean {
    return (
      this.#get(
        'SELECT 1 AS found FROM steps WHERE task_id = ? AND agent_id = ? AND identity = ?',
        taskId,
        agentId,
        identity,
      ) !== undefined
    );
  }

  insertStep(step: StepRow): void {
    this.#run(
      'INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?)',
      step.taskId,
      step.agentId,
      step.identity,
      step.attempt,
      step.output,
      step.inputHash,
      step.at,
    );
  }

  insertEvent(event: EventRow): void {
    this.#run(
      'INSERT INTO events (subject, seq, workflow_id, type, at, data) VALUES (?, ?, ?, ?, ?, ?)',
      event.subject,
      event.seq,
      event.workflowId,
      event.type,
      event.at,
      event.data,
    );
  }

  agent(id: string): AgentRow | undefined {
    const known = this.#agents.get(id);
    if (known !== undefined || this.#agents.has(id)) return known;
    const row = this.#get('SELECT * FROM agents WHERE id = ?', id);
    const agent = row === undefined ? undefined : toAgentRow(row);
    this.#agents.set(id, agent);
    return agent;
  }

  putAgent(row: AgentRow): void {
    this.#agents.set(row.id, row);
    this.#run(
      'INSERT OR REPLACE INTO agents (id, config, enabled, removed, unhosted_since, last_seq) VALUES (?, ?, ?, ?, ?, ?)',
      row.id,
      JSON.stringify(row.config),
      row.enabled ? 1 : 0,
      row.removed ? 1 : 0,
      row.unhostedSince,
      row.lastSeq,
    );
  }

  agents(): readonly AgentRow[] {
    return this.#all('SELECT * FROM agents ORDER BY id').map(toAgentRow);
  }

  countRunning(agentId: string): number {
    return this.#get(`SELECT count(*) AS running FROM tasks WHERE status = 'running' AND agent_id = ?`, agentId)?.[
      'running'
    ] as number;
  }

  worker(id: string): WorkerRow | undefined {
    const row = this.#get('SELECT * FROM workers WHERE id = ?', id);
    return row === undefined ? undefined : toWorkerRow(row);
  }

  workers(): readonly WorkerRow[] {
    return this.#all('SELECT * FROM workers ORDER BY id').map(toWorkerRow);
  }

  putWorker(row: WorkerRow): void {
    this.#run(
      'INSERT OR REPLACE INTO workers VALUES (?, ?, ?, ?, ?)',
      row.id,
      row.leaseUntil,
      row.bootId,
      JSON.stringify(row.hosts),
      row.startedAt,
    );
  }

  deleteWorker(id: string): void {
    this.#run('DELETE FROM workers WHERE id = ?', id);
  }

  dueTasks(query: {
    readonly agentId: string | null;
    readonly now: number;
    readonly after?: DueCursor;
    readonly limit: number;
  }): readonly TaskRow[] {
    if (query.after === undefined) {
      return this.#tasks(
        `SELECT ${taskColumns} FROM tasks INDEXED BY tasks_due WHERE agent_id IS ? AND ${dueCondition} AND due_at <= ? ORDER BY claim_key, id LIMIT ?`,
        query.agentId,
        query.now,
        query.limit,
      );
    }
    return this.#tasks(
      `SELECT ${taskColumns} FROM tasks INDEXED BY tasks_due
       WHERE agent_id IS ? AND ${dueCondition} AND due_at <= ? AND (claim_key, id) > (?, ?) ORDER BY claim_key, id LIMIT ?`,
      query.agentId,
      query.now,
      query.after.claimKey,
      query.after.id,
      query.limit,
    );
  }

  runningTasks(workerId: string): readonly TaskRow[] {
    return this.#tasks(
      `SELECT ${taskColumns} FROM tasks WHERE status = 'running' AND worker_id = ? ORDER BY id`,
      workerId,
    );
  }

  crashedTasks(workerId: string): readonly TaskRow[] {
    return this.#tasks(
      `SELECT ${taskColumns} FROM tasks INDEXED BY tasks_crashed
       WHERE status = 'running' AND crashes > 0 AND worker_id = ? ORDER BY id`,
      workerId,
    );
  }

  boundTasks(workerId: string): readonly TaskRow[] {
    return this.#tasks(`SELECT ${taskColumns} FROM tasks WHERE bound_to = ? ORDER BY id`, workerId);
  }

  missingWorkers(limit: number): readonly string[] {
    return this.#all(
      `SELECT holder FROM (
         SELECT DISTINCT worker_id AS holder FROM tasks WHERE status = 'running'
         UNION
         SELECT DISTINCT bound_to FROM tasks WHERE bound_to IS NOT NULL
       ) WHERE holder NOT IN (SELECT id FROM workers) ORDER BY holder LIMIT ?`,
      limit,
    ).map((row) => row['holder'] as string);
  }

  expiredBindings(lease: number, limit: number): readonly TaskRow[] {
    return this.#tasks(
      `SELECT ${taskColumns} FROM tasks WHERE bound_to IS NOT NULL AND bound_until <= ? ORDER BY id LIMIT ?`,
      lease,
      limit,
    );
  }

  overdueTasks(now: number, limit: number): readonly TaskRow[] {
    return this.#tasks(
      `SELECT ${taskColumns} FROM tasks WHERE expires_at <= ? ORDER BY expires_at, id LIMIT ?`,
      now,
      limit,
    );
  }

  pendingTasks(workflowId: string, held: boolean, limit: number): readonly TaskRow[] {
    const sql = `SELECT ${taskColumns} FROM tasks WHERE workflow_id = ? AND status = 'pending' AND held = ${held ? 1 : 0} ORDER BY id LIMIT ?`;
    return this.#tasks(sql, workflowId, limit);
  }

  openTasks(workflowId: string, limit: number): readonly TaskRow[] {
    return this.#tasks(
      `SELECT ${taskColumns} FROM tasks
       WHERE workflow_id = ? AND status IN ('pending', 'waiting', 'running') AND cancel_at IS NULL ORDER BY id LIMIT ?`,
      workflowId,
      limit,
    );
  }

  misalignedWorkflows(limit: number): readonly string[] {
    return this.#all(
      `SELECT id FROM (
         SELECT DISTINCT workflow_id AS id FROM tasks WHERE held = 1 AND workflow_id IN (SELECT id FROM workflows WHERE paused = 0)
         UNION
         SELECT id FROM workflows WHERE cancel_requested = 1 AND open > 0 AND EXISTS (
           SELECT 1 FROM tasks
           WHERE workflow_id = workflows.id AND status IN ('pending', 'waiting', 'running') AND cancel_at IS NULL)
       ) ORDER BY id LIMIT ?`,
      limit,
    ).map((row) => row['id'] as string);
  }

  unpinnedTasks(agentId: string, started: boolean, limit: number): readonly TaskRow[] {
    return this.#tasks(
      `SELECT ${taskColumns} FROM tasks INDEXED BY tasks_due
       WHERE agent_id IS ? AND ${dueCondition} AND pinned = 0 ${started ? '' : 'AND attempt = 0'} ORDER BY claim_key, id LIMIT ?`,
      agentId,
      limit,
    );
  }

  expiredWorkflows(before: number, limit: number): readonly string[] {
    return this.#all(
      'SELECT id FROM workflows WHERE settled_at <= ? ORDER BY settled_at, id LIMIT ?',
      before,
      limit,
    ).map((row) => row['id'] as string);
  }

  expiredTasks(before: number, limit: number): readonly string[] {
    return this.#all(
      `SELECT id FROM tasks
       WHERE finished_at <= ?
         AND (workflow_id IS NULL OR NOT EXISTS (SELECT 1 FROM workflows WHERE workflows.id = tasks.workflow_id))
         AND NOT EXISTS (
           SELECT 1 FROM dependencies JOIN tasks AS dependant ON dependant.id = dependencies.task_id
           WHERE dependencies.depends_on = tasks.id AND dependant.status IN ('pending', 'waiting', 'running'))
         AND NOT EXISTS (
           SELECT 1 FROM tasks AS parent
           WHERE parent.id = tasks.parent_id AND parent.status IN ('pending', 'waiting', 'running'))
       ORDER BY finished_at, id LIMIT ?`,
      before,
      limit,
    ).map((row) => row['id'] as string);
  }

  /** The columns to set: naming one that has not changed would still rewrite its indexes. */
  #changes(row: TaskRow): { readonly columns: string[]; readonly values: SqlValue[] } {
    const before = this.#read.get(row.id);
    const after = hotValues(row);
    const columns: string[] = [];
    const values: SqlValue[] = [];
    for (const [index, value] of after.entries()) {
      if (before !== undefined && before[index + 1] === value) continue;
      columns.push(`${hotColumns[index] as string} = ?`);
      values.push(value);
    }
    this.#read.set(row.id, [row.id, ...after]);
    return { columns, values };
  }

  #payloads(id: string): ReadonlyMap<string, string> {
    return readPayloads((sql, ...values) => this.#all(sql, ...values), id);
  }

  #tasks(sql: string, ...values: SqlValue[]): readonly TaskRow[] {
    const rows = this.#arrays(sql, ...values);
    for (const row of rows) this.#read.set(row[0] as string, row);
    return rows.map(toTaskRow);
  }

  #arrays(sql: string, ...values: SqlValue[]): readonly SqlArray[] {
    let statement = this.#arrayStatements.get(sql);
    if (statement === undefined) {
      statement = prepareArrays(this.#database, sql);
      this.#arrayStatements.set(sql, statement);
    }
    return statement.all(...values) as unknown as readonly SqlArray[];
  }

  #get(sql: string, ...values: SqlValue[]): SqlRow | undefined {
    return this.#prepared(sql).get(...values);
  }

  #all(sql: string, ...values: SqlValue[]): SqlRow[] {
    return this.#prepared(sql).all(...values);
  }

  #run(sql: string, ...values: SqlValue[]): void {
    this.#prepared(sql).run(...values);
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** A statement whose rows are arrays; node:sqlite types them as objects all the same. */
export function prepareArrays(database: DatabaseSync, sql: string): StatementSync {
  const statement = database.prepare(sql);
  statement.setReturnArrays(true);
  return statement;
}

/** The parts of a task that were moved out of its row. */
export function readPayloads(
  all: (sql: string, ...values: SqlValue[]) => SqlRow[],
  taskId: string,
): ReadonlyMap<string, string> {
  const rows = all('SELECT part, text FROM payloads WHERE task_id = ?', taskId);
  return new Map(rows.map((row) => [row['part'] as string, row['text'] as string]));
}

function toHash(row: SqlRow | undefined): { readonly id: string; readonly bodyHash: string } | undefined {
  return row === undefined ? undefined : { id: row['id'] as string, bodyHash: row['body_hash'] as string };
}

function bodyTexts(body: BodyPatch & Partial<Pick<TaskRecord, 'description' | 'input' | 'metadata'>>): {
  readonly [Name in Part]?: string | null;
} {
  return {
    // As JSON, because plain text of SQLite holds neither NUL nor half surrogate pairs.
    ...(body.description === undefined
      ? {}
      : { description: body.description === '' ? null : JSON.stringify(body.description) }),
    ...(body.input === undefined ? {} : { input: body.input }),
    ...(body.metadata === undefined ? {} : { metadata: body.metadata }),
    ...(body.output === undefined ? {} : { output: body.output }),
    ...(body.error === undefined ? {} : { error: body.error === null ? null : JSON.stringify(body.error) }),
    ...(body.progress === undefined ? {} : { progress: body.progress }),
  };
}

function placeholders(count: number): string {
  return new Array(count).fill('?').join(', ');
}
