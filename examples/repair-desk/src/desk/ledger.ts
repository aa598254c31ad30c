import type { Change } from './edits.ts';
import type { Verdict } from './judge.ts';

/** One repair as it was proposed: edits of one file whose text had this hash. */
export interface Edit {
  /** Task and agent: the same for every attempt. */
  readonly id: string;
  /** Relative to the package's folder. */
  readonly file: string;
  readonly changes: readonly Change[];
  /** Hash of the text that the changes speak of. */
  readonly base: string;
  /** The message it is to make go away. */
  readonly message: string;
}

/** A file that its owner has changed while the desk was at work. */
export interface Adopted {
  readonly adopted: string;
  /** The owner's text. */
  readonly theirs: string;
  /** That, with the repairs made so far. */
  readonly merged: string;
  /** Whether there were repairs, and they had to give way to the owner's edit. */
  readonly dropped: boolean;
}

/** What is written down about edits, in this order: made, judged, taken back; and what was taken over from the owner. */
export type Entry =
  | Adopted
  | { readonly made: Edit; readonly before: string; readonly after: string; readonly back: readonly Change[] }
  | { readonly judged: string; readonly verdict: Verdict }
  | { readonly undone: string };

/** An edit as the ledger tells it. */
export interface Made {
  /** Its changes are those that were made, on the text that has the hash `before`. */
  readonly edit: Edit;
  /** Hashes of the file's text before and after. */
  readonly before: string;
  readonly after: string;
  /** The changes that lead back. */
  readonly back: readonly Change[];
  readonly verdict: Verdict | undefined;
  readonly undone: boolean;
}

/** Every edit that was ever made, in order; one that was made again after it was undone counts as new. */
export function readLedger(entries: readonly Entry[]): readonly Made[] {
  return entries.reduce<readonly Made[]>(addEntry, []);
}

/** The ledger with one more entry. */
export function addEntry(ledger: readonly Made[], entry: Entry): readonly Made[] {
  if ('adopted' in entry) return ledger;
  if ('made' in entry) {
    const { made: edit, before, after, back } = entry;
    return [...ledger, { edit, before, after, back, verdict: undefined, undone: false }];
  }
  const [id, change] =
    'judged' in entry ? [entry.judged, { verdict: entry.verdict }] : [entry.undone, { undone: true }];
  const index = ledger.findLastIndex(({ edit }) => edit.id === id);
  return index < 0 ? ledger : ledger.with(index, { ...ledger[index]!, ...change });
}

/** The latest telling of an edit. */
export function findMade(ledger: readonly Made[], id: string): Made | undefined {
  return ledger.findLast(({ edit }) => edit.id === id);
}

/**
 * The edit that a kill may have left half done: the last one, if it was neither kept nor undone. Edits are made one
 * after the other, so there is at most one.
 */
export function unfinished(ledger: readonly Made[]): Made | undefined {
  const last = ledger.at(-1);
  return last === undefined || last.undone || last.verdict?.kept === true ? undefined : last;
}
