/** Where a row stands in an index: by `order`, and by id where that is equal. */
export interface Key {
  readonly order: number;
  readonly id: string;
}

/** Longest run of keys that is moved to make room for one. */
const chunkLength = 512;

/** Keys in order, kept in chunks, so that adding or removing one of many does not move them all. */
export class SortedKeys {
  readonly #chunks: Key[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(key: Key): void {
    this.#size++;
    const chunk = this.#chunks[this.#chunkOf(key)] ?? this.#chunks.at(-1);
    if (chunk === undefined) {
      this.#chunks.push([key]);
      return;
    }
    chunk.splice(firstNotBefore(chunk, key), 0, key);
    if (chunk.length > chunkLength)
      this.#chunks.splice(this.#chunks.indexOf(chunk) + 1, 0, chunk.splice(chunkLength / 2));
  }

  /** Removes a key if it is there; answers whether it was. */
  delete(key: Key): boolean {
    const chunkIndex = this.#chunkOf(key);
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) return false;
    const index = firstNotBefore(chunk, key);
    if (compareKeys(chunk[index] as Key, key) !== 0) return false;
    chunk.splice(index, 1);
    if (chunk.length === 0) this.#chunks.splice(chunkIndex, 1);
    this.#size--;
    return true;
  }

  /** The keys behind `cursor`, or all of them. Neither add nor delete while this runs. */
  *after(cursor?: Key): Generator<Key> {
    const start = cursor === undefined ? 0 : this.#chunkOf(cursor);
    for (let index = start; index < this.#chunks.length; index++) {
      for (const key of this.#chunks[index] as Key[]) {
        if (cursor === undefined || compareKeys(key, cursor) > 0) yield key;
      }
    }
  }

  /** The first chunk that ends at or behind a key. */
  #chunkOf(key: Key): number {
    return partition(
      this.#chunks.length,
      (index) => compareKeys((this.#chunks[index] as Key[]).at(-1) as Key, key) < 0,
    );
  }
}

function firstNotBefore(chunk: readonly Key[], key: Key): number {
  return partition(chunk.length, (index) => compareKeys(chunk[index] as Key, key) < 0);
}

function compareKeys(first: Key, second: Key): number {
  if (first.order !== second.order) return first.order - second.order;
  return first.id === second.id ? 0 : first.id < second.id ? -1 : 1;
}

/** How many of `length` sorted items, from the first on, satisfy a condition that the later ones do not. */
export function partition(length: number, isBefore: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
