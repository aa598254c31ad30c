import type { Lane, LaneReport, LaneRequest } from '../lane.ts';
import { shortLeases } from '../fleet/fleet.ts';
import { openShared } from '../fleet/open-shared.ts';
import { toReport } from '../fleet/report.ts';
import { runFleet } from '../fleet/run-fleet.ts';
import { makeZombies } from '../fleet/zombies.ts';

/** Stops workers for longer than their lease; they do not hear that it is lost, and write when they are continued. */
async function haunt(request: LaneRequest, kind: 'sqlite' | 'postgres'): Promise<LaneReport> {
  const { count, seed, folder, log, plant } = request;
  const result = await runFleet({
    ...{ folder, seed, open: openShared[kind], lease: shortLeases[kind] },
    ...{ workers: 6, concurrency: 6, plans: ['late', 'late'], oblivious: 'all' },
    plant,
    strike: (fleet) => makeZombies(fleet, count, log),
    minima: {
      zombies: count,
      staleWrites: 0.3 * count,
      zombiesBeside: Math.floor(count / 20 - 1),
      zombiesBehind: Math.floor(count / 20 - 1),
    },
  });
  return toReport(result, { trials: result.figures.staleWrites, of: 'stale write' });
}

/** SIGSTOP and SIGCONT, on SQLite. */
export const zombiesSqlite: Lane = {
  name: 'zombies-sqlite',
  about: 'Stops workers on one SQLite file until their tasks are others’, and lets them come back and write.',
  unit: 'zombie attempts',
  small: 20,
  run: (request) => haunt(request, 'sqlite'),
};

/** SIGSTOP and SIGCONT, on PostgreSQL. */
export const zombiesPostgres: Lane = {
  name: 'zombies-postgres',
  about: 'Stops workers on one PostgreSQL server until their tasks are others’, and lets them come back and write.',
  unit: 'zombie attempts',
  small: 20,
  run: (request) => haunt(request, 'postgres'),
};
