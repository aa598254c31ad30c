import type { Store, SymphonyEvent } from '@symphony/core';

/** Events that are read at a time. */
const pageSize = 1_000;

/** All events of one subject, in order. */
export async function readHistory(store: Store, subject: string): Promise<readonly SymphonyEvent[]> {
  const events: SymphonyEvent[] = [];
  for (;;) {
    const page = await store.events({ subject, limit: pageSize, after: events.at(-1)?.position ?? 0 });
    events.push(...page);
    if (page.length < pageSize) return events;
  }
}
