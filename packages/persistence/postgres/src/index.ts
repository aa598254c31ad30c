import { PostgresStore } from './postgres-store.ts';

export type { PostgresStoreOptions } from './options.ts';
export { PostgresStore };

/** Opens the store that a URL names: what `ServiceRegistry.open` calls for `persistence: 'postgres://…'`. */
export function openStore(url: string): Promise<PostgresStore> {
  return PostgresStore.open({ url });
}
