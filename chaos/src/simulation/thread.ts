// Plays its share of the seeds in a thread of its own: simulations of one thread take turns.
import { parentPort, workerData } from 'node:worker_threads';
import { findBug } from './find-bug.ts';
import { play } from './play.ts';
import type { Share } from './play-all.ts';

const { first, count, step, plant } = workerData as Share;
const bug = plant === undefined ? undefined : findBug(plant);
for (let seed = first; seed < first + count; seed += step) parentPort?.postMessage(await play(seed, bug));
