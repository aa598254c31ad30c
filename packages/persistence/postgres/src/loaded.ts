import type { AgentRow, DueCursor, TaskBody, TaskRow, WorkerRow, WorkflowRow } from '@symphony/core';

/** Due tasks of one assignment, as they were looked for. */
export interface LoadedDue {
  readonly ids: readonly string[];
  /** How many were looked for. */
  readonly limit: number;
  /** Where the search ended; undefined where it found all there are. */
  readonly end: DueCursor | undefined;
}

/** What a transaction has read so far. Null stands for what was looked for and is not there. */
export class Loaded {
  /** Tasks that this transaction has locked. */
  readonly tasks = new Map<string, TaskRow | null>();
  /** The bodies of some of them. */
  readonly bodies = new Map<string, TaskBody>();
  /** Tasks that were only looked at. */
  readonly glimpses = new Map<string, TaskRow>();
  readonly taskKeys = new Map<string, string | null>();
  readonly dependants = new Map<string, readonly string[]>();
  readonly workflows = new Map<string, WorkflowRow | null>();
  readonly lockedWorkflows = new Set<string>();
  readonly workflowKeys = new Map<string, string | null>();
  readonly steps = new Map<string, boolean>();
  readonly agents = new Map<string, AgentRow | null>();
  readonly lockedAgents = new Set<string>();
  readonly running = new Map<string, number>();
  allAgents = false;
  readonly workers = new Map<string, WorkerRow | null>();
  /** Workers that cannot be deleted by others until this transaction ends. */
  readonly keptWorkers = new Set<string>();
  allWorkers = false;
  roster = false;
  readonly doomedWorkers = new Set<string>();
  readonly due = new Map<string | null, LoadedDue>();
  readonly lists = new Map<string, readonly string[]>();
  readonly names = new Map<string, readonly string[]>();
}
