import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { SimulationReport } from '@symphony/testing';

/** The seeds that one thread plays: from `first` on, each `step`-th of `count`. */
export interface Share {
  readonly first: number;
  readonly count: number;
  readonly step: number;
  readonly plant: string | undefined;
}

/** Fewer seeds than this are not worth another thread. */
const worthThread = 100;

/** Plays so many seeds from the first on, on all processors; hears of each report as it comes, in no order. */
export async function playAll(
  { first, count, plant }: Omit<Share, 'step'>,
  hear: (report: SimulationReport) => void,
): Promise<void> {
  const step = Math.max(1, Math.min(availableParallelism(), Math.floor(count / worthThread)));
  const shares = Array.from({ length: step }, (_, index): Share => ({
    first: first + index,
    count: count - index,
    step,
    plant,
  }));
  await Promise.all(shares.map((share) => playShare(share, hear)));
}

function playShare(share: Share, hear: (report: SimulationReport) => void): Promise<void> {
  const thread = new Worker(new URL('./thread.ts', import.meta.url), { workerData: share });
  thread.on('message', hear);
  return new Promise((resolve, reject) => {
    thread.once('error', reject);
    thread.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`A thread that played seeds ended with code ${code}.`));
    });
  });
}
