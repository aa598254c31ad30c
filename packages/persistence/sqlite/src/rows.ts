import type {
  AgentRow,
  EventRow,
  JsonValue,
  StepRow,
  TaskError,
  TaskRecord,
  TaskRow,
  WorkerRow,
  WorkflowRow,
} from '@symphony/core';

/** A row as SQLite returns it. */
export type SqlRow = Record<string, null | number | bigint | string | NodeJS.NonSharedUint8Array>;

/** A value that SQLite stores. */
export type SqlValue = null | number | string;

/** The columns that rules are decided on, in the order in which they are bound. */
export const hotColumns = [
  'status', 'version', 'attempt', 'failures', 'crashes', 'priority', 'due_at', 'claim_key', 'agent_id', 'pinned',
  'worker_id', 'bound_to', 'bound_until', 'held', 'cancel_at', 'workflow_id', 'open_dependencies', 'refused_by',
  'retry', 'timeouts', 'last_seq', 'created_at', 'started_at', 'finished_at', 'unroutable',
] as const;

/** Texts of a task that move to the `payloads` table when they are large; the bit marks them in `spilled`. */
export const parts = { description: 1, input: 2, metadata: 4, output: 8, error: 16, progress: 32 } as const;

/** A text that may be large. */
export type Part = keyof typeof parts;

/** Longest text in characters that stays in the row: rows that change often should be small. */
export const inlineLimit = 1_024;

/** The hot columns of a task, ready to bind. */
export function hotValues(row: TaskRow): SqlValue[] {
  return [
    row.status, row.version, row.attempt, row.failures, row.crashes, row.priority, row.dueAt, row.claimKey, row.agentId,
    row.pinned ? 1 : 0, row.workerId, row.boundTo, row.boundUntil, row.held ? 1 : 0, row.cancelAt, row.workflowId,
    row.openDependencies, row.refusedBy.length === 0 ? null : JSON.stringify(row.refusedBy), objectText(row.retry),
    objectText(row.timeouts), row.lastSeq, row.createdAt, row.startedAt, row.finishedAt, row.unroutable ? 1 : 0,
  ];
}

/** The row that the hot columns hold. */
export function toTaskRow(row: SqlRow): TaskRow {
  return {
    id: row['id'] as string,
    status: row['status'] as TaskRow['status'],
    version: row['version'] as number,
    attempt: row['attempt'] as number,
    failures: row['failures'] as number,
    crashes: row['crashes'] as number,
    priority: row['priority'] as number,
    dueAt: row['due_at'] as number | null,
    claimKey: row['claim_key'] as number | null,
    agentId: row['agent_id'] as string | null,
    pinned: row['pinned'] === 1,
    workerId: row['worker_id'] as string | null,
    boundTo: row['bound_to'] as string | null,
    boundUntil: row['bound_until'] as number | null,
    held: row['held'] === 1,
    cancelAt: row['cancel_at'] as number | null,
    workflowId: row['workflow_id'] as string | null,
    openDependencies: row['open_dependencies'] as number,
    refusedBy: row['refused_by'] === null ? [] : parse(row['refused_by']),
    retry: row['retry'] === null ? {} : parse(row['retry']),
    timeouts: row['timeouts'] === null ? {} : parse(row['timeouts']),
    lastSeq: row['last_seq'] as number,
    createdAt: row['created_at'] as number,
    startedAt: row['started_at'] as number | null,
    finishedAt: row['finished_at'] as number | null,
    unroutable: row['unroutable'] === 1,
  };
}

/** The task that a whole row holds, with the parts that were moved out of it. */
export function toTaskRecord(row: SqlRow, moved: ReadonlyMap<string, string>): TaskRecord {
  const part = (name: Part): string | null => moved.get(name) ?? (row[name] as string | null);
  const error = part('error');
  const description = part('description');
  return {
    ...toTaskRow(row),
    name: row['name'] as string,
    description: description === null ? '' : parse(description),
    input: part('input') ?? 'null',
    tags: row['tags'] === null ? [] : parse(row['tags']),
    requirements: row['requirements'] === null ? {} : parse(row['requirements']),
    metadata: part('metadata') ?? 'null',
    idempotencyKey: row['idempotency_key'] as string | null,
    bodyHash: row['body_hash'] as string,
    output: part('output'),
    error: error === null ? null : parse<TaskError>(error),
    progress: part('progress'),
  };
}

/** The columns of a workflow besides its id, in the order in which they are bound. */
export const workflowColumns = [
  'name', 'description', 'metadata', 'idempotency_key', 'body_hash', 'sealed', 'paused', 'cancel_requested', 'total',
  'open', 'failed', 'cancelled', 'started', 'version', 'last_seq', 'created_at', 'settled_at',
] as const;

/** A workflow, ready to bind. */
export function workflowValues(row: WorkflowRow): SqlValue[] {
  return [
    row.name, JSON.stringify(row.description), row.metadata, row.idempotencyKey, row.bodyHash, row.sealed ? 1 : 0, row.paused ? 1 : 0,
    row.cancelRequested ? 1 : 0, row.total, row.open, row.failed, row.cancelled, row.started, row.version, row.lastSeq,
    row.createdAt, row.settledAt,
  ];
}

/** The workflow that a row holds. */
export function toWorkflowRow(row: SqlRow): WorkflowRow {
  return {
    id: row['id'] as string,
    name: row['name'] as string,
    description: parse(row['description']),
    metadata: row['metadata'] as string,
    idempotencyKey: row['idempotency_key'] as string | null,
    bodyHash: row['body_hash'] as string,
    sealed: row['sealed'] === 1,
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
    config: parse(row['config']),
    enabled: row['enabled'] === 1,
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
    hosts: parse(row['hosts']),
    startedAt: row['started_at'] as number,
  };
}

/** JSON of an object, or null for an empty one: most tasks have neither policy nor limits of their own. */
export function objectText(value: object): string | null {
  const text = JSON.stringify(value);
  return text === '{}' ? null : text;
}

function parse<T = never>(text: SqlRow[string] | undefined): T {
  return JSON.parse(text as string) as JsonValue as T;
}
