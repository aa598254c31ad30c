import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createMakeId } from './index.ts';

it('an id is its kind and 26 characters of base 32', () => {
  const makeId = createMakeId({ now: () => 1_700_000_000_000 });
  expect(makeId('tsk')).toMatch(/^tsk_[0-9a-hjkmnp-tv-z]{26}$/);
  expect(makeId('wf')).toMatch(/^wf_/);
  expect(makeId('wrk')).toMatch(/^wrk_/);
});

it('an id has the layout of UUID version 7', () => {
  const time = 1_700_000_000_000;
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
  const text = createMakeId({ now: () => time })('tsk').slice(4);
  const bits = [...text].reduce((sum, character) => (sum << 5n) | BigInt(alphabet.indexOf(character)), 0n);
  expect(bits >> 80n).toBe(BigInt(time));
  expect((bits >> 76n) & 0xfn).toBe(7n);
  expect((bits >> 62n) & 0b11n).toBe(0b10n);
});

it('10,000 ids of one millisecond are unique and sort in the order in which they were made', () => {
  const makeId = createMakeId({ now: () => 1_700_000_000_000 });
  const ids = Array.from({ length: 10_000 }, () => makeId('tsk'));
  expect(new Set(ids).size).toBe(ids.length);
  expect([...ids].sort()).toEqual(ids);
});

it('ids sort in the order in which they were made, however the clock jumps', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 47 }), { minLength: 2, maxLength: 50 }), (times) => {
      let index = 0;
      const makeId = createMakeId({ now: () => times[index++] as number });
      const ids = times.map(() => makeId('wf'));
      expect([...ids].sort()).toEqual(ids);
    }),
  );
});

it('two processes that start in the same millisecond make different ids', () => {
  const clock = { now: () => 1_700_000_000_000 };
  const firsts = Array.from({ length: 1_000 }, () => createMakeId(clock)('tsk'));
  expect(new Set(firsts).size).toBe(firsts.length);
});
