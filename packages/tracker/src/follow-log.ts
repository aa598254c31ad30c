import {
  checkInteger,
  checkKeys,
  describe,
  SymphonyError,
  type EventQuery,
  type Store,
  type SymphonyEvent,
} from '@symphony/core';
import type { Bell } from './bell.ts';

/** Where to begin to follow a log, and what ends it. */
export interface FollowOptions {
  /** The position of the last event that is known already: only later ones come. Default 0, the beginning. */
  readonly after?: number;
  /** Ends the following; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** Whose log is followed. */
export interface Followed {
  /** The task or workflow whose last event is the last of all. */
  readonly subject: string;
  readonly query: Pick<EventQuery, 'subject' | 'workflowId'>;
  /** The number of the subject's last event if it has ended, undefined while it goes on. Throws if there is no such subject. */
  readonly end: () => Promise<number | undefined>;
}

/** The same, with whoever may end it from outside. */
export interface Following extends Followed {
  /** Whether the store is about to be closed, or nobody wants to read on. */
  readonly state: () => 'goes on' | 'left' | 'closed';
}

/** Events that are read at a time. */
const pageSize = 1_000;

/**
 * Yields events as they are recorded, by whichever process, and ends after the last one. Misses none and repeats none;
 * while the store cannot be reached it waits and goes on where it was.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`, `STORE_CLOSED`; the signal's reason
 */
export async function* followLog(
  store: Store,
  bell: Bell,
  { subject, query, end, state }: Following,
  { after, signal }: ReturnType<typeof checkFollow>,
): AsyncGenerator<SymphonyEvent, undefined> {
  let position = after;
  let seq = after === 0 ? 0 : undefined;
  for (;;) {
    signal?.throwIfAborted();
    if (state() === 'left') return;
    if (state() === 'closed') throw closed(subject);
    try {
      const page = await store.events({ ...query, after: position, limit: pageSize });
      for (const event of page) {
        position = event.position;
        if (event.subject === subject) seq = event.seq;
        yield event;
        signal?.throwIfAborted();
      }
      if (page.length === pageSize) continue;
      const last = await end();
      // The row may be ahead of the log that is readable, so it alone does not say that all has been read.
      if (last !== undefined) {
        seq ??= await seqAt(store, subject, position);
        if (seq >= last) return;
      }
    } catch (error) {
      if (!SymphonyError.is(error, 'STORE_FAILED')) throw error;
    }
    await bell.rung();
  }
}

/** The number of the subject's last event up to a position; 0 if there is none. */
async function seqAt(store: Store, subject: string, position: number): Promise<number> {
  let seq = 0;
  for (let from = 0; ;) {
    const page = await store.events({ subject, after: from, limit: pageSize });
    const known = page.filter((event) => event.position <= position);
    seq = known.at(-1)?.seq ?? seq;
    if (known.length < pageSize) return seq;
    from = page.at(-1)?.position ?? from;
  }
}

function closed(subject: string): SymphonyError {
  const message = `The store was closed while ${subject} was followed; it goes on where others work on it.`;
  return new SymphonyError('STORE_CLOSED', message, { details: { subject } });
}

/**
 * Follow options, complete.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`
 */
export function checkFollow(options: FollowOptions = {}): {
  readonly after: number;
  readonly signal: AbortSignal | undefined;
} {
  checkKeys(options, ['after', 'signal'], 'the options to follow with');
  const { after = 0, signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new SymphonyError('INVALID_ARGUMENT', `signal must be an AbortSignal, got ${describe(signal)}.`);
  return { after: checkInteger(after, 'after', 0), signal };
}
