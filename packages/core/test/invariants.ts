import { expect } from 'vitest';
import { isTerminal, type EventType, type TaskRow, type TaskStatus } from '../src/index.ts';

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

/** What holds of the row of every task at any time. */
export function expectSound(row: TaskRow): void {
  expect(row.workerId !== null).toBe(row.status === 'running');
  expect(row.finishedAt !== null).toBe(isTerminal(row.status));
  expect(row.startedAt !== null).toBe(row.attempt > 0);
  expect(row.claimKey === null).toBe(row.dueAt === null);
  if (row.status !== 'pending') {
    expect(row).toMatchObject({ dueAt: null, claimKey: null, boundTo: null, boundUntil: null, held: false });
  }
  if (row.cancelAt !== null) expect(['running', 'cancelled']).toContain(row.status);
}
