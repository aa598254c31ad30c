import type { AgentConfig } from './agent.ts';
import type { EventRow } from './events.ts';
import type { StepRow, WorkerRow } from './store.ts';
import type { TaskBody, TaskRecord, TaskRow } from './task.ts';
import type { WorkflowCounters, WorkflowRow } from './workflow.ts';

/** An agent of the catalogue as adapters store it. */
export interface AgentRow {
  readonly id: string;
  readonly config: AgentConfig;
  readonly enabled: boolean;
  /** Taken out of the catalogue; the row stays, so that its log goes on where it ended. */
  readonly removed: boolean;
  /** Since when no live worker hosts it, in store wall time; 0: never hosted; null: hosted now. */
  readonly unhostedSince: number | null;
  readonly lastSeq: number;
}

/** What can change in a task's body after it was created. */
export type BodyPatch = Partial<Pick<TaskBody, 'output' | 'error' | 'progress'>>;

/** Where a listing of due tasks goes on. */
export interface DueCursor {
  readonly claimKey: number;
  readonly id: string;
}

/**
 * The rows of a store inside one open transaction: what an adapter provides and core decides on. No method knows a rule.
 * Lists are ordered as said and hold at most `limit` rows.
 */
export interface Tables {
  task(id: string): TaskRow | undefined;
  taskRecord(id: string): TaskRecord | undefined;
  /** The hash of what the creator gave, by id or by idempotency key. */
  taskHash(
    by: { readonly id: string } | { readonly key: string },
  ): { readonly id: string; readonly bodyHash: string } | undefined;
  /** Stores a task, and for each of its `dependsOn` the way back that {@link dependants} reads. */
  insertTask(record: TaskRecord): void;
  updateTask(row: TaskRow, body: BodyPatch): void;
  /** Removes an ended task with its body, steps, events and what it depended on. */
  deleteTask(id: string): void;
  /** The tasks that name this one in their `dependsOn`, ended ones too, by id. */
  dependants(taskId: string, after: string | undefined, limit: number): readonly TaskRow[];

  workflow(id: string): WorkflowRow | undefined;
  workflowHash(
    by: { readonly id: string } | { readonly key: string },
  ): { readonly id: string; readonly bodyHash: string } | undefined;
  insertWorkflow(row: WorkflowRow): void;
  updateWorkflow(row: WorkflowRow): void;
  /**
   * Adds to the counters of a workflow where the rows of a transaction are not one's own until it ends: the database sums
   * them, so that nobody waits for a row that many tasks count in. An adapter that has this settles each workflow with
   * `settleWorkflow`, on the row that the sum has led to; one without it gets the counted row by `updateWorkflow`.
   */
  addCounters?(workflowId: string, delta: WorkflowCounters): void;
  /** Removes a workflow with its events; its tasks stay. */
  deleteWorkflow(id: string): void;

  hasStep(taskId: string, agentId: string, identity: string): boolean;
  insertStep(step: StepRow): void;
  insertEvent(event: EventRow): void;

  agent(id: string): AgentRow | undefined;
  putAgent(row: AgentRow): void;
  agents(): readonly AgentRow[];
  /**
   * How many attempts of an agent run. Where transactions run side by side, the agent stays locked until this one ends:
   * two claims must not both see the last free place.
   */
  countRunning(agentId: string): number;

  worker(id: string): WorkerRow | undefined;
  workers(): readonly WorkerRow[];
  putWorker(row: WorkerRow): void;
  deleteWorker(id: string): void;

  /** Pending tasks that are due by `now`, not held, not bound, of this assignment (null: not routed), by (claimKey, id). */
  dueTasks(query: {
    readonly agentId: string | null;
    readonly now: number;
    readonly after?: DueCursor;
    readonly limit: number;
  }): readonly TaskRow[];
  /** What a worker runs. */
  runningTasks(workerId: string): readonly TaskRow[];
  /** What a worker runs that has crashed before. */
  crashedTasks(workerId: string): readonly TaskRow[];
  /** What is bound to a worker. */
  boundTasks(workerId: string): readonly TaskRow[];
  /** Ids of workers that run a task or have one bound to them, but have no row. */
  missingWorkers(limit: number): readonly string[];
  /** Tasks whose binding ended by `lease`, on the lease clock. */
  expiredBindings(lease: number, limit: number): readonly TaskRow[];
  /** Tasks whose `expiresAt` is `now` or earlier, the earliest first. */
  overdueTasks(now: number, limit: number): readonly TaskRow[];
  /** Pending tasks of a workflow with this `held`. */
  pendingTasks(workflowId: string, held: boolean, limit: number): readonly TaskRow[];
  /** Tasks of a workflow that have not ended and whose cancellation was not asked for. */
  openTasks(workflowId: string, limit: number): readonly TaskRow[];
  /** Ids of workflows that hold back tasks though they are not paused, or were cancelled and still have open tasks to cancel. */
  misalignedWorkflows(limit: number): readonly string[];
  /**
   * Unpinned tasks of an assignment: those of {@link dueTasks}, whenever they are due; without `started` only those that
   * no attempt has begun.
   */
  unpinnedTasks(agentId: string, started: boolean, limit: number): readonly TaskRow[];
  /** Ids of workflows that settled by `before`, the earliest first. */
  expiredWorkflows(before: number, limit: number): readonly string[];
  /**
   * Ids of tasks that finished by `before`, whose workflow does not exist, if they have one, none of whose dependants is
   * open, and neither is the parent that has spawned them; the earliest first.
   */
  expiredTasks(before: number, limit: number): readonly string[];
}
