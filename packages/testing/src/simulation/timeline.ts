/** Something that happens at a moment of virtual time. */
export interface Occurrence<Owner> {
  /** Whom it happens to: nothing happens to a process that is gone, and to one that stands still it happens later. */
  readonly owner: Owner | undefined;
  /** `timer`: its owner waited for the time; `message`: it comes from outside. */
  readonly kind: 'timer' | 'message';
  readonly happen: () => void | Promise<void>;
  at: number;
  order: number;
  cancelled: boolean;
}

/** Virtual time, in milliseconds from the start, and all that is still to happen, in order. */
export class Timeline<Owner> {
  readonly #heap: Occurrence<Owner>[] = [];
  #now = 0;
  #order = 0;

  get now(): number {
    return this.#now;
  }

  add(
    at: number,
    happen: () => void | Promise<void>,
    { owner, kind = 'message' }: { readonly owner?: Owner | undefined; readonly kind?: 'timer' | 'message' } = {},
  ): Occurrence<Owner> {
    const occurrence = { owner, kind, happen, at: Math.max(at, this.#now), order: this.#order++, cancelled: false };
    this.#push(occurrence);
    return occurrence;
  }

  /** Puts what was taken out in again: it happens now, behind all else that does. */
  addAgain(occurrence: Occurrence<Owner>): void {
    occurrence.at = this.#now;
    occurrence.order = this.#order++;
    this.#push(occurrence);
  }

  /** Takes out what happens next, and moves time to it; undefined when nothing is left up to that moment. */
  next(until: number): Occurrence<Owner> | undefined {
    for (;;) {
      const [first] = this.#heap;
      if (first === undefined || first.at > until) return undefined;
      this.#removeFirst();
      if (first.cancelled) continue;
      this.#now = first.at;
      return first;
    }
  }

  #push(occurrence: Occurrence<Owner>): void {
    const heap = this.#heap;
    let index = heap.push(occurrence) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isEarlier(occurrence, heap[parent] as Occurrence<Owner>)) break;
      heap[index] = heap[parent] as Occurrence<Owner>;
      index = parent;
    }
    heap[index] = occurrence;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Occurrence<Owner>;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isEarlier(right, heap[child] as Occurrence<Owner>)) child++;
      if (!isEarlier(heap[child] as Occurrence<Owner>, last)) break;
      heap[index] = heap[child] as Occurrence<Owner>;
      index = child;
    }
    heap[index] = last;
  }
}

function isEarlier(first: Occurrence<unknown>, second: Occurrence<unknown>): boolean {
  return first.at < second.at || (first.at === second.at && first.order < second.order);
}
