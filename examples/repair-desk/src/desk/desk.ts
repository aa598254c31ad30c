import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { hashOf, type Compiler, type Finding } from './compiler.ts';
import { applyChanges, inOrder, invertChanges } from './edits.ts';
import { appendRecord, closeRecords, readRecords, replaceFile } from './records.ts';
import { judge, type Verdict } from './judge.ts';
import {
  addEntry,
  currentChanges,
  findMade,
  readLedger,
  unfinished,
  type Edit,
  type Entry,
  type Made,
} from './ledger.ts';

/** Where a desk works. */
export interface DeskOptions {
  readonly package: string;
  /** The folder with the package's sources, which are edited in place. */
  readonly folder: string;
  /** The file that every edit is written down in before it is made. */
  readonly ledger: string;
  /** Called once the files are in order. */
  readonly compiler: () => Compiler;
}

/**
 * The one place where a package's files are edited. Edits come one at a time, which `DeskLink` sees to; each file
 * is replaced in one move, and the ledger says beforehand what is about to be done, so that a desk opened after a kill
 * knows what it finds.
 */
export class Desk {
  readonly package: string;
  readonly compiler: Compiler;
  readonly #folder: string;
  readonly #ledgerFile: string;
  #ledger: readonly Made[];
  #compiler: Compiler | undefined;

  constructor(options: DeskOptions) {
    this.package = options.package;
    this.#folder = options.folder;
    this.#ledgerFile = options.ledger;
    closeRecords(options.ledger);
    this.#ledger = readLedger(readRecords<Entry>(options.ledger));
    this.tidyUp();
    this.compiler = this.#compiler = options.compiler();
  }

  /** The absolute name of one of the package's files. */
  path(file: string): string {
    return join(this.#folder, file);
  }

  /** What the compiler says about one file now. */
  findings(file: string): readonly Finding[] {
    const path = this.path(file);
    return this.compiler.check().filter((finding) => finding.file === path);
  }

  /** Changes of a file, bound to the text they were drafted for. */
  edit(id: string, path: string, changes: Edit['changes'], message: string): Edit {
    return {
      id,
      file: relative(this.#folder, path),
      changes: inOrder(changes),
      base: hashOf(this.compiler.text(path)),
      message,
    };
  }

  /** Makes an edit. Made already, it stays as it is; on a text that others have changed since, it moves along. */
  apply(edit: Edit): 'applied' | 'there already' | 'stale' {
    const made = findMade(this.#ledger, edit.id);
    if (made !== undefined && !made.undone) return 'there already';
    const path = this.path(edit.file);
    const text = readFileSync(path, 'utf8');
    const changes = currentChanges(this.#ledger, edit, hashOf(text));
    if (changes === undefined) return 'stale';
    const next = applyChanges(text, changes);
    this.#note({
      made: { ...edit, changes },
      before: hashOf(text),
      after: hashOf(next),
      back: invertChanges(text, changes),
    });
    this.#write(path, next);
    return 'applied';
  }

  /**
   * The compiler's verdict on an edit: the project with it against the project without it. Given once, it stands. An edit
   * that was undone because its maker died is made again first.
   */
  judge(edit: Edit): Verdict | 'stale' {
    if (this.apply(edit) === 'stale') return 'stale';
    const made = findMade(this.#ledger, edit.id)!;
    if (made.verdict !== undefined) return made.verdict;
    const path = this.path(edit.file);
    const without = this.compiler.try(path, applyChanges(this.compiler.text(path), made.back));
    const verdict = judge(path, without, this.compiler.check(), edit);
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
    const path = this.path(made.edit.file);
    const text = readFileSync(path, 'utf8');
    const hash = hashOf(text);
    if (hash === made.after) this.#write(path, applyChanges(text, made.back));
    else if (hash !== made.before) throw new Error(`${made.edit.file} was changed by somebody else`);
    this.#note({ undone: made.edit.id });
  }

  #write(path: string, text: string): void {
    replaceFile(path, text);
    this.#compiler?.reload(path);
  }

  #note(entry: Entry): void {
    appendRecord(this.#ledgerFile, entry);
    this.#ledger = addEntry(this.#ledger, entry);
  }
}
