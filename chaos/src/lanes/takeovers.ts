import type { Lane } from '../lane.ts';
import { killTheBusy } from '../fleet/random-faults.ts';
import { onBoth } from '../fleet/on-both.ts';

/** Kills under the lease that the product has by default, to see how long it takes until somebody goes on. */
export const takeovers: Lane = onBoth({
  name: 'takeovers',
  about: 'Kills busy workers on SQLite and on PostgreSQL under the default lease: others go on within 15 seconds.',
  unit: 'kills on each',
  small: 2,
  trial: 'kill',
  plan: ({ count }) => ({
    ...{ workers: 4, concurrency: 3, plans: ['patient', 'patient'], oblivious: 'none' },
    strike: (fleet) => killTheBusy(fleet, count),
    minima: { kills: count, hits: Math.floor(0.9 * count), takeovers: count },
    bounds: { takeoverMs: 15_000 },
  }),
});
