import { join } from 'node:path';
import type { Lane, LaneReport, LaneRequest } from '../lane.ts';
import { untilCancelled } from '../fleet/cancels.ts';
import { openShared } from '../fleet/open-shared.ts';
import { toPlantName } from '../fleet/plants.ts';
import { toReport, together } from '../fleet/report.ts';
import { runFleet } from '../fleet/run-fleet.ts';

async function cancel(request: LaneRequest, kind: 'sqlite' | 'postgres'): Promise<LaneReport> {
  const { count, seed, folder, plant } = request;
  const result = await runFleet({
    ...{ folder: join(folder, kind), seed, open: openShared[kind] },
    ...{ workers: 3, concurrency: 8, plans: ['cancels', 'cancels'], oblivious: 'none' },
    ...(plant === undefined ? {} : { plant: toPlantName(plant) }),
    strike: (fleet) => untilCancelled(fleet, count),
    minima: { cancelRequests: count / 2, abandoned: 1 },
    bounds: { abortMs: 1_000, abandonMs: 1_000 },
  });
  return toReport(result, { trials: count, of: 'cancel' });
}

/** Cancellations by another process than the one that runs the attempt, with the lease that the product has by default. */
export const cancels: Lane = {
  name: 'cancels',
  about:
    'Cancels running tasks and workflows of other processes on SQLite and on PostgreSQL; some agents do not listen.',
  unit: 'cancels on each',
  small: 20,
  async run(request) {
    const [sqlite, postgres] = await Promise.all([cancel(request, 'sqlite'), cancel(request, 'postgres')]);
    return together({ sqlite, postgres });
  },
};
