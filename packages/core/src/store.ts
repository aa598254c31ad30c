import type { AgentConfig, AgentEntry } from './agent.ts';
import type { ErrorCode, ErrorDetails } from './errors.ts';
import type { EventType, NewEvent, SymphonyEvent } from './events.ts';
import type { RetryPolicy } from './retry.ts';
import type { AgentLoad, RoutingDecision, StrategyState } from './routing.ts';
import type { TaskRecord, TaskStatus } from './task.ts';
import type { TaskTimeouts } from './timeouts.ts';
import type { TaskCommand } from './transition.ts';
import type { WorkflowRow, WorkflowStatus } from './workflow.ts';

/** The commands that end or feed an attempt. Each is conditional on `(id, attempt, running)`. */
type AttemptCommandType = 'complete' | 'fail' | 'refuse' | 'release' | 'suspend';

/** One write. Which rows it may change, and how, is decided by core on the rows that the adapter locked. */
export type Command =
  /** Stores a task, or answers with the one that has its key. `submit` makes it due as well, new or found. */
  | { readonly type: 'createTask'; readonly task: NewTaskRecord; readonly submit: boolean }
  | { readonly type: 'createWorkflow'; readonly workflow: NewWorkflowRow }
  | { readonly type: 'addTask'; readonly workflowId: string; readonly taskId: string }
  /** Makes a created task due; `dueAt` null: at once. */
  | { readonly type: 'submitTask'; readonly id: string; readonly dueAt: number | null }
  /** Starts an attempt of one task by id, whatever its `dueAt`. */
  | {
      readonly type: 'claimTask';
      readonly id: string;
      readonly workerId: string;
      /** Pins the task to this agent; without it the task's own assignment counts, or `decision` where it has none. */
      readonly agentId?: string;
      readonly decision?: RoutingDecision;
      readonly workflowId?: string;
      readonly retry?: RetryPolicy;
      /** The agent's default time limits, as the process that claims has them. */
      readonly timeouts?: TaskTimeouts;
      /** Retries by which that process judges a failure, unless the task has a policy of its own. Default: 3. */
      readonly defaultMaxRetries?: number;
      /** The process has started nothing, or this has waited, for `defaults.aloneMs`: it starts beside whatever runs. */
      readonly still?: boolean;
    }
  /** Ends an attempt. */
  | {
      readonly type: 'report';
      readonly id: string;
      readonly attempt: number;
      readonly command: Extract<TaskCommand, { readonly type: AttemptCommandType }>;
    }
  /** Creates and submits a task for a running attempt, into its workflow; one key of a parent makes one task. */
  | {
      readonly type: 'spawn';
      readonly id: string;
      readonly attempt: number;
      readonly key: string;
      readonly task: NewTaskRecord;
    }
  | { readonly type: 'recordStep'; readonly step: StepRow }
  | { readonly type: 'progress'; readonly id: string; readonly attempt: number; readonly value: string }
  /** Appends an event and changes no state. */
  | { readonly type: 'note'; readonly id: string; readonly event: NewEvent }
  /** Answers a claim for routing: with `claim` the attempt starts here, in the same commit. */
  | {
      readonly type: 'route';
      readonly id: string;
      readonly workerId: string;
      readonly decision: RoutingDecision;
      readonly claim: boolean;
      /** With `claim`: the agent's default time limits, as the process that claims has them. */
      readonly timeouts?: TaskTimeouts;
    }
  | {
      readonly type: 'defer';
      readonly id: string;
      readonly workerId: string;
      readonly forMs: number;
      readonly code: string;
      readonly reason: string;
    }
  | { readonly type: 'reject'; readonly id: string; readonly workerId: string; readonly reason: string }
  /** Gives up a binding without a decision. */
  | { readonly type: 'unbind'; readonly id: string; readonly workerId: string }
  | { readonly type: 'cancelTask'; readonly id: string; readonly graceMs: number; readonly reason?: string }
  | { readonly type: 'retryTask'; readonly id: string }
  | { readonly type: 'pauseWorkflow'; readonly id: string }
  | { readonly type: 'resumeWorkflow'; readonly id: string }
  | { readonly type: 'cancelWorkflow'; readonly id: string; readonly reason?: string }
  /** Brings up to `limit` tasks of a workflow in line with its row: held, released or cancelled. The value is how many. */
  | { readonly type: 'alignTasks'; readonly workflowId: string; readonly limit: number; readonly graceMs: number }
  | { readonly type: 'registerAgent'; readonly config: AgentConfig }
  | { readonly type: 'enableAgent'; readonly id: string; readonly enabled: boolean }
  | { readonly type: 'removeAgent'; readonly id: string };

