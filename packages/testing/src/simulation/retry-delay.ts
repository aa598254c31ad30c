import type { CommitRequest, NewTaskRecord, SymphonyEvent } from '@symphony/core';
import { demand } from './violation.ts';

/** The next try comes when the policy of the task says, as its documentation puts it and not as the engine computes it. */
export function checkRetry(
  id: string,
  { retry }: Pick<NewTaskRecord, 'retry'>,
  event: Extract<SymphonyEvent, { readonly type: 'task.retry_scheduled' }>,
  commit: CommitRequest | undefined,
): void {
  const { failures, dueAt } = event.data;
  const { initialDelayMs: initial = 1_000, factor = 2, maxRetries = Infinity, jitter = 'full' } = retry;
  const longest = retry.maxDelayMs ?? Math.max(60_000, initial);
  demand(failures <= maxRetries, () => `${id} is tried again after ${failures} failures; ${maxRetries} may be (I25)`);
  // An agent may ask for a delay of its own.
  if (asksForDelay(id, commit)) return;
  const waitMs = dueAt - event.at;
  const mostMs = Math.min(longest, initial * factor ** (failures - 1));
  const leastMs = jitter === 'none' ? mostMs : Math.min(1, mostMs);
  const isMeant = waitMs >= Math.floor(leastMs) && waitMs <= Math.ceil(mostMs);
  demand(isMeant, () => `${id} waits ${waitMs} ms for its next try; its policy says ${leastMs} to ${mostMs} (I25)`);
}

function asksForDelay(id: string, commit: CommitRequest | undefined): boolean {
  const commands = commit?.groups.flat() ?? [];
  return commands.some(
    (each) =>
      each.type === 'report' &&
      each.id === id &&
      each.command.type === 'fail' &&
      each.command.retryAfterMs !== undefined,
  );
}
