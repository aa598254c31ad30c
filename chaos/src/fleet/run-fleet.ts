import { mkdirSync } from 'node:fs';
import { Fleet, type FleetOptions } from './fleet.ts';
import { judge, type Bounds, type Judgement, type Minima } from './judge/judge.ts';
import { readEvidence } from './evidence.ts';
import { buildPrograms } from './programs.ts';
import type { SharedStore } from './shared-store.ts';

/** One run of a fleet under faults. */
export interface FleetRun extends FleetOptions {
  /** An empty folder for store and diaries. */
  readonly folder: string;
  /** Makes the store that the fleet shares. */
  readonly open: (folder: string) => Promise<SharedStore>;
  /** Does to the fleet what the run is about; resolves when it was done often enough. */
  readonly strike: (fleet: Fleet) => Promise<void>;
  /** What must have happened, so that finding nothing means something. */
  readonly minima?: Partial<Minima>;
  readonly bounds?: Bounds;
  /** The name of a planted bug that every process carries; see `plants.ts`. */
  readonly plant?: string | undefined;
  /** Where the programs have been built, without a plant; default: they are built for this run. */
  readonly programs?: string;
}

/** What became of it. */
export interface FleetResult extends Judgement {
  readonly folder: string;
}

/** Workers and submitters on one store under faults; then one wait for quiet, and the judge. */
export async function runFleet(run: FleetRun): Promise<FleetResult> {
  const { folder, strike, plant } = run;
  mkdirSync(folder, { recursive: true });
  const programs = run.programs ?? `${folder}/programs`;
  if (run.programs === undefined) await buildPrograms(programs, plant);
  const store = await run.open(folder);
  try {
    const fleet = new Fleet(store, folder, programs, run);
    let quiet: boolean;
    try {
      await strike(fleet);
      quiet = await fleet.waitForQuiet();
      await fleet.leave();
    } finally {
      await fleet.close();
    }
    const database = await store.rows();
    const { minima = {}, bounds = {} } = run;
    const order = store.kind === 'sqlite' ? 'serial' : 'beside';
    const judgement = judge({ database, lines: readEvidence(folder), order, quiet, minima, bounds });
    database.close();
    return { ...judgement, folder };
  } finally {
    await store.close();
  }
}
