import {
  checkDuration,
  checkKeys,
  defaults,
  describe,
  SymphonyError,
  terminalTaskEvents,
  type Clock,
  type EventType,
  type Store,
  type SymphonyEvent,
} from '@symphony/core';
import { Bell } from './bell.ts';
import { checkFollow, followLog, type Followed, type FollowOptions } from './follow-log.ts';

/** How long to wait, and what ends the wait. */
export interface WaitOptions {
  readonly signal?: AbortSignal;
  /** Default: for ever. */
  readonly timeoutMs?: number;
}

/** The events that somebody may wait for. */
const awaited: readonly EventType[] = [...terminalTaskEvents, 'workflow.settled'];

/** Events that are read at a time. */
const pageSize = 1_000;

/**
 * Waits for tasks and workflows to end, whichever process ends them: the store's doorbell says when to look, the log
 * says what happened. Costs a read per ring however many wait, and nothing while nobody does.
 */
export class LogFollower {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Set<() => void>>();
  /** The last event that was told; undefined until it is known where to begin. */
  #position: number | undefined;
  #reading: Promise<void> | undefined;
  #rung = false;
  #stop: (() => void) | undefined;
  #closed = false;
  readonly #bells = new Set<Bell>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Resolves with what `read` returns as soon as that is not undefined; it is read first, and again whenever the subject
   * has ended.
   *
   * @throws SymphonyError `WAIT_TIMEOUT`, `STORE_CLOSED`, `INVALID_ARGUMENT`; the signal's reason if it aborts
   */
  async waitFor<T>(subject: string, read: () => Promise<T | undefined>, options: WaitOptions = {}): Promise<T> {
    const { signal, timeoutMs } = checkWait(options);
    signal?.throwIfAborted();
    let wake: () => void = () => undefined;
    let fail: (error: Error) => void = () => undefined;
    let failure: Error | undefined;
    let rung = false;
    const ring = (): void => {
      rung = true;
      wake();
    };
    const stopWith = (error: Error): void => {
      failure = error;
      fail(error);
    };
    const aborted = (): void => stopWith(signal?.reason as Error);
    let cancelRetry: (() => void) | undefined;
    const readPatiently = async (): Promise<T | undefined> => {
      try {
        return await read();
      } catch (error) {
        // While the store is away, nothing is there to be read; it is looked for again.
        if (!SymphonyError.is(error, 'STORE_FAILED')) throw error;
        cancelRetry?.();
        cancelRetry = this.#clock.setTimer(ring, defaults.pollMs);
        return undefined;
      }
    };
    signal?.addEventListener('abort', aborted, { once: true });
    const cancelTimer =
      timeoutMs === undefined
        ? undefined
        : this.#clock.setTimer(
            () =>
              stopWith(
                new SymphonyError('WAIT_TIMEOUT', `${subject} has not ended within ${timeoutMs} ms; it goes on.`, {
                  details: { subject },
                }),
              ),
            timeoutMs,
          );
    try {
      this.#enter(subject, ring);
      for (;;) {
        rung = false;
        const value = await readPatiently();
        if (value !== undefined) return value;
        if (failure !== undefined) throw failure;
        if (this.#closed) throw closed(subject);
        if (rung) continue;
        await new Promise<void>((resolve, reject) => {
          wake = resolve;
          fail = reject;
        });
      }
    } finally {
      cancelTimer?.();
      cancelRetry?.();
      signal?.removeEventListener('abort', aborted);
      this.#leave(subject, ring);
    }
  }

