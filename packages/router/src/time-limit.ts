import type { Clock } from '@symphony/core';

/** Settles as `work` does, or rejects with what `expire` returns when the limit is over first. */
export function withinLimit<T>(work: Promise<T>, limitMs: number, clock: Clock, expire: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(() => reject(expire()), limitMs);
    work.then(resolve, reject).finally(cancel);
  });
}
