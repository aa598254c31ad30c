import type { DatabaseSync } from 'node:sqlite';
import type { StoreAddress } from './store-address.ts';

/** How far a task is. */
export interface Standing {
  readonly attempt: number;
  readonly status: string;
}

/** The store that a fleet shares, seen from outside in plain SQL: nothing of the engine is used to look at it. */
export interface SharedStore {
  readonly kind: StoreAddress['kind'];
  /** How the processes of a place get to it. */
  address(place: string): StoreAddress;
  /** How many tasks somebody still has to bring to an end; undefined while nobody can be asked. */
  countOpen(): Promise<number | undefined>;
  /** How far these tasks are; those that cannot be seen are left out. */
  standings(ids: readonly string[]): Promise<ReadonlyMap<string, Standing>>;
  /** Workers that have a row, and until when their leases run on the machine's monotonic clock; none while nobody can be asked. */
  leases(): Promise<readonly { readonly worker: string; readonly until: number }[]>;
  /** The rows as they are now, in a SQLite database with the columns that the judge reads. */
  rows(): Promise<DatabaseSync>;
  close(): Promise<void>;
}

/** Tasks that are neither over nor left alone by whoever created them. */
export const openTasks = `status IN ('running', 'waiting') OR (status = 'pending' AND (due_at IS NOT NULL OR bound_to IS NOT NULL))`;
