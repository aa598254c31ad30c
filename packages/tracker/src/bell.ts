import { defaults, type Clock, type Store } from '@symphony/core';

/** Says when it is time to look at a store again: something may have changed in it, or nothing was heard for a while. */
export class Bell {
  readonly #stops: (() => void)[];
  readonly #clock: Clock;
  #rung = false;
  #wake: () => void = () => undefined;
  #cancelPoll: () => void = () => undefined;
  #stopped = false;

  /**
   * @param signal rings as well when it aborts
   */
  constructor(store: Store, clock: Clock, signal?: AbortSignal) {
    this.#clock = clock;
    const ring = (): void => this.ring();
    signal?.addEventListener('abort', ring, { once: true });
    this.#stops = [store.onChange(ring), () => signal?.removeEventListener('abort', ring)];
    this.#poll();
  }

  ring(): void {
    this.#rung = true;
    this.#wake();
  }

  /** Resolves at the first ring since the last wait began; at once if there was one meanwhile. */
  async rung(): Promise<void> {
    if (!this.#rung)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    this.#rung = false;
  }

  /** Rings no more by itself, and leaves nothing behind. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#cancelPoll();
    for (const stop of this.#stops) stop();
  }

  #poll(): void {
    // In the foreground: a program that follows another process's work must not end meanwhile.
    this.#cancelPoll = this.#clock.setTimer(() => {
      this.ring();
      this.#poll();
    }, defaults.pollMs);
  }
}
