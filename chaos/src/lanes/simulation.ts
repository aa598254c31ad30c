import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { explainSimulation, faultKinds, type FaultKind, type SimulationReport } from '@symphony/testing';
import type { Lane, LaneReport, LaneRequest } from '../lane.ts';
import { plantedBugs, type PlantedBug } from '../simulation/planted-bugs.ts';
import { play } from '../simulation/play.ts';

/** From so many seeds on each kind of fault must have struck. */
const enough = 50;

/** The built-in scenario of the simulator, seed after seed. */
export const simulation: Lane = {
  name: 'simulation',
  about:
    'Plays one scenario after the other on virtual time: workers that crash, stand still, are cut off and hear late.',
  unit: 'seeds',
  small: 300,
  run,
};

/** What many seeds have shown together. */
class Sums {
  readonly struck = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  seeds = 0;
  virtualMs = 0;
  steps = 0;
  tasks = 0;
  attempts = 0;
  takeovers = 0;
  staleWrites = 0;
  unknownCommits = 0;
  slowestTakeoverMs = 0;
  slowestCancelMs = 0;

  add(report: SimulationReport): void {
    this.seeds++;
    this.tasks += Object.values(report.tasks).reduce((sum, count) => sum + count, 0);
    for (const kind of faultKinds) this.struck[kind] += report.struck[kind];
    for (const name of ['virtualMs', 'steps', 'attempts', 'takeovers', 'staleWrites', 'unknownCommits'] as const) {
      this[name] += report[name];
    }
    for (const name of ['slowestTakeoverMs', 'slowestCancelMs'] as const) {
      this[name] = Math.max(this[name], report[name]);
    }
  }

  figures(violations: number): Readonly<Record<string, number | string>> {
    return {
      seeds: this.seeds,
      'virtual hours': (this.virtualMs / 3_600_000).toFixed(1),
      steps: this.steps,
      ...Object.fromEntries(faultKinds.map((kind) => [`struck: ${kind}`, this.struck[kind]])),
      tasks: this.tasks,
      attempts: this.attempts,
      takeovers: this.takeovers,
      'stale writes refused': this.staleWrites,
      'commits of unknown fate': this.unknownCommits,
      'slowest takeover, virtual ms': Math.round(this.slowestTakeoverMs),
      'slowest cancel to abort, virtual ms': Math.round(this.slowestCancelMs),
      violations,
    };
  }
}

async function run({ count, seed: first, folder, log, plant }: LaneRequest): Promise<LaneReport> {
  const bug = plant === undefined ? undefined : findBug(plant);
  const sums = new Sums();
  const problems: string[] = [];
  for (let seed = first; seed < first + count; seed++) {
    const report = await play(seed, bug);
    sums.add(report);
    const { violation } = report;
    if (violation === undefined) continue;
    const repeat = `pnpm chaos --lane simulation --count 1 --seed ${seed}`;
    problems.push(`seed ${seed}: ${violation.message}; ${repeat} --verbose`);
    // The first is told in full; the others are a command away.
    if (problems.length === 1) writeFileSync(join(folder, `seed-${seed}.txt`), explainSimulation(report));
    log(explainSimulation(report));
  }
  const figures = sums.figures(problems.length);
  if (problems.length > 0) return { verdict: 'invalid', figures, problems };
  const missed = faultKinds.filter((kind) => sums.struck[kind] === 0);
  if (count < enough || missed.length === 0) return { verdict: 'valid', figures, problems };
  return { verdict: 'vacuous', figures, problems: missed.map((kind) => `${kind} has never struck`) };
}

function findBug(name: string): PlantedBug {
  const found = plantedBugs.find(({ bug }) => bug === name);
  if (found !== undefined) return found;
  throw new Error(
    `The simulation knows no bug "${name}". It knows:\n${plantedBugs.map(({ bug }) => `  ${bug}`).join('\n')}`,
  );
}
