import type {
  AgentRow,
  BodyPatch,
  EventRow,
  StepRow,
  TaskRecord,
  TaskRow,
  WorkerRow,
  WorkflowCounters,
  WorkflowRow,
} from '@symphony/core';

/** A task as a transaction leaves it. */
export interface WrittenTask {
  readonly row: TaskRow;
  /** What has changed in its body. */
  readonly body: BodyPatch;
  /** The task as it was created, if this transaction did. */
  readonly created?: TaskRecord;
}

/** A workflow as a transaction leaves it, without its counters. */
export interface WrittenWorkflow {
  readonly row: WorkflowRow;
  readonly created: boolean;
}

/** What a transaction has decided and not sent yet. */
export class Written {
  readonly tasks = new Map<string, WrittenTask>();
  readonly deletedTasks = new Set<string>();
  readonly workflows = new Map<string, WrittenWorkflow>();
  readonly deletedWorkflows = new Set<string>();
  readonly counters = new Map<string, WorkflowCounters>();
  readonly steps: StepRow[] = [];
  readonly events: EventRow[] = [];
  readonly agents = new Map<string, AgentRow>();
  /** Null stands for a deleted one. */
  readonly workers = new Map<string, WorkerRow | null>();

  /** Whether there is nothing to send. */
  get isEmpty(): boolean {
    const { tasks, deletedTasks, workflows, deletedWorkflows, counters, agents, workers } = this;
    const kept = [tasks, deletedTasks, workflows, deletedWorkflows, counters, agents, workers];
    return this.steps.length === 0 && this.events.length === 0 && kept.every(({ size }) => size === 0);
  }
}
