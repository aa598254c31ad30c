import { describe, expect, test } from 'vitest';
import { isEmptyType, isTelling, joinTypes, listOf, splitUnion, withType } from './speak.ts';

describe('types in words', () => {
  test('a union is split at its own bars only', () => {
    expect(splitUnion('string | (a: number | null) => void | { b: 1 | 2 }')).toEqual([
      'string',
      '(a: number | null) => void',
      '{ b: 1 | 2 }',
    ]);
    expect(splitUnion('Record<string, number | null>')).toEqual(['Record<string, number | null>']);
  });

  test('null and undefined come last, and nothing comes twice', () => {
    expect(joinTypes(['undefined', 'null', 'string', 'undefined'])).toBe('string | null | undefined');
    expect(joinTypes([])).toBeUndefined();
  });

  test('a function type in a union gets brackets', () => {
    expect(joinTypes(['() => void', 'string'])).toBe('(() => void) | string');
    expect(joinTypes(['(() => void)', 'string'])).toBe('(() => void) | string');
    expect(joinTypes(['() => void'])).toBe('() => void');
  });

  test('a type that is there already is not added', () => {
    expect(withType('string | null', 'null')).toBe('string | null');
    expect(withType('string', 'number | null')).toBe('string | number | null');
  });

  test('a list of a union needs brackets', () => {
    expect(listOf('string')).toBe('string[]');
    expect(listOf('string | null')).toBe('(string | null)[]');
  });

  test('null and undefined alone say nothing', () => {
    expect(isEmptyType('null | undefined')).toBe(true);
    expect(isEmptyType('null | string')).toBe(false);
  });

  test('a type that says any is telling only where a function takes whatever comes', () => {
    expect(isTelling('Record<string, any>')).toBe(false);
    expect(isTelling('(...args: any[]) => void')).toBe(true);
    expect(isTelling('Company')).toBe(true);
  });
});
