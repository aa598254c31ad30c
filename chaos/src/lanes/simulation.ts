import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { explainSimulation, faultKinds, type FaultKind, type SimulationReport } from '@symphony/testing';
import type { Lane, LaneReport, LaneRequest } from '../lane.ts';
import { playAll } from '../simulation/play-all.ts';

/** The built-in scenario of the simulator, seed after seed. */
export const simulation: Lane = {
  name: 'simulation',
  about:
    'Plays one scenario after the other on virtual time: workers that crash, stand still, are cut off and hear late.',
  unit: 'seeds',
  small: 200,
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

  /** What happened too seldom for the run to mean anything. */
  missed(): readonly string[] {
    // One seed is played to see once more what it has shown, and strikes as it strikes.
    if (this.seeds === 1) return [];
    // Each kind is off in a third of the seeds, and the rarest strikes every other time; so a few seeds may do without it.
    const least = Math.floor(this.seeds / 8 - 2);
    const total = Object.values(this.struck).reduce((sum, count) => sum + count, 0);
    const seen: readonly (readonly [what: string, count: number, least: number])[] = [
      ['faults', total, 3 * this.seeds],
      ...faultKinds.map((kind) => [`faults of the kind ${kind}`, this.struck[kind], least] as const),
      ['takeovers', this.takeovers, least],
      ['stale writes', this.staleWrites, least],
      ['commits of unknown fate', this.unknownCommits, least],
    ];
    return seen.flatMap(([what, count, wanted]) =>
      count < wanted ? [`too few ${what}: ${count}, wanted ${wanted}`] : [],
    );
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
  const sums = new Sums();
  const broken: SimulationReport[] = [];
  await playAll({ first, count, plant }, (report) => {
    sums.add(report);
    if (report.violation === undefined) return;
    broken.push(report);
    log(explainSimulation(report));
    writeFileSync(join(folder, `seed-${report.seed}.txt`), explainSimulation(report));
  });
  const figures = sums.figures(broken.length);
  if (broken.length > 0) return { verdict: 'invalid', figures, problems: broken.sort(bySeed).map(toProblem) };
  const problems = sums.missed();
  return { verdict: problems.length > 0 ? 'vacuous' : 'valid', figures, problems };
}

function bySeed(first: SimulationReport, second: SimulationReport): number {
  return Number(first.seed) - Number(second.seed);
}

function toProblem({ seed, violation }: SimulationReport): string {
  return `seed ${seed}: ${violation?.message}; pnpm chaos --lane simulation --count 1 --seed ${seed} --verbose`;
}
