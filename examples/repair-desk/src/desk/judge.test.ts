import { describe, expect, test } from 'vitest';
import type { Finding } from './compiler.ts';
import { judge, type Verdict } from './judge.ts';

const finding = (file: string, message: string): Finding => ({ file, start: 0, length: 1, code: 1, message });
const before = [finding('a.js', 'target'), finding('a.js', 'other'), finding('b.js', 'third')];
const target = { message: 'target' };
const verdict = (after: readonly Finding[], mayReveal = true): Verdict =>
  judge({ edited: 'a.js', target, before, after, mayReveal });

describe('the verdict', () => {
  test('an edit is kept if it lowers the error count and its own error is gone', () => {
    expect(verdict(before.slice(1))).toEqual({ kept: true, before: 3, after: 2, reason: '' });
  });

  test('an edit that only exchanges one error for another is turned down', () => {
    const after = [finding('a.js', 'new'), ...before.slice(1)];
    expect(verdict(after)).toMatchObject({ kept: false, reason: '3 errors before, 3 after' });
  });

  test('an edit that makes another file worse is turned down, whatever the sum', () => {
    const after = [finding('b.js', 'third'), finding('b.js', 'new')];
    expect(verdict(after)).toMatchObject({ kept: false, reason: 'it adds errors in b.js' });
  });

  test('an edit that repairs something else is turned down', () => {
    const after = [finding('a.js', 'target'), finding('b.js', 'third')];
    expect(verdict(after).kept).toBe(false);
  });

  test('an edit that brings another error to light is kept only where it may', () => {
    const many = [...before, finding('a.js', 'target')];
    const after = [finding('a.js', 'other'), finding('a.js', 'fresh'), finding('b.js', 'third')];
    const of = { edited: 'a.js', target, before: many, after };
    expect(judge({ ...of, mayReveal: true }).kept).toBe(true);
    expect(judge({ ...of, mayReveal: false })).toMatchObject({ kept: false, reason: 'it brings a new error: fresh' });
  });
});
