// A worker of the poison lane: some of its tasks end the process that they run in.
import { setTimeout as wait } from 'node:timers/promises';
import type { Agent, Task } from '@symphony/core';
import { ServiceRegistry } from '@symphony/registry';
import { Notes } from '../scene/notes.ts';
import { openStore } from '../scene/open-store.ts';
import { poisonLease, type PoisonConfig, type PoisonFact, type PoisonWork } from './work.ts';

const config = JSON.parse(process.argv[2] ?? '') as PoisonConfig;
process.once('disconnect', () => process.exit(3));
const notes = new Notes<PoisonFact>(config.notes);

const deaths: Readonly<Record<NonNullable<PoisonWork['death']>, () => unknown>> = {
  kill: () => process.kill(process.pid, 'SIGKILL'),
  abort: () => process.abort(),
  exit: () => process.exit(9),
  heap: () => {
    for (const kept: unknown[] = []; ;) kept.push(Array.from({ length: 10_000 }, (_, index) => ({ index })));
  },
};

const agent: Agent<PoisonWork> = {
  id: 'mixed',
  async run({ id, input }: Task<PoisonWork>, context) {
    const { attempt } = context;
    notes.write({ kind: 'begin', task: id, attempt, ...(input.death === undefined ? {} : { death: input.death }) });
    if (input.step) await context.step('prepare', () => 'prepared');
    await wait(input.ms);
    if (input.death !== undefined) deaths[input.death]();
    notes.write({ kind: 'end', task: id, attempt });
    return attempt;
  },
};

const store = await openStore(config.store);
const symphony = await ServiceRegistry.open({ persistence: store, agents: [agent], lease: poisonLease });
const worker = await symphony.startWorker({ concurrency: config.concurrency });
process.send?.('ready');
await worker.stopOnSignals();
await symphony.close();
await store.close();
process.exit(0);
