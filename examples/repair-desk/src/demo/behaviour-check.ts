import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { Outcome } from '../job.ts';
import type { Place } from '../place.ts';
import type { Check } from '../result/proof.ts';
import { dependencyPath } from './packages.ts';

/** Loads the packages as they were and as they are, and holds their answers to a few samples against each other. */
export function checkBehaviour(outcomes: readonly Outcome[], place: Place): Check {
  return {
    claim: 'the repaired packages answer samples as before',
    broken: outcomes.flatMap(({ job: { unit } }) => {
      const repaired = place.repaired(unit.name);
      cpSync(join(unit.root, 'package.json'), join(repaired, 'package.json'));
      const before = behaviourOf(unit.name, unit.root);
      return before !== undefined && before === behaviourOf(unit.name, repaired) ? [] : [unit.name];
    }),
  };
}

function behaviourOf(name: string, folder: string): string | undefined {
  const program = join(import.meta.dirname, 'behaviour.ts');
  const env = { ...process.env, NODE_PATH: dependencyPath(name) };
  const { stdout, status } = spawnSync(process.execPath, [program, name, folder], { encoding: 'utf8', env });
  return status === 0 ? stdout : undefined;
}