/** A task as its creator hands it over; everything else starts at its default. */
export type NewTaskRecord = Pick<
  TaskRecord,
  | 'id'
  | 'name'
  | 'description'
  | 'input'
  | 'tags'
  | 'requirements'
  | 'metadata'
  | 'dependsOn'
  | 'idempotencyKey'
  | 'bodyHash'
  | 'priority'
  | 'agentId'
  | 'retry'
  | 'timeouts'
  | 'workflowId'
> & { /** When it falls due, if it is submitted; null: at once. */ readonly dueAt: number | null };

/** A workflow as its creator hands it over. */
export type NewWorkflowRow = Pick<
  WorkflowRow,
  'id' | 'name' | 'description' | 'metadata' | 'idempotencyKey' | 'bodyHash' | 'sealed' | 'onFailure'
>;

/** A recorded result of a piece of an attempt. */
export interface StepRow {
  readonly taskId: string;
  readonly agentId: string;
  /** `name#n` for the n-th of its name, or `name:key`. */
  readonly identity: string;
  readonly attempt: number;
  /** The result as JSON text. */
  readonly output: string;
  /** Hash of the declared input; null where none was declared. */
  readonly inputHash: string | null;
  readonly at: number;
}

/** Commands that are carried out together or not at all. */
export type Group = readonly Command[];

/** What became of a group. */
export type GroupResult =
  /** Done; `value` is that of its last command, see {@link CommandValue}. */
  | { readonly status: 'ok'; readonly value: CommandValue }
  /** The attempt that wrote is not the current one any more. Nothing was written. */
  | { readonly status: 'stale' }
  /** A record with this key and body exists; its id. Nothing was written. */
  | { readonly status: 'duplicate'; readonly id: string }
  /** Refused. Nothing was written. */
  | { readonly status: 'error'; readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };

/** What a command answers: the task as it then is, or a number, or nothing. */
export interface CommandValue {
  readonly task?: TaskRecord;
  readonly workflow?: WorkflowRow;
  readonly count?: number;
}

/** A wish to take due tasks. */
export interface ClaimRequest {
  readonly workerId: string;
  /** The ids of the agents that this worker hosts. */
  readonly hosts: readonly string[];
  /** At most this many; never more than the worker has free slots. */
  readonly limit: number;
  /** The default time limits of its agents, by id, as this process has them; agents without any are left out. */
  readonly timeouts?: Readonly<Record<string, TaskTimeouts>>;
  /** The worker has started nothing for `defaults.aloneMs`: it may start a suspect beside others, and others beside one. */
  readonly still?: boolean;
}

/** A task taken by a claim: either its attempt has started (`running`), or it is bound to the worker to be routed (`pending`). */
export type Claimed = TaskRecord;

/** One round trip: groups of writes, and the next claim. */
export interface CommitRequest {
  readonly groups: readonly Group[];
  readonly claim?: ClaimRequest;
}

/** The answers, in the order of the groups. */
export interface CommitResponse {
  readonly results: readonly GroupResult[];
  readonly claimed: readonly Claimed[];
}

/** A worker as the store knows it. `leaseUntil` is on the store's lease clock. */
export interface WorkerRow {
  readonly id: string;
  readonly leaseUntil: number;
  readonly bootId: string;
  readonly hosts: readonly string[];
  readonly startedAt: number;
}

