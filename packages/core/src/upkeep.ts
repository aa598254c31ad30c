import { defaults } from './defaults.ts';
import { Flush } from './flush.ts';
import { isSuspect } from './suspect.ts';
import type { Holding, PruneRequest, PruneResult, Renewal, SweepResult, WorkerBeat, WorkerRow } from './store.ts';
import type { AgentRow, Tables } from './tables.ts';
import type { TaskRow } from './task.ts';
import type { Times } from './times.ts';
import type { TaskCommand } from './transition.ts';
import { whyWaiting } from './why-waiting.ts';
import type { WorkflowRow } from './workflow.ts';

/** Rows that one condition of a sweep takes on at a time. */
const sweepLimit = 1_000;

/** Dead workers whose work one transaction gives to others: one that takes longer than a renewal judges nobody at all. */
const deadLimit = 10;

/** Opens a worker's row. */
export function openWorker(tables: Tables, times: Times, beat: WorkerBeat): void {
  putWorker(tables, times, beat, times.now);
}

/** Extends a worker's lease, even one that is over as long as its row is there. */
export function renewWorker(tables: Tables, times: Times, beat: WorkerBeat): Renewal {
  const row = tables.worker(beat.id);
  if (row === undefined) return { alive: false };
  putWorker(tables, times, beat, row.startedAt, row);
  return { alive: true, now: times.now, holding: listHolding(tables, beat.id) };
}

/** What a worker runs or has bound to it. */
export function listHolding(tables: Tables, workerId: string): readonly Holding[] {
  return [...tables.runningTasks(workerId), ...tables.boundTasks(workerId)].map((task) => ({
    taskId: task.id,
    attempt: task.attempt,
    status: task.status,
    cancelAt: task.cancelAt,
  }));
}

/** Removes a worker's row and releases what it holds at no cost: it leaves in good order. */
export function closeWorker(tables: Tables, times: Times, workerId: string): void {
  const flush = new Flush(tables, times);
  for (const task of tables.runningTasks(workerId))
    flush.change(task, { type: 'release', reason: 'the worker was closed' });
  for (const task of tables.boundTasks(workerId)) flush.change(task, { type: 'unbind' });
  flush.settle();
  const row = tables.worker(workerId);
  if (row !== undefined) removeWorker(tables, times, row);
}

/** Whether an agent counts as hosted: a live worker hosts it, or one did within the last minute. */
export function isHosted({ unhostedSince }: Pick<AgentRow, 'unhostedSince'>, now: number): boolean {
  return unhostedSince === null || now - unhostedSince < defaults.unhostedMs;
}

/** Whether a worker's lease is over. A lease of another boot is: its clock does not run any more. */
export function isExpired(worker: WorkerRow, times: Times): boolean {
  return worker.bootId !== times.bootId || worker.leaseUntil <= times.lease;
}

/**
 * Cleans up after the dead, as repeated conditions on rows: whatever one call leaves, the next one finds.
 *
 * @param markDead whether expired workers are removed; a sweeper that was itself stopped for long must not judge others
 */
export function sweep(tables: Tables, times: Times, { markDead }: { readonly markDead: boolean }): SweepResult {
  const expired = markDead ? tables.workers().filter((worker) => isExpired(worker, times)) : [];
  const dead = expired.slice(0, deadLimit);
  for (const worker of dead) removeWorker(tables, times, worker);
  const flush = new Flush(tables, times);
  const missing = tables.missingWorkers(deadLimit);
  let released = 0;
  for (const workerId of missing) released += releaseFrom(tables, flush, workerId);
  const batches = [
    each(tables.expiredBindings(times.lease, sweepLimit), (task) => flush.change(task, { type: 'unbind' })),
    expire(tables, flush, times, markDead),
    unassign(tables, flush, times),
    align(tables, flush),
  ];
  flush.settle();
  return {
    deadWorkers: dead.length,
    releasedTasks: released,
    more: expired.length > dead.length || missing.length === deadLimit || batches.some((count) => count >= sweepLimit),
  };
}

/** Removes what has ended long ago. A workflow goes at once; its tasks follow, in this call or later ones. */
export function prune(tables: Tables, times: Times, { olderThanMs, limit }: PruneRequest): PruneResult {
  const before = times.now - olderThanMs;
  const workflows = tables.expiredWorkflows(before, limit);
  for (const id of workflows) tables.deleteWorkflow(id);
  const tasks = tables.expiredTasks(before, limit);
  for (const id of tasks) tables.deleteTask(id);
  return {
    tasks: tasks.length,
    workflows: workflows.length,
    more: workflows.length === limit || tasks.length === limit,
  };
}

