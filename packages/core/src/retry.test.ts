import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  backoffMs,
  checkRetryPolicy,
  defaultBackoff,
  defaults,
  longestDuration,
  maxCrashes,
  type RetryPolicy,
} from './index.ts';

const almostOne = 1 - Number.EPSILON / 2;

const policies = fc.record(
  {
    initialDelayMs: fc.oneof(fc.nat(100_000), fc.constant(0), fc.constant(longestDuration)),
    factor: fc.double({ min: 1, max: 1_000, noNaN: true }),
    maxDelayMs: fc.oneof(fc.nat(1_000_000), fc.constant(longestDuration)),
    jitter: fc.constantFrom('full', 'none'),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<RetryPolicy>;
const draws = fc.double({ min: 0, max: almostOne, noNaN: true });
const failureCounts = fc.integer({ min: 1, max: 1_000_000 });

describe('the delay before the next try', () => {
  it('doubles from one second to one minute by default', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 8].map((failures) => backoffMs({}, failures, 0));
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('follows the policy', () => {
    const policy: RetryPolicy = { initialDelayMs: 10, factor: 3, maxDelayMs: 100, jitter: 'none' };
    expect([1, 2, 3, 4].map((failures) => backoffMs(policy, failures, 0.5))).toEqual([10, 30, 90, 100]);
  });

  it('is drawn evenly from above zero to the computed delay with full jitter', () => {
    expect(backoffMs({}, 1, 0)).toBe(1_000);
    expect(backoffMs({}, 1, 0.25)).toBe(750);
    expect(backoffMs({}, 1, almostOne)).toBe(1);
  });

  it('is not drawn without jitter', () => {
    expect(backoffMs({ jitter: 'none' }, 1, almostOne)).toBe(1_000);
  });

  it('is rounded to whole milliseconds', () => {
    expect(backoffMs({ initialDelayMs: 1, factor: 1.5, jitter: 'none' }, 2, 0)).toBe(2);
    expect(backoffMs({ initialDelayMs: 3, jitter: 'full' }, 1, 0.5)).toBe(2);
  });

  it('may be longer than a minute where only the first delay is given and is longer', () => {
    expect(backoffMs({ initialDelayMs: 90_000 }, 1, 0)).toBe(90_000);
    expect(backoffMs({ initialDelayMs: 90_000 }, 5, 0)).toBe(90_000);
  });

  it('is zero where the policy asks for zero, after any number of failures', () => {
    fc.assert(
      fc.property(failureCounts, fc.double({ min: 1, max: 1_000, noNaN: true }), draws, (failures, factor, draw) => {
        expect(backoffMs({ initialDelayMs: 0, factor }, failures, draw)).toBe(0);
        expect(backoffMs({ initialDelayMs: 0, factor, jitter: 'none' }, failures, draw)).toBe(0);
      }),
    );
  });

  it('is a whole number of milliseconds from 0 to the longest delay, whatever the policy', () => {
    fc.assert(
      fc.property(policies, failureCounts, draws, (policy, failures, draw) => {
        const delay = backoffMs(policy, failures, draw);
        const longest = policy.maxDelayMs ?? Math.max(defaultBackoff.maxDelayMs, policy.initialDelayMs ?? 0);
        expect(Number.isSafeInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(longest);
      }),
    );
  });

  it('is at least a millisecond unless the policy asks for zero', () => {
    fc.assert(
      fc.property(policies, failureCounts, draws, (policy, failures, draw) => {
        fc.pre(policy.initialDelayMs !== 0 && policy.maxDelayMs !== 0);
        expect(backoffMs(policy, failures, draw)).toBeGreaterThanOrEqual(1);
      }),
    );
  });

  it('never falls from one failure to the next without jitter', () => {
    fc.assert(
      fc.property(policies, failureCounts, (policy, failures) => {
        const fixed: RetryPolicy = { ...policy, jitter: 'none' };
        expect(backoffMs(fixed, failures + 1, 0)).toBeGreaterThanOrEqual(backoffMs(fixed, failures, 0));
      }),
    );
  });
});

describe('a retry policy is checked', () => {
  it('and copied', () => {
    const policy: RetryPolicy = {
      maxRetries: 0,
      maxCrashes: 1,
      initialDelayMs: 0,
      factor: 1,
      maxDelayMs: 0,
      jitter: 'none',
    };
    expect(checkRetryPolicy(policy)).toEqual(policy);
    expect(checkRetryPolicy(policy)).not.toBe(policy);
    expect(checkRetryPolicy({})).toEqual({});
    expect(checkRetryPolicy({ jitter: 'full' })).toEqual({ jitter: 'full' });
  });

  it.each<[string, unknown]>([
    ['retry must be an object such as { maxRetries: 3 }', null],
    ['retry must be an object such as { maxRetries: 3 }', 3],
    ['retry has no option "retries"', { retries: 3 }],
    ['retry.maxRetries must be a whole number from 0', { maxRetries: -1 }],
    ['retry.maxRetries must be a whole number from 0', { maxRetries: Number.POSITIVE_INFINITY }],
    ['retry.maxCrashes must be a whole number from 1', { maxCrashes: 0 }],
    ['retry.initialDelayMs must be a whole number from 0', { initialDelayMs: -1 }],
    ['retry.factor must be a number from 1', { factor: 0.5 }],
    ['retry.maxDelayMs must be a whole number from 0', { maxDelayMs: '1s' }],
    ['retry.jitter must be "full" or "none"', { jitter: 'some' }],
  ])('%s', (message, value) => {
    const expected = expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message) as string,
    }) as Error;
    expect(() => checkRetryPolicy(value as RetryPolicy)).toThrow(expected);
  });

  it('under the name that the caller gives it', () => {
    expect(() => checkRetryPolicy({ factor: 0 }, 'options.retry')).toThrow(/^options\.retry\.factor/);
  });
});

it('a task may crash its worker three times, unless its policy says otherwise', () => {
  expect(maxCrashes({})).toBe(defaults.maxCrashes);
  expect(maxCrashes({ maxCrashes: 7 })).toBe(7);
});