/** What a worker holds, as its renewal tells it. */
export interface Holding {
  readonly taskId: string;
  readonly attempt: number;
  readonly status: TaskStatus;
  readonly cancelAt: number | null;
}

/** A worker as it opens or renews its row. Times are milliseconds. */
export interface WorkerBeat {
  readonly id: string;
  /** Ids of the agents that it runs. */
  readonly hosts: readonly string[];
  /** How long the lease lasts from now. */
  readonly leaseMs: number;
  /** How often it is renewed. */
  readonly renewMs: number;
  /** How long the process's main thread may be silent until a thread beside it renews no more. Default: for ever. */
  readonly stallMs?: number;
}

/** The answer to a renewal. */
export type Renewal =
  | { readonly alive: true; /** The store's wall time. */ readonly now: number; readonly holding: readonly Holding[] }
  /** The row is gone: every attempt of this worker is lost, and it needs a new id. */
  | { readonly alive: false };

/** What a sweeper asks for. */
export interface SweepRequest {
  /** Whether expired workers are removed. A sweeper that was itself held up must not judge others. */
  readonly markDead: boolean;
  /** Default: for ever. */
  readonly patienceMs?: number;
}

/** What a sweep did. */
export interface SweepResult {
  readonly deadWorkers: number;
  readonly releasedTasks: number;
  /** More is left than one sweep takes on; sweep again. */
  readonly more: boolean;
}

/** What lists of records have in common. */
export interface PageQuery {
  readonly name?: string;
  /** Only what was created at this time or later. */
  readonly createdFrom?: number;
  /** Only what was created before this time. */
  readonly createdBefore?: number;
  /** Default `ascending`: the oldest first. */
  readonly order?: 'ascending' | 'descending';
  /** The last id of the page before. */
  readonly after?: string;
  /** 1 to 1,000. */
  readonly limit: number;
}

/** Which tasks to list. Filters narrow each other. */
export interface TaskQuery extends PageQuery {
  /** At most 1,000. */
  readonly ids?: readonly string[];
  readonly status?: readonly TaskStatus[];
  readonly workflowId?: string;
  readonly agentId?: string;
  /** Only tasks that have this tag. */
  readonly tag?: string;
}

/** Which workflows to list. Filters narrow each other. */
export interface WorkflowQuery extends PageQuery {
  readonly status?: readonly WorkflowStatus[];
}

/** What may be removed. */
export interface PruneRequest {
  /** Only what ended, or settled, so long ago, by the clock of the store. */
  readonly olderThanMs: number;
  /** At most so many tasks, and so many workflows. */
  readonly limit: number;
}

/** What was removed. */
export interface PruneResult {
  readonly tasks: number;
  readonly workflows: number;
  /** More is left than one call takes on; prune again. */
  readonly more: boolean;
}

/** How much there is of everything, counted when asked. */
export interface StoreStats {
  readonly tasks: Readonly<Record<TaskStatus, number>>;
  /** Tasks that some worker could take now: pending, due, neither held back nor bound nor blocked. */
  readonly due: number;
  /** When the one that has waited longest fell due; null where none is due. */
  readonly oldestDueAt: number | null;
  readonly workflows: { readonly open: number; readonly settled: number };
  /** Workers that have a row, dead ones included until a sweep removes them. */
  readonly workers: number;
}

/** Which events to read, in the order of their positions: of the whole store, one subject, or a workflow and its tasks. */
export interface EventQuery {
  readonly subject?: string;
  readonly workflowId?: string;
  readonly types?: readonly EventType[];
  /** Only events with a higher position. */
  readonly after?: number;
  readonly limit: number;
}

/**
 * The persistence port. Adapters store and lock; what a command does is decided by core inside their transaction, on the
 * rows that they read there. The conformance suite in `@symphony/testing` is its definition in tests.
 */
