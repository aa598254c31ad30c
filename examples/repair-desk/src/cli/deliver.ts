import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { recipes } from '../agents/index.ts';
import type { Job, Outcome } from '../job.ts';
import { makeReport } from '../report/report.ts';
import { workTreeOf } from '../project/git.ts';
import { atRisk, writeBack } from '../project/write-back.ts';
import { leftForPeople } from '../result/left-for-people.ts';
import { makePatch } from '../result/patch.ts';
import type { Check } from '../result/proof.ts';
import type { RunResult } from '../run.ts';
import { UsageError } from '../usage-error.ts';
import type { CommandLine } from './command-line.ts';
import { callersFolder, shown } from './shown.ts';

/** What there is to hand over. */
export interface Delivery {
  readonly command: CommandLine;
  /** The run, and those that it is compared with. */
  readonly runs: readonly RunResult[];
  readonly checks: readonly Check[];
  readonly crash: string;
}

/** Most lines about what needs a human on the terminal; the report has them all. */
const mostLines = 10;

/**
 * Refuses to write to files that git could not bring back. Asked before the work begins, of the files with errors.
 *
 * @throws UsageError
 */
export function refuseRisk(jobs: readonly Job[]): void {
  const withErrors = jobs.flatMap(({ unit, tasks }) =>
    [...new Set(tasks.map(({ input }) => input.file))].map((file) => join(unit.root, file)),
  );
  const [first, ...more] = atRisk(withErrors);
  if (first === undefined) return;
  const others = more.length === 0 ? '' : ` and ${more.length} more`;
  throw new UsageError(
    `${shown(first)}${others} ${more.length === 0 ? 'has' : 'have'} uncommitted changes. Commit them, leave out --write, or add --force.`,
  );
}

/**
 * Hands over report, patch and, if asked for, the repaired files, and says where they are.
 *
 * @returns whether everything found its place
 */
export function deliver(delivery: Delivery): boolean {
  const { command, runs } = delivery;
  const { outcomes } = runs[0]!;
  const folder = command.out ?? join(import.meta.dirname, '..', '..', 'out');
  const report = command.report ?? (command.project === undefined ? join(folder, 'report.html') : undefined);
  let isComplete = true;
  if (command.project === undefined) {
    console.log();
    for (const { job, pairs } of outcomes) save('patch', join(folder, `${job.unit.name}.patch`), makePatch(pairs));
  } else {
    tellPeople(runs[0]!);
    console.log();
    isComplete = deliverProject(command, outcomes);
  }
  if (report !== undefined) save('report', report, makeReport({ ...delivery, colleagues: recipes }));
  return isComplete;
}

function deliverProject(command: CommandLine, outcomes: readonly Outcome[]): boolean {
  for (const { job, adopted, dropped } of outcomes) tellEdited(job, adopted, dropped);
  const changed = outcomes.flatMap(({ job, pairs }) =>
    pairs.map((pair) => ({ ...pair, file: join(job.unit.root, pair.file) })),
  );
  if (changed.length === 0) {
    console.log('Nothing was repaired, so there is no patch.');
    return true;
  }
  const { written, left } = command.write ? writeBack(changed, command) : { written: [], left: [] };
  for (const file of written) console.log(`written  ${shown(file)}`);
  for (const { file, why } of left) console.log(`not written  ${shown(file)}: ${why}`);
  if (!command.write || left.length > 0 || command.patch !== undefined) {
    const base = workTreeOf(outcomes[0]!.job.unit.root) ?? outcomes[0]!.job.unit.root;
    const isDone = new Set(command.patch === undefined ? written : []);
    const rest = changed.filter(({ file }) => !isDone.has(file));
    const pairs = rest.map((pair) => ({ ...pair, file: relative(base, pair.file).replaceAll('\\', '/') }));
    const file = command.patch ?? join(callersFolder, 'repair-desk.patch');
    save('patch', file, makePatch(pairs));
    console.log(`         for git apply, in ${shown(base)}`);
  }
  return left.length === 0;
}

function tellPeople(result: RunResult): void {
  const left = leftForPeople(result);
  if (left.length === 0) return;
  console.log(`\nNeeds a human (${left.length})`);
  for (const { problem, why } of left.slice(0, mostLines)) {
    console.log(`  ${problem.file}:${problem.line}  ${problem.message.split('\n', 1)[0]!}`);
    console.log(`    ${why[0]!}${why.length > 1 ? `; and ${why.length - 1} more` : ''}`);
  }
  if (left.length > mostLines) console.log(`  and ${left.length - mostLines} more: --report has them all`);
}

function tellEdited({ unit }: Job, adopted: readonly string[], dropped: readonly string[]): void {
  for (const file of adopted) {
    const what = dropped.includes(file) ? 'the repairs in it gave way to your edit' : 'your edit was taken over';
    console.log(`edited meanwhile  ${shown(join(unit.root, file))}: ${what}`);
  }
}

function save(what: string, file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`${what.padEnd(7)}  ${shown(file)}`);
}
