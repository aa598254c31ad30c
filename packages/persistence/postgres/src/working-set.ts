import {
  isTerminal,
  type AgentRow,
  type BodyPatch,
  type DueCursor,
  type EventRow,
  type StepRow,
  type Tables,
  type TaskRecord,
  type TaskRow,
  type WorkerRow,
  type WorkflowCounters,
  type WorkflowRow,
} from '@symphony/core';
import { byClaimKey, byId, comesAfter, dueCondition, isDue } from './due-tasks.ts';
import type { Loaded } from './loaded.ts';
import { crashedOf, listName, Miss, runningOf, stepName, unlimited, type ListNeed, type Needs } from './needs.ts';
import { Written, type WrittenTask } from './written.ts';

/** What a transaction is for. It decides how the lists that it asks for are locked. */
export type Purpose = 'commit' | 'renew' | 'leave' | 'sweep';

/** How tasks are listed: by a condition for the server, and the same for rows at hand. */
interface Listing extends Omit<ListNeed, 'limit'> {
  readonly limit?: number;
  readonly includes: (row: TaskRow) => boolean;
  readonly sort?: (first: TaskRow, second: TaskRow) => number;
}

const isOpen = `status IN ('pending', 'waiting', 'running')`;

/**
 * The rows of a transaction, in memory: those that were read from the server, and above them what has been decided.
 * A row that was not read, or not locked before it is written, is a {@link Miss}: it is never guessed.
 */
export class WorkingSet implements Tables {
  readonly written = new Written();
  readonly #loaded: Loaded;
  readonly #purpose: Purpose;
  readonly #createdKeys = new Map<string, string>();
  readonly #createdWorkflowKeys = new Map<string, string>();
  readonly #createdDependants = new Map<string, string[]>();
  readonly #createdSteps = new Set<string>();
  readonly #due = new Map<string | null, readonly TaskRow[]>();
  /** Workflows that something was decided on. */
  readonly #consulted = new Set<string>();
  /** The assignments of which more due tasks were wanted than had been looked for. */
  readonly #shortOf = new Set<string | null>();

  constructor(loaded: Loaded, purpose: Purpose) {
    this.#loaded = loaded;
    this.#purpose = purpose;
  }

  task(id: string): TaskRow | undefined {
    const own = this.written.tasks.get(id);
    if (own !== undefined) return own.row;
    if (this.written.deletedTasks.has(id)) return undefined;
    return this.#loadedTask(id) ?? undefined;
  }

