import type { Store } from '@symphony/core';

/** Where the store is that a fleet shares, as each of its processes is told. */
export type StoreAddress =
  | {
      readonly kind: 'sqlite';
      readonly path: string;
      /** What an acknowledged write survives. To a kill the two are the same; waiting for the disk takes time. */
      readonly synchronous: 'full' | 'normal';
    }
  | { readonly kind: 'postgres'; readonly url: string };

/** A store that its opener closes. */
export type OpenStore = Store & { close(): Promise<void> };

/** Opens the store at an address. */
export async function openAddress(address: StoreAddress): Promise<OpenStore> {
  // Only what is used is loaded: half of a process's start is reading its program.
  if (address.kind === 'sqlite') {
    const { SqliteStore } = await import('@symphony/persistence-sqlite');
    return SqliteStore.open({ path: address.path, synchronous: address.synchronous });
  }
  const { PostgresStore } = await import('@symphony/persistence-postgres');
  return PostgresStore.open({ url: address.url });
}
