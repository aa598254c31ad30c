import { checkDuration, checkKeys, defaults } from '@symphony/core';

/** How long what has ended is kept. */
export interface Retention {
  /** From the end of a task, or the settling of its workflow, in milliseconds. Default 30 days. */
  readonly finishedMs: number;
}

/**
 * Retention, complete; undefined where everything is kept for ever.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`
 */
export function checkRetention(given: Partial<Retention> | false | undefined): Retention | undefined {
  if (given === false) return undefined;
  const { finishedMs = defaults.retentionMs } = given ?? {};
  checkKeys(given ?? {}, ['finishedMs'], 'retention');
  return { finishedMs: checkDuration(finishedMs, 'retention.finishedMs', 0) };
}
