// A process of the clock lane: a worker, or one that submits until it is asked to stop.
import { setTimeout as wait } from 'node:timers/promises';
import type { Agent, Task } from '@symphony/core';
import { ServiceRegistry } from '@symphony/registry';
import { Chance } from '../fleet/chance.ts';
import { Notes } from '../scene/notes.ts';
import { openStore } from '../scene/open-store.ts';
import { readConfig, serve } from '../scene/serve.ts';
import { backoffMs, clockLease, limitMs, type ClockConfig, type ClockFact, type ClockWork } from './work.ts';

const config = readConfig<ClockConfig>();
const notes = new Notes<ClockFact>(config.notes);

const agent: Agent<ClockWork> = {
  id: 'worker',
  async run({ id, input, failures }: Task<ClockWork>, context) {
    const { attempt, signal } = context;
    notes.write({ kind: 'begin', task: id, attempt });
    for (let index = 1; index <= input.steps; index++) {
      await context.step('part', () => wait(input.ms, null, { signal }), { key: String(index) });
    }
    if (input.kind === 'flaky' && failures === 0) {
      notes.write({ kind: 'failed', task: id, attempt });
      throw new Error('not yet');
    }
    notes.write({ kind: 'returned', task: id, attempt });
    return attempt;
  },
};

// What has ended long ago by a clock that has jumped is not to be removed: the lane looks at it.
const options = { lease: clockLease, retention: false } as const;
if (config.role === 'worker') await serve({ ...options, store: config.store, agents: [agent], concurrency: 4 });

const store = await openStore(config.store);
const symphony = await ServiceRegistry.open({ ...options, persistence: store });
const chance = new Chance('clocks', config.seed);
let isOver = false;
process.once('SIGTERM', () => (isOver = true));
process.send?.('ready');
for (let number = 1; !isOver; number++) {
  const kind = chance.pick(['steady', 'flaky', 'limited'] as const);
  const input = { kind, ms: chance.between(5, 150), steps: chance.between(1, 3) };
  const { id } = await symphony.submit({
    ...{ name: kind, idempotencyKey: `task-${number}`, agentId: 'worker', input },
    // Crashes are not what this lane is about.
    retry: { maxRetries: 1, maxCrashes: 1_000, initialDelayMs: backoffMs, jitter: 'none' },
    ...(kind === 'limited' ? { timeouts: { startToCloseMs: limitMs } } : {}),
  });
  notes.write({ kind: 'acknowledged', task: id });
  await wait(chance.between(10, 60));
}
await symphony.close();
await store.close();
process.exit(0);
