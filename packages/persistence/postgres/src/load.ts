import type { TaskRow, WorkflowRow } from '@symphony/core';
import type { DueQueues, Found } from './due-queues.ts';
import type { Loaded } from './loaded.ts';
import { stepName, type ListNeed, type Needs } from './needs.ts';
import { recordWidth, toAgentRow, toTaskBody, toTaskRow, toWorkerRow, toWorkflowRow, type Cells } from './rows.ts';
import {
  countRunning,
  keepWorkers,
  lockAgents,
  lockDependants,
  lockDescendants,
  lockDue,
  lockDueOf,
  lockDueUnassigned,
  lockKeyedRecords,
  lockRecords,
  lockRows,
  lockRoster,
  lockWorkers,
  lockWorkflows,
  readAgents,
  readAllAgents,
  readAllWorkers,
  readDependants,
  readDescendants,
  readDescendantsWithin,
  readKeyedWorkflows,
  readSteps,
  readWorkers,
  readWorkflows,
  renewWorkers,
  taskList,
} from './statements.ts';
import type { Trip } from './trip.ts';
import { statement, type Answer, type Statement } from './trip.ts';
import type { Purpose } from './working-set.ts';

/** Candidates that a claim looks at for each place that it has, and beyond: what others hold is passed by. */
const candidates = (limit: number): number => 4 * limit + 16;

/** What reading depends on besides what is needed. */
export interface LoadContext {
  readonly purpose: Purpose;
  /** The wall time by which tasks are due; null: that of the server. */
  readonly now: number | null;
  /** The advisory lock of whoever takes workers away. */
  readonly rosterKey: string;
  /** Where due tasks are searched for. */
  readonly queues: DueQueues;
}

/**
 * Adds to a trip what reads and locks all that is needed: workers, tasks, what depends on them, lists, the candidates of
 * claims, agents, and last the workflows that are changed. Each statement but lists locks by id, claims and sweeps pass by
 * what is locked, and whoever holds a workflow waits for none of its tasks. Two transactions that keep to this meet in a
 * circle only where one asks in a later trip for what comes before what it has; the server ends that after a second, and
 * one of them is carried out anew.
 */
export function addLoading(trip: Trip, loaded: Loaded, needs: Needs, context: LoadContext): void {
  loadWorkers(trip, loaded, needs, context);
  loadTasks(trip, loaded, needs);
  loadDependants(trip, loaded, needs);
  for (const [name, need] of needs.lists) loadList(trip, loaded, name, need);
  for (const [name, { sql, values }] of needs.names) {
    trip.add(statement(sql), values, ({ rows }) => loaded.names.set(name, rows.map(idOf)));
  }
  loadDue(trip, loaded, needs, context);
  loadAgents(trip, loaded, needs);
  loadWorkflows(trip, loaded, needs);
  if (needs.steps.size > 0) {
    const keys = [...needs.steps.values()];
    const columns = [keys.map((key) => key.taskId), keys.map((key) => key.agentId), keys.map((key) => key.identity)];
    trip.add(readSteps, columns, ({ rows }) => {
      for (const name of needs.steps.keys()) loaded.steps.set(name, false);
      for (const [taskId, agentId, identity] of rows as readonly (readonly string[])[]) {
        loaded.steps.set(stepName({ taskId: taskId ?? '', agentId: agentId ?? '', identity: identity ?? '' }), true);
      }
    });
  }
}

function loadWorkers(trip: Trip, loaded: Loaded, needs: Needs, { purpose, rosterKey }: LoadContext): void {
  if (needs.roster) trip.add(lockRoster, [rosterKey], () => (loaded.roster = true));
  if (needs.doomedWorkers.size > 0) {
    trip.add(lockWorkers, [[...needs.doomedWorkers]], ({ rows }) => {
      for (const id of needs.doomedWorkers) {
        loaded.doomedWorkers.add(id);
        loaded.workers.set(id, null); // what was read before the lock is old
      }
      for (const cells of rows) loaded.workers.set(idOf(cells), toWorkerRow(cells));
    });
  }
  if (needs.roster || needs.allWorkers) {
    trip.add(readAllWorkers, [], ({ rows }) => {
      loaded.allWorkers = true;
      for (const cells of rows) loaded.workers.set(idOf(cells), toWorkerRow(cells));
    });
  }
  if (needs.workers.size > 0) {
    const use = into(loaded.workers, needs.workers, toWorkerRow);
    trip.add(purpose === 'renew' ? renewWorkers : keepWorkers, [[...needs.workers]], (answer) => {
      for (const id of needs.workers) loaded.keptWorkers.add(id);
      use(answer);
    });
  }
  if (needs.glimpsedWorkers.size > 0) {
    const use = into(loaded.workers, needs.glimpsedWorkers, toWorkerRow);
    trip.add(readWorkers, [[...needs.glimpsedWorkers]], use);
  }
}

