import { applyPatch, structuredPatch } from 'diff';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashOf } from './compiler.ts';
import type { Adopted, Entry } from './ledger.ts';
import { appendRecord, readRecords, replaceFile } from './records.ts';

/** Where the three texts of a file lie: the owner's, the one the desk began with, and the repaired one. */
export interface Copies {
  readonly root: string;
  readonly original: string;
  readonly repaired: string;
  readonly ledger: string;
}

/**
 * Takes over what the owner has changed in a file since the desk copied it, and puts the repairs made so far on top; where
 * both touch the same lines the owner's text stands, and the repairs in this file are dropped. Not to be called while
 * an edit is being tried.
 *
 * @returns what was taken over; undefined if the owner has not touched the file, or has deleted it
 */
export function adoptFile(copies: Copies, file: string): Adopted | undefined {
  const source = join(copies.root, file);
  if (!existsSync(source)) return undefined;
  const theirs = readFileSync(source, 'utf8');
  const original = readFileSync(join(copies.original, file), 'utf8');
  if (hashOf(theirs) === hashOf(original)) return undefined;
  const repaired = readFileSync(join(copies.repaired, file), 'utf8');
  const merged = original === repaired ? theirs : applyPatch(theirs, structuredPatch('a', 'a', original, repaired));
  const dropped = merged === false;
  const entry: Adopted = { adopted: file, theirs, merged: dropped ? theirs : merged, dropped };
  appendRecord(copies.ledger, entry satisfies Entry);
  carryOut(copies, entry);
  return entry;
}

/** Finishes a take-over that a kill may have cut short: the copies then say what the ledger says. */
export function redoAdoption(copies: Copies): void {
  const last = readRecords<Entry>(copies.ledger).at(-1);
  if (last !== undefined && 'adopted' in last) carryOut(copies, last);
}

function carryOut({ original, repaired }: Copies, { adopted, theirs, merged }: Adopted): void {
  replaceFile(join(original, adopted), theirs);
  replaceFile(join(repaired, adopted), merged);
}
