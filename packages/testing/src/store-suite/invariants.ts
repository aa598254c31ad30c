import assert from 'node:assert/strict';
import {
  addCounters,
  contribution,
  isSettled,
  isTerminal,
  taskStatuses,
  transitionTable,
  type Store,
  type SymphonyEvent,
  type TaskRecord,
  type TaskStatus,
  type WorkflowCounters,
  type WorkflowRow,
} from '@symphony/core';

const page = 1_000;
const noCounters: WorkflowCounters = { total: 0, open: 0, failed: 0, cancelled: 0, started: 0 };

/** Everything that a store shows of its records. */
export interface Contents {
  readonly tasks: readonly TaskRecord[];
  readonly workflows: readonly WorkflowRow[];
  readonly events: readonly SymphonyEvent[];
}

/** Reads all tasks, all events, and the workflows that the events name. */
export async function readContents(store: Store): Promise<Contents> {
  const tasks: TaskRecord[] = [];
  for (;;) {
    const last = tasks.at(-1);
    const next = await store.listTasks({ limit: page, ...(last === undefined ? {} : { after: last.id }) });
    tasks.push(...next);
    if (next.length < page) break;
  }
  const events: SymphonyEvent[] = [];
  for (;;) {
    const next = await store.events({ after: events.at(-1)?.position ?? 0, limit: page });
    events.push(...next);
    if (next.length < page) break;
  }
  const workflows: WorkflowRow[] = [];
  for (const { type, subject } of events) {
    if (type === 'workflow.created') workflows.push((await store.getWorkflow(subject)) as WorkflowRow);
  }
  return { tasks, workflows, events };
}

/**
 * What holds in every store at every moment, read through the port alone: the log tells the rows, nothing is counted
 * wrong, nobody holds what he does not run. Throws an assertion error that names the invariant.
 */
export async function checkInvariants(store: Store): Promise<Contents> {
  const contents = await readContents(store);
  const { tasks, workflows, events } = contents;
  checkPositions(events, await store.lastPosition());
  const logs = Map.groupBy(events, ({ subject }) => subject);
  for (const [subject, log] of logs) {
    assert.deepEqual(
      log.map(({ seq }) => seq),
      log.map((_, index) => index + 1),
      `the seq of ${subject} has gaps or repeats`,
    );
  }
  for (const task of tasks) await checkTask(store, task, logs.get(task.id) ?? []);
  const statuses = new Map(tasks.map(({ id, status }) => [id, status]));
  for (const task of tasks) checkDependencies(task, statuses);
  const created = events.filter(({ type }) => type === 'task.created');
  assert.deepEqual(
    created.map(({ subject }) => subject).sort(),
    tasks.map(({ id }) => id).sort(),
    'every task that was created is there, and no other (I33)',
  );
  await checkStats(store, contents);
  for (const workflow of workflows) checkWorkflow(workflow, tasks, logs.get(workflow.id) ?? []);
  return contents;
}

function checkPositions(events: readonly SymphonyEvent[], last: number): void {
  for (const [index, { position }] of events.entries()) {
    assert.ok(position > (events[index - 1]?.position ?? 0), `position ${position} does not increase`);
  }
  assert.equal(events.at(-1)?.position ?? 0, last, 'lastPosition is that of the last event');
}

async function checkTask(store: Store, task: TaskRecord, log: readonly SymphonyEvent[]): Promise<void> {
  const name = `task ${task.id} (${task.status})`;
  assert.equal(log.at(-1)?.seq, task.lastSeq, `${name}: lastSeq is that of its last event`);
  const attempts = log.flatMap((event) => (event.type === 'task.claimed' ? [event.data.attempt] : []));
  const numbers = attempts.map((_, index) => index + 1);
  assert.deepEqual(attempts, numbers, `${name}: its attempts are numbered 1..n (I6)`);
  assert.equal(task.attempt, attempts.length, `${name}: attempt counts the claims`);
  assert.equal(replay(name, log), task.status, `${name}: its log tells its status (I32)`);
  assert.equal(task.output !== null, task.status === 'completed', `${name}: completed means one output (I14)`);
  if (task.status === 'failed') assert.notEqual(task.error, null, `${name}: failed means one error (I14)`);
  if (task.status === 'completed') assert.equal(task.error, null, `${name}: completed means no error (I14)`);
  assert.equal(task.finishedAt !== null, isTerminal(task.status), `${name}: finishedAt`);
  assert.equal(task.startedAt !== null, task.attempt > 0, `${name}: startedAt`);
  assert.equal(task.workerId !== null, task.status === 'running', `${name}: who runs has a holder`);
  if (task.status === 'running') assert.notEqual(task.agentId, null, `${name}: who runs has an agent`);
  if (task.status !== 'pending') {
    assert.deepEqual([task.dueAt, task.claimKey, task.boundTo], [null, null, null], `${name}: due or bound`);
  }
  const claimKey = task.dueAt === null ? null : task.dueAt - task.priority * 60_000;
  // A task that nobody can take stands behind the others, wherever that was when it was last looked at.
  if (!task.unroutable) assert.equal(task.claimKey, claimKey, `${name}: its claim key`);
  if (isTerminal(task.status))
    assert.deepEqual([task.timeLimits, task.expiresAt], [{}, null], `${name}: its time limits`);
  if (task.cancelAt !== null && task.status === 'running')
    assert.equal(task.expiresAt, task.cancelAt, `${name}: when its grace is over`);
  if (task.boundUntil !== null) assert.notEqual(task.boundTo, null, `${name}: bound until, but to nobody`);
  assert.ok(task.version >= 1 && task.version <= 1 + log.length * 2, `${name}: version ${task.version}`);
  if (task.workerId !== null) {
    const holding = await store.holding(task.workerId);
    const held = holding.find(({ taskId }) => taskId === task.id);
    assert.deepEqual(
      held,
      { taskId: task.id, attempt: task.attempt, status: 'running', cancelAt: task.cancelAt },
      `${name}: its holder knows of it`,
    );
  }
}

