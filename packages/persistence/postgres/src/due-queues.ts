import { systemClock, type DueCursor, type TaskRow } from '@symphony/core';
import type { Connections } from './connections.ts';
import { comesAfter, isDue } from './due-tasks.ts';
import { readEarly } from './statements.ts';
import { Trip } from './trip.ts';

/** A search that keeps the server busy for no longer than this, some ten thousand dead entries, is nothing to save on. */
const quickMs = 20;

/** So many slow searches one after the other are no accident. */
const slowLimit = 3;

/** Tasks before the bound that are kept in mind; where there are more, searches begin before them. */
const earlyLimit = 1_000;

/** The front is looked at again after so many times as long as the last look took, within these limits. */
const rest = { factor: 10, leastMs: 250, mostMs: 5_000 };

/** Before all places. */
const front: DueCursor = { claimKey: Number.MIN_SAFE_INTEGER, id: '' };

/** What a search tries. */
export interface SearchRange {
  /** The place it begins at. */
  readonly from: DueCursor;
  /** Tasks before that, which are tried as well. */
  readonly early: readonly string[];
}

/** What a search has found. */
export interface Found {
  /** In the order of claims. */
  readonly tasks: readonly TaskRow[];
  /** Whether it stopped because it had enough. */
  readonly isFull: boolean;
  /** How long it kept the server busy. */
  readonly tookMs: number;
}

/** What queues depend on. */
export interface QueueContext {
  readonly connections: Connections;
  /** The wall time by which tasks are due; null: that of the server. */
  readonly now: () => number | null;
  /** Called when a look has found tasks: a claim that came short is to be repeated. */
  readonly ring: () => void;
}

/**
 * Where to search for due tasks. While somebody's transaction stays open, the server removes no index entries of tasks that
 * were taken, and each search from the front visits all of them. Once such searches have become slow, they begin at a
 * bound: the first task that the last one got. What this process itself makes due before the bound is kept in mind, and
 * tried in its turn. A task that comes before the bound because another process made it due, or because its time has come,
 * is found by the next look from the front, which is taken beside the claims. It waits for ten times as long as the last
 * look took, at least a quarter of a second and at most five, and for the look. Once a look is quick, the bound goes.
 */
export class DueQueues {
  readonly #context: QueueContext;
  readonly #queues = new Map<string, DueQueue>();

  constructor(context: QueueContext) {
    this.#context = context;
  }

  /** The queue that the due tasks of these assignments make up. */
  of(assignments: ReadonlySet<string | null>): DueQueue {
    const name = JSON.stringify([...assignments].toSorted());
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = new DueQueue(assignments, this.#context);
      this.#queues.set(name, queue);
    }
    return queue;
  }

