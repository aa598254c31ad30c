import type { Lane } from '../lane.ts';
import { CuttingLines } from '../fleet/cuts.ts';
import { shortLeases } from '../fleet/fleet.ts';
import { toReport } from '../fleet/report.ts';
import { runFleet } from '../fleet/run-fleet.ts';
import { SharedPostgres } from '../fleet/shared-postgres.ts';

const workers = 4;
const plans = ['mixed', 'mixed'] as const;

/** Lines to the server that break, swallow and dawdle. */
export const cutsPostgres: Lane = {
  name: 'cuts-postgres',
  about: 'Cuts the lines between a fleet and its PostgreSQL server, by preference between a COMMIT and its answer.',
  unit: 'cuts',
  small: 30,
  async run({ count, seed, folder, log, plant }) {
    const lines = new CuttingLines();
    const places = [
      ...Array.from({ length: workers }, (_, slot) => `worker-${slot}`),
      ...plans.map((_, slot) => `submitter-${slot}`),
    ];
    const result = await runFleet({
      ...{ folder, seed, lease: shortLeases.postgres },
      open: async () => {
        const shared = await SharedPostgres.create(folder, (place) => lines.port(place));
        await lines.start(places, shared.server.port);
        return shared;
      },
      ...{ workers, concurrency: 6, plans, oblivious: 'none', outages: true },
      plant,
      strike: (fleet) => lines.cutAtRandom(fleet, count, log),
      minima: { cuts: count, commitsUnknown: count / 4, tasks: count },
    }).finally(() => lines.close());
    return toReport(result, { trials: count, of: 'cut' });
  },
};
