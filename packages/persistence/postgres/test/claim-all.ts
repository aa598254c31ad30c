import { createMakeId, systemClock } from '@symphony/core';
import { PostgresStore } from '@symphony/persistence-postgres';

// Claims and completes until nothing is left, and prints the ids of what it has completed.
const store = await PostgresStore.open({ url: process.argv[2] as string });
const workerId = createMakeId(systemClock)('wrk');
await store.openWorker({ id: workerId, hosts: ['agent'], leaseMs: 60_000, renewMs: 20_000 });
const done: string[] = [];
const wish = { workerId, hosts: ['agent'], limit: 25 };
let { claimed } = await store.commit({ groups: [], claim: wish });
let fruitless = 0;
// What others have locked at this moment is passed by: only when nothing comes for a while nothing is left.
while (claimed.length > 0 || fruitless++ < 20) {
  const ended = claimed;
  const response = await store.commit({
    groups: ended.map(({ id, attempt }) => [
      { type: 'report', id, attempt, command: { type: 'complete', output: '1' } },
    ]),
    claim: wish,
  });
  done.push(...ended.filter((_, index) => response.results[index]?.status === 'ok').map(({ id }) => id));
  claimed = response.claimed;
  if (claimed.length > 0) fruitless = 0;
}
await store.closeWorker(workerId);
await store.close();
process.stdout.write(JSON.stringify(done));
