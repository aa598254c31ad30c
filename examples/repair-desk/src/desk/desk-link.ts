import { Worker } from 'node:worker_threads';
import type { Verdict } from './judge.ts';
import type { Edit } from './ledger.ts';
import type { Problem } from './problems.ts';
import type { Proposal } from './propose.ts';

/** Which desk a thread opens. */
export interface DeskPlace {
  readonly name: string;
  readonly folder: string;
  readonly ledger: string;
}

/** What a desk's thread is asked. */
export type DeskCall =
  | { readonly type: 'propose'; readonly agent: string; readonly editId: string; readonly problem: Problem }
  | { readonly type: 'apply' | 'judge' | 'undo'; readonly edit: Edit }
  | { readonly type: 'tidyUp' };

/** What it answers. */
export type DeskAnswer = { readonly value: unknown } | { readonly error: string };

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A desk in a thread of its own, and the order in which agents come to it. */
export class DeskLink {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(place: DeskPlace) {
    this.#thread = new Worker(new URL('./desk-thread.ts', import.meta.url), { workerData: place });
    this.#thread.on('message', ({ id, ...answer }: DeskAnswer & { readonly id: number }) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if ('error' in answer) waiting?.reject(new Error(answer.error));
      else waiting?.resolve(answer.value);
    });
    // A thread that fails ends the process: its supervisor starts another one.
    this.#thread.unref();
  }

  /** Runs `work` while nobody else edits this package; those who come later wait. Whatever it leaves unjudged is undone. */
  async exclusively<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const turn = this.#queue.then(async () => {
      signal.throwIfAborted();
      try {
        return await work();
      } finally {
        await this.#ask({ type: 'tidyUp' });
      }
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  propose(agent: string, editId: string, problem: Problem): Promise<Proposal> {
    return this.#ask({ type: 'propose', agent, editId, problem });
  }

  apply(edit: Edit): Promise<'applied' | 'there already' | 'stale'> {
    return this.#ask({ type: 'apply', edit });
  }

  judge(edit: Edit): Promise<Verdict | 'stale'> {
    return this.#ask({ type: 'judge', edit });
  }

  undo(edit: Edit): Promise<'undone' | 'not there'> {
    return this.#ask({ type: 'undo', edit });
  }

  #ask<T>(call: DeskCall): Promise<T> {
    const id = ++this.#calls;
    return new Promise<T>((resolve, reject) => {
      // The thread answers each call with what its own method returns.
      this.#waiting.set(id, { resolve: (value) => resolve(value as T), reject });
      this.#thread.postMessage({ id, call });
    });
  }
}
