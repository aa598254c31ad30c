import type { DueCursor, TaskRow } from '@symphony/core';

/** What a worker may take, now or when it falls due: the rows of the index `tasks_due`. */
export const dueCondition = `status = 'pending' AND due_at IS NOT NULL AND NOT held AND bound_to IS NULL AND open_dependencies = 0`;

/** The same, of a row at hand. */
export function isDue(row: TaskRow): boolean {
  return (
    row.status === 'pending' && row.dueAt !== null && !row.held && row.boundTo === null && row.openDependencies === 0
  );
}

/** Whether a due task comes after a place in the order of claims. */
export function comesAfter(row: Pick<TaskRow, 'claimKey' | 'id'>, place: DueCursor): boolean {
  const key = row.claimKey as number; // whatever is due has a claim key
  return key > place.claimKey || (key === place.claimKey && row.id > place.id);
}

/** The order of claims. */
export function byClaimKey(first: TaskRow, second: TaskRow): number {
  return (first.claimKey as number) - (second.claimKey as number) || byId(first, second);
}

/** The order of ids, as the server has it. */
export function byId(first: { readonly id: string }, second: { readonly id: string }): number {
  return first.id < second.id ? -1 : 1;
}
