import { describe, expect, test } from 'vitest';
import { applyChanges, invertChanges } from './edits.ts';
import { findMade, readLedger, unfinished, type Edit, type Entry } from './ledger.ts';

const kept = { kept: true, before: 2, after: 1, reason: '' };
const turnedDown = { kept: false, before: 2, after: 3, reason: 'worse' };

function edit(id: string, base: string, start: number, text: string): Edit {
  return { id, file: 'a.js', base, changes: [{ start, end: start, text }], message: 'm' };
}

/** The entry for an edit of a text, whose hash is the text itself here. */
function made(of: Edit): Entry {
  const after = applyChanges(of.base, of.changes);
  return { made: of, before: of.base, after, back: invertChanges(of.base, of.changes) };
}

describe('ledger', () => {
  const first = edit('1', 'abc', 3, 'd');

  test('an edit that was neither kept nor undone is unfinished', () => {
    expect(unfinished(readLedger([made(first)]))?.edit.id).toBe('1');
    expect(unfinished(readLedger([made(first), { judged: '1', verdict: turnedDown }]))?.edit.id).toBe('1');
  });

  test('an edit that was kept or undone is finished', () => {
    expect(unfinished(readLedger([]))).toBeUndefined();
    expect(unfinished(readLedger([made(first), { judged: '1', verdict: kept }]))).toBeUndefined();
    expect(unfinished(readLedger([made(first), { undone: '1' }]))).toBeUndefined();
  });

  test('an edit that is made again after it was undone counts anew', () => {
    const ledger = readLedger([made(first), { judged: '1', verdict: turnedDown }, { undone: '1' }, made(first)]);
    expect(findMade(ledger, '1')).toMatchObject({ undone: false, verdict: undefined });
  });
});
