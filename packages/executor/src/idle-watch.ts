import type { Clock } from '@symphony/core';

/** Looks that are taken at a silent agent before it counts as idle. */
const looks = 4;

/** Lateness of a timer up to which the process counts as awake, in milliseconds. */
const punctualMs = 50;

/**
 * Says once that an agent has given no sign of life for too long. What counts is time in which its process was awake: a
 * look that comes late shows that the process was stopped or busy, and the agent could not have done better meanwhile.
 */
export class IdleWatch {
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #onIdle: () => void;
  /** When the silence began, on the monotonic clock; later by what does not count. */
  #since: number;
  #wasLate = false;
  #pauses = 0;
  #cancel: () => void = () => undefined;

  constructor(clock: Clock, idleMs: number, onIdle: () => void) {
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#onIdle = onIdle;
    this.#since = clock.monotonic();
    this.#look(this.#since);
  }

  noteSign(): void {
    this.#since = this.#clock.monotonic();
    this.#wasLate = false;
  }

  /** Stands still while the agent waits for us; what it returns ends that, with a sign of life. */
  pause(): () => void {
    this.#pauses++;
    return () => {
      this.#pauses--;
      this.noteSign();
    };
  }

  stop(): void {
    this.#cancel();
  }

  #look(now: number): void {
    const leftMs = this.#idleMs - (now - this.#since);
    if (leftMs <= 0) {
      this.#onIdle();
      return;
    }
    const afterMs = Math.min(leftMs, this.#idleMs / looks);
    this.#cancel = this.#clock.setTimer(() => this.#lookAfter(now, afterMs), afterMs);
  }

  #lookAfter(lastAt: number, afterMs: number): void {
    const now = this.#clock.monotonic();
    const isLate = now - lastAt - afterMs > Math.max(punctualMs, afterMs / 10);
    if (this.#pauses > 0) this.noteSign();
    // Twice running it is late because the agent keeps the thread busy, which is no excuse.
    else if (isLate && !this.#wasLate) this.#since += now - Math.max(lastAt, this.#since);
    this.#wasLate = isLate;
    this.#look(now);
  }
}
