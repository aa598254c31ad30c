import {
  checkKeys,
  createMakeId,
  describe,
  SymphonyError,
  systemClock,
  type Clock,
  type MakeId,
  type Store,
} from '@symphony/core';
import { LogFollower } from './log-follower.ts';

/** What the services of this package are made of. Only the store is required. */
export interface TrackerServices {
  readonly store: Store;
  /** Default: the machine's. */
  readonly clock?: Clock;
  readonly makeId?: MakeId;
  /** Shared by those who wait on one store. Default: one of its own. */
  readonly follower?: LogFollower;
}

/**
 * Checks what was given and fills in what was left out.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`
 */
export function toTrackerServices(services: TrackerServices, what: string): Required<TrackerServices> {
  checkKeys(services, ['store', 'clock', 'makeId', 'follower'], what);
  const { store, clock = systemClock } = services;
  if (typeof (store as Partial<Store> | undefined)?.commit !== 'function')
    throw new SymphonyError('INVALID_ARGUMENT', `${what} needs a store, got ${describe(store)}.`);
  return {
    store,
    clock,
    makeId: services.makeId ?? createMakeId(clock),
    follower: services.follower ?? new LogFollower(store, clock),
  };
}
