import type { EventType, TaskStatus } from '../src/index.ts';

/** What each event says about the status of its task; the others say nothing. */
const says: { readonly [Type in EventType]?: TaskStatus } = {
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

/** The status of a task, read from nothing but the names of its events. */
export function foldStatus(log: readonly EventType[]): TaskStatus | undefined {
  return log.reduce<TaskStatus | undefined>((status, type) => says[type] ?? status, undefined);
}
