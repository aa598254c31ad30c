// A worker of the disk-full lane: notes what its tasks do on another disk than the store's.
import { setTimeout as wait } from 'node:timers/promises';
import { SymphonyError, type Agent, type Task } from '@symphony/core';
import { Notes } from '../scene/notes.ts';
import { readConfig, serve } from '../scene/serve.ts';
import { diskLease, startRefused, type DiskConfig, type DiskFact, type DiskWork } from './work.ts';

const config = readConfig<DiskConfig>();
const notes = new Notes<DiskFact>(config.notes);

const payer: Agent<DiskWork> = {
  id: 'payer',
  async run({ id, input }: Task<DiskWork>, context) {
    const { attempt, signal } = context;
    notes.write({ kind: 'begin', task: id, attempt });
    signal.addEventListener('abort', () => notes.write({ kind: 'aborted', task: id, attempt }), { once: true });
    for (let index = 1; index <= input.steps; index++) {
      let ran = false;
      const pay = async (): Promise<string> => {
        ran = true;
        await wait(input.ms);
        notes.write({ kind: 'effect', task: id, attempt, step: index });
        return 'x'.repeat(input.characters);
      };
      await context.step('pay', pay, { key: String(index) });
      notes.write({ kind: ran ? 'recorded' : 'replayed', task: id, attempt, step: index });
    }
    notes.write({ kind: 'returned', task: id, attempt });
    return attempt;
  },
};

try {
  await serve({ store: config.store, agents: [payer], lease: diskLease, concurrency: config.concurrency });
} catch (error) {
  // Who starts while the disk is full is refused, and is started again by whoever looks after it.
  if (SymphonyError.is(error, 'STORE_FULL')) process.exit(startRefused);
  throw error;
}
