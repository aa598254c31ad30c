import type { TaskRow } from '@symphony/core';
import { SortedKeys, type Key } from './sorted-keys.ts';

/** What a {@link TaskIndex} is made from. */
export interface TaskIndexDefinition {
  /** The group that a task stands in; undefined: it is not in this index. */
  readonly group: (row: TaskRow) => string | null | undefined;
  /** What its group is sorted by, before the id. Default: nothing. */
  readonly order?: (row: TaskRow) => number;
}

/** Tasks by group, each group in order: what an index of a database is. */
export class TaskIndex {
  readonly #groupOf: (row: TaskRow) => string | null | undefined;
  readonly #orderOf: (row: TaskRow) => number;
  readonly #groups = new Map<string | null, SortedKeys>();

  constructor({ group, order = () => 0 }: TaskIndexDefinition) {
    this.#groupOf = group;
    this.#orderOf = order;
  }

  /** Follows a task from one row to the next; undefined where it did not exist, or does not any more. */
  move(from: TaskRow | undefined, to: TaskRow | undefined): void {
    const old = from === undefined ? undefined : this.#groupOf(from);
    const group = to === undefined ? undefined : this.#groupOf(to);
    const oldOrder = old === undefined ? 0 : this.#orderOf(from as TaskRow);
    const order = group === undefined ? 0 : this.#orderOf(to as TaskRow);
    if (old === group && oldOrder === order) return;
    if (old !== undefined) this.#delete(old, { order: oldOrder, id: (from as TaskRow).id });
    if (group !== undefined) this.#add(group, { order, id: (to as TaskRow).id });
  }

  groups(): Iterable<string | null> {
    return this.#groups.keys();
  }

  has(group: string | null): boolean {
    return this.#groups.has(group);
  }

  size(group: string | null): number {
    return this.#groups.get(group)?.size ?? 0;
  }

  /** The keys of a group in order, behind `cursor` if one is given. */
  keys(group: string | null, cursor?: Key): Iterable<Key> {
    return this.#groups.get(group)?.after(cursor) ?? [];
  }

  #add(group: string | null, key: Key): void {
    let keys = this.#groups.get(group);
    if (keys === undefined) {
      keys = new SortedKeys();
      this.#groups.set(group, keys);
    }
    keys.add(key);
  }

  #delete(group: string | null, key: Key): void {
    const keys = this.#groups.get(group) as SortedKeys;
    keys.delete(key);
    if (keys.size === 0) this.#groups.delete(group);
  }
}
