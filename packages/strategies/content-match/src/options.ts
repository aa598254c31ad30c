import type { Schema, SchemaIssue } from '@symphony/core';

/** What counts of an agent, and how much. */
export interface FieldWeights {
  readonly name: number;
  readonly role: number;
  readonly description: number;
  readonly capabilities: number;
  readonly examples: number;
}

/** Options of {@link contentMatch}; all may be left out. */
export interface ContentMatchOptions {
  /** How soon more occurrences of a word in an agent's texts stop counting. Default 1.2. */
  readonly k1: number;
  /** How much long texts count as diluted, from 0 to 1. Default 0.75. */
  readonly b: number;
  /** The score, from 0 to 1, below which an agent is not suitable. Default 0: one word in common is enough. */
  readonly minScore: number;
  /** How often an occurrence in a field counts. Default 1 for each. */
  readonly weights: FieldWeights;
}

/** Larger numbers would only make rounding errors. */
const largest = 1_000;

const defaultWeights: FieldWeights = { name: 1, role: 1, description: 1, capabilities: 1, examples: 1 };
const defaultOptions: ContentMatchOptions = { k1: 1.2, b: 0.75, minScore: 0, weights: defaultWeights };

/** Checks the options of content-match and fills in the defaults. */
export const contentMatchOptions: Schema<ContentMatchOptions> = {
  '~standard': {
    version: 1,
    vendor: 'symphony',
    validate(value) {
      const issues: SchemaIssue[] = [];
      const given = readObject(value, [], Object.keys(defaultOptions), issues);
      const weights = readObject(given['weights'], ['weights'], Object.keys(defaultWeights), issues);
      const options: ContentMatchOptions = {
        k1: readNumber(given, 'k1', defaultOptions.k1, largest, [], issues),
        b: readNumber(given, 'b', defaultOptions.b, 1, [], issues),
        minScore: readNumber(given, 'minScore', defaultOptions.minScore, 1, [], issues),
        weights: Object.fromEntries(
          Object.entries(defaultWeights).map(([field, weight]) => [
            field,
            readNumber(weights, field, weight as number, largest, ['weights'], issues),
          ]),
        ) as unknown as FieldWeights, // the same keys as defaultWeights
      };
      return issues.length === 0 ? { value: options } : { issues };
    },
  },
};

type Path = readonly string[];

function readObject(
  value: unknown,
  path: Path,
  keys: readonly string[],
  issues: SchemaIssue[],
): Record<string, unknown> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    issues.push({ path, message: 'must be an object' });
    return {};
  }
  for (const key of Object.keys(value)) {
    if (!keys.includes(key))
      issues.push({ path: [...path, key], message: `there is no such option, only ${keys.join(', ')}` });
  }
  return value as Record<string, unknown>;
}

function readNumber(
  object: Record<string, unknown>,
  key: string,
  fallback: number,
  maximum: number,
  path: Path,
  issues: SchemaIssue[],
): number {
  const value = object[key] === undefined ? fallback : object[key];
  if (typeof value === 'number' && value >= 0 && value <= maximum) return value;
  issues.push({ path: [...path, key], message: `must be a number from 0 to ${maximum}` });
  return fallback;
}
