import { layOut } from './job.ts';
import { Place } from './place.ts';
import type { Plan } from './plan.ts';
import type { Routing } from './routing.ts';
import { run, type RunResult } from './run.ts';
import { join } from 'node:path';

/** What a comparison needs. */
export interface CompareOptions {
  readonly place: Place;
  readonly plan: Plan;
  readonly seed: number;
  readonly now: () => number;
}

/** The same work with agents chosen in other ways, each in a place of its own. */
export class Comparison {
  readonly #runs: readonly { readonly place: Place; readonly plan: Plan }[];
  readonly #now: () => number;

  /** Copies the sources as they are now, so that all begin with the same. */
  constructor({ place, plan, seed, now }: CompareOptions) {
    this.#now = now;
    this.#runs = (['round-robin', 'random'] as const).map((strategy) => {
      const own = new Place(join(place.folder, strategy));
      const routing: Routing = { strategy, seed };
      for (const unit of plan.units) layOut(unit, own);
      const units = plan.units.map((unit) => ({ ...unit, isOwned: false }));
      return { place: own, plan: { ...plan, units, routing, database: `${own.folder}.db` } };
    });
  }

  /** Runs them, one after the other, on the tasks of the first run. */
  async *run({ jobs: { jobs } }: RunResult, begin: (strategy: string) => void): AsyncGenerator<RunResult> {
    for (const { place, plan } of this.#runs) {
      const now = this.#now();
      const own = jobs.map((job) => ({ ...job, unit: { ...job.unit, isOwned: false } }));
      yield await run({
        place,
        plan,
        jobs: { startAt: now, jobs: own },
        crash: false,
        begin: () => begin(plan.routing.strategy),
        now: this.#now,
      });
    }
  }
}
