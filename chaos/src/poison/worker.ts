// A worker of the poison lane: some of its tasks end the process that they run in.
import { setTimeout as wait } from 'node:timers/promises';
import type { Agent, Task } from '@symphony/core';
import { Notes } from '../scene/notes.ts';
import { readConfig, serve } from '../scene/serve.ts';
import type { PoisonConfig, PoisonFact, PoisonWork } from './work.ts';

const config = readConfig<PoisonConfig>();
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

await serve({ store: config.store, agents: [agent], lease: config.lease, concurrency: config.concurrency });
