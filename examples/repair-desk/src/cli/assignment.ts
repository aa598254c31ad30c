import { join } from 'node:path';
import { checkBehaviour } from '../demo/behaviour-check.ts';
import { packages, unpack } from '../demo/packages.ts';
import type { Unit } from '../desk/unit.ts';
import type { Outcome } from '../job.ts';
import type { Place } from '../place.ts';
import { openProject } from '../project/open-project.ts';
import type { Check } from '../result/proof.ts';
import type { CommandLine } from './command-line.ts';

/** What the desk is asked to work on. */
export interface Assignment {
  /** What a database is recognised by. */
  readonly project: string;
  /** How many agents may work on one unit at once where the caller does not say. */
  readonly seats: number;
  /** What the compiler is to look at; called once the place is known. */
  units(place: Place): readonly Unit[];
  /** Checks beyond those that hold for every run. */
  check(outcomes: readonly Outcome[], place: Place): readonly Check[];
}

/**
 * The demonstration, or the caller's project.
 *
 * @throws UsageError if there is nothing to work on
 */
export function assignmentOf({ project }: CommandLine): Assignment {
  if (project === undefined) {
    return {
      project: 'the demonstration',
      // Its two packages keep two cores busy, and each is mostly one file.
      seats: 1,
      units: (place) => packages.map((source) => unpack(source, join(place.folder, 'source', source.name))),
      check: (outcomes, place) => [checkBehaviour(outcomes, place)],
    };
  }
  const { path, units } = openProject(project);
  return { project: path, seats: 2, units: () => units, check: () => [] };
}
