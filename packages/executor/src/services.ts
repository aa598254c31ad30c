import {
  createMakeId,
  defaults,
  stderrLogger,
  systemClock,
  systemRandom,
  type Clock,
  type Logger,
  type MakeId,
  type Random,
  type Router,
  type Store,
} from '@symphony/core';
import type { ExecutionHooks } from './hooks.ts';

/** How long a worker's lease lasts and how often it is looked after, in milliseconds. */
export interface LeaseTimes {
  /** Default 10,000. */
  readonly leaseMs: number;
  /** Default 3,000. Must be well below `leaseMs`. */
  readonly renewMs: number;
  /** Default 2,000. */
  readonly sweepMs: number;
  /** How often a worker looks for work and cancellations when nothing wakes it. Default 1,000. */
  readonly pollMs: number;
}

/** What an executor is made of. Only the store is required. */
export interface ExecutorOptions extends Partial<LeaseTimes> {
  readonly store: Store;
  /** Chooses agents for tasks without one. Needed by workers that take such tasks. */
  readonly router?: Router;
  /** Hooks that apply to every attempt. */
  readonly hooks?: ExecutionHooks;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly makeId?: MakeId;
  readonly logger?: Logger;
}

/** The same, complete. */
export interface ExecutorServices {
  readonly store: Store;
  readonly router: Router | undefined;
  readonly hooks: readonly ExecutionHooks[];
  readonly clock: Clock;
  readonly random: Random;
  readonly makeId: MakeId;
  readonly logger: Logger;
  readonly times: LeaseTimes;
}

/** Fills in what was left out. */
export function toServices(options: ExecutorOptions): ExecutorServices {
  const clock = options.clock ?? systemClock;
  return {
    store: options.store,
    router: options.router,
    hooks: options.hooks === undefined ? [] : [options.hooks],
    clock,
    random: options.random ?? systemRandom,
    makeId: options.makeId ?? createMakeId(clock),
    logger: options.logger ?? stderrLogger,
    times: {
      leaseMs: options.leaseMs ?? defaults.leaseMs,
      renewMs: options.renewMs ?? defaults.renewMs,
      sweepMs: options.sweepMs ?? defaults.sweepMs,
      pollMs: options.pollMs ?? defaults.pollMs,
    },
  };
}
