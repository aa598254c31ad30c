import type {
  AgentRow,
  EventRow,
  StepRow,
  TaskError,
  TaskRecord,
  TaskRow,
  WorkerRow,
  WorkflowRow,
} from '@symphony/core';

/** A row as SQLite returns it. */
export type SqlRow = Record<string, null | number | bigint | string | NodeJS.NonSharedUint8Array>;

/** A row that was asked for as an array. */
export type SqlArray = readonly SqlRow[string][];

/** A value that SQLite stores. */
export type SqlValue = null | number | string;

/** The columns that rules are decided on, in the order in which they are bound. */
export const hotColumns = [
  'status',
  'version',
  'attempt',
  'failures',
  'crashes',
  'priority',
  'due_at',
  'claim_key',
  'agent_id',
  'pinned',
  'worker_id',
  'bound_to',
  'bound_until',
  'held',
  'cancel_at',
  'workflow_id',
  'open_dependencies',
  'refused_by',
  'retry',
  'timeouts',
  'last_seq',
  'created_at',
  'started_at',
  'finished_at',
  'unroutable',
  'time_limits',
  'expires_at',
] as const;

/** What {@link toTaskRow} reads, in its order. */
export const taskColumns = ['id', ...hotColumns].join(', ');

/** What {@link toTaskRecord} reads, in its order. */
export const recordColumns = `${taskColumns}, idempotency_key, body_hash, name, tags, requirements, description, input, metadata, output, error, progress, spilled, depends_on, parent_id`;

/** Texts of a task that move to the `payloads` table when they are large; the bit marks them in `spilled`. */
export const parts = { description: 1, input: 2, metadata: 4, output: 8, error: 16, progress: 32 } as const;

/** A text that may be large. */
export type Part = keyof typeof parts;

/** Longest text in characters that stays in the row: rows that change often should be small. */
export const inlineLimit = 1_024;

/** The hot columns of a task, ready to bind. */
export function hotValues(row: TaskRow): SqlValue[] {
  return [
    row.status,
    row.version,
    row.attempt,
    row.failures,
    row.crashes,
    row.priority,
    row.dueAt,
    row.claimKey,
    row.agentId,
    row.pinned ? 1 : 0,
    row.workerId,
    row.boundTo,
    row.boundUntil,
    row.held ? 1 : 0,
    row.cancelAt,
    row.workflowId,
    row.openDependencies,
    row.refusedBy.length === 0 ? null : JSON.stringify(row.refusedBy),
    objectText(row.retry),
    objectText(row.timeouts),
    row.lastSeq,
    row.createdAt,
    row.startedAt,
    row.finishedAt,
    row.unroutable ? 1 : 0,
    objectText(row.timeLimits),
    row.expiresAt,
  ];
}

/** The row that the task columns hold, read as an array: twice as fast as by name, and this is the hottest read. */
export function toTaskRow(row: SqlArray): TaskRow {
  return {
    id: row[0] as string,
    status: row[1] as TaskRow['status'],
    version: row[2] as number,
    attempt: row[3] as number,
    failures: row[4] as number,
    crashes: row[5] as number,
    priority: row[6] as number,
    dueAt: row[7] as number | null,
    claimKey: row[8] as number | null,
    agentId: row[9] as string | null,
    pinned: row[10] === 1,
    workerId: row[11] as string | null,
    boundTo: row[12] as string | null,
    boundUntil: row[13] as number | null,
    held: row[14] === 1,
    cancelAt: row[15] as number | null,
    workflowId: row[16] as string | null,
    openDependencies: row[17] as number,
    refusedBy: parseOr(row[18], []),
    retry: parseOr(row[19], {}),
    timeouts: parseOr(row[20], {}),
    lastSeq: row[21] as number,
    createdAt: row[22] as number,
    startedAt: row[23] as number | null,
    finishedAt: row[24] as number | null,
    unroutable: row[25] === 1,
    timeLimits: parseOr(row[26], {}),
    expiresAt: row[27] as number | null,
  };
}

/** The task that the record columns hold; `readMoved` reads the parts that were moved out of the row. */
export function toTaskRecord(row: SqlArray, readMoved: (id: string) => ReadonlyMap<string, string>): TaskRecord {
  const spilled = row[39] as number;
  const moved = spilled === 0 ? none : readMoved(row[0] as string);
  // A part that has become small again leaves its old text behind; the bit says what counts.
  const part = (name: Part, index: number): string | null =>
    (spilled & parts[name]) === 0 ? (row[index] as string | null) : (moved.get(name) ?? null);
  const description = part('description', 33);
  const error = part('error', 37);
  return {
    ...toTaskRow(row),
    idempotencyKey: row[28] as string | null,
    bodyHash: row[29] as string,
    name: row[30] as string,
    tags: parseOr(row[31], []),
    requirements: parseOr(row[32], {}),
    description: parseOr(description, ''),
    input: part('input', 34) ?? 'null',
    metadata: part('metadata', 35) ?? 'null',
    output: part('output', 36),
    error: parseOr<TaskError | null>(error, null),
    progress: part('progress', 38),
    dependsOn: parseOr(row[40], []),
    parentId: row[41] as string | null,
  };
}

