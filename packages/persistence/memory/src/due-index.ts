import type { TaskRow } from '@symphony/core';
import { SortedKeys, type Key } from './sorted-keys.ts';

/** What a worker may take, of one assignment. */
interface Queue {
  /** By `dueAt`: what was in the future when it was last looked at. */
  readonly waiting: SortedKeys;
  /** By `claimKey`. */
  readonly ready: SortedKeys;
}

/**
 * The tasks that workers may take, by assignment, in the order of claims. What falls due later waits apart, so that a
 * claim does not pass over it, however many there are.
 */
export class DueIndex {
  readonly #queues = new Map<string | null, Queue>();

  move(from: TaskRow | undefined, to: TaskRow | undefined): void {
    if (from !== undefined && isTakeable(from)) this.#delete(from);
    if (to !== undefined && isTakeable(to)) this.#add(to);
  }

  /** The assignments that have tasks here. */
  groups(): Iterable<string | null> {
    return this.#queues.keys();
  }

  size(group: string | null): number {
    const queue = this.#queues.get(group);
    return queue === undefined ? 0 : queue.waiting.size + queue.ready.size;
  }

  /** The keys of what fell due by `now`, and perhaps of more: a wall clock may have been set back. */
  keys(group: string | null, now: number, rowOf: (id: string) => TaskRow, cursor?: Key): Iterable<Key> {
    const queue = this.#queues.get(group);
    if (queue === undefined) return [];
    const due: Key[] = [];
    for (const key of queue.waiting.after()) {
      if (key.order > now) break;
      due.push(key);
    }
    for (const key of due) {
      queue.waiting.delete(key);
      queue.ready.add({ order: rowOf(key.id).claimKey as number, id: key.id });
    }
    return queue.ready.after(cursor);
  }

  #add(row: TaskRow): void {
    let queue = this.#queues.get(row.agentId);
    if (queue === undefined) {
      queue = { waiting: new SortedKeys(), ready: new SortedKeys() };
      this.#queues.set(row.agentId, queue);
    }
    queue.waiting.add({ order: row.dueAt as number, id: row.id });
  }

  #delete(row: TaskRow): void {
    const queue = this.#queues.get(row.agentId) as Queue;
    const { id } = row;
    if (!queue.ready.delete({ order: row.claimKey as number, id }))
      queue.waiting.delete({ order: row.dueAt as number, id });
    if (queue.ready.size === 0 && queue.waiting.size === 0) this.#queues.delete(row.agentId);
  }
}

/** Whether a worker may take a task, now or when it falls due. */
export function isTakeable(row: TaskRow): boolean {
  return (
    row.status === 'pending' && row.dueAt !== null && !row.held && row.boundTo === null && row.openDependencies === 0
  );
}
