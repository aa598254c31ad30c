import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Compiler, Finding } from './compiler.ts';
import { Desk } from './desk.ts';
import type { Edit, Entry } from './ledger.ts';
import { appendRecord, readRecords } from './records.ts';

/** A compiler to whom each `BAD` is an error: fast, and as strict as the real one where it matters here. */
class CountingCompiler implements Pick<Compiler, 'text' | 'reload' | 'check' | 'try'> {
  readonly #file: string;
  #text: string;

  constructor(file: string) {
    this.#file = file;
    this.#text = readFileSync(file, 'utf8');
  }

  text(): string {
    return this.#text;
  }

  reload(): void {
    this.#text = readFileSync(this.#file, 'utf8');
  }

  check(): Finding[] {
    return this.#find(this.#text);
  }

  try(_file: string, text: string): Finding[] {
    return this.#find(text);
  }

  #find(text: string): Finding[] {
    return [...text.matchAll(/BAD/g)].map(({ index }) => ({
      file: this.#file,
      start: index,
      length: 3,
      code: 1,
      message: 'bad',
    }));
  }
}

let folder: string;
const file = (): string => join(folder, 'a.js');
const read = (): string => readFileSync(file(), 'utf8');
const ledger = (): string => join(folder, 'ledger');
const openDesk = (): Desk =>
  new Desk({
    package: 'p',
    folder,
    ledger: ledger(),
    compiler: () => new CountingCompiler(file()) as unknown as Compiler,
  });

/** An edit that replaces the first occurrence of a word. */
function replace(desk: Desk, id: string, word: string, text: string): Edit {
  const start = read().indexOf(word);
  return desk.edit(id, file(), [{ start, end: start + word.length, text }], 'bad');
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'desk-'));
  writeFileSync(file(), 'BAD one; BAD two;\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a desk', () => {
  test('keeps an edit that lowers the error count', () => {
    const desk = openDesk();
    const edit = replace(desk, '1', 'BAD', 'good');
    expect(desk.apply(edit)).toBe('applied');
    expect(desk.judge(edit)).toMatchObject({ kept: true, before: 2, after: 1 });
    desk.tidyUp();
    expect(read()).toBe('good one; BAD two;\n');
  });

  test('recognises an edit that is there already', () => {
    const desk = openDesk();
    const edit = replace(desk, '1', 'BAD', 'good');
    desk.apply(edit);
    expect(desk.apply(edit)).toBe('there already');
    expect(read()).toBe('good one; BAD two;\n');
  });

  test('undoes an edit, and undoing it again changes nothing', () => {
    const desk = openDesk();
    const edit = replace(desk, '1', 'one', 'BAD');
    desk.apply(edit);
    expect(desk.judge(edit)).toMatchObject({ kept: false });
    expect(desk.undo(edit)).toBe('undone');
    expect(desk.undo(edit)).toBe('not there');
    expect(read()).toBe('BAD one; BAD two;\n');
  });

  test('moves an edit along with what others have changed since it was proposed', () => {
    const desk = openDesk();
    const [first, second] = [replace(desk, '1', 'BAD', 'very good'), replace(desk, '2', 'two', 'zwei')];
    desk.apply(first);
    desk.judge(first);
    expect(desk.apply(second)).toBe('applied');
    expect(read()).toBe('very good one; BAD zwei;\n');
  });

  test('turns down an edit of a place that others have changed since', () => {
    const desk = openDesk();
    const [first, second] = [replace(desk, '1', 'BAD', 'good'), replace(desk, '2', 'BAD', 'fine')];
    desk.apply(first);
    desk.judge(first);
    expect(desk.apply(second)).toBe('stale');
    expect(desk.judge(second)).toBe('stale');
  });

  test('opened after a kill, takes back what was not judged, and its maker makes it again', () => {
    const edit = replace(openDesk(), '1', 'BAD', 'good');
    openDesk().apply(edit);
    const desk = openDesk();
    expect(read()).toBe('BAD one; BAD two;\n');
    expect(desk.judge(edit)).toMatchObject({ kept: true });
    expect(read()).toBe('good one; BAD two;\n');
  });

  test('opened after a kill between the note and the edit, finds nothing to take back', () => {
    const desk = openDesk();
    const edit = replace(desk, '1', 'BAD', 'good');
    desk.apply(edit);
    writeFileSync(file(), 'BAD one; BAD two;\n');
    openDesk();
    expect(read()).toBe('BAD one; BAD two;\n');
    expect(readRecords<Entry>(ledger()).at(-1)).toEqual({ undone: '1' });
  });

  test('opened after a kill between the verdict and the undoing, undoes', () => {
    const desk = openDesk();
    const edit = replace(desk, '1', 'one', 'BAD');
    desk.apply(edit);
    desk.judge(edit);
    openDesk();
    expect(read()).toBe('BAD one; BAD two;\n');
  });

  test('gives the same verdict again after a kill', () => {
    const desk = openDesk();
    const edit = replace(desk, '1', 'BAD', 'good');
    desk.apply(edit);
    const verdict = desk.judge(edit);
    expect(openDesk().judge(edit)).toEqual(verdict);
  });

  test('reads past a line of the ledger that a kill cut short', () => {
    const desk = openDesk();
    const edit = replace(desk, '1', 'BAD', 'good');
    desk.apply(edit);
    desk.judge(edit);
    writeFileSync(ledger(), `${readFileSync(ledger(), 'utf8')}{"made":{"id":`);
    openDesk();
    appendRecord(ledger(), { undone: 'x' });
    expect(readRecords<Entry>(ledger())).toHaveLength(3);
    expect(read()).toBe('good one; BAD two;\n');
  });

  test('will not work on a file that somebody else has changed', () => {
    const desk = openDesk();
    desk.apply(replace(desk, '1', 'BAD', 'good'));
    writeFileSync(file(), 'something else');
    expect(openDesk).toThrow('changed by somebody else');
  });
});
