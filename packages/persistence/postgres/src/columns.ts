import type { AgentRow, EventRow, StepRow, TaskBody, TaskRow, WorkerRow, WorkflowRow } from '@symphony/core';

/** A value as it is sent to the server. */
export type SqlValue = string | number | boolean | null;

/** One column of a table: how it is called and declared, and what of a record it holds. */
export interface Column<Row> {
  readonly name: string;
  readonly type: 'text' | 'integer' | 'bigint' | 'double precision' | 'boolean';
  readonly value: (row: Row) => SqlValue;
}

/** What names a row. */
export const idColumn: Column<{ readonly id: string }> = { name: 'id', type: 'text', value: (row) => row.id };

/** The columns of a task that rules are decided on, after its id. `toTaskRow` reads them in this order. */
export const hotColumns: readonly Column<TaskRow>[] = [
  { name: 'status', type: 'text', value: (row) => row.status },
  { name: 'version', type: 'integer', value: (row) => row.version },
  { name: 'attempt', type: 'integer', value: (row) => row.attempt },
  { name: 'failures', type: 'integer', value: (row) => row.failures },
  { name: 'crashes', type: 'integer', value: (row) => row.crashes },
  { name: 'priority', type: 'integer', value: (row) => row.priority },
  { name: 'due_at', type: 'bigint', value: (row) => row.dueAt },
  { name: 'claim_key', type: 'bigint', value: (row) => row.claimKey },
  { name: 'agent_id', type: 'text', value: (row) => row.agentId },
  { name: 'pinned', type: 'boolean', value: (row) => row.pinned },
  { name: 'worker_id', type: 'text', value: (row) => row.workerId },
  { name: 'bound_to', type: 'text', value: (row) => row.boundTo },
  { name: 'bound_until', type: 'double precision', value: (row) => row.boundUntil },
  { name: 'held', type: 'boolean', value: (row) => row.held },
  { name: 'cancel_at', type: 'bigint', value: (row) => row.cancelAt },
  { name: 'workflow_id', type: 'text', value: (row) => row.workflowId },
  { name: 'open_dependencies', type: 'integer', value: (row) => row.openDependencies },
  { name: 'refused_by', type: 'text', value: (row) => listText(row.refusedBy) },
  { name: 'retry', type: 'text', value: (row) => objectText(row.retry) },
  { name: 'timeouts', type: 'text', value: (row) => objectText(row.timeouts) },
  { name: 'last_seq', type: 'integer', value: (row) => row.lastSeq },
  { name: 'created_at', type: 'bigint', value: (row) => row.createdAt },
  { name: 'started_at', type: 'bigint', value: (row) => row.startedAt },
  { name: 'finished_at', type: 'bigint', value: (row) => row.finishedAt },
  { name: 'unroutable', type: 'boolean', value: (row) => row.unroutable },
  { name: 'time_limits', type: 'text', value: (row) => objectText(row.timeLimits) },
  { name: 'expires_at', type: 'bigint', value: (row) => row.expiresAt },
];

/** The columns of a task that never change once it was created. `toTaskBody` reads them first. */
export const givenColumns: readonly Column<TaskBody>[] = [
  { name: 'idempotency_key', type: 'text', value: (body) => body.idempotencyKey },
  { name: 'body_hash', type: 'text', value: (body) => body.bodyHash },
  { name: 'name', type: 'text', value: (body) => body.name },
  { name: 'tags', type: 'text', value: (body) => listText(body.tags) },
  { name: 'requirements', type: 'text', value: (body) => objectText(body.requirements) },
  { name: 'depends_on', type: 'text', value: (body) => listText(body.dependsOn) },
  { name: 'parent_id', type: 'text', value: (body) => body.parentId },
  // As JSON, because plain text of PostgreSQL holds neither NUL nor half surrogate pairs.
  {
    name: 'description',
    type: 'text',
    value: (body) => (body.description === '' ? null : JSON.stringify(body.description)),
  },
  { name: 'input', type: 'text', value: (body) => body.input },
  { name: 'metadata', type: 'text', value: (body) => body.metadata },
];

/** The columns of a task that an attempt fills. `toTaskBody` reads them last. */
export const resultColumns: readonly Column<Partial<Pick<TaskBody, 'output' | 'error' | 'progress'>>>[] = [
  { name: 'output', type: 'text', value: (body) => body.output ?? null },
  { name: 'error', type: 'text', value: (body) => (body.error == null ? null : JSON.stringify(body.error)) },
  { name: 'progress', type: 'text', value: (body) => body.progress ?? null },
];

