import { recipes } from '../agents/index.ts';
import { Comparison } from '../compare.ts';
import { titleOf, type Job } from '../job.ts';
import type { Plan } from '../plan.ts';
import { checkRun } from '../result/check-run.ts';
import { comparisonColumns, comparisonRows } from '../result/comparison-table.ts';
import { finalTable } from '../result/final-table.ts';
import { table } from '../result/table.ts';
import { run, type RunResult } from '../run.ts';
import { Workshop } from '../workshop.ts';
import { assignmentOf } from './assignment.ts';
import type { CommandLine } from './command-line.ts';
import { deliver, refuseRisk } from './deliver.ts';

/**
 * Does what the command line asks for, and tells about it on the terminal.
 *
 * @returns whether all went as it should
 * @throws UsageError if it cannot begin
 */
export async function repairDesk(command: CommandLine): Promise<boolean> {
  const started = performance.now();
  const assignment = assignmentOf(command);
  const workshop = new Workshop(assignment.project, command.database);
  const { place } = workshop;
  let isGood = false;
  try {
    const plan: Plan = {
      project: assignment.project,
      units: assignment.units(place),
      database: workshop.database,
      routing: { strategy: 'content-match', seed: command.seed },
      seats: command.concurrency ?? assignment.seats,
    };
    const now = Date.now;
    const comparison = command.compare ? new Comparison({ place, plan, seed: command.seed, now }) : undefined;
    const begin = (jobs: readonly Job[]): void => {
      if (command.write && !command.force) refuseRisk(jobs);
      console.log(headline(jobs));
    };
    const result = await run({ place, plan, crash: command.crash, begin, now });
    const { crash, checks } = checkRun(result);
    const all = [...checks, ...assignment.check(result.outcomes, place)];
    tell(result, crash);
    if (command.crash && result.kill === undefined && result.stories.length > 0)
      console.log('The work was done before the worker could be killed.\n');
    for (const { claim, broken } of all) {
      console.log(broken.length === 0 ? `✓ ${claim}` : `✗ not so: ${claim}: ${broken.slice(0, 3).join(', ')}`);
    }
    const runs = comparison === undefined ? [result] : [result, ...(await compared(comparison, result))];
    if (runs.length > 1) console.log(`\n${table(comparisonColumns, comparisonRows(runs))}`);

    const isDelivered = deliver({ command, runs, checks: all, crash });
    isGood = isDelivered && all.every(({ broken }) => broken.length === 0);
    const seconds = (performance.now() - started) / 1_000;
    if (!isGood) console.log(`\nThe store, the agents' notes and the sources are in ${place.folder}`);
    console.log(`\n${isGood ? 'done' : 'failed'} in ${seconds.toFixed(1)} s`);
    return isGood;
  } finally {
    workshop.close({ keep: !isGood });
  }
}

function headline(jobs: readonly Job[]): string {
  const errors = jobs.reduce((sum, job) => sum + job.errors, 0);
  const files = jobs.reduce((sum, { unit }) => sum + unit.files.length, 0);
  const titles = jobs.map(({ unit }) => titleOf(unit));
  const names = titles.length > 3 ? `${titles.length} projects` : titles.join(' and ');
  if (errors === 0) return `Repair desk: no type errors in ${names} (${files} files), nothing to do`;
  return `Repair desk: ${errors} type errors in ${names}, ${recipes.length} agents\n`;
}

function tell({ outcomes, stories }: RunResult, crash: string): void {
  if (stories.length === 0) return;
  console.log(`\n${finalTable(outcomes, stories)}\n`);
  if (crash !== '') console.log(`${crash}\n`);
}

async function compared(comparison: Comparison, result: RunResult): Promise<RunResult[]> {
  const runs: RunResult[] = [];
  const begin = (strategy: string): void => console.log(`\nThe same tasks, with ${strategy} routing:\n`);
  for await (const other of comparison.run(result, begin)) runs.push(other);
  return runs;
}
