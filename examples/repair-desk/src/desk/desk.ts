import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { adoptFile, redoAdoption, type Copies } from './adopt.ts';
import { Bench } from './bench.ts';
import { hashOf, type Compiler } from './compiler.ts';
import { applyChanges, invertChanges } from './edits.ts';
import { judge, type Verdict } from './judge.ts';
import { addEntry, findMade, readLedger, unfinished, type Edit, type Entry, type Made } from './ledger.ts';
import { appendRecord, closeRecords, readRecords, replaceFile } from './records.ts';
import type { Unit } from './unit.ts';

/** Where a desk works. */
export interface DeskOptions {
  readonly unit: Pick<Unit, 'root' | 'mayReveal' | 'isOwned'>;
  /** The copy of the sources that is edited; and the one that is not. */
  readonly repaired: string;
  readonly original: string;
  /** The file that every edit is written down in before it is made. */
  readonly ledger: string;
  /** Called once the files are in order. */
  readonly compiler: () => Compiler;
}

/**
 * The one place where a unit's files are edited: a copy of them. Edits come one at a time, which `DeskLink` sees to; each
 * file is replaced in one move, and the ledger says beforehand what is about to be done, so that a desk opened after
 * a kill knows what it finds.
 */
export class Desk {
  readonly bench: Bench;
  readonly #copies: Copies;
  readonly #isOwned: boolean;
  #ledger: readonly Made[];
  #compiler: Compiler | undefined;

  constructor({ unit, repaired, original, ledger, compiler }: DeskOptions) {
    this.#copies = { root: unit.root, original, repaired, ledger };
    this.#isOwned = unit.isOwned;
    closeRecords(ledger);
    redoAdoption(this.#copies);
    this.#ledger = readLedger(readRecords<Entry>(ledger));
    this.tidyUp();
    this.#compiler = compiler();
    this.bench = new Bench({ compiler: this.#compiler, root: unit.root, mayReveal: unit.mayReveal });
  }

  /**
   * Makes an edit. Made already, it stays as it is. `stale` if the file is no longer the one that the edit was drafted for,
   * because another agent or the file's owner has changed it since.
   */
  apply(edit: Edit): 'applied' | 'there already' | 'stale' {
    const made = findMade(this.#ledger, edit.id);
    if (made !== undefined && !made.undone) return 'there already';
    if (this.#isOwned && adoptFile(this.#copies, edit.file) !== undefined) this.#reload(edit.file);
    const text = this.#read(edit.file);
    const before = hashOf(text);
    if (edit.base !== before) return 'stale';
    const next = applyChanges(text, edit.changes);
    this.#note({ made: edit, before, after: hashOf(next), back: invertChanges(text, edit.changes) });
    this.#write(edit.file, next);
    return 'applied';
  }

  /**
   * The compiler's verdict on an edit: the unit with it against the unit without it. Given once, it stands. An edit that
   * was undone because its maker died is made again first.
   */
  judge(edit: Edit): Verdict | 'stale' {
    if (this.apply(edit) === 'stale') return 'stale';
    const made = findMade(this.#ledger, edit.id)!;
    if (made.verdict !== undefined) return made.verdict;
    const { compiler, mayReveal } = this.bench;
    const edited = this.bench.path(edit.file);
    const before = compiler.try(edited, applyChanges(compiler.text(edited), made.back));
    const verdict = judge({ edited, target: edit, before, after: compiler.check(), mayReveal });
    this.#note({ judged: edit.id, verdict });
    return verdict;
  }

  /** Takes an edit back, if it is there. */
  undo(edit: Edit): 'undone' | 'not there' {
    const made = findMade(this.#ledger, edit.id);
    if (made === undefined || made.undone) return 'not there';
    this.#takeBack(made);
    return 'undone';
  }

  /** Takes back an edit that was made and not kept: it belongs to an attempt that ended in the middle. */
  tidyUp(): void {
    const made = unfinished(this.#ledger);
    if (made !== undefined) this.#takeBack(made);
  }

  #takeBack(made: Made): void {
    const { file } = made.edit;
    const text = this.#read(file);
    const hash = hashOf(text);
    if (hash === made.after) this.#write(file, applyChanges(text, made.back));
    else if (hash !== made.before) throw new Error(`${file} was changed by somebody else`);
    this.#note({ undone: made.edit.id });
  }

  #read(file: string): string {
    return readFileSync(join(this.#copies.repaired, file), 'utf8');
  }

  #write(file: string, text: string): void {
    replaceFile(join(this.#copies.repaired, file), text);
    this.#reload(file);
  }

  #reload(file: string): void {
    this.#compiler?.reload(join(this.#copies.root, file));
  }

  #note(entry: Entry): void {
    appendRecord(this.#copies.ledger, entry);
    this.#ledger = addEntry(this.#ledger, entry);
  }
}
