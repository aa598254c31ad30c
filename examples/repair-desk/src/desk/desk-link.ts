import type { Verdict } from './judge.ts';
import type { Edit } from './ledger.ts';
import type { Problem } from './problems.ts';
import type { Proposal } from './propose.ts';
import { ThreadLink, type ThreadAnswer } from './thread-link.ts';
import { Turns } from './turns.ts';
import type { Unit } from './unit.ts';

/** Which desk is opened, and how many agents may be at work on it at once. */
export interface DeskPlace {
  readonly unit: Unit;
  readonly original: string;
  readonly repaired: string;
  readonly ledger: string;
  readonly seats: number;
}

/** What a thread of a desk is told. */
export interface ThreadPlace extends DeskPlace {
  /** Whether it is the one that edits. */
  readonly edits: boolean;
}

/** What it is asked. */
export type DeskCall =
  | { readonly type: 'propose'; readonly agent: string; readonly editId: string; readonly problem: Problem }
  | { readonly type: 'apply' | 'judge' | 'undo'; readonly edit: Edit }
  | { readonly type: 'reload'; readonly file: string }
  | { readonly type: 'tidyUp' };

/** What it answers. */
export type DeskAnswer = ThreadAnswer;

/** A place at the desk: what an agent may ask while it has it. */
export interface Seat {
  propose(agent: string, editId: string, problem: Problem): Promise<Proposal>;
}

/**
 * A desk in threads of its own, and the order in which agents come to it. One thread edits, for one agent at a time. With
 * more than one seat every seat has a thread too, where an agent works out its repair on the texts as they are, while
 * others do the same: whoever comes second with an edit of the same file finds it changed.
 */
export class DeskLink {
  readonly #desk: ThreadLink<DeskCall>;
  readonly #benches: readonly ThreadLink<DeskCall>[];
  readonly #free: ThreadLink<DeskCall>[];
  readonly #seats: Turns;
  readonly #editing = new Turns(1);

  constructor(place: DeskPlace) {
    const open = (edits: boolean): ThreadLink<DeskCall> =>
      new ThreadLink(new URL('./desk-thread.ts', import.meta.url), { ...place, edits } satisfies ThreadPlace);
    this.#desk = open(true);
    this.#benches = place.seats > 1 ? Array.from({ length: place.seats }, () => open(false)) : [];
    this.#free = this.#benches.length > 0 ? [...this.#benches] : [this.#desk];
    this.#seats = new Turns(place.seats);
  }

  /** Runs `work` with a seat at the desk; those who come when all are taken wait. */
  seated<T>(work: (seat: Seat) => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#seats.take(async () => {
      const thread = this.#free.pop()!;
      try {
        return await work({
          propose: (agent, editId, problem) => thread.ask({ type: 'propose', agent, editId, problem }),
        });
      } finally {
        this.#free.push(thread);
      }
    }, signal);
  }

  /** Runs `work` while nobody else edits this unit. Whatever it leaves unjudged is undone. */
  exclusively<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#editing.take(async () => {
      try {
        return await work();
      } finally {
        await this.#desk.ask({ type: 'tidyUp' });
      }
    }, signal);
  }

  async apply(edit: Edit): Promise<'applied' | 'there already' | 'stale'> {
    const answer = await this.#desk.ask<'applied' | 'there already' | 'stale'>({ type: 'apply', edit });
    // An edit that is only being tried is nobody else's business yet.
    return answer === 'stale' ? this.#settle(edit, answer) : answer;
  }

  async judge(edit: Edit): Promise<Verdict | 'stale'> {
    return this.#settle(edit, await this.#desk.ask<Verdict | 'stale'>({ type: 'judge', edit }));
  }

  async undo(edit: Edit): Promise<'undone' | 'not there'> {
    return this.#settle(edit, await this.#desk.ask<'undone' | 'not there'>({ type: 'undo', edit }));
  }

  /** The benches look again at a file that may have changed, each before it answers its next call. */
  #settle<T>({ file }: Edit, answer: T): T {
    for (const bench of this.#benches) void bench.ask({ type: 'reload', file });
    return answer;
  }
}
