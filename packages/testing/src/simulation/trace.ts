/** Lines that a report keeps. */
const kept = 80;

interface Entry {
  readonly at: number;
  readonly who: string;
  readonly what: string;
}

/** What happened, in order: the last of it for whoever reads of a violation, all of it for whoever listens. */
export class Trace {
  readonly #listener: ((line: string) => void) | undefined;
  readonly #last: Entry[] = [];
  #next = 0;

  constructor(listener: ((line: string) => void) | undefined) {
    this.#listener = listener;
  }

  /** Whether anybody wants to hear of what a reader of a report does not. */
  get isHeard(): boolean {
    return this.#listener !== undefined;
  }

  add(at: number, who: string, what: string): void {
    this.#last[this.#next++ % kept] = { at, who, what };
    this.#listener?.(toLine({ at, who, what }));
  }

  /** For listeners alone: that a timer fired is of no interest to a reader. */
  whisper(at: number, who: string, what: string): void {
    this.#listener?.(toLine({ at, who, what }));
  }

  get last(): readonly string[] {
    const start = this.#next > kept ? this.#next % kept : 0;
    return [...this.#last.slice(start), ...this.#last.slice(0, start)].map(toLine);
  }
}

function toLine({ at, who, what }: Entry): string {
  return `${at.toFixed(3).padStart(12)}  ${who.padEnd(10)} ${what}`;
}
