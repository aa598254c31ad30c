import type { Clock, Store } from '@symphony/core';
import type { MemoryTables } from '../src/memory-tables.ts';

/** A store with a bug in it, and the test that must find it. */
export interface PlantedBug {
  readonly bug: string;
  /** A store that behaves wrongly, made of one that behaves well. */
  readonly store?: (store: Store, clock: Clock) => Partial<Store>;
  /** A clock that the store is given instead of the right one. */
  readonly clock?: (clock: Clock) => Clock;
  /** A query that answers wrongly: takes the place of a method of the tables while the test runs. */
  readonly tables?: {
    readonly [Name in keyof MemoryTables]?: (tables: MemoryTables, right: never, ...parameters: never[]) => unknown;
  };
  /** The name of a test of the suite. */
  readonly foundBy: string;
  /** Random sequences that must find it too, on two stores or on one. Not given: nobody asks. */
  readonly alsoFoundBy?: 'compared' | 'explored';
}

/** The method of the tables that a bug takes the place of. */
export type Right<Name extends keyof MemoryTables> = MemoryTables[Name] extends (
  ...parameters: infer Parameters
) => infer Answer
  ? (...parameters: Parameters) => Answer
  : never;
