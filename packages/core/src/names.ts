import { SymphonyError } from './errors.ts';

/** The longest name, id, tag or key in characters. */
export const nameLimit = 256;

/**
 * Checks a name, id, key or tag: well-formed Unicode without control characters, 1 to 256 characters, no white space at
 * either end.
 *
 * @param what how the caller calls it, for the message
 * @throws SymphonyError `INVALID_NAME`
 */
export function checkName(value: unknown, what: string): string {
  if (typeof value !== 'string') throw invalid(what, `must be a string, got ${value === null ? 'null' : typeof value}`);
  if (value === '') throw invalid(what, 'must not be empty');
  if (value.length > nameLimit) throw invalid(what, `must have at most ${nameLimit} characters, got ${value.length}`);
  if (!value.isWellFormed()) throw invalid(what, 'holds half of a surrogate pair');
  if (/\p{Cc}/u.test(value)) throw invalid(what, 'holds a control character');
  if (value.trim() !== value) throw invalid(what, 'begins or ends with white space');
  return value;
}

function invalid(what: string, problem: string): SymphonyError {
  return new SymphonyError('INVALID_NAME', `${what} ${problem}.`, { details: { what } });
}

/** The most names in one list. */
const namesLimit = 1_000;

/** Checks a list of names and leaves out repeats. */
export function checkNames(value: unknown, what: string): readonly string[] {
  if (!Array.isArray(value))
    throw new SymphonyError('INVALID_ARGUMENT', `${what} must be an array of strings.`, { details: { what } });
  if (value.length > namesLimit) {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `${what} must hold at most ${namesLimit} strings, got ${value.length}.`,
      { details: { what } },
    );
  }
  // Array.from and not map, which passes over holes.
  return [...new Set(Array.from(value, (item: unknown, index) => checkName(item, `${what}[${index}]`)))];
}

/** Checks a whole number within bounds. */
export function checkInteger(
  value: unknown,
  what: string,
  minimum: number,
  maximum: number = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < minimum || value > maximum) {
    const range = maximum === Number.MAX_SAFE_INTEGER ? `from ${minimum} up` : `from ${minimum} to ${maximum}`;
    throw new SymphonyError('INVALID_ARGUMENT', `${what} must be a whole number ${range}, got ${describe(value)}.`, {
      details: { what },
    });
  }
  return value;
}

/** Checks a finite number within bounds. */
export function checkNumber(value: unknown, what: string, minimum: number, maximum: number): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < minimum || value > maximum) {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `${what} must be a number from ${minimum} to ${maximum}, got ${describe(value)}.`,
      { details: { what } },
    );
  }
  return value;
}

/** The longest duration: ten years, in milliseconds. */
export const longestDuration = 10 * 366 * 24 * 60 * 60 * 1000;

/** Checks a duration in milliseconds, from 1 to ten years. */
export function checkDuration(value: unknown, what: string, minimum = 1): number {
  return checkInteger(value, what, minimum, longestDuration);
}

/** Refuses what is no object of options, and keys that are not in the list, so that a typo is not silently ignored. */
export function checkKeys(value: object, known: readonly string[], what: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `${what} takes an object with ${known.join(', ')}, got ${describe(value)}.`,
      { details: { what } },
    );
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw new SymphonyError('INVALID_ARGUMENT', `${what} has no option "${key}". It takes ${known.join(', ')}.`, {
        details: { what, key },
      });
    }
  }
}

/** Checks a point in time: epoch milliseconds or a Date, between the years 1970 and 9999. */
export function checkTime(value: unknown, what: string): number {
  const time: unknown = value instanceof Date ? value.getTime() : value;
  return checkInteger(time, `${what} (a Date or epoch milliseconds)`, 0, 253_402_300_799_999);
}

/** A value as an error message shows it: short and without control characters. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'undefined' || value === null)
    return String(value);
  if (typeof value === 'object') return Array.isArray(value) ? 'an array' : 'an object';
  return `a ${typeof value}`;
}
