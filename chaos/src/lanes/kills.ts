import type { Lane, LaneReport, LaneRequest } from '../lane.ts';
import { shortLeases } from '../fleet/fleet.ts';
import { killAtRandom } from '../fleet/random-faults.ts';
import { toReport } from '../fleet/report.ts';
import { runFleet } from '../fleet/run-fleet.ts';
import { openShared } from '../fleet/open-shared.ts';

/** How a store is attacked. */
interface Attack {
  readonly kind: 'sqlite' | 'postgres';
  /** Mean time between two acts. */
  readonly everyMs: number;
  /** How often each is done, of a hundred. */
  readonly acts: { readonly kill: number; readonly freeze: number; readonly terminate: number };
}

/** Kills workers and submitters of a fleet on one store. */
async function kill({ count, seed, folder, log, plant }: LaneRequest, attack: Attack): Promise<LaneReport> {
  const { kind, everyMs, acts } = attack;
  const freezes = (count * acts.freeze) / acts.kill;
  const result = await runFleet({
    ...{ folder, seed, open: openShared[kind], lease: shortLeases[kind] },
    ...{ workers: 4, concurrency: 6, plans: ['mixed', 'mixed'], oblivious: 'half' },
    plant,
    strike: (fleet) => killAtRandom(fleet, { kills: count, everyMs, acts }, log),
    quietMs: 60_000,
    // Whom it hits, and who is late, is a matter of moments: a short run may see little of either.
    minima: {
      kills: count,
      tasks: count * 2,
      hits: Math.floor(count / 4 - 2),
      takeovers: Math.floor(count / 2 - 4),
      zombies: Math.floor(freezes / 6 - 2),
      staleWrites: Math.floor(freezes / 12 - 2),
      retries: Math.floor(count / 8),
      replays: count,
    },
  });
  return toReport(result, { trials: count, of: 'kill' });
}

/** SIGKILL at random moments, on SQLite. */
export const killsSqlite: Lane = {
  name: 'kills-sqlite',
  about: 'Kills workers and submitters on one SQLite file; some are stopped for longer than their lease, or drained.',
  unit: 'kills',
  small: 20,
  run: (request) => kill(request, { kind: 'sqlite', everyMs: 120, acts: { kill: 60, freeze: 35, terminate: 5 } }),
};

/** SIGKILL at random moments, on PostgreSQL. */
export const killsPostgres: Lane = {
  name: 'kills-postgres',
  about:
    'Kills workers and submitters on one PostgreSQL server; some are stopped for longer than their lease, or drained.',
  unit: 'kills',
  small: 20,
  // Fewer are stopped: one that stands still inside a transaction holds the rows of others, and nobody is judged meanwhile.
  run: (request) => kill(request, { kind: 'postgres', everyMs: 250, acts: { kill: 85, freeze: 10, terminate: 5 } }),
};
