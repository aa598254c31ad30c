import { SqliteStore } from '@symphony/persistence-sqlite';

const store = await SqliteStore.open({ path: process.argv[2] as string });
await store.close();
process.stdout.write('opened\n');
