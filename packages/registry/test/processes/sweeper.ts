// Sweeps a store until it has found a dead worker, or once; prints what it found and what is left of a worker's lease.
import { SqliteStore } from '@symphony/persistence-sqlite';

const [path = '', workerId = '', until = ''] = process.argv.slice(2);
const store = await SqliteStore.open({ path });
let found = 0;
do found += (await store.sweep({ markDead: true })).deadWorkers;
while (until === 'found' && found === 0);
const leaseLeftMs = (await store.worker(workerId))?.leaseLeftMs;
await store.close();
process.stdout.write(JSON.stringify({ found, leaseLeftMs, wallTime: Date.now() }));
