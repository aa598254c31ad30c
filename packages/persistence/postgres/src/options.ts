import pg from 'pg';
import { checkDuration, checkKeys, describe, SymphonyError, type Clock } from '@symphony/core';

/** How a PostgreSQL store is opened. */
export interface PostgresStoreOptions {
  /**
   * `postgres://user:password@host:5432/database`, with the parameters that `pg` knows, such as `sslmode`, and `schema`.
   * What it leaves out comes from the usual variables: `PGHOST`, `PGUSER`, `PGPASSWORD` and so on.
   */
  readonly url: string;
  /** The schema that holds the tables, created if it is missing. Default: the URL's `schema`, else `symphony`. */
  readonly schema?: string;
  /** How long a call is tried again while the server is away, in milliseconds. Default 5,000. */
  readonly patienceMs?: number;
  /** Where time comes from, for tests. Default: the clock of the server. */
  readonly clock?: Clock;
}

/** Options that have been checked. */
export interface Settings {
  readonly connectionString: string;
  /** Where the store is, as messages say it: without user and password. */
  readonly place: string;
  readonly schema: string;
  readonly patienceMs: number;
  readonly clock: Clock | undefined;
}

/** Longest name of a schema in bytes; the server would cut a longer one, and two stores would meet in one schema. */
const schemaLimit = 63;

/**
 * Checks options. No message holds the URL, since that may hold a password.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`
 */
export function checkOptions(options: PostgresStoreOptions): Settings {
  checkKeys(options, ['url', 'schema', 'patienceMs', 'clock'], 'PostgresStore.open');
  const { url } = options;
  if (typeof url !== 'string' || !/^postgres(ql)?:\/\//.test(url)) throw invalidUrl('it must begin with postgres://');
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw invalidUrl('special characters in its user or password must be written as %XX');
  }
  const schema = checkSchema(options.schema ?? parsed.searchParams.get('schema') ?? 'symphony');
  parsed.searchParams.delete('schema');
  const connectionString = parsed.href;
  return {
    connectionString,
    place: placeOf(connectionString),
    schema,
    patienceMs: options.patienceMs === undefined ? 5_000 : checkDuration(options.patienceMs, 'patienceMs', 0),
    clock: options.clock,
  };
}

function checkSchema(schema: unknown): string {
  const isName = typeof schema === 'string' && schema !== '' && !schema.includes('\0') && schema.isWellFormed();
  if (!isName || Buffer.byteLength(schema) > schemaLimit || schema.startsWith('pg_')) {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `schema must be a name of at most ${schemaLimit} bytes that does not begin with pg_, got ${describe(schema)}.`,
      { details: { what: 'schema' } },
    );
  }
  return schema;
}

function placeOf(connectionString: string): string {
  try {
    const { host, port, database } = new pg.Client({ connectionString });
    return `database "${database ?? ''}" at ${host.startsWith('/') ? host : `${host}:${port}`}`;
  } catch {
    throw invalidUrl('its parameters cannot be read');
  }
}

function invalidUrl(problem: string): SymphonyError {
  return new SymphonyError(
    'INVALID_ARGUMENT',
    `The URL of a PostgreSQL store is postgres://user:password@host:port/database; ${problem}.`,
    { details: { what: 'url' } },
  );
}
