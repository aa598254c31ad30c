/** Where time comes from. Tests pass one they can move; see `@symphony/testing`. */
export interface Clock {
  /** Wall time in epoch milliseconds: for what people read and for `dueAt`. */
  now(): number;
  /** Milliseconds on a clock that never jumps: for measuring durations and for local leases. */
  monotonic(): number;
  /**
   * Calls back once, `delayMs` from now, and returns what cancels it. Any delay works, also beyond the 24.8 days at which
   * `setTimeout` overflows. A background timer does not keep the process alive.
   */
  setTimer(callback: () => void, delayMs: number, options?: { readonly background?: boolean }): () => void;
}

/** The longest delay that `setTimeout` takes; above it Node fires at once. */
const longestTimeout = 2 ** 31 - 1;

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => Number(process.hrtime.bigint() / 1_000n) / 1_000,
  setTimer(callback, delayMs, options = {}) {
    let timer: NodeJS.Timeout;
    const wait = (left: number): void => {
      timer = setTimeout(
        () => (left > longestTimeout ? wait(left - longestTimeout) : callback()),
        Math.min(left, longestTimeout),
      );
      if (options.background === true) timer.unref();
    };
    wait(Math.max(0, delayMs));
    return () => clearTimeout(timer);
  },
};

/** Waits on a clock. Rejects with the signal's reason when it aborts first. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const aborted = (): void => {
      cancel();
      reject(signal?.reason as Error);
    };
    const cancel = clock.setTimer(() => {
      signal?.removeEventListener('abort', aborted);
      resolve();
    }, delayMs);
    signal?.addEventListener('abort', aborted, { once: true });
  });
}
