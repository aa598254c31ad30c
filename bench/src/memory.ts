// What one worker process uses over many tasks: pnpm --dir bench memory [sqlite|postgres|all] [tasks]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createMakeId, systemClock, type Command, type Store } from '@symphony/core';
import { newTask } from '@symphony/testing';
import type { Usage } from './memory-worker.ts';
import { openPlace, storeKinds, type Place, type StoreKind } from './place.ts';
import { printMachine, printTable } from './print.ts';
import { slopeOf } from './statistics.ts';

const [which = 'all', given] = process.argv.slice(2);
const counts: Readonly<Record<StoreKind, number>> = { sqlite: 200_000, postgres: 50_000 };
/** Tasks that are handed in at once, whenever fewer than a thousand are left: the queue is never empty and never long. */
const bulk = 2_000;
const agentId = 'worker-of-all-work';
const mebibyte = 2 ** 20;

for (const kind of storeKinds.filter((each) => which === 'all' || which === each)) {
  await using place = await openPlace(kind);
  await measure(place, given === undefined ? counts[kind] : Number(given));
}

async function measure(place: Place, count: number): Promise<void> {
  const every = count / 10;
  printMachine(place.settings);
  console.log(
    `one worker process, 16 at once, ${count} tasks of one step and one progress, one attempt in 50 fails; after two forced collections`,
  );
  const store = await place.open();
  const worker = fork(join(import.meta.dirname, 'memory-worker.ts'), [place.url, String(every)], {
    execArgv: [...process.execArgv, '--expose-gc'],
  });
  try {
    const usages: Usage[] = [];
    worker.on('message', (usage: Usage) => usages.push(usage));
    const startedAt = performance.now();
    await handIn(store, count, () => worker.exitCode !== null);
    while (usages.at(-1)?.tasks !== count) {
      if (worker.exitCode !== null) throw new Error('The worker has died.');
      await wait(100);
    }
    const perSecond = (count / (performance.now() - startedAt)) * 1_000;
    printTable(
      `memory ${place.kind}`,
      usages.map(({ tasks, rssBytes, heapBytes, threadBytes, descriptors, resources }) => ({
        tasks,
        'RSS, MiB': rssBytes / mebibyte,
        'heap, MiB': heapBytes / mebibyte,
        "threads' heaps, MiB": threadBytes / mebibyte,
        descriptors,
        resources,
      })),
    );
    console.log(`${Math.round(perSecond)} tasks/s`);
    // In the first half caches fill, and the heaps of the threads grow to what they need.
    const warm = usages.filter(({ tasks }) => tasks >= count / 2);
    for (const key of ['rssBytes', 'heapBytes'] as const) printSlope(key === 'rssBytes' ? 'RSS' : 'heap', warm, key);
  } finally {
    const exited = worker.exitCode === null && worker.signalCode === null ? once(worker, 'exit') : undefined;
    worker.kill('SIGTERM');
    await exited;
    await store.close();
  }
}

/** Hands tasks in as the worker gets through them. */
async function handIn(store: Store, count: number, isOver: () => boolean): Promise<void> {
  const makeId = createMakeId(systemClock);
  for (let made = 0; made < count && !isOver();) {
    const queued = (await store.loads()).get(agentId)?.queued ?? 0;
    if (queued >= 1_000) {
      await wait(50);
      continue;
    }
    const group = Array.from({ length: Math.min(bulk, count - made) }, (): Command => ({
      type: 'createTask',
      submit: true,
      task: newTask(makeId('tsk'), { agentId, retry: { initialDelayMs: 100 } }),
    }));
    await store.commit({ groups: [group] });
    made += group.length;
  }
}

function printSlope(name: string, usages: readonly Usage[], key: 'rssBytes' | 'heapBytes'): void {
  const perTask = slopeOf(usages.map((usage) => ({ x: usage.tasks, y: usage[key] })));
  const mean = usages.reduce((sum, usage) => sum + usage[key], 0) / usages.length;
  const percent = ((perTask * 100_000) / mean) * 100;
  console.log(
    `${name}, from ${usages[0]?.tasks ?? 0} tasks on: ${((perTask * 100_000) / mebibyte).toFixed(2)} MiB per 100,000 tasks = ${percent.toFixed(2)} % of its mean`,
  );
}
