import type { ServiceRegistry } from '@symphony/registry';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorsNow, type Job } from './job.ts';
import { Logbook, type LogbookLine } from './logbook.ts';
import type { Place } from './place.ts';
import { Progress } from './progress.ts';
import type { Supervisor } from './supervisor.ts';
import { Tally } from './tally.ts';

/** What is to be watched over. */
export interface WatchOverOptions {
  /** With a worker that has been started. */
  readonly supervisor: Supervisor;
  readonly symphony: ServiceRegistry;
  readonly place: Place;
  readonly jobs: readonly Job[];
  /** The workflow of each job. */
  readonly workflows: readonly string[];
  /** Whether the worker is killed half-way. */
  readonly crash: boolean;
}

/** How a worker came to its end. */
export interface Kill {
  readonly processId: number;
  /** How many tasks were done by then. */
  readonly done: number;
  readonly total: number;
  /** What was in hand. */
  readonly agent: string;
  readonly step: string;
}

/** How often it is looked; more often while the moment for the kill is awaited. */
const lookEveryMs = { watching: 100, aiming: 10 };

/** How long nothing may happen before a run is given up: somebody's own project may keep the compiler busy for long. */
const patienceMs = { demonstration: 60_000, owned: 600_000 };

/**
 * Keeps a worker at the place until every task has ended, shows how far it is, and half-way kills the worker in the
 * middle of a step and starts another.
 */
export async function watchOver({
  supervisor,
  symphony,
  place,
  jobs,
  workflows,
  crash,
}: WatchOverOptions): Promise<Kill | undefined> {
  const progress = new Progress(process.stdout);
  const tally = new Tally(symphony);
  const logbook = new Logbook(place.logbook);
  logbook.letGo(); // an earlier run may have been killed itself
  const total = jobs.reduce((sum, { tasks }) => sum + tasks.length, 0);
  let kill: Kill | undefined;
  let done = 0;
  const patience = jobs.some(({ unit }) => unit.isOwned) ? patienceMs.owned : patienceMs.demonstration;
  let lastNews = performance.now();
  try {
    while (done < total) {
      await sleep(crash && kill === undefined ? lookEveryMs.aiming : lookEveryMs.watching);
      await tally.look();
      const counts = workflows.map((id) => tally.of(id));
      progress.show(
        jobs.map((job, index) => ({
          ...counts[index]!,
          name: job.unit.name,
          tasks: job.tasks.length,
          errorsBefore: job.errors,
          errorsNow: errorsNow(job, place),
        })),
      );
      const now = counts.reduce((sum, count) => sum + count.done, 0);
      if (now > done) lastNews = performance.now();
      done = now;
      const isDueToDie = crash && kill === undefined && done >= total / 2;
      // A step that follows others shows best what the journal is for; after a while any will do.
      if (isDueToDie) logbook.hold(done < total * 0.7 ? 'later' : 'any');
      const line = isDueToDie ? heldStep(logbook) : undefined;
      if (line !== undefined) {
        const processId = await supervisor.kill();
        logbook.letGo();
        kill = { processId, done, total, agent: line.agent, step: line.step };
        progress.say(`✗ worker ${processId} killed with SIGKILL in the middle of ${line.agent}'s step "${line.step}"`);
        progress.say(`✓ worker ${supervisor.start()} takes over`);
      }
      if (supervisor.isStuck) throw new Error(`The workers keep dying; their scratch folder is ${place.folder}`);
      if (performance.now() - lastNews > patience) {
        throw new Error(`Nothing has happened for ${patience / 1_000} s; the scratch folder is ${place.folder}`);
      }
    }
    await supervisor.stop();
    return kill;
  } catch (error) {
    await supervisor.kill();
    throw error;
  }
}

/** The latest step that an agent has begun and stays in. */
function heldStep(logbook: Logbook): LogbookLine | undefined {
  const open = new Map<string, LogbookLine>();
  for (const line of logbook.read()) {
    const key = `${line.task} ${line.agent} ${line.step} ${line.attempt}`;
    if (line.phase === 'begin') open.set(key, line);
    else open.delete(key);
  }
  return [...open.values()].findLast(({ step }) => logbook.holds(step));
}
