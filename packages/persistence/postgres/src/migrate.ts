import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';
import pg from 'pg';
import { SymphonyError } from '@symphony/core';
import { migrations } from './migrations.ts';
import type { Settings } from './options.ts';
import { storeKey } from './positions.ts';
import { ask } from './trip.ts';

/** The oldest server that this is written for, as it numbers itself. */
const oldestServer = 140_000;

/** How long another process that migrates is waited for. */
const migrationMs = 60_000;

/**
 * Brings the schema to what this version of Symphony needs; several processes at once are normal. A schema that is not
 * ours or too new is left as it is.
 *
 * @throws SymphonyError `STORE_OPEN_FAILED`, `STORE_NOT_OURS`, `STORE_TOO_NEW`; and what the driver throws
 */
export async function migrate(client: ClientBase, settings: Settings): Promise<void> {
  await checkServer(client, settings);
  if ((await versionOf(client, settings)) === newest()) return;
  await ask(client, 'BEGIN');
  try {
    await ask(client, `SET LOCAL statement_timeout = ${migrationMs}; SET LOCAL lock_timeout = ${migrationMs}`);
    await ask(client, 'SELECT pg_advisory_xact_lock($1::bigint)', [storeKey(`migrations of ${settings.schema}`)]);
    // Read again under the lock: another process may have migrated meanwhile.
    const version = await versionOf(client, settings);
    if (version === undefined) await create(client, settings);
    for (const { number, name, sql } of migrations) {
      if (number <= (version ?? 0)) continue;
      await ask(client, sql);
      const checksum = createHash('sha256').update(sql).digest('hex');
      await ask(client, 'INSERT INTO symphony_migrations VALUES ($1::integer, $2::text, $3::text)', [
        number,
        name,
        checksum,
      ]);
    }
    await ask(client, 'COMMIT');
  } catch (error) {
    await ask(client, 'ROLLBACK');
    throw error;
  }
}

async function checkServer(client: ClientBase, { place }: Settings): Promise<void> {
  const { rows } = await ask(
    client,
    `SELECT current_setting('server_version_num')::integer, current_setting('server_version'),
       current_setting('server_encoding'), pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on'`,
  );
  const [number, version, encoding, isReadOnly] = rows[0] as [number, string, string, boolean];
  if (number < oldestServer)
    throw refusal(place, `it is PostgreSQL ${version}, and Symphony needs 14 or newer. Upgrade the server.`);
  if (encoding !== 'UTF8')
    throw refusal(place, `its encoding is ${encoding}, which cannot hold every text. Create a database with UTF8.`);
  if (isReadOnly) throw refusal(place, 'it can only be read, as a standby is. Name the primary.');
}

/** The number of the last migration; undefined where there is no table of ours yet. */
async function versionOf(client: ClientBase, { schema, place }: Settings): Promise<number | undefined> {
  const { rows } = await ask(
    client,
    `SELECT coalesce(bool_or(relname = 'symphony_migrations'), false), count(*)::integer FROM pg_class
     WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1::text) AND relkind IN ('r', 'p', 'v', 'm', 'f')`,
    [schema],
  );
  const [isOurs, relations] = rows[0] as [boolean, number];
  if (!isOurs) {
    if (relations === 0) return undefined;
    throw new SymphonyError(
      'STORE_NOT_OURS',
      `Schema "${schema}" of ${place} holds tables of another application; it was left as it is. Choose another schema.`,
      { details: { place, schema } },
    );
  }
  const found = await ask(client, 'SELECT coalesce(max(number), 0) FROM symphony_migrations');
  const version = found.rows[0]?.[0] as number;
  if (version > newest()) {
    throw new SymphonyError(
      'STORE_TOO_NEW',
      `Schema "${schema}" of ${place} has version ${version}, and this version of Symphony knows ${newest()}. Update the packages; the schema was left as it is.`,
      { details: { place, schema, got: version, want: newest() } },
    );
  }
  return version;
}

async function create(client: ClientBase, { schema }: Settings): Promise<void> {
  const { rows } = await ask(client, 'SELECT 1 FROM pg_namespace WHERE nspname = $1::text', [schema]);
  // CREATE SCHEMA IF NOT EXISTS would need a right that a role with a schema of its own does not have.
  if (rows.length === 0) await ask(client, `CREATE SCHEMA ${pg.escapeIdentifier(schema)}`);
  await ask(
    client,
    'CREATE TABLE symphony_migrations (number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL)',
  );
}

function newest(): number {
  return migrations.at(-1)?.number ?? 0;
}

function refusal(place: string, reason: string): SymphonyError {
  return new SymphonyError('STORE_OPEN_FAILED', `The ${place} cannot be used: ${reason}`, { details: { place } });
}
