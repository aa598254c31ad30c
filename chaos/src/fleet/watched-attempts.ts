import { DiaryTail } from './diary-tail.ts';

/** An attempt that a process has begun. */
export interface WatchedAttempt {
  readonly task: string;
  readonly attempt: number;
}

/** Knows from what processes write down which attempts they have under way now. */
export class WatchedAttempts {
  readonly #folder: string;
  readonly #watched = new Map<string, { readonly tail: DiaryTail; readonly open: Map<string, WatchedAttempt> }>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Attempts that the process has begun and not ended. */
  underway(process: string): readonly WatchedAttempt[] {
    const watched = this.#watched.get(process) ?? {
      tail: new DiaryTail(this.#folder, process),
      open: new Map<string, WatchedAttempt>(),
    };
    this.#watched.set(process, watched);
    for (const line of watched.tail.next()) {
      if (line.kind === 'begin') watched.open.set(`${line.task}/${line.attempt}`, line);
      if (line.kind === 'end') watched.open.delete(`${line.task}/${line.attempt}`);
    }
    return [...watched.open.values()];
  }
}
