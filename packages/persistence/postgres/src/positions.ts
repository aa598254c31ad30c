import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';
import { statement, Trip } from './trip.ts';

// A reader that has read up to a position must never miss an event, and positions are given before they are committed: a
// later one may be there while an earlier one is still to come. Numbers of transactions do not tell, since a transaction
// with a lower number may take the higher position. So whoever is about to take positions holds a lock that says behind
// which one they will be, until its transaction has ended, and readers stop at the lowest of these.

/** Bits of a lock's key that hold the position; the others are the store's. */
const positionBits = 40n;

/** The last position that was given, committed or not. */
const lastGiven = 'CASE WHEN is_called THEN last_value ELSE last_value - 1 END';

/** Makes readers stop before the positions that this transaction takes from now on. */
export const boundPositions = statement(
  `SELECT pg_advisory_xact_lock_shared($1::bigint | ${`(${lastGiven})`}) FROM events_position_seq`,
);

const readLastGiven = `SELECT ${lastGiven} FROM events_position_seq`;

const readBound = statement(
  `SELECT min((classid::bigint & 255) << 32 | objid::bigint) FROM pg_locks
   WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 8 = $1::bigint >> ${positionBits}
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
);

/** What tells the advisory locks of this schema from others: the upper bits of their keys. */
export function storeKey(schema: string): string {
  const hash = createHash('sha256').update(`symphony ${schema}`).digest();
  // 23 bits, so that the key stays positive, and not zero, which is where small keys of others lie.
  const upper = BigInt(hash.readUInt32BE(0) >>> 9) | 1n;
  return String(upper << positionBits);
}

/** Adds to a trip what finds the last position that a reader may be shown. What it reads has to be asked for behind this. */
export function addHorizon(trip: Trip, key: string, use: (horizon: number) => void): void {
  let given = 0;
  trip.add(readLastGiven, [], ({ rows }) => (given = rows[0]?.[0] as number));
  // Asked second: who takes its lock later than this takes positions behind the ones given until then.
  trip.add(readBound, [key], ({ rows }) => use(Math.min(given, (rows[0]?.[0] as number | null) ?? given)));
}

/** The last position that was given, committed or not: it changes with every event. */
export async function readLastPosition(client: ClientBase): Promise<number> {
  let given = 0;
  const trip = new Trip();
  trip.add(readLastGiven, [], ({ rows }) => (given = rows[0]?.[0] as number));
  await trip.send(client);
  return given;
}
