import type { Clock } from '@symphony/core';

/** Options of {@link VirtualClock}. */
export interface VirtualClockOptions {
  /** Wall time at the start, in epoch milliseconds. Default: the first second of 2026. */
  readonly now?: number;
  /** The monotonic clock at the start. Default 1,000.5: not zero and not whole, since real ones are neither. */
  readonly monotonic?: number;
  /**
   * Waits until what time has set going has come to rest. Default: until no immediate and no file operation is under way
   * in this thread. Give one where the code under test waits for another thread or process.
   */
  readonly settle?: () => Promise<void>;
  /** How long in real time {@link VirtualClock.advanceUntil} waits when moving time does not help. Default 2,000. */
  readonly patienceMs?: number;
}

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly background: boolean;
  readonly callback: () => void;
}

/**
 * A clock that stands still until it is moved. Between one timer and the next it lets everything in this process come to
 * rest, so that a test passes years without sleeping.
 *
 * @example
 * const clock = new VirtualClock();
 * const waiting = delay(clock, 60_000);
 * await clock.advanceUntil(waiting);
 */
export class VirtualClock implements Clock {
  readonly #settle: () => Promise<void>;
  readonly #patienceMs: number;
  readonly #timers: Timer[] = [];
  #wall: number;
  #monotonic: number;
  #order = 0;

  constructor(options: VirtualClockOptions = {}) {
    this.#wall = options.now ?? Date.UTC(2026, 0, 1);
    this.#monotonic = options.monotonic ?? 1_000.5;
    this.#settle = options.settle ?? settleThread;
    this.#patienceMs = options.patienceMs ?? 2_000;
  }

  now(): number {
    return Math.floor(this.#wall);
  }

  monotonic(): number {
    return this.#monotonic;
  }

  setTimer(callback: () => void, delayMs: number, options: { readonly background?: boolean } = {}): () => void {
    const at = this.#monotonic + Math.max(0, delayMs);
    const timer: Timer = { at, order: this.#order++, background: options.background === true, callback };
    this.#timers.splice(this.#indexAfter(at), 0, timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index >= 0) this.#timers.splice(index, 1);
    };
  }

  /** Timers that have neither fired nor been cancelled, without those in the background. What is left after a test has leaked. */
  get pendingTimers(): number {
    return this.#timers.filter(({ background }) => !background).length;
  }

  /** Timers in the background that have neither fired nor been cancelled. */
  get pendingBackgroundTimers(): number {
    return this.#timers.length - this.pendingTimers;
  }

  /** Moves both clocks on and fires what falls due on the way, in the order of time. */
  async advance(ms: number): Promise<void> {
    const target = this.#monotonic + ms;
    await this.#settle();
    while (this.#fireNext(target)) await this.#settle();
    this.#moveTo(target);
    await this.#settle();
  }

  /**
   * Moves time from timer to timer until a promise settles or a predicate holds, and answers with what the promise
   * resolved to. Rejects as the promise does.
   *
   * @param options how far time may move. Default: an hour
   * @throws Error when the limit is reached, or no timer is left, and nothing happens for `patienceMs` either
   */
  async advanceUntil<T>(goal: Promise<T> | (() => boolean), options: { readonly limitMs?: number } = {}): Promise<T> {
    const { limitMs = 3_600_000 } = options;
    const limit = this.#monotonic + limitMs;
    let done = false;
    const stop = (): void => void (done = true);
    if (typeof goal !== 'function') goal.then(stop, stop);
    const reached = (): boolean => done || (typeof goal === 'function' && goal());
    for (;;) {
      await this.#settle();
      if (reached()) break;
      if (this.#fireNext(limit)) continue;
      if (await becomes(reached, this.#patienceMs)) break;
      const [next] = this.#timers;
      const left =
        next === undefined ? 'no timer is left' : `the next of ${this.#timers.length} timers is due after it`;
      throw new Error(`What advanceUntil waits for has not happened within ${limitMs} ms of virtual time; ${left}.`);
    }
    return typeof goal === 'function' ? (undefined as T) : goal;
  }

  /** Sets the wall clock on or back, as an administrator or a time server does; timers and the monotonic clock do not notice. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  #fireNext(limit: number): boolean {
    const [next] = this.#timers;
    if (next === undefined || next.at > limit) return false;
    this.#timers.shift();
    this.#moveTo(next.at);
    next.callback();
    return true;
  }

  #moveTo(monotonic: number): void {
    const ms = Math.max(0, monotonic - this.#monotonic);
    this.#monotonic += ms;
    this.#wall += ms;
  }

  #indexAfter(at: number): number {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#timers[middle] as Timer).at <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Turns of the event loop without work after which the thread counts as at rest. */
const quietTurns = 3;

/** Turns after which time goes on all the same: something may keep the loop busy for ever. */
const longestSettling = 2_000;

async function settleThread(): Promise<void> {
  let quiet = 0;
  for (let turns = 0; quiet < quietTurns && turns < longestSettling; turns++) {
    await turn();
    quiet = process.getActiveResourcesInfo().some(isWork) ? 0 : quiet + 1;
  }
}

function isWork(resource: string): boolean {
  return resource === 'Immediate' || resource.startsWith('FSReq');
}

async function becomes(reached: () => boolean, realMs: number): Promise<boolean> {
  for (const end = performance.now() + realMs; performance.now() < end;) {
    await turn();
    if (reached()) return true;
  }
  return false;
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
