import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Puts a text in a file's place in one move: whoever reads, also after a kill, sees the old one or the new one. */
export function replaceFile(file: string, text: string): void {
  const beside = join(dirname(file), `.${basename(file)}.new`);
  writeFileSync(beside, text);
  renameSync(beside, file);
}

/** Adds one record to a file of records, in a single write at its end. */
export function appendRecord(file: string, record: unknown): void {
  appendFileSync(file, `${JSON.stringify(record)}\n`, { flag: 'a' });
}

/** Closes a last line that a kill cut short, so that the next record does not become part of it. */
export function closeRecords(file: string): void {
  if (existsSync(file) && !/(^|\n)$/.test(readFileSync(file, 'utf8'))) appendFileSync(file, '\n');
}

/** The records of a file. A last line that a kill cut short is no record yet. */
export function readRecords<T>(file: string): T[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((line) => {
    if (line === '') return [];
    try {
      return [JSON.parse(line) as T];
    } catch {
      return [];
    }
  });
}