async function checkStats(store: Store, { tasks, workflows }: Contents): Promise<void> {
  const stats = await store.stats();
  const counts = Object.fromEntries(taskStatuses.map((status) => [status, 0])) as Record<TaskStatus, number>;
  for (const { status } of tasks) counts[status]++;
  assert.deepEqual(stats.tasks, counts, 'stats count the tasks by status (I20)');
  const settled = workflows.filter(({ settledAt }) => settledAt !== null).length;
  assert.deepEqual(stats.workflows, { open: workflows.length - settled, settled }, 'stats count the workflows');
  assert.equal(stats.oldestDueAt === null, stats.due === 0, 'the oldest due task is one that is due');
}

/** A task that retention has removed had completed: nothing else lets a task go whose dependants are open. */
function checkDependencies(task: TaskRecord, statuses: ReadonlyMap<string, TaskStatus>): void {
  const name = `task ${task.id} (${task.status})`;
  const ids = [...new Set(task.dependsOn.map(({ taskId }) => taskId))];
  const open = ids.filter((id) => (statuses.get(id) ?? 'completed') !== 'completed').length;
  if (task.status === 'pending') assert.equal(task.openDependencies, open, `${name}: what it waits for (I20)`);
  else assert.equal(task.openDependencies, 0, `${name}: it has begun or ended, and still waits`);
  if (task.status === 'running' || task.status === 'completed')
    assert.equal(open, 0, `${name}: it started before all that it depends on had completed (I18)`);
}

/** What each event says of the status after it; null: it says nothing. */
export const statusAfter: { readonly [Type in SymphonyEvent['type']]?: TaskStatus } = {
  'task.created': 'pending',
  'task.claimed': 'running',
  'task.retry_scheduled': 'pending',
  'task.refused': 'pending',
  'task.released': 'pending',
  'task.crashed': 'pending',
  'task.suspended': 'waiting',
  'task.resumed': 'pending',
  'task.completed': 'completed',
  'task.failed': 'failed',
  'task.cancelled': 'cancelled',
  'task.retried': 'pending',
};

/** What the table of transitions allows: `pending → running`. */
export const legalSteps: ReadonlySet<string> = new Set(
  Object.values(transitionTable).flatMap((cells) =>
    Object.entries(cells).flatMap(([from, tos]) => tos.map((to) => `${from} → ${to}`)),
  ),
);

function replay(name: string, log: readonly SymphonyEvent[]): TaskStatus | undefined {
  let status: TaskStatus | undefined;
  for (const { type, seq } of log) {
    const next = statusAfter[type];
    if (next === undefined) continue;
    if (status === undefined) assert.equal(type, 'task.created', `${name}: its log begins with its creation`);
    else assert.ok(legalSteps.has(`${status} → ${next}`), `${name}: event ${seq} goes from ${status} to ${next} (I5)`);
    if (type === 'task.claimed') assert.equal(status, 'pending', `${name}: claimed while ${String(status)} (I9)`);
    status = next;
  }
  return status;
}

function checkWorkflow(row: WorkflowRow, tasks: readonly TaskRecord[], log: readonly SymphonyEvent[]): void {
  const name = `workflow ${row.id}`;
  const { total, open, failed, cancelled, started } = row;
  const counted = tasks
    .filter(({ workflowId }) => workflowId === row.id)
    .map(contribution)
    .reduce((sum, one) => addCounters(sum, one), noCounters);
  assert.deepEqual({ total, open, failed, cancelled, started }, counted, `${name}: its counters count its tasks (I20)`);
  assert.equal(log.at(-1)?.seq, row.lastSeq, `${name}: lastSeq is that of its last event`);
  assert.equal(row.settledAt !== null, isSettled(row), `${name}: settledAt`);
  const settlings = log.filter(({ type }) => type === 'workflow.settled').length;
  const reopenings = log.filter(({ type }) => type === 'workflow.reopened').length;
  assert.equal(settlings - reopenings, isSettled(row) ? 1 : 0, `${name}: its log tells whether it is settled`);
  assert.ok(!(row.paused && row.cancelRequested), `${name}: cancel clears the pause`);
}
