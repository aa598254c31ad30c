import { defaults } from './defaults.ts';
import { maxCrashes } from './retry.ts';
import type { Tables } from './tables.ts';
import type { TaskRow } from './task.ts';

/** A task that is one crash from being poison: it runs alone on its worker, so that nobody dies or is blamed with it. */
export function isSuspect(task: Pick<TaskRow, 'crashes' | 'retry'>): boolean {
  return task.crashes > 0 && task.crashes >= maxCrashes(task.retry) - 1;
}

/**
 * Whether a worker may start a task beside what it runs. A worker that has been still for long starts any: what it runs may
 * be waiting for just that task.
 */
export function mayStart(tables: Tables, workerId: string, suspect: boolean, still = false): boolean {
  if (still) return true;
  return suspect ? tables.runningTasks(workerId).length === 0 : !tables.crashedTasks(workerId).some(isSuspect);
}

/**
 * Whether it is this worker's turn to take nothing more until it is empty, so that a suspect finds its place; the others
 * pass the suspect over, and go on. Each host of the agent has its turn, for as long as it takes to become still: one that
 * takes no tasks for reasons of its own must not keep the suspect waiting for ever.
 */
export function makesRoom(tables: Tables, workerId: string, agentId: string, now: number): boolean {
  const hosts = tables.workers().filter((worker) => worker.hosts.includes(agentId));
  const turn = Math.floor(now / (2 * defaults.aloneMs)) % hosts.length;
  return hosts.map(({ id }) => id).toSorted()[turn] === workerId;
}
