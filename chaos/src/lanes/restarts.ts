import type { Lane } from '../lane.ts';
import { shortLeases } from '../fleet/fleet.ts';
import { toReport } from '../fleet/report.ts';
import { killEvery, restartAtRandom } from '../fleet/restarts.ts';
import { runFleet } from '../fleet/run-fleet.ts';
import { SharedPostgres } from '../fleet/shared-postgres.ts';

/** Immediate stops of the server in the middle of work. */
export const restartsPostgres: Lane = {
  name: 'restarts-postgres',
  about:
    'Stops a PostgreSQL server at once and starts it again under a working fleet, also while it takes over from the dead.',
  unit: 'restarts',
  small: 5,
  async run({ count, seed, folder, log, plant }) {
    let shared: SharedPostgres | undefined;
    const result = await runFleet({
      ...{ folder, seed, lease: shortLeases.postgres },
      open: async () => (shared = await SharedPostgres.create(folder)),
      ...{ workers: 4, concurrency: 6, plans: ['mixed', 'mixed'], oblivious: 'none', outages: true },
      plant,
      strike: (fleet) => restartAtRandom(fleet, shared as SharedPostgres, count, log),
      minima: {
        restarts: count,
        stopsInAttempt: 0.8 * count,
        stopsInCommit: 0.4 * count,
        commitsHeldUp: count,
        tasks: count * 5,
        kills: count / killEvery,
        takeovers: count / killEvery,
      },
    });
    return toReport(result, { trials: count, of: 'restart' });
  },
};
