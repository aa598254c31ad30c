import {
  checkInteger,
  checkKeys,
  createMakeId,
  defaults,
  describe,
  stderrLogger,
  SymphonyError,
  systemClock,
  systemRandom,
  type Clock,
  type Logger,
  type MakeId,
  type Random,
  type Router,
  type Store,
} from '@symphony/core';
import { checkHooks, type ExecutionHooks } from './hooks.ts';
import { checkRetention, type Retention } from './retention.ts';

/** How long a worker's lease lasts and how often it is looked after, in milliseconds. */
export interface LeaseTimes {
  /** Default 10,000. */
  readonly leaseMs: number;
  /** Default 3,000, or three tenths of a shorter lease. At most half of `leaseMs`. */
  readonly renewMs: number;
  /** Default 2,000, or a fifth of a shorter lease. */
  readonly sweepMs: number;
  /**
   * How long the main thread may be busy without a break, where the store renews leases beside it, until it counts as hung
   * and its tasks are given to others. Default 300,000; at least `leaseMs`.
   */
  readonly stallMs: number;
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
  /** How long what has ended is kept; `false`: for ever. Workers remove what is older. Default: 30 days. */
  readonly retention?: Partial<Retention> | false;
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
  readonly retention: Retention | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly makeId: MakeId;
  readonly logger: Logger;
  readonly times: LeaseTimes;
}

const optionNames = [
  'store',
  'router',
  'hooks',
  'retention',
  'clock',
  'random',
  'makeId',
  'logger',
  'leaseMs',
  'renewMs',
  'stallMs',
  'sweepMs',
  'pollMs',
] as const satisfies readonly (keyof ExecutorOptions)[];

/**
 * Checks what was given and fills in what was left out.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`
 */
export function toServices(options: ExecutorOptions): ExecutorServices {
  checkKeys(options, optionNames, 'EnhancedExecutor');
  if (typeof (options.store as Partial<Store> | undefined)?.commit !== 'function') {
    throw new SymphonyError('INVALID_ARGUMENT', `EnhancedExecutor needs a store, got ${describe(options.store)}.`);
  }
  const clock = options.clock ?? systemClock;
  return {
    store: options.store,
    router: options.router,
    hooks: options.hooks === undefined ? [] : [checkHooks(options.hooks, 'hooks')],
    retention: checkRetention(options.retention),
    clock,
    random: options.random ?? systemRandom,
    makeId: options.makeId ?? createMakeId(clock),
    logger: options.logger ?? stderrLogger,
    times: checkTimes(options),
  };
}

/** Longest lease, and longest time between looks. */
const longestTime = 24 * 60 * 60 * 1000;

/**
 * Lease times, complete. A short lease alone is enough: the other times then shrink with it.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`
 */
function checkTimes(given: Partial<LeaseTimes>): LeaseTimes {
  const time = (key: keyof LeaseTimes, otherwise: number): number =>
    given[key] === undefined ? otherwise : checkInteger(given[key], key, 1, longestTime);
  const leaseMs = time('leaseMs', defaults.leaseMs);
  const renewMs = time('renewMs', Math.min(defaults.renewMs, Math.ceil(leaseMs * 0.3)));
  if (renewMs > leaseMs / 2) {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `renewMs must be at most half of leaseMs, so that one late renewal does not cost the lease: got ${renewMs} and ${leaseMs}.`,
      { details: { renewMs, leaseMs } },
    );
  }
  const stallMs = time('stallMs', Math.max(defaults.stallMs, leaseMs));
  if (stallMs < leaseMs) {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `stallMs must be at least leaseMs, since a thread that is silent for less may be waiting for the store: got ${stallMs} and ${leaseMs}.`,
      { details: { stallMs, leaseMs } },
    );
  }
  return {
    leaseMs,
    renewMs,
    stallMs,
    sweepMs: time('sweepMs', Math.min(defaults.sweepMs, Math.ceil(leaseMs * 0.2))),
    pollMs: time('pollMs', defaults.pollMs),
  };
}
