import { existsSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { monotonic } from '../fleet/evidence.ts';

/** One process's own file beside the store, only ever appended to: what a kill can cost is its last line. */
export class Notes<Fact extends object> {
  readonly #file: number;

  constructor(folder: string) {
    this.#file = openSync(join(folder, `${process.pid}-${monotonic()}.notes`), 'a');
  }

  write(fact: Fact): void {
    writeSync(this.#file, `${JSON.stringify({ ...fact, pid: process.pid, at: Date.now(), mono: monotonic() })}\n`);
  }
}

/** A fact, who wrote it down, and when: on the wall clock of that process, and on the clock that all processes of a boot share. */
export type Noted<Fact> = Fact & { readonly pid: number; readonly at: number; readonly mono: number };

/** The facts of all processes, each process's in its order. */
export function readNotes<Fact>(folder: string): Noted<Fact>[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.notes'))
    .sort()
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1))
    .map((text) => JSON.parse(text) as Noted<Fact>);
}