function loadTasks(trip: Trip, loaded: Loaded, needs: Needs): void {
  const records = [...needs.records];
  const keys = [...needs.taskKeys];
  const useRecords = ({ rows }: Answer): void => {
    for (const id of records) note(loaded.tasks, id, null);
    for (const key of keys) loaded.taskKeys.set(key, null);
    for (const cells of rows) {
      const body = toTaskBody(cells);
      loaded.tasks.set(idOf(cells), loaded.tasks.get(idOf(cells)) ?? toTaskRow(cells));
      loaded.bodies.set(idOf(cells), body);
      if (body.idempotencyKey !== null && needs.taskKeys.has(body.idempotencyKey))
        loaded.taskKeys.set(body.idempotencyKey, idOf(cells));
    }
  };
  if (keys.length > 0) trip.add(lockKeyedRecords, [records, keys], useRecords);
  else if (records.length > 0) trip.add(lockRecords, [records], useRecords);
  const rows = [...needs.rows].filter((id) => !needs.records.has(id));
  if (rows.length > 0) trip.add(lockRows, [rows], into(loaded.tasks, rows, toTaskRow));
}

function loadDependants(trip: Trip, loaded: Loaded, needs: Needs): void {
  // Whoever has one of their tasks may be waiting for the workflow: they are not waited for.
  const held = [...loaded.lockedWorkflows];
  const load = (ids: readonly string[], lock: Statement, read: Statement): void => {
    if (ids.length === 0) return;
    const known = new Set(ids);
    const isDeep = lock === lockDescendants;
    trip.add(lock, isDeep ? [ids, held] : [ids], ({ rows }) => {
      for (const cells of rows) {
        note(loaded.tasks, idOf(cells), toTaskRow(cells));
        if (isDeep) known.add(idOf(cells));
      }
    });
    if (isDeep && held.length > 0) {
      trip.add(readDescendantsWithin, [ids, held], ({ rows }) => {
        for (const cells of rows) {
          loaded.glimpses.set(idOf(cells), toTaskRow(cells));
          known.add(idOf(cells));
        }
      });
    }
    trip.add(read, [ids], ({ rows }) => {
      const found = new Map([...known].map((id): [string, string[]] => [id, []]));
      for (const [dependsOn, taskId] of rows) found.get(dependsOn as string)?.push(taskId as string);
      for (const [id, dependants] of found) loaded.dependants.set(id, dependants);
    });
  };
  load([...needs.dependants], lockDependants, readDependants);
  load([...needs.descendants], lockDescendants, readDescendants);
}

function loadList(trip: Trip, loaded: Loaded, name: string, { where, values, order, limit, lock }: ListNeed): void {
  const locking = { no: '', wait: ' FOR UPDATE', skip: ' FOR UPDATE SKIP LOCKED' }[lock];
  const sql = `SELECT ${taskList} FROM tasks WHERE ${where} ORDER BY ${order} LIMIT $${values.length + 1}${locking}`;
  trip.add(statement(sql), [...values, limit], ({ rows }) => {
    loaded.lists.set(name, rows.map(idOf));
    for (const cells of rows) {
      if (lock === 'no') loaded.glimpses.set(idOf(cells), toTaskRow(cells));
      else note(loaded.tasks, idOf(cells), toTaskRow(cells));
    }
  });
}

