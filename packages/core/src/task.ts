import type { TaskError } from './errors.ts';
import { decodeJson, type JsonValue } from './json.ts';
import type { RetryPolicy } from './retry.ts';
import type { TaskTimeouts, TimeLimits } from './timeouts.ts';

/** The life of a task. Stored and public: never renamed. */
export const taskStatuses = ['pending', 'running', 'waiting', 'completed', 'failed', 'cancelled'] as const;

/** Where a task is in its life. */
export type TaskStatus = (typeof taskStatuses)[number];

/** Whether nothing more happens to a task in this status, short of a retry by hand. */
export function isTerminal(status: TaskStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/** What a task demands of the agent that gets it. */
export interface TaskRequirements {
  /** All of these must be among the agent's capabilities. */
  readonly capabilities?: readonly string[];
}

/** A task that another one waits for, under the name by which the waiting one knows it. */
export interface Dependency {
  /** What its output is called in `context.dependencies`. */
  readonly name: string;
  readonly taskId: string;
}

/** An agent that would not take the task. */
export interface Refusal {
  readonly agentId: string;
  readonly reason: string;
}

/**
 * The small part of a task that changes and that rules are decided on. Adapters store it as a row; times are epoch
 * milliseconds, except `boundUntil`, which is on the store's lease clock.
 */
export interface TaskRow {
  readonly id: string;
  readonly status: TaskStatus;
  /** Raised by every change of status; what commands that decide on a read compare. */
  readonly version: number;
  /** Raised by every claim and never reused: the fence of the attempt's writes. */
  readonly attempt: number;
  readonly failures: number;
  /** Crashes in a row without a new step. */
  readonly crashes: number;
  readonly priority: number;
  /** From when a worker may take it, once nothing holds it back; null while it is nobody's to take. */
  readonly dueAt: number | null;
  /** `dueAt − priority × 60,000`: the order of claims, which ages by itself. */
  readonly claimKey: number | null;
  /** Its assignment. */
  readonly agentId: string | null;
  /** The assignment was given by the caller and is never changed. */
  readonly pinned: boolean;
  /** The worker that runs it. */
  readonly workerId: string | null;
  /** The only worker that may take it for now. */
  readonly boundTo: string | null;
  /** When the binding ends, on the lease clock; null: with its owner. */
  readonly boundUntil: number | null;
  /** Its workflow is paused. */
  readonly held: boolean;
  /** When a running task whose cancellation was asked for is given up. */
  readonly cancelAt: number | null;
  readonly workflowId: string | null;
  /** Dependencies that have not completed. */
  readonly openDependencies: number;
  readonly refusedBy: readonly Refusal[];
  readonly retry: RetryPolicy;
  readonly timeouts: TaskTimeouts;
  /** The time limits that hold for it now, and until when. Adapters keep it as text. */
  readonly timeLimits: TimeLimits;
  /** When a sweep looks at it next because a time may have passed, in store wall time; null: never. */
  readonly expiresAt: number | null;
  /** Number of the last event of its log. */
  readonly lastSeq: number;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** Whether its log already says that nobody can take it. */
  readonly unroutable: boolean;
}

/** The part of a task that hardly changes, and may be large. JSON is text here, so that every adapter returns the same bytes. */
export interface TaskBody {
  readonly name: string;
  readonly description: string;
  readonly input: string;
  readonly tags: readonly string[];
  readonly requirements: TaskRequirements;
  readonly metadata: string;
  /** All that it waited for when it was created, in the order in which it was given. */
  readonly dependsOn: readonly Dependency[];
  /** The task whose attempt has spawned it. */
  readonly parentId: string | null;
  readonly idempotencyKey: string | null;
  /** Hash of all that the caller gave, before defaults. */
  readonly bodyHash: string;
  readonly output: string | null;
  readonly error: TaskError | null;
  readonly progress: string | null;
}

/** A whole task as adapters store it. */
export type TaskRecord = TaskRow & TaskBody;

/** One unit of work, as the API shows it: a copy that does not change. Times are epoch milliseconds. */
export interface Task<Input = JsonValue, Output = JsonValue> {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly status: TaskStatus;
  readonly input: Input;
  /** What the agent returned; undefined until the task has completed. */
  readonly output: Output | undefined;
  /** The error that the task failed with, or that its last failed attempt left; undefined otherwise. */
  readonly error: TaskError | undefined;
  readonly progress: JsonValue | undefined;
  readonly tags: readonly string[];
  /** −100 to 100, higher first. */
  readonly priority: number;
  readonly requirements: TaskRequirements;
  readonly agentId: string | undefined;
  readonly workflowId: string | undefined;
  /** Ids of the tasks that had to complete before this one could start. */
  readonly dependsOn: readonly string[];
  /** How many of these it still waits for. */
  readonly openDependencies: number;
  /** The task whose attempt has spawned it. */
  readonly parentId: string | undefined;
  readonly attempt: number;
  readonly failures: number;
  readonly crashes: number;
  readonly retry: RetryPolicy;
  readonly timeouts: TaskTimeouts;
  readonly dueAt: number | undefined;
  readonly idempotencyKey: string | undefined;
  readonly metadata: JsonValue;
  readonly refusedBy: readonly Refusal[];
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly version: number;
}

/** The task that a stored record holds. */
export function toTask(record: TaskRecord): Task {
  return {
    id: record.id,
    name: record.name,
    description: record.description,
    status: record.status,
    input: decodeJson(record.input),
    output: record.output === null ? undefined : decodeJson(record.output),
    error: record.error ?? undefined,
    progress: record.progress === null ? undefined : decodeJson(record.progress),
    tags: record.tags,
    priority: record.priority,
    requirements: record.requirements,
    agentId: record.agentId ?? undefined,
    workflowId: record.workflowId ?? undefined,
    dependsOn: record.dependsOn.map(({ taskId }) => taskId),
    openDependencies: record.openDependencies,
    parentId: record.parentId ?? undefined,
    attempt: record.attempt,
    failures: record.failures,
    crashes: record.crashes,
    retry: record.retry,
    timeouts: record.timeouts,
    dueAt: record.dueAt ?? undefined,
    idempotencyKey: record.idempotencyKey ?? undefined,
    metadata: decodeJson(record.metadata),
    refusedBy: record.refusedBy,
    createdAt: record.createdAt,
    startedAt: record.startedAt ?? undefined,
    finishedAt: record.finishedAt ?? undefined,
    version: record.version,
  };
}
