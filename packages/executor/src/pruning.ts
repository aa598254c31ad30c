import { defaults, SymphonyError } from '@symphony/core';
import type { ExecutorServices } from './services.ts';

/** Removes in small batches what is older than the retention, now and every minute. Answers with what stops it. */
export function startPruning({ store, clock, logger, retention }: ExecutorServices): () => void {
  if (retention === undefined) return () => undefined;
  let stopped = false;
  let cancel: () => void = () => undefined;
  const prune = async (): Promise<number> => {
    try {
      const { more } = await store.prune({ olderThanMs: retention.finishedMs, limit: defaults.pruneLimit });
      // Between two batches others get to write.
      return more ? defaults.prunePauseMs : defaults.pruneMs;
    } catch (error) {
      if (!SymphonyError.is(error, 'STORE_CLOSED')) logger.warn({ error }, 'Old records could not be removed.');
      return defaults.pruneMs;
    }
  };
  const round = (): void =>
    void prune().then((pauseMs) => {
      if (!stopped) cancel = clock.setTimer(round, pauseMs, { background: true });
    });
  // Not at once: a process that starts has better things to do.
  cancel = clock.setTimer(round, defaults.pruneMs / 10, { background: true });
  return () => {
    stopped = true;
    cancel();
  };
}
