import { defaults } from './defaults.ts';
import { SymphonyError } from './errors.ts';
import { checkDuration, checkInteger, checkKeys, checkNumber } from './names.ts';

/** When and how often a failed task is tried again. What is left out falls back to {@link defaultBackoff} and the caller's default. */
export interface RetryPolicy {
  /** Retries after the first try: 3 means at most 4 tries. */
  readonly maxRetries?: number;
  /** Crashes in a row without a new step after which the task fails as poison. Default 3. */
  readonly maxCrashes?: number;
  /** The first delay in milliseconds. Default 1,000. */
  readonly initialDelayMs?: number;
  /** What the delay grows by from one retry to the next. Default 2. */
  readonly factor?: number;
  /** The longest delay in milliseconds. Default 60,000. */
  readonly maxDelayMs?: number;
  /** `full` draws the delay between 1 ms and the computed one, so that many failures do not return at once; `none` takes it as it is. Default `full`. */
  readonly jitter?: 'full' | 'none';
}

/** How delays grow where a policy does not say. */
export const defaultBackoff = { initialDelayMs: 1_000, factor: 2, maxDelayMs: 60_000, jitter: 'full' } as const;

/**
 * The delay before the next try: `initialDelayMs × factor^(failures − 1)`, at most `maxDelayMs`; with full jitter drawn
 * evenly from (0, that], as in "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), but never under a
 * millisecond unless the policy asks for zero.
 *
 * @param failures how many tries have failed, from 1
 * @param draw a number in [0, 1)
 */
export function backoffMs(policy: RetryPolicy, failures: number, draw: number): number {
  const initial = policy.initialDelayMs ?? defaultBackoff.initialDelayMs;
  const longest = policy.maxDelayMs ?? Math.max(defaultBackoff.maxDelayMs, initial);
  // The power may be infinite; zero times that would be no number.
  const grown = initial === 0 ? 0 : initial * (policy.factor ?? defaultBackoff.factor) ** Math.max(0, failures - 1);
  const computed = Math.min(longest, grown);
  if ((policy.jitter ?? defaultBackoff.jitter) === 'none') return Math.round(computed);
  return Math.ceil(computed * (1 - draw));
}

/**
 * Checks a policy and copies it.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`
 */
export function checkRetryPolicy(value: RetryPolicy, what = 'retry'): RetryPolicy {
  if (typeof value !== 'object' || value === null)
    throw new SymphonyError('INVALID_ARGUMENT', `${what} must be an object such as { maxRetries: 3 }.`);
  checkKeys(value, ['maxRetries', 'maxCrashes', 'initialDelayMs', 'factor', 'maxDelayMs', 'jitter'], what);
  if (value.maxRetries !== undefined) checkInteger(value.maxRetries, `${what}.maxRetries`, 0, 1_000_000);
  if (value.maxCrashes !== undefined) checkInteger(value.maxCrashes, `${what}.maxCrashes`, 1, 1_000_000);
  if (value.initialDelayMs !== undefined) checkDuration(value.initialDelayMs, `${what}.initialDelayMs`, 0);
  if (value.factor !== undefined) checkNumber(value.factor, `${what}.factor`, 1, 1_000);
  if (value.maxDelayMs !== undefined) checkDuration(value.maxDelayMs, `${what}.maxDelayMs`, 0);
  if (value.jitter !== undefined && value.jitter !== 'full' && value.jitter !== 'none') {
    throw new SymphonyError('INVALID_ARGUMENT', `${what}.jitter must be "full" or "none".`);
  }
  return { ...value };
}

/** Crashes in a row that a task may cost. */
export function maxCrashes(policy: RetryPolicy): number {
  return policy.maxCrashes ?? defaults.maxCrashes;
}