  /**
   * Follows a log, and ends after its last event.
   *
   * @throws SymphonyError `INVALID_ARGUMENT`, `STORE_CLOSED`; the signal's reason
   */
  follow(followed: Followed, options?: FollowOptions): AsyncGenerator<SymphonyEvent, undefined> {
    const checked = checkFollow(options);
    let bell: Bell | undefined;
    let isLeft = false;
    const log = async function* (this: LogFollower): AsyncGenerator<SymphonyEvent, undefined> {
      bell = new Bell(this.#store, this.#clock, checked.signal);
      this.#bells.add(bell);
      const state = (): 'goes on' | 'left' | 'closed' => (isLeft ? 'left' : this.#closed ? 'closed' : 'goes on');
      try {
        yield* followLog(this.#store, bell, { ...followed, state }, checked);
      } finally {
        bell.stop();
        this.#bells.delete(bell);
      }
    }.call(this);
    const leave = log.return.bind(log);
    // By itself a generator that waits would hear of it with the next event only.
    log.return = (value) => {
      isLeft = true;
      bell?.ring();
      return leave(value);
    };
    return log;
  }

  /** Ends all waiting, for what has not ended yet with `STORE_CLOSED`; called before the store goes away. */
  close(): void {
    this.#closed = true;
    this.#stop?.();
    this.#stop = undefined;
    this.#ringAll();
    for (const bell of this.#bells) {
      bell.ring();
      bell.stop(); // whoever has stopped reading would never do so
    }
  }

  #enter(subject: string, ring: () => void): void {
    const rings = this.#waiting.get(subject) ?? new Set();
    rings.add(ring);
    this.#waiting.set(subject, rings);
    if (this.#stop !== undefined || this.#closed) return;
    this.#position = undefined;
    this.#stop = this.#listen();
    this.#look();
  }

  #leave(subject: string, ring: () => void): void {
    const rings = this.#waiting.get(subject);
    rings?.delete(ring);
    if (rings?.size === 0) this.#waiting.delete(subject);
    if (this.#waiting.size === 0) {
      this.#stop?.();
      this.#stop = undefined;
    }
  }

  #listen(): () => void {
    const unlisten = this.#store.onChange(() => this.#look());
    let cancel: () => void;
    const poll = (): void => {
      this.#look();
      cancel = this.#clock.setTimer(poll, defaults.pollMs);
    };
    // In the foreground: a program that waits for another process's result must not end meanwhile.
    cancel = this.#clock.setTimer(poll, defaults.pollMs);
    return () => {
      unlisten();
      cancel();
    };
  }

  #look(): void {
    this.#rung = true;
    if (this.#reading !== undefined) return;
    this.#reading = this.#read().finally(() => {
      this.#reading = undefined;
    });
  }

  async #read(): Promise<void> {
    while (this.#rung && this.#stop !== undefined) {
      this.#rung = false;
      try {
        if (this.#position === undefined) await this.#begin();
        else await this.#readOn(this.#position);
      } catch (error) {
        // While the store is away nobody hears anything; the poll goes on asking.
        if (SymphonyError.is(error, 'STORE_CLOSED')) this.close();
      }
    }
  }

  /** Finds out where the log ends now. What came before shows in the rows, so everybody looks there once more. */
  async #begin(): Promise<void> {
    this.#position = await this.#store.lastPosition();
    this.#ringAll();
  }

  async #readOn(after: number): Promise<void> {
    for (let from = after; ;) {
      const events = await this.#store.events({ types: awaited, after: from, limit: pageSize });
      for (const { subject, position } of events) {
        from = position;
        for (const ring of this.#waiting.get(subject) ?? []) ring();
      }
      this.#position = from;
      if (events.length < pageSize) return;
    }
  }

  #ringAll(): void {
    for (const rings of this.#waiting.values()) for (const ring of rings) ring();
  }
}

function checkWait(options: WaitOptions): WaitOptions {
  checkKeys(options, ['signal', 'timeoutMs'], 'the wait');
  if (options.timeoutMs !== undefined) checkDuration(options.timeoutMs, 'timeoutMs', 0);
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new SymphonyError('INVALID_ARGUMENT', `signal must be an AbortSignal, got ${describe(options.signal)}.`);
  }
  return options;
}

function closed(subject: string): SymphonyError {
  const message = `The store was closed while ${subject} was waited for; it goes on where others work on it.`;
  return new SymphonyError('STORE_CLOSED', message, { details: { subject } });
}
