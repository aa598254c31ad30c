import type { JsonValue } from './json.ts';
import { isTerminal, type TaskRow } from './task.ts';

/** The life of a workflow. Stored and public: never renamed. */
export const workflowStatuses = ['pending', 'running', 'paused', 'completed', 'failed', 'cancelled'] as const;

/** Where a workflow is: a function of its tasks. */
export type WorkflowStatus = (typeof workflowStatuses)[number];

/** What happens to the other tasks of a workflow when one fails for good. */
export const failurePolicies = ['continue', 'failFast'] as const;

/**
 * `continue`: they go on, but for those that depend on the failed one. `failFast`: what has not started is cancelled in
 * the same transaction, and what runs is asked to stop.
 */
export type FailurePolicy = (typeof failurePolicies)[number];

/** How many tasks of a workflow are in which state. Each task contributes 0 or 1 to each number. */
export interface WorkflowCounters {
  readonly total: number;
  /** Not yet ended. */
  readonly open: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Claimed at least once. */
  readonly started: number;
}

/** A workflow as adapters store it. */
export interface WorkflowRow extends WorkflowCounters {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly metadata: string;
  readonly idempotencyKey: string | null;
  readonly bodyHash: string;
  /** Created with its tasks: takes no more from outside. */
  readonly sealed: boolean;
  readonly onFailure: FailurePolicy;
  readonly paused: boolean;
  readonly cancelRequested: boolean;
  readonly version: number;
  readonly lastSeq: number;
  readonly createdAt: number;
  /** When its last open task ended; null while any is open. */
  readonly settledAt: number | null;
}

/** A named collection of tasks with one life, as the API shows it. */
export interface Workflow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly metadata: JsonValue;
  readonly status: WorkflowStatus;
  /** Whether it has tasks and none is open. */
  readonly settled: boolean;
  readonly sealed: boolean;
  readonly onFailure: FailurePolicy;
  readonly tasks: WorkflowCounters & { readonly completed: number };
  readonly idempotencyKey: string | undefined;
  readonly createdAt: number;
  readonly settledAt: number | undefined;
  readonly version: number;
}

/**
 * The status of a workflow, computed from its counters: no task → `pending`; one failed for good → `failed`; else with
 * tasks open `paused` if paused, `pending` if none has started, `running`; else `cancelled` if that was asked for or all
 * are, else `completed`.
 */
export function workflowStatus(
  row: Pick<WorkflowRow, keyof WorkflowCounters | 'paused' | 'cancelRequested'>,
): WorkflowStatus {
  if (row.total === 0) return row.cancelRequested ? 'cancelled' : row.paused ? 'paused' : 'pending';
  if (row.failed > 0) return 'failed';
  if (row.open > 0) {
    if (row.paused) return 'paused';
    return row.started === 0 ? 'pending' : 'running';
  }
  return row.cancelRequested || row.cancelled === row.total ? 'cancelled' : 'completed';
}

/** Whether no task of the workflow is open any more, and none can come. Results and waiters of a workflow go by this. */
export function isSettled(row: WorkflowCounters & Pick<WorkflowRow, 'cancelRequested'>): boolean {
  return row.open === 0 && (row.total > 0 || row.cancelRequested);
}

/** What one task contributes to the counters of its workflow. */
export function contribution(task: Pick<TaskRow, 'status' | 'attempt'>): WorkflowCounters {
  return {
    total: 1,
    open: isTerminal(task.status) ? 0 : 1,
    failed: task.status === 'failed' ? 1 : 0,
    cancelled: task.status === 'cancelled' ? 1 : 0,
    started: task.attempt > 0 ? 1 : 0,
  };
}

const none: WorkflowCounters = { total: 0, open: 0, failed: 0, cancelled: 0, started: 0 };

/** What a change of one task adds to the counters of its workflow; undefined where it adds nothing. */
export function counterDelta(
  before: Pick<TaskRow, 'status' | 'attempt'> | undefined,
  after: Pick<TaskRow, 'status' | 'attempt'>,
): WorkflowCounters | undefined {
  const old = before === undefined ? none : contribution(before);
  const delta = addCounters(contribution(after), old, -1);
  return delta.total === 0 && delta.open === 0 && delta.failed === 0 && delta.cancelled === 0 && delta.started === 0
    ? undefined
    : delta;
}

/** The sum of two sets of counters, the second times `sign`. */
export function addCounters(first: WorkflowCounters, second: WorkflowCounters, sign: 1 | -1 = 1): WorkflowCounters {
  return {
    total: first.total + sign * second.total,
    open: first.open + sign * second.open,
    failed: first.failed + sign * second.failed,
    cancelled: first.cancelled + sign * second.cancelled,
    started: first.started + sign * second.started,
  };
}

/** The workflow that a stored row describes. */
export function toWorkflow(row: WorkflowRow): Workflow {
  const { total, open, failed, cancelled, started } = row;
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    metadata: JSON.parse(row.metadata) as JsonValue,
    status: workflowStatus(row),
    settled: isSettled(row),
    sealed: row.sealed,
    onFailure: row.onFailure,
    tasks: { total, open, failed, cancelled, started, completed: total - open - failed - cancelled },
    idempotencyKey: row.idempotencyKey ?? undefined,
    createdAt: row.createdAt,
    settledAt: row.settledAt ?? undefined,
    version: row.version,
  };
}
