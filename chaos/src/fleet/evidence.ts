import { openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** What processes write down outside the store: the witness that the store's own records are held against. */
export type Fact =
  // Submitters: before they ask, and after the acknowledgement.
  | { readonly kind: 'intent'; readonly what: 'task' | 'workflow'; readonly key: string; readonly expect?: Expectation }
  | { readonly kind: 'ack'; readonly what: 'task'; readonly key: string; readonly id: string; readonly due: boolean }
  | {
      readonly kind: 'ack';
      readonly what: 'workflow';
      readonly key: string;
      readonly id: string;
      readonly tasks: number;
    }
  | { readonly kind: 'added'; readonly task: string; readonly workflow: string }
  | { readonly kind: 'conflict'; readonly key: string; readonly answer: string }
  | { readonly kind: 'cancelled'; readonly task: string; readonly status: string; readonly asked: number }
  | {
      readonly kind: 'workflow';
      readonly workflow: string;
      readonly command: 'pause' | 'resume' | 'cancel';
      readonly asked: number;
    }
  | { readonly kind: 'retried'; readonly task: string }
  | { readonly kind: 'seen'; readonly task: string; readonly status: string }
  | { readonly kind: 'done'; readonly index: number }
  | { readonly kind: 'error'; readonly during: string; readonly code: string; readonly message: string }
  // The store could not be asked, so whether it was done is not known; it is asked again.
  | { readonly kind: 'unknown'; readonly during: string; readonly code: string }
  // Agents: at the start and the end of each attempt, and when the side effect of a step happens.
  | (Attempt & { readonly kind: 'begin' })
  | (Attempt & { readonly kind: 'effect' | 'recorded' | 'replayed'; readonly step: string; readonly value: string })
  | (Attempt & { readonly kind: 'end'; readonly outcome: 'returned' | 'threw'; readonly text: string })
  // When the signal of an attempt aborts, and with which code.
  | (Attempt & { readonly kind: 'aborted'; readonly reason: string })
  // The store of a worker: a write of an attempt that was refused because another is the current one.
  | { readonly kind: 'stale'; readonly command: string; readonly task: string; readonly attempt: number }
  // Any store that may be away: a commit of commands that waited long for its answer, or was told that there is none.
  | { readonly kind: 'waited'; readonly since: number; readonly answered: boolean }
  // The supervisor.
  | { readonly kind: 'spawn' | 'ready'; readonly process: string; readonly pid: number }
  | { readonly kind: 'kill' | 'stop' | 'continue'; readonly process: string }
  // A process is asked to end; asked again, it is to hurry.
  | { readonly kind: 'terminate'; readonly process: string; readonly signal: string }
  | { readonly kind: 'exit'; readonly process: string; readonly code: number | null; readonly signal: string | null }
  // Until when a lease runs, on the monotonic clock; and which workers had a row after a process was gone.
  | { readonly kind: 'lease'; readonly worker: string; readonly until: number }
  | { readonly kind: 'present'; readonly process: string; readonly workers: readonly string[] }
  // The server of the store, and the lines to it.
  | { readonly kind: 'server'; readonly state: 'stopped' | 'ready' }
  | { readonly kind: 'cut'; readonly place: string; readonly how: Cut };

/**
 * How a line to the server is cut: `reset`; `unsent`: a COMMIT is held back and the line reset; `unanswered`: a COMMIT is let
 * through and the line reset before its answer; `hole`: nothing comes through any more, for a while; `slow`: everything
 * comes late, for a while.
 */
export type Cut = 'reset' | 'unsent' | 'unanswered' | 'hole' | 'slow';

/** How a task must end unless it is cancelled. */
export interface Expectation {
  readonly status: 'completed' | 'failed';
  readonly code?: string;
  /** Not claimed before this wall time. */
  readonly notBefore?: number;
}

interface Attempt {
  readonly task: string;
  readonly agent: string;
  readonly attempt: number;
}

/** A fact, who wrote it down, and when: on the wall clock, and on the clock that all processes of a boot share. */
export type Line = Fact & { readonly by: string; readonly pid: number; readonly at: number; readonly mono: number };

/** With which code a process ends whose store is away when it starts: whoever started it tries again. */
export const storeAwayCode = 75;

/** Milliseconds on the machine's monotonic clock. */
export function monotonic(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

/** One process's own file, only ever appended to, so that a kill can cost no more than its last line. */
export class Diary {
  readonly by: string;
  readonly #file: number;

  constructor(folder: string, by: string) {
    this.by = by;
    this.#file = openSync(join(folder, `${by}.jsonl`), 'a');
  }

  write(fact: Fact): void {
    const line = { ...fact, by: this.by, pid: process.pid, at: Date.now(), mono: monotonic() };
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}

/** All lines of all processes, each process's in its order. A line that a kill has cut off was never written. */
export function readEvidence(folder: string, prefix = ''): Line[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && name.endsWith('.jsonl'))
    .sort()
    .flatMap((name) =>
      readFileSync(join(folder, name), 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((text) => JSON.parse(text) as Line),
    );
}
