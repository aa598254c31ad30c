import { maxCrashes } from './retry.ts';
import type { Tables } from './tables.ts';
import type { TaskRow } from './task.ts';

/** A task that is one crash from being poison: it runs as the only such task of its worker, and is charged alone. */
export function isSuspect(task: Pick<TaskRow, 'crashes' | 'retry'>): boolean {
  return task.crashes > 0 && task.crashes >= maxCrashes(task.retry) - 1;
}

/** Whether a worker runs such a task. */
export function runsSuspect(tables: Tables, workerId: string): boolean {
  return tables.runningTasks(workerId).some(isSuspect);
}
