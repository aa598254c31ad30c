import { randomUUID } from 'node:crypto';
import type { ClientBase } from 'pg';
import { delay, SymphonyError, systemClock } from '@symphony/core';
import { codeOf } from './errors.ts';
import { ask, statement, type Trip } from './trip.ts';

/*
 * How the end of a transaction is found out whose connection was lost in COMMIT. The server can be asked what became of a
 * transaction number; but a server that crashed knows only those that reached its log, and gives the others again: to
 * transactions of anybody. So each transaction leaves a mark of its own in what it writes, and one that has left none yet
 * may still do so only as long as its number is in progress and its own process of the server lives.
 */

/** What one transaction leaves behind if it is committed. */
export interface Mark {
  /** Of the connection: each runs one transaction at a time, and one that was lost runs no other. */
  readonly connection: string;
  /** Of the transaction, among those of its connection. */
  readonly number: number;
  /** Of the transaction, as the server counts them until it crashes. */
  readonly transactionId: string;
  /** The process of the server that carries it out. */
  readonly backend: number;
}

const known = new WeakMap<ClientBase, { readonly connection: string; count: number }>();

/** The mark of the transaction that a connection is in. */
export function markOf(client: ClientBase, of: Pick<Mark, 'transactionId' | 'backend'>): Mark {
  let connection = known.get(client);
  if (connection === undefined) known.set(client, (connection = { connection: randomUUID(), count: 0 }));
  connection.count++;
  return { connection: connection.connection, number: connection.count, ...of };
}

const leaveMark = statement(
  `INSERT INTO commits (connection, number, at) VALUES ($1::uuid, $2::bigint, now())
   ON CONFLICT (connection) DO UPDATE SET number = excluded.number, at = excluded.at`,
);

/** The marks of connections that are gone, long after anybody could ask for them; a few at a time, and nobody waits for another. */
const removeOldMarks = statement(
  `DELETE FROM commits WHERE connection IN (
     SELECT connection FROM commits WHERE at < now() - make_interval(days => $1::integer) LIMIT 1000 FOR UPDATE SKIP LOCKED)`,
);
const markDays = 1;

/** Adds to the last trip of a transaction what leaves its mark. */
export function addMark(trip: Trip, { connection, number }: Mark): void {
  trip.add(leaveMark, [connection, number]);
  if (number === 1) trip.add(removeOldMarks, [markDays]);
}

/** How often a transaction that still runs is asked after, and how long. */
const askAgainMs = 50;
const askLimit = 200;

/**
 * What became of a transaction whose connection was lost: the server may still be at it.
 *
 * @throws SymphonyError `STORE_FAILED` if it still is after ten seconds
 */
export async function becameOf(client: ClientBase, mark: Mark): Promise<'committed' | 'undone'> {
  for (let asked = 0; asked < askLimit; asked++) {
    // In this order: one that has ended since it was asked after has left its mark by then, or never will.
    const goesOn = await isInProgress(client, mark);
    if (await isThere(client, mark)) return 'committed';
    if (!goesOn) return 'undone';
    await delay(systemClock, askAgainMs);
  }
  throw new SymphonyError('STORE_FAILED', 'The server has not said whether it carried out the request.');
}

/** What the server calls the number of a transaction that it has not given yet, or not again since it crashed. */
const unknownTransaction = '22023';

const readProgress = statement(
  `SELECT pg_xact_status($1::text::xid8) = 'in progress' AND EXISTS (SELECT FROM pg_stat_activity WHERE pid = $2::integer)`,
);

async function isInProgress(client: ClientBase, { transactionId, backend }: Mark): Promise<boolean> {
  try {
    return (await ask(client, readProgress, [transactionId, backend])).rows[0]?.[0] === true;
  } catch (error) {
    if (codeOf(error) === unknownTransaction) return false;
    throw error;
  }
}

async function isThere(client: ClientBase, { connection, number }: Mark): Promise<boolean> {
  const sql = statement('SELECT 1 FROM commits WHERE connection = $1::uuid AND number = $2::bigint');
  return (await ask(client, sql, [connection, number])).rows.length > 0;
}
