import { describe, expect, it } from 'vitest';
import {
  checkDuration,
  checkInteger,
  checkKeys,
  checkName,
  checkNames,
  checkNumber,
  checkTime,
  describe as show,
  longestDuration,
  nameLimit,
} from './index.ts';

const refusal = (code: string, message?: string): unknown =>
  expect.objectContaining({
    code,
    ...(message === undefined ? {} : { message: expect.stringContaining(message) as string }),
  });

describe('checkName', () => {
  it.each(['a', 'Größe', '日本', '👩‍🚀', 'two words', 'x'.repeat(nameLimit)])('takes %s', (name) => {
    expect(checkName(name, 'task name')).toBe(name);
  });

  it.each([
    ['', 'must not be empty'],
    ['x'.repeat(nameLimit + 1), `must have at most ${nameLimit} characters, got ${nameLimit + 1}`],
    ['\ud800', 'holds half of a surrogate pair'],
    ['a\u0000b', 'holds a control character'],
    ['a\nb', 'holds a control character'],
    ['a\u007fb', 'holds a control character'],
    ['a\u0085b', 'holds a control character'],
    [' a', 'begins or ends with white space'],
    ['a\u00a0', 'begins or ends with white space'],
    [null, 'must be a string, got null'],
    [undefined, 'must be a string, got undefined'],
    [7, 'must be a string, got number'],
    [{}, 'must be a string, got object'],
  ])('refuses %j: it %s', (value, problem) => {
    expect(() => checkName(value, 'task name')).toThrow(refusal('INVALID_NAME', `task name ${problem}`));
  });

  it('names what it refuses in the details', () => {
    expect(() => checkName('', 'tag')).toThrow(expect.objectContaining({ details: { what: 'tag' } }));
  });
});

describe('checkNames', () => {
  it('drops repeats and keeps the order', () => {
    expect(checkNames(['b', 'a', 'b'], 'tags')).toEqual(['b', 'a']);
  });

  it('refuses what is no array', () => {
    expect(() => checkNames('a', 'tags')).toThrow(refusal('INVALID_ARGUMENT', 'tags must be an array of strings'));
  });

  it('takes 1,000 names and no more', () => {
    const names = Array.from({ length: 1_001 }, (_, index) => `n${index}`);
    expect(checkNames(names.slice(1), 'tags')).toHaveLength(1_000);
    expect(() => checkNames(names, 'tags')).toThrow(
      refusal('INVALID_ARGUMENT', 'tags must hold at most 1000 strings, got 1001'),
    );
  });

  it('refuses holes', () => {
    expect(() => checkNames(Array(2), 'tags')).toThrow(refusal('INVALID_NAME', 'tags[0] must be a string'));
  });

  it('names the element that it refuses', () => {
    expect(() => checkNames(['a', ''], 'tags')).toThrow(refusal('INVALID_NAME', 'tags[1] must not be empty'));
  });
});

describe('checkInteger', () => {
  it('takes whole numbers within the bounds, both included', () => {
    expect([1, 2, 3].map((value) => checkInteger(value, 'n', 1, 3))).toEqual([1, 2, 3]);
    expect(checkInteger(Number.MAX_SAFE_INTEGER, 'n', 0)).toBe(Number.MAX_SAFE_INTEGER);
  });

  it.each([0, 4, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '2', null, undefined])(
    'refuses %o where 1 to 3 are allowed',
    (value) => {
      expect(() => checkInteger(value, 'n', 1, 3)).toThrow(
        refusal('INVALID_ARGUMENT', 'n must be a whole number from 1 to 3, got'),
      );
    },
  );

  it('says "from … up" where there is no upper bound', () => {
    expect(() => checkInteger(0, 'maxConcurrent', 1)).toThrow(
      refusal('INVALID_ARGUMENT', 'maxConcurrent must be a whole number from 1 up, got 0.'),
    );
  });
});

describe('checkNumber', () => {
  it('takes finite numbers within the bounds, both included', () => {
    expect([1, 1.5, 2].map((value) => checkNumber(value, 'x', 1, 2))).toEqual([1, 1.5, 2]);
  });

  it.each([0.9, 2.1, Number.NaN, '1', null])('refuses %o where 1 to 2 are allowed', (value) => {
    expect(() => checkNumber(value, 'x', 1, 2)).toThrow(
      refusal('INVALID_ARGUMENT', 'x must be a number from 1 to 2, got'),
    );
  });
});

describe('checkDuration', () => {
  it('takes 1 millisecond to ten years, and zero only where that is asked for', () => {
    expect(checkDuration(1, 'd')).toBe(1);
    expect(checkDuration(longestDuration, 'd')).toBe(longestDuration);
    expect(checkDuration(0, 'd', 0)).toBe(0);
    for (const value of [0, longestDuration + 1, 1.5])
      expect(() => checkDuration(value, 'd')).toThrow(refusal('INVALID_ARGUMENT'));
  });
});

describe('checkKeys', () => {
  it('refuses an option that does not exist, and says which do', () => {
    checkKeys({ a: 1 }, ['a', 'b'], 'options');
    expect(() => checkKeys({ aa: 1 }, ['a', 'b'], 'options')).toThrow(
      refusal('INVALID_ARGUMENT', 'options has no option "aa". It takes a, b.'),
    );
  });

  it.each([[null], ['text'], [[]]])('refuses %o in place of the options', (value) => {
    expect(() => checkKeys(value as object, ['a', 'b'], 'options')).toThrow(
      refusal('INVALID_ARGUMENT', 'options takes an object with a, b, got'),
    );
  });
});

describe('checkTime', () => {
  it('takes a Date or epoch milliseconds', () => {
    expect(checkTime(5, 'dueAt')).toBe(5);
    expect(checkTime(new Date(5), 'dueAt')).toBe(5);
  });

  it.each([new Date(Number.NaN), -1, 253_402_300_800_000, '2024-01-01'])('refuses %o', (value) => {
    expect(() => checkTime(value, 'dueAt')).toThrow(
      refusal('INVALID_ARGUMENT', 'dueAt (a Date or epoch milliseconds)'),
    );
  });
});

describe('a value in an error message', () => {
  it.each([
    ['a\n"b"', '"a\\n\\"b\\""'],
    ['x'.repeat(60), `"${'x'.repeat(60)}"`],
    ['x'.repeat(61), `"${'x'.repeat(60)}…"`],
    [1.5, '1.5'],
    [true, 'true'],
    [undefined, 'undefined'],
    [null, 'null'],
    [[1], 'an array'],
    [{}, 'an object'],
    [() => 1, 'a function'],
    [1n, 'a bigint'],
  ])('is short and printable: %s', (value, text) => {
    expect(show(value)).toBe(text);
  });
});
