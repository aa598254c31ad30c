import { SymphonyError, type Clock } from '@symphony/core';

/** Longest time between two tries. */
const longestNapMs = 1_000;

/**
 * Asks the store again and again while it is away: an outage must cost an attempt nothing.
 *
 * @param isOver says that nobody waits for the answer any more
 * @throws what the store throws, unless it is `STORE_FAILED` or `STORE_FULL`; these too once it is over
 */
export async function patiently<T>(
  clock: Clock,
  isOver: () => boolean,
  ask: (tries: number) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask(tries);
    } catch (error) {
      if (!SymphonyError.is(error, 'STORE_FAILED') && !SymphonyError.is(error, 'STORE_FULL')) throw error;
      if (isOver()) throw error;
      await new Promise<void>((resolve) => void clock.setTimer(resolve, Math.min(longestNapMs, 20 * 2 ** tries)));
    }
  }
}
