import {
  addCounters as sum,
  settleWorkflow,
  type EventRow,
  type TaskRecord,
  type WorkflowCounters,
  type WorkflowRow,
} from '@symphony/core';
import { valuesOf } from './bulk.ts';
import {
  agentColumns,
  counterColumns,
  eventColumns,
  givenColumns,
  hotColumns,
  idColumn,
  resultColumns,
  stepColumns,
  workerColumns,
  workflowColumns,
  type Column,
} from './columns.ts';
import { byId } from './due-tasks.ts';
import { Outdated } from './errors.ts';
import {
  addCounters,
  deleteTasks,
  deleteWorkers,
  deleteWorkflows,
  insertDependencies,
  insertEvents,
  insertSteps,
  insertTasks,
  insertWorkflows,
  lockCounters,
  putAgents,
  putWorkers,
  settleWorkflows,
  updateTasks,
  updateTasksAndBodies,
  updateWorkflows,
} from './statements.ts';
import { boundPositions } from './positions.ts';
import { toWorkflowRow } from './rows.ts';
import type { Trip } from './trip.ts';
import type { Written, WrittenTask } from './written.ts';

const recordColumns: readonly Column<TaskRecord>[] = [idColumn, ...hotColumns, ...givenColumns, ...resultColumns];

/** A changed task together with the parts of its body that are to be set. */
const changeColumns: readonly Column<WrittenTask>[] = [
  ...[idColumn, ...hotColumns].map(({ value, ...rest }): Column<WrittenTask> => ({
    ...rest,
    value: ({ row }) => value(row),
  })),
  ...resultColumns.map(({ value, ...rest }): Column<WrittenTask> => ({ ...rest, value: ({ body }) => value(body) })),
  ...(['output', 'error', 'progress'] as const).map((name): Column<WrittenTask> => ({
    name,
    type: 'boolean',
    value: ({ body }) => body[name] !== undefined,
  })),
];

const wholeWorkflow: readonly Column<WorkflowRow>[] = [idColumn, ...workflowColumns];

/**
 * Adds to a trip what sends everything that was decided, but for what follows from counters.
 *
 * @param key the store's, see `positions.ts`
 */
export function addWriting(trip: Trip, written: Written, key: string): void {
  writeTasks(trip, written);
  if (written.steps.length > 0) trip.add(insertSteps, valuesOf(stepColumns, written.steps));
  if (written.agents.size > 0) trip.add(putAgents, valuesOf(agentColumns, [...written.agents.values()]));
  const workers = [...written.workers.values()].filter((row) => row !== null);
  if (workers.length > 0) trip.add(putWorkers, valuesOf(workerColumns, workers));
  const gone = [...written.workers].filter(([, row]) => row === null).map(([id]) => id);
  if (gone.length > 0) trip.add(deleteWorkers, [gone]);
  writeWorkflows(trip, written);
  writeEvents(trip, written.events, key);
}

function writeTasks(trip: Trip, written: Written): void {
  const created: TaskRecord[] = [];
  const changed: WrittenTask[] = [];
  const changedWithBody: WrittenTask[] = [];
  for (const task of written.tasks.values()) {
    if (task.created !== undefined) created.push({ ...task.created, ...task.row, ...task.body });
    else if (Object.keys(task.body).length === 0) changed.push(task);
    else changedWithBody.push(task);
  }
  if (created.length > 0) trip.add(insertTasks, valuesOf(recordColumns, created));
  const dependencies = created.flatMap(({ id, dependsOn }) => dependsOn.map(({ taskId }) => [taskId, id] as const));
  if (dependencies.length > 0)
    trip.add(insertDependencies, [dependencies.map(([first]) => first), dependencies.map(([, second]) => second)]);
  if (changed.length > 0) trip.add(updateTasks, valuesOf(changeColumns.slice(0, 1 + hotColumns.length), changed));
  if (changedWithBody.length > 0) trip.add(updateTasksAndBodies, valuesOf(changeColumns, changedWithBody));
  if (written.deletedTasks.size > 0) for (const each of deleteTasks) trip.add(each, [[...written.deletedTasks]]);
}

function writeWorkflows(trip: Trip, written: Written): void {
  const workflows = [...written.workflows.values()];
  const created = workflows.filter((workflow) => workflow.created).map(({ row }) => row);
  const changed = workflows.filter((workflow) => !workflow.created).map(({ row }) => row);
  if (created.length > 0) trip.add(insertWorkflows, valuesOf(wholeWorkflow, created));
  if (changed.length > 0) trip.add(updateWorkflows, valuesOf(wholeWorkflow, changed));
  if (written.deletedWorkflows.size > 0)
    for (const each of deleteWorkflows) trip.add(each, [[...written.deletedWorkflows]]);
}

function writeEvents(trip: Trip, events: readonly EventRow[], key: string): void {
  if (events.length === 0) return;
  trip.add(boundPositions, [key]);
  trip.add(insertEvents, valuesOf(eventColumns, events));
}

/**
 * Adds to a trip what adds to the counters of workflows; the rows that come of it are needed to settle them.
 *
 * @param assumed workflows that must be as they were read; where one is not, the trip fails with `Outdated`
 */
export function addCounting(
  trip: Trip,
  { counters }: Written,
  assumed: readonly WorkflowRow[],
  use: (rows: readonly WorkflowRow[]) => void,
): void {
  const ids = [...counters.keys()];
  trip.add(lockCounters, [[...new Set([...ids, ...assumed.map(({ id }) => id)])]], ({ rows }) => {
    const current = new Map(rows.map(([id, ...state]) => [id, String(state)]));
    for (const { id, paused, cancelRequested } of assumed)
      if (current.get(id) !== String([paused, cancelRequested])) throw new Outdated(`workflow ${id}`);
  });
  if (ids.length === 0) return;
  const deltas = counterColumns.map((name) => [...counters.values()].map((delta) => delta[name]));
  trip.add(addCounters, [ids, ...deltas], ({ rows }) => use(rows.map(toWorkflowRow)));
}

/** Adds to a trip what follows from counters that were added to. */
export function addSettling(
  trip: Trip,
  { counters }: Written,
  counted: readonly WorkflowRow[],
  now: number,
  key: string,
): void {
  const events: EventRow[] = [];
  const settled: WorkflowRow[] = [];
  for (const row of counted.toSorted(byId)) {
    const delta = counters.get(row.id) as WorkflowCounters; // the statement answers with the rows that it was given
    const settling = settleWorkflow({ ...row, ...sum(row, delta, -1) }, delta, now);
    events.push(...settling.events);
    const { version, settledAt } = settling.workflow;
    if (settling.events.length > 0 || version !== row.version || settledAt !== row.settledAt)
      settled.push(settling.workflow);
  }
  const column = <Name extends keyof WorkflowRow>(name: Name): WorkflowRow[Name][] => settled.map((row) => row[name]);
  if (settled.length > 0)
    trip.add(settleWorkflows, [column('id'), column('version'), column('lastSeq'), column('settledAt')]);
  writeEvents(trip, events, key);
}
