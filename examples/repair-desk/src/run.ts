import type { ServiceRegistry } from '@symphony/registry';
import { closeJob, layOut, prepareJob, submitJob, type Job, type Outcome } from './job.ts';
import type { Place } from './place.ts';
import { readJobs, writeJobs, writePlan, type Jobs, type Plan } from './plan.ts';
import { gatherEvidence } from './result/evidence.ts';
import type { Evidence } from './result/proof.ts';
import type { Story } from './result/story.ts';
import { Supervisor } from './supervisor.ts';
import { openSymphony } from './symphony.ts';
import { watchOver, type Kill } from './watch-over.ts';

/** What to run, and where. */
export interface RunOptions {
  readonly place: Place;
  readonly plan: Plan;
  /** The work, where it is known already. */
  readonly jobs?: Jobs;
  /** Whether the worker is killed half-way. */
  readonly crash: boolean;
  /** Called once it is known what there is to do. */
  readonly begin: (jobs: readonly Job[]) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** What a run has come to. */
export interface RunResult {
  readonly plan: Plan;
  readonly jobs: Jobs;
  readonly outcomes: readonly Outcome[];
  readonly stories: readonly Story[];
  readonly evidence: Evidence;
  readonly kill: Kill | undefined;
  /** From the first task that was begun to the last that ended; a resumed run counts as one. */
  readonly seconds: number;
}

/**
 * Finds the type errors of a plan's units, hands them in as tasks, one workflow for each unit, and keeps a worker at it
 * until all have ended. Run again at a place where it was killed, it goes on.
 */
export async function run({ place, plan, jobs: known, crash, begin, now }: RunOptions): Promise<RunResult> {
  // A worker process does the work; it gets ready while the tasks are being made.
  for (const unit of plan.units) layOut(unit, place);
  writePlan(place, plan);
  const supervisor = new Supervisor(place);
  supervisor.start();
  let symphony: ServiceRegistry | undefined;
  try {
    const jobs = readJobs(place) ?? known ?? findJobs(place, plan, now());
    writeJobs(place, jobs);
    begin(jobs.jobs);
    symphony = await openSymphony(plan);
    const workflows: string[] = [];
    const busy = jobs.jobs.filter(({ tasks }) => tasks.length > 0);
    for (const job of busy) workflows.push(await submitJob(symphony, job, jobs.startAt));
    const kill = await watchOver({ supervisor, symphony, place, jobs: busy, workflows, crash });
    const { stories, evidence } = await gatherEvidence(symphony, workflows, place);
    const outcomes = jobs.jobs.map((job) => closeJob(job, place));
    return { plan, jobs, outcomes, stories, evidence, kill, seconds: secondsOf(stories) };
  } finally {
    await supervisor.kill();
    await symphony?.close();
  }
}

function findJobs(place: Place, { units }: Plan, startAt: number): Jobs {
  return { startAt, jobs: units.map((unit) => prepareJob(unit, place)) };
}

function secondsOf(stories: readonly Story[]): number {
  const attempts = stories.flatMap(({ tries }) => tries);
  if (attempts.length === 0) return 0;
  let from = Infinity;
  let to = 0;
  for (const attempt of attempts) {
    from = Math.min(from, attempt.from);
    to = Math.max(to, attempt.to ?? attempt.from);
  }
  return (to - from) / 1_000;
}