function loadDue(trip: Trip, loaded: Loaded, needs: Needs, { now, queues }: LoadContext): void {
  const use = (assignments: Iterable<string | null>, limit: number, { rows }: Answer): Found => {
    for (const cells of rows) {
      note(loaded.tasks, idOf(cells), toTaskRow(cells));
      if (!loaded.bodies.has(idOf(cells))) loaded.bodies.set(idOf(cells), toTaskBody(cells));
      const workflow = workflowBeside(cells);
      if (workflow !== undefined) note(loaded.workflows, workflow.id, workflow);
    }
    const ids = rows.map(idOf);
    const tasks = ids.map((id) => loaded.tasks.get(id) as TaskRow); // noted above
    const isFull = rows.length === limit;
    const last = isFull ? tasks.at(-1) : undefined;
    const end = last === undefined ? undefined : { claimKey: last.claimKey as number, id: last.id };
    for (const assignment of assignments) loaded.due.set(assignment, { ids, limit, end });
    return { tasks, isFull, tookMs: (rows.at(-1)?.at(-1) ?? 0) as number };
  };
  if (needs.due !== undefined && needs.due.limit > 0) {
    const { assignments, limit } = needs.due;
    const hosted = [...assignments].filter((id) => id !== null);
    const queue = queues.of(assignments);
    const { range } = queue;
    const values = [hosted, now, limit, candidates(limit), range.from.claimKey, range.from.id, range.early];
    trip.add(lockDue, values, (answer) => queue.searched(range, use(assignments, limit, answer)));
  }
  for (const [assignment, limit] of needs.dueApart) {
    const lock = assignment === null ? lockDueUnassigned : lockDueOf;
    trip.add(lock, [assignment, now, limit, candidates(limit)], (answer) => void use([assignment], limit, answer));
  }
}

function workflowBeside(cells: Cells): WorkflowRow | undefined {
  return cells[recordWidth] === null ? undefined : toWorkflowRow(cells.slice(recordWidth));
}

function loadAgents(trip: Trip, loaded: Loaded, needs: Needs): void {
  if (needs.allAgents) {
    trip.add(readAllAgents, [], ({ rows }) => {
      loaded.allAgents = true;
      for (const cells of rows) note(loaded.agents, idOf(cells), toAgentRow(cells));
    });
  }
  if (needs.agents.size > 0) trip.add(readAgents, [[...needs.agents]], into(loaded.agents, needs.agents, toAgentRow));
  const locked = new Set([...needs.lockedAgents, ...needs.countedAgents]);
  if (locked.size > 0) {
    trip.add(lockAgents, [[...locked]], ({ rows }) => {
      for (const id of locked) {
        loaded.lockedAgents.add(id);
        loaded.agents.set(id, null); // what was read before the lock is old
      }
      for (const cells of rows) loaded.agents.set(idOf(cells), toAgentRow(cells));
    });
  }
  if (needs.countedAgents.size > 0) {
    trip.add(countRunning, [[...needs.countedAgents]], ({ rows }) => {
      for (const [id, count] of rows) loaded.running.set(id as string, count as number);
    });
  }
}

function loadWorkflows(trip: Trip, loaded: Loaded, needs: Needs): void {
  const plain = [...needs.workflows].filter((id) => !needs.lockedWorkflows.has(id));
  if (plain.length > 0 || needs.workflowsOf.size > 0) {
    const use = into(loaded.workflows, plain, toWorkflowRow);
    trip.add(readWorkflows, [plain, [...needs.workflowsOf]], use);
  }
  if (needs.workflowKeys.size > 0) {
    trip.add(readKeyedWorkflows, [[...needs.workflowKeys]], ({ rows }) => {
      for (const key of needs.workflowKeys) loaded.workflowKeys.set(key, null);
      for (const row of rows.map(toWorkflowRow)) {
        note(loaded.workflows, row.id, row);
        loaded.workflowKeys.set(row.idempotencyKey as string, row.id);
      }
    });
  }
  if (needs.lockedWorkflows.size > 0) {
    // With those in which the tasks of this transaction count: they are locked at its end, and would come out of order.
    const counting = [...loaded.tasks.keys(), ...needs.records, ...needs.rows];
    trip.add(lockWorkflows, [[...needs.lockedWorkflows], counting], ({ rows }) => {
      for (const id of needs.lockedWorkflows) {
        loaded.lockedWorkflows.add(id);
        loaded.workflows.set(id, null);
      }
      for (const row of rows.map(toWorkflowRow)) {
        loaded.lockedWorkflows.add(row.id);
        loaded.workflows.set(row.id, row);
      }
    });
  }
}

/** Notes what was found under its id, and that the rest of the wanted ones is not there. */
function into<Row>(
  map: Map<string, Row | null>,
  wanted: Iterable<string>,
  toRow: (cells: Cells) => Row,
): (answer: Answer) => void {
  return ({ rows }) => {
    for (const id of wanted) note(map, id, null);
    for (const cells of rows) note(map, idOf(cells), toRow(cells));
  };
}

/** Notes a row unless one is known: a transaction goes on with what it has read first. */
function note<Row>(map: Map<string, Row | null>, id: string, row: Row | null): void {
  if ((map.get(id) ?? null) === null) map.set(id, row);
}

function idOf(cells: Cells): string {
  return cells[0] as string;
}