  /** Notes a task as this process has left it. */
  wrote(row: TaskRow): void {
    for (const queue of this.#queues.values()) queue.wrote(row);
  }

  /** Takes no more looks. */
  stop(): void {
    for (const queue of this.#queues.values()) queue.stop();
  }
}

/** The due tasks of some assignments. */
export class DueQueue {
  readonly #assignments: ReadonlySet<string | null>;
  readonly #context: QueueContext;
  /** Searches from the front in a row that were slow. */
  #slow = 0;
  #bound: DueCursor | undefined;
  readonly #early = new Map<string, DueCursor>();
  /** When the next look may be taken, on the monotonic clock. */
  #nextAt = 0;
  /** Set while a look is planned or under way. */
  #stopLook: (() => void) | undefined;

  constructor(assignments: ReadonlySet<string | null>, context: QueueContext) {
    this.#assignments = new Set(assignments);
    this.#context = context;
  }

  /** What the next search is to try. */
  get range(): SearchRange {
    return { from: this.#bound ?? front, early: [...this.#early.keys()] };
  }

  /** Notes what a search has found. */
  searched({ from, early }: SearchRange, { tasks, isFull, tookMs }: Found): void {
    if (from === front) {
      if (tasks.length > 0) this.#slow = tookMs > quickMs ? this.#slow + 1 : 0;
      if (this.#slow < slowLimit) return;
      this.#rest(tookMs);
    } else if (this.#bound === undefined) {
      return; // it has gone meanwhile
    }
    // What it has passed by is in other hands.
    const end = isFull ? tasks.at(-1) : undefined;
    const got = new Set(tasks.map(({ id }) => id));
    for (const id of early) {
      const place = this.#early.get(id);
      const isPassed = place !== undefined && (end === undefined || comesAfter(end, place));
      if (isPassed && !got.has(id)) this.#early.delete(id);
    }
    const first = tasks.find((task) => !comesAfter(from, placeOf(task)));
    if (first !== undefined) this.#bound = placeOf(first);
    this.#planLook();
  }

  /** Notes a task as this process has left it. */
  wrote(row: TaskRow): void {
    if (this.#bound === undefined) return;
    if (!isDue(row) || !this.#assignments.has(row.agentId)) this.#early.delete(row.id);
    else if (comesAfter(this.#bound, placeOf(row))) this.#keepInMind([placeOf(row)]);
  }

  /** Searches from the front again, and takes no look. */
  stop(): void {
    this.#stopLook?.();
    this.#stopLook = undefined;
    this.#bound = undefined;
    this.#slow = 0;
    this.#early.clear();
  }

  /** @returns whether there is something new among them */
  #keepInMind(places: readonly DueCursor[]): boolean {
    const known = this.#early.size;
    for (const place of places) this.#early.set(place.id, place);
    const isNew = this.#early.size > known;
    if (this.#early.size >= earlyLimit) {
      this.#bound = [...this.#early.values()].reduce((first, place) => (comesAfter(first, place) ? place : first));
      this.#early.clear();
    }
    return isNew;
  }

  #rest(tookMs: number): void {
    const restMs = Math.min(Math.max(rest.factor * tookMs, rest.leastMs), rest.mostMs);
    this.#nextAt = systemClock.monotonic() + restMs;
  }

  #planLook(): void {
    const afterMs = this.#nextAt - systemClock.monotonic();
    this.#stopLook ??= systemClock.setTimer(() => void this.#look(), afterMs, { background: true });
  }

  async #look(): Promise<void> {
    const bound = this.#bound as DueCursor; // there is one as long as looks are taken
    const found = await readBefore(bound, this.#assignments, this.#context).catch(() => undefined);
    if (this.#stopLook === undefined) return; // nobody waits for it any more
    this.#stopLook = undefined;
    const isNew = found === undefined || this.#keepInMind(found.places);
    if (found === undefined || found.tookMs <= quickMs) this.stop();
    else this.#rest(found.tookMs);
    if (isNew) this.#context.ring();
  }
}

function placeOf({ claimKey, id }: TaskRow): DueCursor {
  return { claimKey: claimKey as number, id }; // whatever is due has a claim key
}

/** The first due tasks before a place, as they are. */
async function readBefore(
  bound: DueCursor,
  assignments: ReadonlySet<string | null>,
  { connections, now }: QueueContext,
): Promise<{ readonly places: readonly DueCursor[]; readonly tookMs: number }> {
  return connections.runOnce('read', async (client) => {
    let places: readonly DueCursor[] = [];
    let tookMs = 0;
    const trip = new Trip();
    trip.add('BEGIN READ ONLY; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off');
    const hosted = [...assignments].filter((id) => id !== null);
    trip.add(readEarly, [hosted, now(), earlyLimit, bound.claimKey, bound.id], ({ rows }) => {
      places = rows.map(([id, claimKey]) => ({ id: id as string, claimKey: claimKey as number }));
    });
    trip.add('SELECT extract(epoch FROM clock_timestamp() - now())::double precision * 1000', [], ({ rows }) => {
      tookMs = rows[0]?.[0] as number;
    });
    trip.add('COMMIT');
    await trip.send(client);
    return { places, tookMs };
  });
}
