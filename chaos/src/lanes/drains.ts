import type { Lane } from '../lane.ts';
import { drainAtRandom } from '../fleet/drains.ts';
import { onBoth } from '../fleet/on-both.ts';

/** Signals that ask a process to end, with the lease that the product has by default. */
export const drains: Lane = onBoth({
  name: 'drains',
  about:
    'Asks workers on SQLite and on PostgreSQL to end, once or twice: nothing is charged, left behind, or waited for.',
  unit: 'drains on each',
  small: 8,
  trial: 'drain',
  plan: ({ count, log }) => ({
    ...{ workers: 4, concurrency: 6, plans: ['patient', 'patient'], oblivious: 'none', patient: 'half' },
    strike: (fleet) => drainAtRandom(fleet, count, log),
    // Some have nothing left to do by the time the signal arrives.
    minima: { drains: 0.9 * count, handBacks: count / 4, hurried: Math.floor(count / 10) },
    bounds: { handBackMs: 1_000 },
  }),
});
