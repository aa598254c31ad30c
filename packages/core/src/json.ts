import { SymphonyError, type ErrorCode } from './errors.ts';
import type { JsonValue } from './json-value.ts';

export type { JsonValue } from './json-value.ts';

/** The codes that {@link encodeJson} reports under; a result that cannot be stored has codes of its own. */
export interface JsonErrorCodes {
  readonly invalid: ErrorCode;
  readonly tooLarge: ErrorCode;
}

const inputCodes: JsonErrorCodes = { invalid: 'INVALID_JSON', tooLarge: 'PAYLOAD_TOO_LARGE' };

const encoder = new TextEncoder();

/** The deepest nesting that is stored. Deeper values are refused instead of overflowing the stack of whoever reads them. */
export const jsonDepthLimit = 512;

/**
 * Turns a value into JSON text, or refuses it naming the path of the part that is no JSON value.
 *
 * Accepted: null, finite numbers, strings, booleans, arrays, plain objects; `toJSON` is honoured, properties that are
 * `undefined` are dropped, a top-level `undefined` becomes null, -0 becomes 0. Refused: `undefined` or holes in arrays,
 * functions, symbols, BigInt, NaN, infinities, cycles, maps, sets and other class instances, keys named `__proto__`.
 *
 * @param value what to encode
 * @param what how the caller calls it, for the message: `input`, `output`
 * @param limit the largest text in UTF-8 bytes
 * @throws SymphonyError `INVALID_JSON` or `PAYLOAD_TOO_LARGE`, unless other codes are given
 */
export function encodeJson(value: unknown, what: string, limit: number, codes: JsonErrorCodes = inputCodes): string {
  const budget = { left: limit, limit, what, codes };
  const text = JSON.stringify(plain(value, what, budget, []) ?? null);
  // Text of n characters has at most 3n bytes: only what could be over is counted.
  const bytes = text.length * 3 <= limit ? 0 : encoder.encode(text).length;
  if (bytes > limit) throw tooLarge(budget, bytes);
  return text;
}

/**
 * Reads text that {@link encodeJson} wrote.
 *
 * @throws SymphonyError `STORE_CORRUPT` if somebody else has written over it
 */
export function decodeJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw new SymphonyError('STORE_CORRUPT', `What was stored is no JSON any more: ${text.slice(0, 60)}`, { cause });
  }
}

/** JSON text with object keys sorted, so that equal values give equal text. */
export function canonicalJson(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const object = value as { readonly [key: string]: JsonValue };
    const members = Object.keys(object)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonicalJson(object[key] as JsonValue)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value);
}

interface Budget {
  left: number;
  readonly limit: number;
  readonly what: string;
  readonly codes: JsonErrorCodes;
}

// Walks with a budget, so that a value far over the limit is refused before its text is ever built.
function plain(value: unknown, path: string, budget: Budget, parents: object[]): JsonValue | undefined {
  switch (typeof value) {
    case 'undefined':
      return undefined;
    case 'string':
      spend(budget, value.length + 2);
      return value;
    case 'boolean':
      spend(budget, 4);
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw refuse(budget, path, `the number ${String(value)}`);
      spend(budget, 1);
      return value;
    case 'object':
      if (value !== null) return plainObject(value, path, budget, parents);
      spend(budget, 4);
      return null;
    default:
      throw refuse(budget, path, `a ${typeof value}`);
  }
}

function plainObject(value: object, path: string, budget: Budget, parents: object[]): JsonValue | undefined {
  if (parents.includes(value)) throw refuse(budget, path, 'a cycle');
  if (parents.length >= jsonDepthLimit) throw refuse(budget, path, `nested deeper than ${jsonDepthLimit} levels`);
  const toJson: unknown = read(value, 'toJSON', path, budget);
  parents.push(value);
  try {
    if (typeof toJson === 'function') {
      return plain(
        guarded(() => (toJson as (key: string) => unknown).call(value, ''), path, budget),
        path,
        budget,
        parents,
      );
    }
    return Array.isArray(value) ? plainArray(value, path, budget, parents) : plainMembers(value, path, budget, parents);
  } finally {
    parents.pop();
  }
}

function plainArray(value: readonly unknown[], path: string, budget: Budget, parents: object[]): JsonValue {
  spend(budget, 2);
  const result: JsonValue[] = [];
  const length = guarded(() => value.length, path, budget);
  for (let index = 0; index < length; index++) {
    const itemPath = `${path}[${index}]`;
    const read = guarded(() => value[index], itemPath, budget);
    const item = plain(read, itemPath, budget, parents);
    if (item === undefined) throw refuse(budget, itemPath, 'undefined inside an array');
    result.push(item);
  }
  return result;
}

function plainMembers(value: object, path: string, budget: Budget, parents: object[]): JsonValue {
  const instanceOf = guarded(() => (isPlain(value) ? undefined : className(value)), path, budget);
  if (instanceOf !== undefined) throw refuse(budget, path, `an instance of ${instanceOf}`);
  spend(budget, 2);
  const result: Record<string, JsonValue> = {};
  for (const key of guarded(() => Object.keys(value), path, budget)) {
    const memberPath = `${path}.${key}`;
    if (key === '__proto__') throw refuse(budget, memberPath, 'a key named __proto__');
    const member = plain(read(value, key, memberPath, budget), memberPath, budget, parents);
    if (member === undefined) continue;
    spend(budget, key.length + 3);
    result[key] = member;
  }
  return result;
}

// The plain objects of another realm have a prototype of their own, which has none.
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  const isBare = prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
  return isBare && Object.prototype.toString.call(value) === '[object Object]';
}

function className(value: object): string {
  const named = value.constructor as { readonly name?: unknown } | undefined;
  return typeof named?.name === 'string' && named.name !== '' ? named.name : 'a class';
}

function read(value: object, key: string, path: string, budget: Budget): unknown {
  return guarded(() => (value as Record<string, unknown>)[key], path, budget);
}

function guarded<T>(action: () => T, path: string, budget: Budget): T {
  try {
    return action();
  } catch (cause) {
    throw refuse(budget, path, 'something that throws when it is read', cause);
  }
}

function spend(budget: Budget, characters: number): void {
  budget.left -= characters;
  if (budget.left < 0) throw tooLarge(budget);
}

function refuse(budget: Budget, path: string, what: string, cause?: unknown): SymphonyError {
  return new SymphonyError(
    budget.codes.invalid,
    `${path} is ${what}, which is no JSON value. Pass plain objects, arrays, strings, finite numbers, booleans or null.`,
    {
      details: { path },
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

function tooLarge(budget: Budget, got?: number): SymphonyError {
  return new SymphonyError(
    budget.codes.tooLarge,
    `${budget.what} is larger than the limit of ${budget.limit} bytes${got === undefined ? '' : ` (got ${got})`}. Store the data elsewhere and pass a reference.`,
    { details: { what: budget.what, limit: budget.limit, got } },
  );
}
