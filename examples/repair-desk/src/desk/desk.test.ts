import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
const inFolder = (...names: string[]): string => join(folder, ...names);
/** The file that is repaired, the one that stays as it was, and the owner's. */
const file = (): string => inFolder('repaired', 'a.js');
const owners = (): string => inFolder('root', 'a.js');
const read = (): string => readFileSync(file(), 'utf8');
const ledger = (): string => inFolder('ledger');
const openDesk = (): Desk =>
  new Desk({
    unit: { root: inFolder('root'), mayReveal: false, isOwned: true },
    original: inFolder('original'),
    repaired: inFolder('repaired'),
    ledger: ledger(),
    compiler: () => new CountingCompiler(file()) as unknown as Compiler,
  });

/** An edit that replaces the first occurrence of a word. */
function replace(desk: Desk, id: string, word: string, text: string): Edit {
  const start = read().indexOf(word);
  return desk.bench.edit(id, owners(), [{ start, end: start + word.length, text }], 'bad');
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'desk-'));
  for (const copy of ['root', 'original', 'repaired']) {
    mkdirSync(inFolder(copy));
    writeFileSync(inFolder(copy, 'a.js'), 'BAD one; BAD two;\n');
  }
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

  test('refuses an edit of a file that others have changed since it was worked out', () => {
    const desk = openDesk();
    const [first, second] = [replace(desk, '1', 'BAD', 'good'), replace(desk, '2', 'two', 'zwei')];
    desk.apply(first);
    desk.judge(first);
    expect(desk.apply(second)).toBe('stale');
    expect(desk.judge(second)).toBe('stale');
    expect(read()).toBe('good one; BAD two;\n');
  });

  test('writes with the line ends of the file', () => {
    for (const copy of ['root', 'original', 'repaired']) writeFileSync(inFolder(copy, 'a.js'), 'BAD one;\r\n');
    const desk = openDesk();
    desk.apply(replace(desk, '1', 'BAD', 'good\nnews'));
    expect(read()).toBe('good\r\nnews one;\r\n');
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

describe("an owner's edit", () => {
  /** A desk that has made and kept one repair. */
  function repairedOnce(): Desk {
    const desk = openDesk();
    const edit = replace(desk, '1', 'BAD', 'good');
    desk.apply(edit);
    desk.judge(edit);
    return desk;
  }

  test('makes an edit that was worked out before it come too late, and is taken over', () => {
    const desk = openDesk();
    const edit = replace(desk, '1', 'BAD', 'good');
    writeFileSync(owners(), 'BAD one; BAD two;\n// mine\n');
    expect(desk.apply(edit)).toBe('stale');
    expect(read()).toBe('BAD one; BAD two;\n// mine\n');
    expect(readRecords<Entry>(ledger()).at(-1)).toMatchObject({ dropped: false });
    expect(desk.apply(replace(desk, '2', 'BAD', 'good'))).toBe('applied');
    expect(read()).toBe('good one; BAD two;\n// mine\n');
  });

  test('keeps the repairs made so far, elsewhere in the file', () => {
    const desk = repairedOnce();
    writeFileSync(owners(), 'BAD one; BAD two;\n\n\n\n\n// mine\n');
    expect(desk.apply(replace(desk, '2', 'two', 'zwei'))).toBe('stale');
    expect(read()).toBe('good one; BAD two;\n\n\n\n\n// mine\n');
    expect(readFileSync(inFolder('original', 'a.js'), 'utf8')).toBe('BAD one; BAD two;\n\n\n\n\n// mine\n');
  });

  test('wins over repairs in the same lines', () => {
    const desk = repairedOnce();
    writeFileSync(owners(), 'mine entirely;\n');
    expect(desk.apply(replace(desk, '2', 'two', 'zwei'))).toBe('stale');
    expect(read()).toBe('mine entirely;\n');
    expect(readRecords<Entry>(ledger()).at(-1)).toMatchObject({ dropped: true });
  });

  test('that was half taken over at a kill is taken over by the next desk', () => {
    const desk = repairedOnce();
    writeFileSync(owners(), 'BAD one; BAD two;\n\n\n\n// mine\n');
    desk.apply(replace(desk, '2', 'two', 'zwei'));
    const merged = read();
    writeFileSync(file(), 'good one; BAD two;\n');
    writeFileSync(inFolder('original', 'a.js'), 'BAD one; BAD two;\n');
    openDesk();
    expect(read()).toBe(merged);
  });

  test('is none where the file is as it was', () => {
    const desk = repairedOnce();
    expect(desk.apply(replace(desk, '2', 'two', 'zwei'))).toBe('applied');
  });
});
