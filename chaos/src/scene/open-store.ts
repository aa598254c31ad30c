import type { Store } from '@symphony/core';

/** Opens the store of a lane: a `postgres://` URL, or the path of a SQLite file. */
export async function openStore(place: string): Promise<Store> {
  // Only what is used is loaded: half of a process's start is reading its program.
  if (place.startsWith('postgres://')) {
    const { PostgresStore } = await import('@symphony/persistence-postgres');
    return PostgresStore.open({ url: place });
  }
  const { SqliteStore } = await import('@symphony/persistence-sqlite');
  return SqliteStore.open({ path: place });
}
