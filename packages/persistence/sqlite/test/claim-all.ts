import { createMakeId, systemClock } from '@symphony/core';
import { SqliteStore } from '@symphony/persistence-sqlite';

// Claims and completes until nothing is left, and prints the ids of what it has completed.
const store = await SqliteStore.open({ path: process.argv[2] as string });
const workerId = createMakeId(systemClock)('wrk');
await store.openWorker({ id: workerId, hosts: ['agent'], leaseMs: 60_000, renewMs: 20_000 });
const done: string[] = [];
for (;;) {
  const { claimed } = await store.commit({ groups: [], claim: { workerId, hosts: ['agent'], limit: 25 } });
  if (claimed.length === 0) break;
  const { results } = await store.commit({
    groups: claimed.map(({ id, attempt }) => [
      { type: 'report', id, attempt, command: { type: 'complete', output: '1' } },
    ]),
  });
  done.push(...claimed.filter((_, index) => results[index]?.status === 'ok').map(({ id }) => id));
}
await store.closeWorker(workerId);
await store.close();
process.stdout.write(JSON.stringify(done));
