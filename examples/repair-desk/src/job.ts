import type { ServiceRegistry } from '@symphony/registry';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from './desk/compiler.ts';
import { openCompiler } from './desk/open-compiler.ts';
import { readRecords } from './desk/records.ts';
import { readLedger, type Entry } from './desk/ledger.ts';
import { copySources, dependencyPath, installedVersion, listSources, type PackageSource } from './packages.ts';
import { makePatch } from './result/patch.ts';
import type { Place } from './place.ts';
import { toProblems, toTask, type Problem, type ProblemTask } from './desk/problems.ts';

/** One package on the desk. */
export interface Job {
  readonly name: string;
  readonly version: string;
  readonly files: readonly string[];
  readonly lines: number;
  readonly errors: number;
  readonly tasks: readonly ProblemTask[];
}

/** What a package has come to. */
export interface Outcome {
  readonly job: Job;
  /** Everything the compiler still has to say. */
  readonly left: readonly Problem[];
  readonly patch: string;
  /** Whether the repaired sources answer the samples as the original ones do. */
  readonly sameBehaviour: boolean;
}

/** Copies a package's sources twice: one copy to keep, one to repair. */
export function layOut(source: PackageSource, place: Place): void {
  copySources(source, place.original(source.name));
  copySources(source, place.repaired(source.name));
}

/** Makes a task of everything that the compiler says about a package. */
export function prepareJob(source: PackageSource, place: Place): Job {
  const folder = place.original(source.name);
  const problems = problemsIn(source.name, folder);
  const texts = new Map(listSources(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
  return {
    name: source.name,
    version: installedVersion(source.name),
    files: [...texts.keys()],
    lines: [...texts.values()].reduce((sum, text) => sum + text.split('\n').length - 1, 0),
    errors: problems.length,
    tasks: problems.map((problem) => toTask(problem, texts.get(problem.file)!)),
  };
}

/**
 * Hands in a package as one workflow; resolves with its id once everything is stored.
 *
 * @param startAt epoch milliseconds from which it may be begun
 */
export async function submitJob(symphony: ServiceRegistry, job: Job, startAt: number): Promise<string> {
  const { id } = await symphony.getWorkflowTracker().createWorkflow({
    name: `repair ${job.name} ${job.version}`,
    description: `Type errors in ${job.name} ${job.version}, one task for each`,
    // One after the other by due time, so that the packages take turns whichever was handed in first.
    tasks: job.tasks.map((task, index) => ({ ...task, dueAt: startAt + index })),
  });
  return id;
}

/** Looks at what a package has come to, with a compiler that has seen none of the work. */
export function closeJob(job: Job, place: Place): Outcome {
  const original = place.original(job.name);
  const repaired = place.repaired(job.name);
  const read = (folder: string, file: string): string => readFileSync(join(folder, file), 'utf8');
  const pairs = job.files.map((file) => ({ file, before: read(original, file), after: read(repaired, file) }));
  const before = behaviourOf(job.name, original);
  return {
    job,
    left: problemsIn(job.name, repaired),
    patch: makePatch(pairs),
    sameBehaviour: before !== '' && before === behaviourOf(job.name, repaired),
  };
}

/** The error count after the last repair that was kept. */
export function errorsNow(job: Job, place: Place): number {
  const kept = readLedger(readRecords<Entry>(place.ledger(job.name))).findLast(({ verdict }) => verdict?.kept === true);
  return kept?.verdict?.after ?? job.errors;
}

function problemsIn(name: string, folder: string): Problem[] {
  const compiler = openCompiler(folder);
  const byFile = Map.groupBy(compiler.check(), ({ file }: Finding) => file);
  return listSources(folder).flatMap((file) => {
    const path = join(folder, file);
    return toProblems(name, file, compiler.text(path), byFile.get(path) ?? []);
  });
}

function behaviourOf(name: string, folder: string): string {
  const program = join(import.meta.dirname, 'result', 'behaviour.ts');
  const env = { ...process.env, NODE_PATH: dependencyPath(name) };
  const { stdout, status, stderr } = spawnSync(process.execPath, [program, name, folder], { encoding: 'utf8', env });
  if (status !== 0) return `failed: ${stderr.trim().split('\n').at(-1) ?? ''} ${folder}`;
  return stdout;
}
