import { PostgresStore } from '@symphony/persistence-postgres';

const store = await PostgresStore.open({ url: process.argv[2] as string });
await store.close();
process.stdout.write('opened\n');
