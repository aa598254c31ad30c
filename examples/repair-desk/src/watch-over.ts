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

const lookEveryMs = 100;

/** How long nothing may happen before a run is given up. */
const patienceMs = 60_000;

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
  const total = jobs.reduce((sum, { tasks }) => sum + tasks.length, 0);
  let kill: Kill | undefined;
  let done = 0;
  let lastNews = performance.now();
  try {
    while (done < total) {
      await sleep(lookEveryMs);
      await tally.look();
      const counts = workflows.map((id) => tally.of(id));
      progress.show(
        jobs.map((job, index) => ({
          ...counts[index]!,
          name: job.name,
          tasks: job.tasks.length,
          errorsBefore: job.errors,
          errorsNow: errorsNow(job, place),
        })),
      );
      const now = counts.reduce((sum, count) => sum + count.done, 0);
      if (now > done) lastNews = performance.now();
      done = now;
      const line = crash && kill === undefined && done >= total / 2 ? stepInHand(place) : undefined;
      if (line !== undefined) {
        const processId = await supervisor.kill();
        kill = { processId, done, total, agent: line.agent, step: line.step };
        progress.say(`✗ worker ${processId} killed with SIGKILL in the middle of ${line.agent}'s step "${line.step}"`);
        progress.say(`✓ worker ${supervisor.start()} takes over`);
      }
      if (supervisor.isStuck) throw new Error(`The workers keep dying; their scratch folder is ${place.folder}`);
      if (performance.now() - lastNews > patienceMs) {
        throw new Error(`Nothing has happened for ${patienceMs / 1_000} s; the scratch folder is ${place.folder}`);
      }
    }
    await supervisor.stop();
    return kill;
  } catch (error) {
    await supervisor.kill();
    throw error;
  }
}

/** The step that an agent has begun and not finished, if the last line of the logbook is the beginning of one. */
function stepInHand(place: Place): LogbookLine | undefined {
  const last = new Logbook(place.logbook).read().at(-1);
  return last?.phase === 'begin' ? last : undefined;
}
