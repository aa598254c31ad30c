// Runs the program and compares what it prints.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const main = join(import.meta.dirname, 'main.ts');
const printed = execFileSync(process.execPath, ['--conditions=@symphony/source', main], { encoding: 'utf8' });

assert.equal(
  printed,
  `note     → quick: would cost 0.12, at most 2 is allowed → translated at once
brochure → bulk: would cost 1.52, at most 2 is allowed → translated over night
book     → person: Strategy "cheapest" found none of 2 candidates suitable. → put aside

With a limit of -1 the program does not even start:
STRATEGY_OPTIONS_INVALID: Strategy "cheapest": its options are not valid: limit: must be a number above 0
`,
);
console.log('custom-strategy: as expected');