export interface Store {
  /** What the adapter can do, as data: the suite and the documentation read it. */
  readonly traits: StoreTraits;
  /**
   * Carries out groups and, after them, the claim. Each group is all or nothing and answered alone; one that fails never
   * fails another. Resolves after everything it answers is durable.
   *
   * @throws SymphonyError `STORE_CLOSED`, `STORE_FULL`, `STORE_FAILED`; whether the groups were carried out is then unknown
   */
  commit(request: CommitRequest): Promise<CommitResponse>;
  /** One task with its body. */
  getTask(id: string): Promise<TaskRecord | undefined>;
  /** Ordered by id, which is the order of creation. */
  listTasks(query: TaskQuery): Promise<readonly TaskRecord[]>;
  getWorkflow(id: string): Promise<WorkflowRow | undefined>;
  /** Ordered by id, which is the order of creation. */
  listWorkflows(query: WorkflowQuery): Promise<readonly WorkflowRow[]>;
  /** Ordered by position. Never returns an event while one before it may still come. */
  events(query: EventQuery): Promise<readonly SymphonyEvent[]>;
  /** The position of the last event; 0 in an empty store. */
  lastPosition(): Promise<number>;
  /** The journal of a task under one agent, in the order of recording. */
  steps(taskId: string, agentId: string): Promise<readonly StepRow[]>;
  /** The catalogue of agents, ordered by id, without those that were removed. */
  agents(): Promise<readonly AgentEntry[]>;
  /** Running attempts, and queued tasks counted up to 1,000, by agent. */
  loads(): Promise<ReadonlyMap<string, AgentLoad>>;
  /** Opens a worker's row, with a lease from now. */
  openWorker(worker: WorkerBeat): Promise<void>;
  /**
   * Extends a worker's lease and tells what it holds. An adapter that processes share repeats the extension every
   * `renewMs` on a thread of its own, so that a busy main thread does not lose it; see `Heart`.
   */
  renew(worker: WorkerBeat): Promise<Renewal>;
  /** What a worker holds now: how it learns of cancellations between renewals. */
  holding(workerId: string): Promise<readonly Holding[]>;
  /** Removes a worker's row and releases what it still holds, at no cost. */
  closeWorker(workerId: string): Promise<void>;
  worker(
    id: string,
  ): Promise<(WorkerRow & { /** Negative once it has run out. */ readonly leaseLeftMs: number }) | undefined>;
  /**
   * Cleans up after the dead: deletes worker rows whose lease is over (if `markDead`), releases what has a holder
   * without a row, ends cancelled attempts whose grace is over and what has passed a time limit, clears bindings that ran
   * out. Repeated by every worker; each call does a bounded amount. An attempt whose worker lives is ended for a time limit
   * only if `markDead`.
   *
   * A call that was carried out more than `patienceMs` after it was made deletes no worker rows: whatever held it up, a
   * stopped writer or a lost connection, has kept the others from renewing too.
   */
  sweep(request: SweepRequest): Promise<SweepResult>;
  /**
   * Removes what has ended long ago, with its steps and events: settled workflows, and tasks that belong to no workflow
   * that is still there. A task whose output somebody still waits for stays. Each call does a bounded amount.
   */
  prune(request: PruneRequest): Promise<PruneResult>;
  /** Counts everything; reads much of a large store, so ask now and then. */
  stats(): Promise<StoreStats>;
  /** Rings when something may have changed. May ring for nothing, and may stay silent: poll as well. */
  onChange(listener: () => void): () => void;
  /** Small durable values of plugins. */
  readonly state: StrategyState;
  /** Waits for what is under way and lets go of everything. Twice is harmless. */
  close(): Promise<void>;
}

/** What an adapter can do. */
export interface StoreTraits {
  readonly name: string;
  /** What an acknowledged write survives. */
  readonly durability: 'none' | 'process-crash' | 'power-loss';
  /** Whether several processes may open it at once. */
  readonly multiProcess: boolean;
}