/** The columns of a workflow that its tasks count in. */
export const counterColumns = ['total', 'open', 'failed', 'cancelled', 'started'] as const;

/** The columns of a workflow after its id. `toWorkflowRow` reads them in this order. */
export const workflowColumns: readonly Column<WorkflowRow>[] = [
  { name: 'name', type: 'text', value: (row) => row.name },
  { name: 'description', type: 'text', value: (row) => JSON.stringify(row.description) },
  { name: 'metadata', type: 'text', value: (row) => row.metadata },
  { name: 'idempotency_key', type: 'text', value: (row) => row.idempotencyKey },
  { name: 'body_hash', type: 'text', value: (row) => row.bodyHash },
  { name: 'sealed', type: 'boolean', value: (row) => row.sealed },
  { name: 'on_failure', type: 'text', value: (row) => row.onFailure },
  { name: 'paused', type: 'boolean', value: (row) => row.paused },
  { name: 'cancel_requested', type: 'boolean', value: (row) => row.cancelRequested },
  ...counterColumns.map((name): Column<WorkflowRow> => ({ name, type: 'integer', value: (row) => row[name] })),
  { name: 'version', type: 'integer', value: (row) => row.version },
  { name: 'last_seq', type: 'integer', value: (row) => row.lastSeq },
  { name: 'created_at', type: 'bigint', value: (row) => row.createdAt },
  { name: 'settled_at', type: 'bigint', value: (row) => row.settledAt },
];

/** The columns of a recorded step. `toStepRow` reads them in this order. */
export const stepColumns: readonly Column<StepRow>[] = [
  { name: 'task_id', type: 'text', value: (row) => row.taskId },
  { name: 'agent_id', type: 'text', value: (row) => row.agentId },
  { name: 'identity', type: 'text', value: (row) => row.identity },
  { name: 'attempt', type: 'integer', value: (row) => row.attempt },
  { name: 'output', type: 'text', value: (row) => row.output },
  { name: 'input_hash', type: 'text', value: (row) => row.inputHash },
  { name: 'at', type: 'bigint', value: (row) => row.at },
];

/** The columns of an event after its position. `toEventRow` reads them in this order. */
export const eventColumns: readonly Column<EventRow>[] = [
  { name: 'subject', type: 'text', value: (row) => row.subject },
  { name: 'seq', type: 'integer', value: (row) => row.seq },
  { name: 'workflow_id', type: 'text', value: (row) => row.workflowId },
  { name: 'type', type: 'text', value: (row) => row.type },
  { name: 'at', type: 'bigint', value: (row) => row.at },
  { name: 'data', type: 'text', value: (row) => row.data },
];

/** The columns of an agent, its id among them. `toAgentRow` reads them in this order. */
export const agentColumns: readonly Column<AgentRow>[] = [
  { name: 'id', type: 'text', value: (row) => row.id },
  { name: 'config', type: 'text', value: (row) => JSON.stringify(row.config) },
  { name: 'enabled', type: 'boolean', value: (row) => row.enabled },
  { name: 'removed', type: 'boolean', value: (row) => row.removed },
  { name: 'unhosted_since', type: 'bigint', value: (row) => row.unhostedSince },
  { name: 'last_seq', type: 'integer', value: (row) => row.lastSeq },
];

/** The columns of a worker, its id among them. `toWorkerRow` reads them in this order. */
export const workerColumns: readonly Column<WorkerRow>[] = [
  { name: 'id', type: 'text', value: (row) => row.id },
  { name: 'lease_until', type: 'double precision', value: (row) => row.leaseUntil },
  { name: 'boot_id', type: 'text', value: (row) => row.bootId },
  { name: 'hosts', type: 'text', value: (row) => JSON.stringify(row.hosts) },
  { name: 'started_at', type: 'bigint', value: (row) => row.startedAt },
];

/** JSON of a list, or null for an empty one. */
function listText(list: readonly unknown[]): string | null {
  return list.length === 0 ? null : JSON.stringify(list);
}

/** JSON of an object, or null for an empty one: most tasks have neither policy nor limits of their own. */
function objectText(value: object): string | null {
  const text = JSON.stringify(value);
  return text === '{}' ? null : text;
}
