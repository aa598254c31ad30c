import { describe, expect, test } from 'vitest';
import { applyChanges, invertChanges, type Change } from './edits.ts';

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
});
