import type { TaskError } from './errors.ts';
import type { JsonValue } from './json.ts';
import type { RoutingDecision } from './routing.ts';

/**
 * Everything that is recorded, by name, with what each record says. The names are stored: never renamed.
 * Adding a fact is one key here and its effect in `transition.ts` or `flush.ts`; both are type-checked.
 */
export interface EventMap {
  'task.created': {
    readonly name: string;
    readonly agentId?: string;
    readonly priority: number;
    readonly dueAt?: number;
    /** How many tasks it waits for. */
    readonly openDependencies?: number;
  };
  'task.submitted': { readonly dueAt: number };
  /** The last task that it waited for has completed. */
  'task.unblocked': { readonly dueAt?: number };
  'task.routed': RoutingDecision;
  'task.unroutable': { readonly code: string; readonly reason: string };
  'task.unassigned': { readonly agentId: string; readonly reason: string };
  'task.claimed': { readonly attempt: number; readonly workerId: string; readonly agentId: string };
  'task.retry_scheduled': {
    readonly attempt: number;
    readonly error: TaskError;
    readonly failures: number;
    readonly dueAt: number;
  };
  'task.refused': { readonly attempt: number; readonly agentId: string; readonly reason: string };
  'task.released': { readonly attempt: number; readonly workerId: string; readonly reason: string };
  'task.crashed': {
    readonly attempt: number;
    readonly workerId: string;
    readonly charged: boolean;
    readonly crashes: number;
  };
  'task.recovered': { readonly attempt: number; readonly crashes: number };
  'task.suspended': { readonly attempt: number };
  'task.resumed': { readonly dueAt: number };
  'task.cancel_requested': { readonly attempt: number; readonly cancelAt: number; readonly reason?: string };
  'task.completed': { readonly attempt: number };
  'task.failed': { readonly attempt: number; readonly error: TaskError };
  'task.cancelled': { readonly attempt: number; readonly reason?: string };
  'task.retried': { readonly dueAt: number; readonly openDependencies?: number };
  'task.added_to_workflow': { readonly workflowId: string };
  /** An attempt has created a task. */
  'task.spawned': { readonly attempt: number; readonly key: string; readonly taskId: string };
  'task.steps_unused': { readonly attempt: number; readonly steps: readonly string[] };
  'task.hook_failed': { readonly attempt: number; readonly phase: 'pre' | 'post'; readonly error: TaskError };
  'task.late_result': { readonly attempt: number; readonly outcome: 'resolved' | 'rejected' };
  'workflow.created': { readonly name: string; readonly sealed: boolean };
  'workflow.started': { readonly [key: string]: never };
  'workflow.paused': { readonly [key: string]: never };
  'workflow.resumed': { readonly [key: string]: never };
  'workflow.cancel_requested': { readonly reason?: string };
  'workflow.failed': { readonly failed: number };
  'workflow.completed': { readonly total: number };
  'workflow.cancelled': { readonly cancelled: number };
  'workflow.settled': { readonly status: string };
  'workflow.reopened': { readonly reason: string };
  'agent.registered': { readonly agentId: string };
  'agent.changed': { readonly agentId: string };
  'agent.enabled': { readonly agentId: string };
  'agent.disabled': { readonly agentId: string };
  'agent.removed': { readonly agentId: string };
}

/** The name of a recorded fact. */
export type EventType = keyof EventMap;

/** A fact before it is numbered. */
export type NewEvent = { [Type in EventType]: { readonly type: Type; readonly data: EventMap[Type] } }[EventType];

/** One recorded fact. */
export type SymphonyEvent = NewEvent & {
  /** Order over the whole store; a reader that has read up to a position never misses a later event. */
  readonly position: number;
  /** The task, workflow or agent that it is about. */
  readonly subject: string;
  /** Number within the subject, from 1 without gaps. */
  readonly seq: number;
  /** The workflow that the subject belongs to, or is. */
  readonly workflowId: string | undefined;
  /** Wall time in epoch milliseconds. */
  readonly at: number;
};

/** An event as adapters store it: without its position, its data as JSON text. */
export interface EventRow {
  readonly subject: string;
  readonly seq: number;
  readonly workflowId: string | null;
  readonly type: EventType;
  readonly at: number;
  readonly data: string;
}

/** The event that a stored row holds. */
export function toEvent(row: EventRow & { readonly position: number }): SymphonyEvent {
  return {
    position: row.position,
    subject: row.subject,
    seq: row.seq,
    workflowId: row.workflowId ?? undefined,
    at: row.at,
    type: row.type,
    data: JSON.parse(row.data) as JsonValue,
  } as unknown as SymphonyEvent;
}

/** The events after which a task does not change any more, short of a retry by hand. */
export const terminalTaskEvents: readonly EventType[] = ['task.completed', 'task.failed', 'task.cancelled'];
