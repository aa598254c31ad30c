import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { delay, systemClock, type AgentFunction, type JsonValue } from '@symphony/core';
import act from './acts.ts';

// Is being loaded until somebody makes the file `loaded`. Tells by files how far it is; all in the folder SCRATCH.
const file = (name: string): string => join(process.env['SCRATCH'] ?? '', name);

writeFileSync(file('loading'), '');
while (!existsSync(file('loaded'))) {
  if (process.env['BLOCKS'] === undefined) await delay(systemClock, 10);
  else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
}

/** Does what the task is called. */
const run: AgentFunction<JsonValue> = (task, context) => {
  writeFileSync(file('running'), '');
  return act(task, context);
};

export default run;
