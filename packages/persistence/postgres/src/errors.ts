import { SymphonyError } from '@symphony/core';

/** What an error of the driver means for the transaction that met it. */
export type Trouble =
  /** Others were in the way: the transaction is decided anew on rows read anew. */
  | 'collision'
  /** The server or the way to it is gone: the transaction is tried again on another connection. */
  | 'lost'
  /** It may lie in one of the groups: they are tried apart. */
  | 'data'
  /** It is the same however often it is tried. */
  | 'lasting';

/** Codes of Node for connections that fail, break or never come about. */
const lostCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
  'EAI_AGAIN',
  'ENOENT', // the socket file of a server that is being restarted
]);

/** What the driver says, without a code, when a connection ends or does not come about in time. */
const lostMessages = [
  'Connection terminated',
  'Client has encountered a connection error',
  'Client was closed',
  'timeout exceeded when trying to connect',
  'Query read timeout',
  'timeout expired',
];

/** Deadlock, serialization, a key that another transaction has just taken, a lock that did not come. */
const collisions = new Set(['40001', '40P01', '23505', '55P03']);

/**
 * Shutdowns and restarts (57P…), no place for one more connection (53300), an idle transaction that was ended (25P03), and
 * a server that has become a standby (25006).
 */
const lostStates = new Set(['57P01', '57P02', '57P03', '57P05', '53300', '25P03', '25006']);

/** Something has changed since it was read, so that what was decided on it does not hold. */
export class Outdated extends Error {
  /** As the server calls it when it notices such a thing itself. */
  readonly code = '40001';

  constructor(what: string) {
    super(`${what} has changed since it was read`);
  }
}

/** The SQLSTATE, or the code of Node, that an error carries. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** What an error means for the transaction that met it. */
export function troubleOf(error: unknown): Trouble {
  const code = codeOf(error);
  if (code === undefined) {
    const message = messageOf(error);
    return lostMessages.some((start) => message.startsWith(start)) ? 'lost' : 'data';
  }
  if (collisions.has(code)) return 'collision';
  if (lostCodes.has(code) || lostStates.has(code) || code.startsWith('08')) return 'lost';
  // Data, constraints, limits, exceptions raised by triggers; a statement that took too long, or too much memory.
  return /^(21|22|23|54|P0|57014|53200)/.test(code) ? 'data' : 'lasting';
}

/** The coded error for what the driver threw during work. */
export function toStoreError(error: unknown): SymphonyError {
  if (SymphonyError.is(error)) return error;
  const code = codeOf(error);
  const message = messageOf(error);
  if (code === '53100') {
    return new SymphonyError(
      'STORE_FULL',
      'The disk of the database server is full: nothing was written. Free some space; work goes on by itself.',
      { cause: error },
    );
  }
  if (code === 'XX001' || code === 'XX002') {
    return new SymphonyError('STORE_CORRUPT', `The database is damaged (${message}). Restore it from a backup.`, {
      cause: error,
    });
  }
  return new SymphonyError('STORE_FAILED', `The store could not carry out the request: ${message}`, { cause: error });
}

/** What an error says; where it stands for several, what the first of them says. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
