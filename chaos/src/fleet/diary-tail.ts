import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Line } from './evidence.ts';

/** Follows what a process writes down while it runs. */
export class DiaryTail {
  readonly #path: string;
  #read = 0;
  #rest = '';

  constructor(folder: string, by: string) {
    this.#path = join(folder, `${by}.jsonl`);
  }

  /** The lines that were added since the last call. */
  next(): readonly Line[] {
    if (!existsSync(this.#path)) return [];
    const file = openSync(this.#path, 'r');
    const added = Buffer.alloc(fstatSync(file).size - this.#read);
    readSync(file, added, 0, added.length, this.#read);
    closeSync(file);
    this.#read += added.length;
    const lines = (this.#rest + added.toString('utf8')).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.map((text) => JSON.parse(text) as Line);
  }
}
