import { describe, expect, test } from 'vitest';
import { applyChanges, invertChanges, rebaseChanges, type Change } from './edits.ts';

const text = 'one two three four';
const edits: readonly Change[] = [
  { start: 8, end: 13, text: 'drei' },
  { start: 0, end: 3, text: 'eins' },
  { start: 18, end: 18, text: '!' },
];

describe('edits', () => {
  test('changes are applied in the order of the text, however they are given', () => {
    expect(applyChanges(text, edits)).toBe('eins two drei four!');
  });

  test('the inverse of changes leads back', () => {
    expect(applyChanges(applyChanges(text, edits), invertChanges(text, edits))).toBe(text);
  });

  test('changes that overlap are refused', () => {
    const overlapping = [
      { start: 0, end: 5, text: '' },
      { start: 4, end: 8, text: '' },
    ];
    expect(() => applyChanges(text, overlapping)).toThrow(RangeError);
  });

  test('changes move along with what was changed before them', () => {
    const earlier = [{ start: 0, end: 3, text: 'zero and one' }];
    const moved = rebaseChanges([{ start: 8, end: 13, text: 'drei' }], earlier);
    expect(applyChanges(applyChanges(text, earlier), moved!)).toBe('zero and one two drei four');
  });

  test('changes stay where they are when only what comes behind them was changed', () => {
    const change = { start: 0, end: 3, text: 'eins' };
    expect(rebaseChanges([change], [{ start: 14, end: 18, text: 'vier' }])).toEqual([change]);
  });

  test('changes of a place that has been changed already cannot be moved', () => {
    expect(rebaseChanges([{ start: 4, end: 7, text: 'zwei' }], [{ start: 5, end: 6, text: '?' }])).toBeUndefined();
    expect(rebaseChanges([{ start: 4, end: 4, text: 'a' }], [{ start: 4, end: 4, text: 'b' }])).toBeUndefined();
  });
});