function releaseFrom(tables: Tables, flush: Flush, workerId: string): number {
  const running = tables.runningTasks(workerId);
  // Where one was started beside others after all, it is the likely cause, and they are not charged.
  const suspected = running.some(isSuspect);
  for (const task of running) flush.change(task, { type: 'crash', charged: !suspected || isSuspect(task) });
  for (const task of tables.boundTasks(workerId)) flush.change(task, { type: 'unbind' });
  return running.length;
}

/** Does what times that have passed ask for; answers for how many tasks. */
function expire(tables: Tables, flush: Flush, times: Times, markDead: boolean): number {
  let count = 0;
  for (const { id } of tables.overdueTasks(times.now, sweepLimit)) {
    const task = tables.task(id) as TaskRow; // as the end of another may have left it
    const command = whatIsDue(tables, task, markDead);
    if (command === undefined || task.expiresAt === null) continue;
    flush.change(task, command);
    count++;
  }
  return count;
}

function whatIsDue(tables: Tables, task: TaskRow, markDead: boolean): TaskCommand | undefined {
  if (task.status === 'running') {
    // What held up this sweeper may have held up the holder's report as well.
    return task.cancelAt !== null || markDead ? { type: 'expire' } : undefined;
  }
  const workflow = task.workflowId === null ? undefined : tables.workflow(task.workflowId);
  if (workflow?.cancelRequested === true) {
    return { type: 'cancel', graceMs: defaults.graceMs, reason: 'the workflow was cancelled' };
  }
  // Its workflow was paused, and it has not been held back yet; what remains of its limits is looked at next time.
  if (workflow?.paused === true && task.status === 'pending' && !task.held) return { type: 'hold', held: true };
  return { type: 'expire', why: whyWaiting(tables, task) };
}

function unassign(tables: Tables, flush: Flush, times: Times): number {
  let count = 0;
  for (const agent of tables.agents()) {
    const reason = whyUnassigned(agent, times.now);
    if (reason === undefined) continue;
    // A removed agent does not come back to its journals.
    count += each(tables.unpinnedTasks(agent.id, agent.removed, sweepLimit - count), (task) =>
      flush.change(task, { type: 'unassign', reason }),
    );
    if (count >= sweepLimit) break;
  }
  return count;
}

/** Why an agent keeps no task, or none that it has not started, if so. */
function whyUnassigned(agent: AgentRow, now: number): string | undefined {
  if (agent.removed) return 'the agent was removed';
  if (!agent.enabled) return 'the agent was disabled';
  return isHosted(agent, now) ? undefined : 'no worker has hosted the agent for a minute';
}

function align(tables: Tables, flush: Flush): number {
  let count = 0;
  for (const workflowId of tables.misalignedWorkflows(sweepLimit)) {
    const workflow = tables.workflow(workflowId) as WorkflowRow; // it was listed a moment ago
    count += flush.align(workflow, sweepLimit - count, defaults.graceMs);
    if (count >= sweepLimit) break;
  }
  return count;
}

function each<T>(items: readonly T[], action: (item: T) => void): number {
  for (const item of items) action(item);
  return items.length;
}

function putWorker(tables: Tables, times: Times, beat: WorkerBeat, startedAt: number, known?: WorkerRow): void {
  tables.putWorker({
    id: beat.id,
    hosts: beat.hosts,
    leaseUntil: times.lease + beat.leaseMs,
    bootId: times.bootId,
    startedAt,
  });
  for (const agentId of beat.hosts) {
    const agent = tables.agent(agentId);
    if (agent !== undefined && agent.unhostedSince !== null) tables.putAgent({ ...agent, unhostedSince: null });
  }
  const dropped = known?.hosts.filter((agentId) => !beat.hosts.includes(agentId)) ?? [];
  markUnhosted(tables, times, dropped);
}

function removeWorker(tables: Tables, times: Times, row: WorkerRow): void {
  tables.deleteWorker(row.id);
  markUnhosted(tables, times, row.hosts);
}

function markUnhosted(tables: Tables, times: Times, agentIds: readonly string[]): void {
  if (agentIds.length === 0) return;
  const hosted = new Set(tables.workers().flatMap((worker) => worker.hosts));
  for (const agentId of agentIds) {
    const agent = hosted.has(agentId) ? undefined : tables.agent(agentId);
    if (agent?.unhostedSince === null) tables.putAgent({ ...agent, unhostedSince: times.now });
  }
}
