import { join } from 'node:path';
import type { Lane, LaneReport, LaneRequest } from '../lane.ts';
import { openShared } from '../fleet/open-shared.ts';
import { toPlantName } from '../fleet/plants.ts';
import { killTheBusy } from '../fleet/random-faults.ts';
import { toReport, together } from '../fleet/report.ts';
import { runFleet } from '../fleet/run-fleet.ts';

async function takeOver(request: LaneRequest, kind: 'sqlite' | 'postgres'): Promise<LaneReport> {
  const { count, seed, folder, plant } = request;
  const result = await runFleet({
    ...{ folder: join(folder, kind), seed, open: openShared[kind] },
    ...{ workers: 4, concurrency: 3, plans: ['patient', 'patient'], oblivious: 'none' },
    ...(plant === undefined ? {} : { plant: toPlantName(plant) }),
    strike: (fleet) => killTheBusy(fleet, count),
    minima: { kills: count, hits: Math.floor(0.9 * count), takeovers: count },
    bounds: { takeoverMs: 15_000 },
  });
  return toReport(result, { trials: count, of: 'kill' });
}

/** Kills under the lease that the product has by default, to see how long it takes until somebody goes on. */
export const takeovers: Lane = {
  name: 'takeovers',
  about: 'Kills busy workers on SQLite and on PostgreSQL under the default lease: others go on within 15 seconds.',
  unit: 'kills on each',
  small: 2,
  async run(request) {
    const [sqlite, postgres] = await Promise.all([takeOver(request, 'sqlite'), takeOver(request, 'postgres')]);
    return together({ sqlite, postgres });
  },
};
