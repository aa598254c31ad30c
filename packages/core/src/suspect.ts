import { maxCrashes } from './retry.ts';
import type { Tables } from './tables.ts';
import type { TaskRow } from './task.ts';

/** A task that is one crash from being poison: it runs alone on its worker, so that nobody dies or is blamed with it. */
export function isSuspect(task: Pick<TaskRow, 'crashes' | 'retry'>): boolean {
  return task.crashes > 0 && task.crashes >= maxCrashes(task.retry) - 1;
}

/** Whether a worker may start a task beside what it runs. */
export function mayStart(tables: Tables, workerId: string, suspect: boolean): boolean {
  const running = tables.runningTasks(workerId);
  return suspect ? running.length === 0 : !running.some(isSuspect);
}

/**
 * Whether it is this worker that takes nothing more until it is empty, so that a suspect finds its place: the oldest of
 * those that host its agent. The others pass the suspect over, and go on.
 */
export function makesRoom(tables: Tables, workerId: string, agentId: string): boolean {
  const hosts = tables.workers().filter((worker) => worker.hosts.includes(agentId));
  // Ids begin with the time at which they were made.
  return hosts.every(({ id }) => id >= workerId);
}
