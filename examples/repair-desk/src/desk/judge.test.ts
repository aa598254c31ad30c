import { describe, expect, test } from 'vitest';
import type { Finding } from './compiler.ts';
import { judge } from './judge.ts';

const finding = (file: string, message: string): Finding => ({ file, start: 0, length: 1, code: 1, message });
const before = [finding('a.js', 'target'), finding('a.js', 'other'), finding('b.js', 'third')];
const target = { message: 'target' };

describe('the verdict', () => {
  test('an edit is kept if it lowers the error count and its own error is gone', () => {
    expect(judge('a.js', before, before.slice(1), target)).toEqual({ kept: true, before: 3, after: 2, reason: '' });
  });

  test('an edit that only exchanges one error for another is turned down', () => {
    const after = [finding('a.js', 'new'), ...before.slice(1)];
    expect(judge('a.js', before, after, target)).toMatchObject({ kept: false, reason: '3 errors before, 3 after' });
  });

  test('an edit that makes another file worse is turned down, whatever the sum', () => {
    const after = [finding('b.js', 'third'), finding('b.js', 'new')];
    expect(judge('a.js', before, after, target)).toMatchObject({ kept: false, reason: 'it adds errors in b.js' });
  });

  test('an edit that repairs something else is turned down', () => {
    const after = [finding('a.js', 'target'), finding('b.js', 'third')];
    expect(judge('a.js', before, after, target).kept).toBe(false);
  });
});
