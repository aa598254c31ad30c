import { checkInteger, checkKeys, checkName, checkTime, describe, SymphonyError, type PageQuery } from '@symphony/core';

/** What all lists take. Filters narrow each other. */
export interface ListPage {
  /** Exactly this name. */
  readonly name?: string;
  /** Only what was created at this time or later: a Date or epoch milliseconds. */
  readonly createdFrom?: Date | number;
  /** Only what was created before this time. */
  readonly createdBefore?: Date | number;
  /** Default `ascending`: the oldest first. */
  readonly order?: 'ascending' | 'descending';
  /** The id of the last entry of the page before. */
  readonly after?: string;
  /** 1 to 1,000. Default 100. */
  readonly limit?: number;
}

/** The options of {@link ListPage}. */
const pageKeys = [
  'name',
  'createdFrom',
  'createdBefore',
  'order',
  'after',
  'limit',
] as const satisfies readonly (keyof ListPage)[];

/**
 * Checks what a caller asked for.
 *
 * @param keys the filters that this list has besides those of {@link ListPage}
 * @throws SymphonyError `INVALID_ARGUMENT`, `INVALID_NAME`
 */
export function toPageQuery(given: ListPage, keys: readonly string[], what: string): PageQuery {
  checkKeys(given, [...keys, ...pageKeys], what);
  const { name, createdFrom, createdBefore, order, after, limit } = given;
  return {
    limit: limit === undefined ? 100 : checkInteger(limit, 'limit', 1, 1_000),
    ...(name === undefined ? {} : { name: checkName(name, 'name') }),
    ...(createdFrom === undefined ? {} : { createdFrom: checkTime(createdFrom, 'createdFrom') }),
    ...(createdBefore === undefined ? {} : { createdBefore: checkTime(createdBefore, 'createdBefore') }),
    ...(order === undefined ? {} : { order: oneOf(order, ['ascending', 'descending'], 'order') }),
    ...(after === undefined ? {} : { after: checkName(after, 'after') }),
  };
}

/** One of a few words, or several of them. */
export function someOf<Word extends string>(
  value: Word | readonly Word[],
  words: readonly Word[],
  what: string,
): readonly Word[] {
  const given = Array.isArray(value) ? Array.from(value as readonly Word[]) : [value as Word];
  return given.map((each) => oneOf(each, words, what));
}

function oneOf<Word extends string>(value: Word, words: readonly Word[], what: string): Word {
  if (words.includes(value)) return value;
  throw new SymphonyError('INVALID_ARGUMENT', `${what} must be one of ${words.join(', ')}, got ${describe(value)}.`);
}
