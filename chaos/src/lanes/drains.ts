import { join } from 'node:path';
import type { Lane, LaneReport, LaneRequest } from '../lane.ts';
import { drainAtRandom } from '../fleet/drains.ts';
import { openShared } from '../fleet/open-shared.ts';
import { toPlantName } from '../fleet/plants.ts';
import { toReport, together } from '../fleet/report.ts';
import { runFleet } from '../fleet/run-fleet.ts';

async function drain(request: LaneRequest, kind: 'sqlite' | 'postgres'): Promise<LaneReport> {
  const { count, seed, folder, log, plant } = request;
  const result = await runFleet({
    ...{ folder: join(folder, kind), seed, open: openShared[kind] },
    ...{ workers: 4, concurrency: 6, plans: ['patient', 'patient'], oblivious: 'none', patient: 'half' },
    ...(plant === undefined ? {} : { plant: toPlantName(plant) }),
    strike: (fleet) => drainAtRandom(fleet, count, log),
    minima: { drains: count, handBacks: count / 4, hurried: Math.floor(count / 10) },
    bounds: { handBackMs: 2_000 },
  });
  return toReport(result, { trials: count, of: 'drain' });
}

/** Signals that ask a process to end, with the lease that the product has by default. */
export const drains: Lane = {
  name: 'drains',
  about:
    'Asks workers on SQLite and on PostgreSQL to end, once or twice: nothing is charged, left behind, or waited for.',
  unit: 'drains on each',
  small: 8,
  async run(request) {
    const [sqlite, postgres] = await Promise.all([drain(request, 'sqlite'), drain(request, 'postgres')]);
    return together({ sqlite, postgres });
  },
};
