import type { Lane } from '../lane.ts';
import { untilCancelled } from '../fleet/cancels.ts';
import { onBoth } from '../fleet/on-both.ts';

/** Cancellations by another process than the one that runs the attempt, with the lease that the product has by default. */
export const cancels: Lane = onBoth({
  name: 'cancels',
  about:
    'Cancels running tasks and workflows of other processes on SQLite and on PostgreSQL; some agents do not listen.',
  unit: 'cancels on each',
  small: 20,
  trial: 'cancel',
  plan: ({ count }) => ({
    ...{ workers: 3, concurrency: 8, plans: ['cancels', 'cancels'], oblivious: 'none' },
    strike: (fleet) => untilCancelled(fleet, count),
    minima: { cancelRequests: count / 2, abandoned: 1 },
    bounds: { abortMs: 1_000, abandonMs: 1_000 },
  }),
});