const none: ReadonlyMap<string, string> = new Map();

/** The columns of a workflow besides its id, in the order in which they are bound. */
export const workflowColumns = [
  'name',
  'description',
  'metadata',
  'idempotency_key',
  'body_hash',
  'sealed',
  'paused',
  'cancel_requested',
  'total',
  'open',
  'failed',
  'cancelled',
  'started',
  'version',
  'last_seq',
  'created_at',
  'settled_at',
  'on_failure',
] as const;

/** A workflow, ready to bind. */
export function workflowValues(row: WorkflowRow): SqlValue[] {
  return [
    row.name,
    JSON.stringify(row.description),
    row.metadata,
    row.idempotencyKey,
    row.bodyHash,
    row.sealed ? 1 : 0,
    row.paused ? 1 : 0,
    row.cancelRequested ? 1 : 0,
    row.total,
    row.open,
    row.failed,
    row.cancelled,
    row.started,
    row.version,
    row.lastSeq,
    row.createdAt,
    row.settledAt,
    row.onFailure,
  ];
}

/** The workflow that a row holds. */
export function toWorkflowRow(row: SqlRow): WorkflowRow {
  return {
    id: row['id'] as string,
    name: row['name'] as string,
    description: parseOr(row['description'], ''),
    metadata: row['metadata'] as string,
    idempotencyKey: row['idempotency_key'] as string | null,
    bodyHash: row['body_hash'] as string,
    sealed: row['sealed'] === 1,
    onFailure: row['on_failure'] as WorkflowRow['onFailure'],
    paused: row['paused'] === 1,
    cancelRequested: row['cancel_requested'] === 1,
    total: row['total'] as number,
    open: row['open'] as number,
    failed: row['failed'] as number,
    cancelled: row['cancelled'] as number,
    started: row['started'] as number,
    version: row['version'] as number,
    lastSeq: row['last_seq'] as number,
    createdAt: row['created_at'] as number,
    settledAt: row['settled_at'] as number | null,
  };
}

/** The event that a row holds. */
export function toEventRow(row: SqlRow): EventRow & { readonly position: number } {
  return {
    position: row['position'] as number,
    subject: row['subject'] as string,
    seq: row['seq'] as number,
    workflowId: row['workflow_id'] as string | null,
    type: row['type'] as EventRow['type'],
    at: row['at'] as number,
    data: row['data'] as string,
  };
}

/** The step that a row holds. */
export function toStepRow(row: SqlRow): StepRow {
  return {
    taskId: row['task_id'] as string,
    agentId: row['agent_id'] as string,
    identity: row['identity'] as string,
    attempt: row['attempt'] as number,
    output: row['output'] as string,
    inputHash: row['input_hash'] as string | null,
    at: row['at'] as number,
  };
}

/** The agent that a row holds. */
export function toAgentRow(row: SqlRow): AgentRow {
  return {
    id: row['id'] as string,
    config: parseOr(row['config'], noConfig(row['id'] as string)),
    enabled: row['enabled'] === 1,
    removed: row['removed'] === 1,
    unhostedSince: row['unhosted_since'] as number | null,
    lastSeq: row['last_seq'] as number,
  };
}

/** The worker that a row holds. */
export function toWorkerRow(row: SqlRow): WorkerRow {
  return {
    id: row['id'] as string,
    leaseUntil: row['lease_until'] as number,
    bootId: row['boot_id'] as string,
    hosts: parseOr(row['hosts'], []),
    startedAt: row['started_at'] as number,
  };
}

/** JSON of an object, or null for an empty one: most tasks have neither policy nor limits of their own. */
export function objectText(value: object): string | null {
  const text = JSON.stringify(value);
  return text === '{}' ? null : text;
}

/** What stands in for a description of an agent that cannot be read. */
function noConfig(id: string): AgentRow['config'] {
  return { id, name: id, role: '', description: '', capabilities: [], examples: [], limits: {}, cost: null };
}

/** Reads JSON of our own. Text that somebody has written over counts as absent, so that one row never stops the others. */
function parseOr<T>(text: SqlRow[string] | undefined, fallback: T): T {
  if (text === null || text === undefined) return fallback;
  try {
    return JSON.parse(text as string) as T;
  } catch {
    return fallback;
  }
}
