import { SharedPostgres } from './shared-postgres.ts';
import { SharedSqlite } from './shared-sqlite.ts';

/** How a store of each kind is made for a fleet that reaches it without a detour. */
export const openShared = {
  sqlite: (folder: string) => SharedSqlite.create(folder),
  postgres: (folder: string) => SharedPostgres.create(folder),
} as const;