  taskRecord(id: string): TaskRecord | undefined {
    const own = this.written.tasks.get(id);
    if (own?.created !== undefined) return { ...own.created, ...own.row, ...own.body };
    if (this.written.deletedTasks.has(id)) return undefined;
    const row = this.#loaded.tasks.get(id);
    if (row === null) return undefined;
    const body = this.#loaded.bodies.get(id);
    if (row === undefined || body === undefined) {
      throw missing((needs) => {
        needs.records.add(id);
        // What was claimed is answered with together: the others are asked for next.
        for (const other of this.written.tasks.values())
          if (this.#isHeldWith(other, own)) needs.records.add(other.row.id);
      });
    }
    return { ...row, ...body, ...own?.row, ...own?.body };
  }

  taskHash(
    by: { readonly id: string } | { readonly key: string },
  ): { readonly id: string; readonly bodyHash: string } | undefined {
    if ('id' in by) return hashOf(this.taskRecord(by.id));
    const id = this.#createdKeys.get(by.key) ?? this.#loaded.taskKeys.get(by.key);
    if (id === undefined) throw missing((needs) => needs.taskKeys.add(by.key));
    return id === null ? undefined : hashOf(this.taskRecord(id));
  }

  insertTask(record: TaskRecord): void {
    this.#due.clear();
    this.written.tasks.set(record.id, { row: record, body: {}, created: record });
    if (record.idempotencyKey !== null) this.#createdKeys.set(record.idempotencyKey, record.id);
    for (const { taskId } of record.dependsOn) {
      const known = this.#createdDependants.get(taskId);
      if (known === undefined) this.#createdDependants.set(taskId, [record.id]);
      else known.push(record.id);
    }
  }

  updateTask(row: TaskRow, body: BodyPatch): void {
    const own = this.written.tasks.get(row.id);
    const before = own?.row ?? (this.#loadedTask(row.id) as TaskRow);
    const { workerId } = row;
    if (workerId !== null && workerId !== before.workerId && !this.#loaded.keptWorkers.has(workerId))
      throw missing((needs) => needs.workers.add(workerId));
    // What leaves the due tasks is passed over when they are read; what joins them has to find its place.
    if (isDue(row) && !isDue(before)) this.#due.clear();
    this.written.tasks.set(row.id, {
      row,
      body: { ...own?.body, ...body },
      ...(own?.created === undefined ? {} : { created: own.created }),
    });
  }

  deleteTask(id: string): void {
    this.written.tasks.delete(id);
    this.written.deletedTasks.add(id);
  }

  dependants(taskId: string, after: string | undefined, limit: number): readonly TaskRow[] {
    const created = this.#createdDependants.get(taskId) ?? [];
    // Nobody but this transaction can know a task that it has created itself.
    const isNew = this.written.tasks.get(taskId)?.created !== undefined;
    const loaded = isNew ? [] : this.#loaded.dependants.get(taskId);
    if (loaded === undefined) {
      throw missing((needs) => {
        // What was listed is ended together: the others of its list are asked for next.
        const list = [...this.#loaded.lists.values()].find((ids) => ids.includes(taskId)) ?? [taskId];
        for (const id of list) if (!this.#loaded.dependants.has(id)) needs.descendants.add(id);
      });
    }
    return [...new Set([...loaded, ...created])]
      .filter((id) => after === undefined || id > after)
      .map((id) => (this.#loaded.tasks.has(id) ? undefined : this.#loaded.glimpses.get(id)) ?? this.task(id))
      .filter((row) => row !== undefined)
      .sort(byId)
      .slice(0, limit);
  }

  workflow(id: string): WorkflowRow | undefined {
    const own = this.written.workflows.get(id);
    if (own !== undefined) return own.row;
    if (this.written.deletedWorkflows.has(id)) return undefined;
    const row = this.#loaded.workflows.get(id);
    if (row === undefined) {
      throw missing((needs) => {
        needs.workflows.add(id);
        // Those of the other tasks that were read may be next: a sweep looks at one after the other.
        for (const task of this.#loaded.tasks.values()) {
          const other = task?.workflowId ?? null;
          if (other !== null && !this.#loaded.workflows.has(other)) needs.workflows.add(other);
        }
      });
    }
    this.#consulted.add(id);
    return row ?? undefined;
  }

  /**
   * Workflows on whose state rests what was decided, as they were read: others may have paused or cancelled them since. Those
   * of tasks that only wait on are not among them, since they are looked at again before such a task starts.
   */
  get assumed(): readonly WorkflowRow[] {
    const concerned = new Set(this.written.counters.keys());
    for (const { row } of this.written.tasks.values())
      if (row.workflowId !== null && (row.status !== 'pending' || row.held)) concerned.add(row.workflowId);
    return [...this.#consulted]
      .filter((id) => concerned.has(id) && !this.#loaded.lockedWorkflows.has(id))
      .map((id) => this.#loaded.workflows.get(id) ?? null)
      .filter((row) => row !== null);
  }

  workflowHash(
    by: { readonly id: string } | { readonly key: string },
  ): { readonly id: string; readonly bodyHash: string } | undefined {
    if ('id' in by) return hashOf(this.workflow(by.id));
    const id = this.#createdWorkflowKeys.get(by.key) ?? this.#loaded.workflowKeys.get(by.key);
    if (id === undefined) throw missing((needs) => needs.workflowKeys.add(by.key));
    return id === null ? undefined : hashOf(this.workflow(id));
  }

  insertWorkflow(row: WorkflowRow): void {
    this.written.workflows.set(row.id, { row, created: true });
    if (row.idempotencyKey !== null) this.#createdWorkflowKeys.set(row.idempotencyKey, row.id);
  }

  updateWorkflow(row: WorkflowRow): void {
    const created = this.written.workflows.get(row.id)?.created === true;
    if (!created && !this.#loaded.lockedWorkflows.has(row.id))
      throw missing((needs) => needs.lockedWorkflows.add(row.id));
    this.written.workflows.set(row.id, { row, created });
  }

  addCounters(workflowId: string, delta: WorkflowCounters): void {
    this.written.counters.set(workflowId, delta);
  }

  deleteWorkflow(id: string): void {
    this.written.deletedWorkflows.add(id);
  }

  hasStep(taskId: string, agentId: string, identity: string): boolean {
    const key = { taskId, agentId, identity };
    const name = stepName(key);
    if (this.#createdSteps.has(name)) return true;
    const known = this.#loaded.steps.get(name);
    if (known === undefined) throw missing((needs) => needs.steps.set(name, key));
    return known;
  }

  insertStep(step: StepRow): void {
    this.#createdSteps.add(stepName(step));
    this.written.steps.push(step);
  }

  insertEvent(event: EventRow): void {
    this.written.events.push(event);
  }

  agent(id: string): AgentRow | undefined {
    const row = this.written.agents.get(id) ?? this.#loaded.agents.get(id);
    if (row === undefined && !this.#loaded.allAgents) throw missing((needs) => needs.agents.add(id));
    return row ?? undefined;
  }

  putAgent(row: AgentRow): void {
    if (!this.#loaded.lockedAgents.has(row.id)) {
      throw missing((needs) => {
        // The others that were read may be next: a worker that leaves drops all that it hosted.
        for (const id of [row.id, ...this.#loaded.agents.keys()]) needs.lockedAgents.add(id);
      });
    }
    this.written.agents.set(row.id, row);
  }

  agents(): readonly AgentRow[] {
    if (!this.#loaded.allAgents) throw missing((needs) => (needs.allAgents = true));
    return present(new Map([...this.#loaded.agents, ...this.written.agents])).sort(byId);
  }

  countRunning(agentId: string): number {
    const loaded = this.#loaded.running.get(agentId);
    if (loaded === undefined) throw missing((needs) => needs.countedAgents.add(agentId));
    const runs = (row: TaskRow | null | undefined): number =>
      row?.status === 'running' && row.agentId === agentId ? 1 : 0;
    let count = loaded;
    for (const [id, { row }] of this.written.tasks) count += runs(row) - runs(this.#loaded.tasks.get(id));
    return count;
  }

  worker(id: string): WorkerRow | undefined {
    const own = this.written.workers.get(id);
    if (own !== undefined) return own ?? undefined;
    const row = this.#loaded.workers.get(id);
    if (row === undefined && !this.#loaded.allWorkers) throw missing((needs) => needs.glimpsedWorkers.add(id));
    return row ?? undefined;
  }

  workers(): readonly WorkerRow[] {
    const takesAway = this.#purpose === 'renew' || this.#purpose === 'leave';
    if (takesAway && !this.#loaded.roster) throw missing((needs) => (needs.roster = true));
    if (!this.#loaded.allWorkers) throw missing((needs) => (needs.allWorkers = true));
    return present(new Map([...this.#loaded.workers, ...this.written.workers])).sort(byId);
  }

  putWorker(row: WorkerRow): void {
    this.written.workers.set(row.id, row);
  }

  deleteWorker(id: string): void {
    if (!this.#loaded.roster || !this.#loaded.doomedWorkers.has(id)) {
      throw missing((needs) => {
        needs.roster = true;
        needs.doomedWorkers.add(id);
      });
    }
    this.written.workers.set(id, null);
  }

  dueTasks(query: {
    readonly agentId: string | null;
    readonly now: number;
    readonly after?: DueCursor;
    readonly limit: number;
  }): readonly TaskRow[] {
    const { agentId, now, after, limit } = query;
    const loaded = this.#loaded.due.get(agentId);
    if (loaded === undefined) throw missing((needs) => needs.dueApart.set(agentId, limit));
    const found: TaskRow[] = [];
    for (const { id } of this.#sortedDue(agentId, now)) {
      if (found.length === limit) return found;
      const row = this.task(id) as TaskRow;
      if (!isDue(row) || row.agentId !== agentId) continue; // taken since it was sorted in
      if (after !== undefined && !comesAfter(row, after)) continue;
      // Beyond the end of the search there may be others that come before this one.
      if (loaded.end !== undefined && comesAfter(row, loaded.end)) break;
      found.push(row);
    }
    if (loaded.end !== undefined) this.#shortOf.add(agentId);
    return found;
  }

  /** How many due tasks to look for, by assignment, where those that were found did not suffice. */
  furtherDue(limit: number): ReadonlyMap<string | null, number> {
    const further = new Map<string | null, number>();
    for (const agentId of this.#shortOf) {
      const searched = this.#loaded.due.get(agentId)?.limit ?? 0;
      if (searched < limit) further.set(agentId, searched * 2 + 100);
    }
    return further;
  }

  runningTasks(workerId: string): readonly TaskRow[] {
    return this.#list({
      ...runningOf(workerId, this.#purpose === 'leave' ? 'wait' : this.#purpose === 'sweep' ? 'skip' : 'no'),
      includes: (row) => row.status === 'running' && row.workerId === workerId,
    });
  }

  crashedTasks(workerId: string): readonly TaskRow[] {
    return this.#list({
      ...crashedOf(workerId),
      includes: (row) => row.status === 'running' && row.workerId === workerId && row.crashes > 0,
    });
  }

  boundTasks(workerId: string): readonly TaskRow[] {
    return this.#list({
      where: 'bound_to = $1',
      values: [workerId],
      order: 'bound_to, id',
      lock: this.#purpose === 'leave' ? 'wait' : this.#purpose === 'sweep' ? 'skip' : 'no',
      includes: (row) => row.boundTo === workerId,
    });
  }

  missingWorkers(limit: number): readonly string[] {
    const gone = [...this.written.workers].filter(([, row]) => row === null).map(([id]) => id);
    return this.#names(
      `SELECT holder FROM (
         SELECT DISTINCT worker_id AS holder FROM tasks WHERE status = 'running'
         UNION
         SELECT DISTINCT bound_to FROM tasks WHERE bound_to IS NOT NULL
       ) AS holders
       WHERE NOT EXISTS (SELECT 1 FROM workers WHERE id = holder AND id <> ALL ($2::text[])) ORDER BY holder LIMIT $1`,
      [limit, gone],
    );
  }

  expiredBindings(lease: number, limit: number): readonly TaskRow[] {
    return this.#list({
      where: 'bound_to IS NOT NULL AND bound_until <= $1',
      values: [lease],
      order: 'bound_to, id',
      limit,
      lock: 'skip',
      includes: (row) => row.boundTo !== null && row.boundUntil !== null && row.boundUntil <= lease,
    });
  }

  overdueTasks(now: number, limit: number): readonly TaskRow[] {
    return this.#list({
      where: 'expires_at <= $1',
      values: [now],
      order: 'expires_at, id',
      limit,
      lock: 'skip',
      includes: (row) => row.expiresAt !== null && row.expiresAt <= now,
      sort: (first, second) => (first.expiresAt as number) - (second.expiresAt as number) || byId(first, second),
    });
  }

  pendingTasks(workflowId: string, held: boolean, limit: number): readonly TaskRow[] {
    return this.#list({
      where: `workflow_id = $1 AND status = 'pending' AND held = ${held}`,
      values: [workflowId],
      order: 'workflow_id, id',
      limit,
      lock: this.#lockOf(workflowId),
      includes: (row) => row.workflowId === workflowId && row.status === 'pending' && row.held === held,
    });
  }

  openTasks(workflowId: string, limit: number): readonly TaskRow[] {
    return this.#list({
      where: `workflow_id = $1 AND ${isOpen} AND cancel_at IS NULL`,
      values: [workflowId],
      order: 'workflow_id, id',
      limit,
      lock: this.#lockOf(workflowId),
      includes: (row) => row.workflowId === workflowId && !isTerminal(row.status) && row.cancelAt === null,
    });
  }

  misalignedWorkflows(limit: number): readonly string[] {
    return this.#names(
      `SELECT id FROM (
         SELECT DISTINCT workflow_id AS id FROM tasks
         WHERE held AND EXISTS (SELECT 1 FROM workflows WHERE id = workflow_id AND NOT paused)
         UNION
         SELECT id FROM workflows WHERE cancel_requested AND settled_at IS NULL AND EXISTS (
           SELECT 1 FROM tasks WHERE workflow_id = workflows.id AND ${isOpen} AND cancel_at IS NULL)
       ) AS misaligned ORDER BY id LIMIT $1`,
      [limit],
    );
  }

  unpinnedTasks(agentId: string, started: boolean, limit: number): readonly TaskRow[] {
    return this.#list({
      where: `agent_id = $1 AND ${dueCondition} AND NOT pinned ${started ? '' : 'AND attempt = 0'}`,
      values: [agentId],
      order: 'agent_id, claim_key, id',
      limit,
      lock: 'skip',
      includes: (row) => row.agentId === agentId && isDue(row) && (started || row.attempt === 0) && !row.pinned,
      sort: byClaimKey,
    });
  }

  expiredWorkflows(before: number, limit: number): readonly string[] {
    return this.#names(
      'SELECT id FROM workflows WHERE settled_at <= $1 ORDER BY settled_at, id LIMIT $2 FOR UPDATE SKIP LOCKED',
      [before, limit],
    );
  }

  expiredTasks(before: number, limit: number): readonly string[] {
    const gone = [...this.written.deletedWorkflows];
    const unused = (id: string): string => `NOT EXISTS (
       SELECT 1 FROM dependencies JOIN tasks AS dependant ON dependant.id = dependencies.task_id
       WHERE dependencies.depends_on = ${id} AND dependant.${isOpen})`;
    const locked = this.#names(
      `SELECT id FROM tasks
       WHERE finished_at <= $1
         AND NOT EXISTS (SELECT 1 FROM workflows WHERE id = workflow_id AND id <> ALL ($3::text[]))
         AND ${unused('tasks.id')}
         AND NOT EXISTS (SELECT 1 FROM tasks AS parent WHERE parent.id = tasks.parent_id AND parent.${isOpen})
       ORDER BY finished_at, id LIMIT $2 FOR UPDATE SKIP LOCKED`,
      [before, limit, gone],
    );
    if (locked.length === 0) return [];
    // Looked at again now that they are locked: a task that depends on one of them may have come meanwhile.
    const sql = `SELECT id FROM unnest($1::text[]) AS locked(id) WHERE ${unused('locked.id')}`;
    return this.#names(sql, [locked]);
  }

  /** How the tasks of a workflow are listed: whoever has one of them may be waiting for the workflow, if that is locked. */
  #lockOf(workflowId: string): ListNeed['lock'] {
    return this.#purpose === 'sweep' || this.#loaded.lockedWorkflows.has(workflowId) ? 'skip' : 'wait';
  }

  /** Whether a task has come to the same worker as another one, and its body has not been read. */
  #isHeldWith({ row, created }: WrittenTask, task: WrittenTask | undefined): boolean {
    if (created !== undefined || this.#loaded.bodies.has(row.id)) return false;
    const holder = task?.row.workerId ?? task?.row.boundTo ?? null;
    return holder !== null && (row.workerId ?? row.boundTo) === holder;
  }

  #loadedTask(id: string): TaskRow | null {
    const row = this.#loaded.tasks.get(id);
    if (row === undefined) throw missing((needs) => needs.rows.add(id));
    return row;
  }

  #sortedDue(agentId: string | null, now: number): readonly TaskRow[] {
    const known = this.#due.get(agentId);
    if (known !== undefined) return known;
    const ids = new Set([...(this.#loaded.due.get(agentId)?.ids ?? []), ...this.written.tasks.keys()]);
    const sorted = [...ids]
      .map((id) => this.task(id) as TaskRow)
      .filter((row) => row.agentId === agentId && isDue(row) && (row.dueAt as number) <= now)
      .sort(byClaimKey);
    this.#due.set(agentId, sorted);
    return sorted;
  }

  #list({ includes, sort = byId, ...listing }: Listing): readonly TaskRow[] {
    const need: ListNeed = { limit: unlimited, ...listing };
    const name = listName(need);
    const ids = this.#loaded.lists.get(name);
    if (ids === undefined) throw missing((needs) => needs.lists.set(name, need));
    return [...new Set([...ids, ...this.written.tasks.keys()])]
      .map((id) => this.written.tasks.get(id)?.row ?? this.#loaded.tasks.get(id) ?? this.#loaded.glimpses.get(id))
      .filter((row) => row !== undefined)
      .filter(includes)
      .sort(sort)
      .slice(0, need.limit);
  }

  #names(sql: string, values: readonly unknown[]): readonly string[] {
    const name = JSON.stringify([sql, values]);
    const names = this.#loaded.names.get(name);
    if (names === undefined) throw missing((needs) => needs.names.set(name, { sql, values }));
    return names;
  }
}

function missing(note: (needs: Needs) => void): Miss {
  return new Miss(note);
}

function hashOf(
  record: { readonly id: string; readonly bodyHash: string } | undefined,
): { readonly id: string; readonly bodyHash: string } | undefined {
  return record === undefined ? undefined : { id: record.id, bodyHash: record.bodyHash };
}

function present<Row>(rows: ReadonlyMap<string, Row | null>): Row[] {
  return [...rows.values()].filter((row) => row !== null);
}
