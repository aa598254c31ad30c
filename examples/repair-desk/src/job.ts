import type { ServiceRegistry } from '@symphony/registry';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { adoptFile } from './desk/adopt.ts';
import { Compiler, type Finding } from './desk/compiler.ts';
import { readLedger, type Adopted, type Entry } from './desk/ledger.ts';
import { toProblems, toTask, type Problem, type ProblemTask } from './desk/problems.ts';
import { readRecords } from './desk/records.ts';
import type { Unit } from './desk/unit.ts';
import type { Place } from './place.ts';
import type { FilePair } from './result/patch.ts';

/** What is to be done in one unit. Plain data. */
export interface Job {
  readonly unit: Unit;
  readonly lines: number;
  readonly errors: number;
  readonly tasks: readonly ProblemTask[];
}

/** What a unit has come to. */
export interface Outcome {
  readonly job: Job;
  /** Everything the compiler still has to say. */
  readonly left: readonly Problem[];
  /** The files that were changed. */
  readonly pairs: readonly FilePair[];
  /** Files that their owner has edited while the desk was at work; and those whose repairs had to give way. */
  readonly adopted: readonly string[];
  readonly dropped: readonly string[];
}

/** Copies a unit's sources twice: one copy to keep, one to repair. */
export function layOut(unit: Unit, place: Place): void {
  for (const file of unit.files) {
    for (const folder of [place.original(unit.name), place.repaired(unit.name)]) {
      const copy = join(folder, file);
      if (existsSync(copy)) continue;
      mkdirSync(dirname(copy), { recursive: true });
      cpSync(join(unit.root, file), copy);
    }
  }
}

/** Makes a task of everything that the compiler says about a unit. */
export function prepareJob(unit: Unit, place: Place): Job {
  const folder = place.original(unit.name);
  const problems = problemsIn(unit, folder);
  const texts = new Map(unit.files.map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
  return {
    unit,
    lines: [...texts.values()].reduce((sum, text) => sum + text.split('\n').length - 1, 0),
    errors: problems.length,
    tasks: problems.map((problem) => toTask(problem, texts.get(problem.file)!)),
  };
}

/** A file that has changed under an agent's hands is worth another try soon, and more than a few. */
const retry = { maxRetries: 20, initialDelayMs: 20, factor: 1.5, maxDelayMs: 500 };

/**
 * Hands in a unit as one workflow, once however often it is called; resolves with its id when everything is stored.
 *
 * @param startAt epoch milliseconds from which it may be begun
 */
export async function submitJob(symphony: ServiceRegistry, { unit, tasks }: Job, startAt: number): Promise<string> {
  const title = titleOf(unit);
  const { id } = await symphony.getWorkflowTracker().createWorkflow({
    name: `repair ${title}`,
    description: `Type errors in ${title}, one task for each`,
    idempotencyKey: `repair ${unit.name}`,
    // One after the other by due time, so that the units take turns whichever was handed in first.
    tasks: tasks.map((task, index) => ({ ...task, retry, dueAt: startAt + index })),
  });
  return id;
}

/** Looks at what a unit has come to, with a compiler that has seen none of the work. */
export function closeJob(job: Job, place: Place): Outcome {
  const { unit } = job;
  const copies = place.desk(unit, 1);
  if (unit.isOwned) for (const file of unit.files) adoptFile({ ...copies, root: unit.root }, file);
  const read = (folder: string, file: string): string => readFileSync(join(folder, file), 'utf8');
  const pairs = unit.files
    .map((file) => ({ file, before: read(copies.original, file), after: read(copies.repaired, file) }))
    .filter(({ before, after }) => before !== after);
  const adoptions = readRecords<Entry>(copies.ledger).filter((entry): entry is Adopted => 'adopted' in entry);
  const files = (some: readonly Adopted[]): string[] => [...new Set(some.map(({ adopted }) => adopted))];
  return {
    job,
    left: problemsIn(unit, copies.repaired),
    pairs,
    adopted: files(adoptions),
    dropped: files(adoptions.filter(({ dropped }) => dropped)),
  };
}

/** The error count after the last repair that was kept. */
export function errorsNow(job: Job, place: Place): number {
  const made = readLedger(readRecords<Entry>(place.ledger(job.unit.name)));
  return made.findLast(({ verdict }) => verdict?.kept === true)?.verdict?.after ?? job.errors;
}

/** A unit as people call it. */
export function titleOf({ name, version }: Unit): string {
  return version === undefined ? name : `${name} ${version}`;
}

function problemsIn(unit: Unit, folder: string): Problem[] {
  const compiler = new Compiler(unit, folder);
  const byFile = Map.groupBy(compiler.check(), ({ file }: Finding) => file);
  return unit.files.flatMap((file) => {
    const path = join(unit.root, file);
    return toProblems(unit.name, file, compiler.text(path), byFile.get(path) ?? []);
  });
}
