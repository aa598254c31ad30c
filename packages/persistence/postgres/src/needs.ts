/** Rows of a task that are to be listed, by a condition on its columns. */
export interface ListNeed {
  /** A condition on the columns of a task, with its parameters from $1 on. */
  readonly where: string;
  readonly values: readonly unknown[];
  /** What its index is ordered by. */
  readonly order: string;
  readonly limit: number;
  /** How the rows are locked; those that are not may be looked at, but not written. */
  readonly lock: 'no' | 'wait' | 'skip';
}

/** Tells lists apart. */
export function listName({ where, values, limit }: ListNeed): string {
  return JSON.stringify([where, values, limit]);
}

/** What a worker runs. */
export function runningOf(workerId: string, lock: ListNeed['lock']): ListNeed {
  const where = `status = 'running' AND worker_id = $1`;
  return { where, values: [workerId], order: 'worker_id, id', limit: unlimited, lock };
}

/** What a worker runs that has crashed before. */
export function crashedOf(workerId: string): ListNeed {
  const where = `status = 'running' AND crashes > 0 AND worker_id = $1`;
  return { where, values: [workerId], order: 'worker_id, id', limit: unlimited, lock: 'no' };
}

/** Rows in a list that has no limit of its own. */
export const unlimited = 1_000_000;

/** Ids that a query of its own finds. */
export interface NamesNeed {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** Due tasks of some assignments. */
export interface DueNeed {
  readonly assignments: Set<string | null>;
  limit: number;
}

/** A recorded step, by what tells it from others. */
export interface StepKey {
  readonly taskId: string;
  readonly agentId: string;
  readonly identity: string;
}

/** What has to be read from the server before a decision can be made. */
export class Needs {
  /** Tasks with their bodies, locked. */
  readonly records = new Set<string>();
  /** The small parts of tasks, locked. */
  readonly rows = new Set<string>();
  /** Tasks by idempotency key, as `records`. */
  readonly taskKeys = new Set<string>();
  /** Tasks whose dependants are needed, the ones that depend on it directly. */
  readonly dependants = new Set<string>();
  /** Tasks of which everything downwards is needed. */
  readonly descendants = new Set<string>();
  /** Workflows, as they are. */
  readonly workflows = new Set<string>();
  /** The workflows of these tasks, as they are. */
  readonly workflowsOf = new Set<string>();
  /** Workflows that will be written. */
  readonly lockedWorkflows = new Set<string>();
  readonly workflowKeys = new Set<string>();
  readonly steps = new Map<string, StepKey>();
  readonly agents = new Set<string>();
  /** Agents that will be written. */
  readonly lockedAgents = new Set<string>();
  /** Agents whose running attempts are to be counted, locked until the end. */
  readonly countedAgents = new Set<string>();
  allAgents = false;
  /** Workers that are about to hold something, or to be renewed: kept from being deleted. */
  readonly workers = new Set<string>();
  /** Workers, as they are. */
  readonly glimpsedWorkers = new Set<string>();
  /** All workers, as they are. */
  allWorkers = false;
  /** All workers, while nobody else takes one away: who does must know which agents the others host. */
  roster = false;
  /** Workers that will be deleted. */
  readonly doomedWorkers = new Set<string>();
  /** Due tasks of these assignments, null for those without one; the first of all of them together. */
  due: DueNeed | undefined;
  /** Due tasks of these assignments, the first of each. */
  readonly dueApart = new Map<string | null, number>();
  readonly lists = new Map<string, ListNeed>();
  readonly names = new Map<string, NamesNeed>();

  /** Due tasks for one more claim. */
  addClaim(hosts: readonly string[], limit: number): void {
    this.due ??= { assignments: new Set([null]), limit: 0 };
    for (const host of hosts) this.due.assignments.add(host);
    this.due.limit += Math.max(0, limit);
  }
}

/** Thrown where a decision asks for something that has not been read: it is read, and everything is decided anew. */
export class Miss extends Error {
  readonly note: (needs: Needs) => void;

  /** @param note notes what is missing */
  constructor(note: (needs: Needs) => void) {
    super('a row has not been read yet');
    this.note = note;
  }
}

/** The name of a step among all others. */
export function stepName({ taskId, agentId, identity }: StepKey): string {
  return JSON.stringify([taskId, agentId, identity]);
}
