import type {
  AgentRow,
  EventRow,
  StepRow,
  TaskBody,
  TaskError,
  TaskRecord,
  TaskRow,
  WorkerRow,
  WorkflowRow,
} from '@symphony/core';
import { givenColumns, hotColumns, resultColumns } from './columns.ts';

/** A row as the driver returns it: one cell for each column that was asked for. */
export type Cells = readonly (string | number | boolean | null)[];

/** The small part of a task, from its id on. */
export function toTaskRow(cells: Cells): TaskRow {
  return {
    id: cells[0] as string,
    status: cells[1] as TaskRow['status'],
    version: cells[2] as number,
    attempt: cells[3] as number,
    failures: cells[4] as number,
    crashes: cells[5] as number,
    priority: cells[6] as number,
    dueAt: cells[7] as number | null,
    claimKey: cells[8] as number | null,
    agentId: cells[9] as string | null,
    pinned: cells[10] as boolean,
    workerId: cells[11] as string | null,
    boundTo: cells[12] as string | null,
    boundUntil: cells[13] as number | null,
    held: cells[14] as boolean,
    cancelAt: cells[15] as number | null,
    workflowId: cells[16] as string | null,
    openDependencies: cells[17] as number,
    refusedBy: parseOr(cells[18], []),
    retry: parseOr(cells[19], {}),
    timeouts: parseOr(cells[20], {}),
    lastSeq: cells[21] as number,
    createdAt: cells[22] as number,
    startedAt: cells[23] as number | null,
    finishedAt: cells[24] as number | null,
    unroutable: cells[25] as boolean,
    timeLimits: parseOr(cells[26], {}),
    expiresAt: cells[27] as number | null,
  };
}

const given = 1 + hotColumns.length;
const result = given + givenColumns.length;

/** Cells of a whole task, its id included. */
export const recordWidth = result + resultColumns.length;

/** The large part of a task, behind its small one. */
export function toTaskBody(cells: Cells): TaskBody {
  return {
    idempotencyKey: cells[given] as string | null,
    bodyHash: cells[given + 1] as string,
    name: cells[given + 2] as string,
    tags: parseOr(cells[given + 3], []),
    requirements: parseOr(cells[given + 4], {}),
    dependsOn: parseOr(cells[given + 5], []),
    parentId: cells[given + 6] as string | null,
    description: parseOr(cells[given + 7], ''),
    input: cells[given + 8] as string,
    metadata: cells[given + 9] as string,
    output: cells[result] as string | null,
    error: parseOr<TaskError | null>(cells[result + 1], null),
    progress: cells[result + 2] as string | null,
  };
}

/** A whole task. */
export function toTaskRecord(cells: Cells): TaskRecord {
  return { ...toTaskRow(cells), ...toTaskBody(cells) };
}

/** A workflow, from its id on. */
export function toWorkflowRow(cells: Cells): WorkflowRow {
  return {
    id: cells[0] as string,
    name: cells[1] as string,
    description: parseOr(cells[2], ''),
    metadata: cells[3] as string,
    idempotencyKey: cells[4] as string | null,
    bodyHash: cells[5] as string,
    sealed: cells[6] as boolean,
    onFailure: cells[7] as WorkflowRow['onFailure'],
    paused: cells[8] as boolean,
    cancelRequested: cells[9] as boolean,
    total: cells[10] as number,
    open: cells[11] as number,
    failed: cells[12] as number,
    cancelled: cells[13] as number,
    started: cells[14] as number,
    version: cells[15] as number,
    lastSeq: cells[16] as number,
    createdAt: cells[17] as number,
    settledAt: cells[18] as number | null,
  };
}

/** An event, from its position on. */
export function toEventRow(cells: Cells): EventRow & { readonly position: number } {
  return {
    position: cells[0] as number,
    subject: cells[1] as string,
    seq: cells[2] as number,
    workflowId: cells[3] as string | null,
    type: cells[4] as EventRow['type'],
    at: cells[5] as number,
    data: cells[6] as string,
  };
}

/** A recorded step. */
export function toStepRow(cells: Cells): StepRow {
  return {
    taskId: cells[0] as string,
    agentId: cells[1] as string,
    identity: cells[2] as string,
    attempt: cells[3] as number,
    output: cells[4] as string,
    inputHash: cells[5] as string | null,
    at: cells[6] as number,
  };
}

/** An agent. */
export function toAgentRow(cells: Cells): AgentRow {
  const id = cells[0] as string;
  return {
    id,
    config: parseOr(cells[1], noConfig(id)),
    enabled: cells[2] as boolean,
    removed: cells[3] as boolean,
    unhostedSince: cells[4] as number | null,
    lastSeq: cells[5] as number,
  };
}

/** A worker. */
export function toWorkerRow(cells: Cells): WorkerRow {
  return {
    id: cells[0] as string,
    leaseUntil: cells[1] as number,
    bootId: cells[2] as string,
    hosts: parseOr(cells[3], []),
    startedAt: cells[4] as number,
  };
}

/** What stands in for a description of an agent that cannot be read. */
function noConfig(id: string): AgentRow['config'] {
  return { id, name: id, role: '', description: '', capabilities: [], examples: [], limits: {}, cost: null };
}

/** Reads JSON of our own. Text that somebody has written over counts as absent, so that one row never stops the others. */
function parseOr<T>(text: Cells[number] | undefined, fallback: T): T {
  if (typeof text !== 'string') return fallback;
  try {
    return JSON.parse(text) as T;
  } catch {
    return fallback;
  }
}
