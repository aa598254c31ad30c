import { defaults, SymphonyError, terminalTaskEvents, type Clock, type EventType, type Store } from '@symphony/core';

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
  #position = 0;
  #reading: Promise<void> | undefined;
  #rung = false;
  #stop: (() => void) | undefined;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Resolves with what `read` returns as soon as that is not undefined; it is read first, and again whenever the subject
   * has ended.
   *
   * @throws SymphonyError `WAIT_TIMEOUT`; the signal's reason if it aborts
   */
  async waitFor<T>(
    subject: string,
    read: () => Promise<T | undefined>,
    { signal, timeoutMs }: WaitOptions = {},
  ): Promise<T> {
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
      await this.#enter(subject, ring);
      for (;;) {
        rung = false;
        const value = await read();
        if (value !== undefined) return value;
        if (failure !== undefined) throw failure;
        if (rung) continue;
        await new Promise<void>((resolve, reject) => {
          wake = resolve;
          fail = reject;
        });
      }
    } finally {
      cancelTimer?.();
      signal?.removeEventListener('abort', aborted);
      this.#leave(subject, ring);
    }
  }

  /** Ends all waiting with `STORE_CLOSED` at the next look; called when the store goes away. */
  close(): void {
    this.#stop?.();
    this.#stop = undefined;
    for (const rings of this.#waiting.values()) for (const ring of rings) ring();
  }

  async #enter(subject: string, ring: () => void): Promise<void> {
    const rings = this.#waiting.get(subject) ?? new Set();
    rings.add(ring);
    this.#waiting.set(subject, rings);
    if (this.#stop === undefined) {
      this.#stop = this.#listen();
      this.#reading = this.#store.lastPosition().then((position) => {
        this.#position = position;
        this.#reading = undefined;
      });
    }
    // Only events after the position are told; what came before is found by the first read.
    await this.#reading;
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
      cancel = this.#clock.setTimer(poll, defaults.pollMs, { background: true });
    };
    cancel = this.#clock.setTimer(poll, defaults.pollMs, { background: true });
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
        for (;;) {
          const events = await this.#store.events({ types: awaited, after: this.#position, limit: pageSize });
          for (const { subject, position } of events) {
            this.#position = position;
            for (const ring of this.#waiting.get(subject) ?? []) ring();
          }
          if (events.length < pageSize) break;
        }
      } catch (error) {
        // The store is away: those who wait read it themselves and learn why.
        if (SymphonyError.is(error, 'STORE_CLOSED')) this.close();
      }
    }
  }
}
