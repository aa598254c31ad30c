// The crash lane by hand: `pnpm crash --kills 1000 --seed 7`. Prints the verdict and what the run has seen.
import { parseArgs } from 'node:util';
import { runLane } from './lane.ts';
import type { PlantName } from './plants.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: '4' },
    submitters: { type: 'string', default: '2' },
    /** Mean milliseconds between two acts. */
    every: { type: 'string', default: '120' },
    /** How often processes are killed, stopped for longer than their lease, and asked to drain. */
    acts: { type: 'string', default: '60,35,5' },
    /** `late`: only tasks whose report comes late. */
    plan: { type: 'string', default: 'mixed' },
    /** `normal` does not wait for the disk. */
    synchronous: { type: 'string', default: 'full' },
    folder: { type: 'string' },
    /** A planted bug, to see that the lane finds it; see plants.ts. */
    plant: { type: 'string' },
  },
});
const kills = Number(values.kills);
const [kill = 1, freeze = 0, terminate = 0] = values.acts.split(',').map(Number);
const started = performance.now();
const result = await runLane({
  kills,
  seed: Number(values.seed),
  workers: Number(values.workers),
  submitters: Number(values.submitters),
  everyMs: Number(values.every),
  acts: { kill, freeze, terminate },
  plan: values.plan === 'late' ? 'late' : 'mixed',
  synchronous: values.synchronous === 'normal' ? 'normal' : 'full',
  ...(values.folder === undefined ? {} : { folder: values.folder }),
  ...(values.plant === undefined ? {} : { plant: values.plant as PlantName }),
  minima: {
    kills,
    hits: kills / 4,
    tasks: kills * 2,
    takeovers: kills / 2,
    zombies: kills / 10,
    staleWrites: kills / 20,
    retries: kills / 8,
    replays: kills,
  },
  log: (text) => console.log(text),
});

for (const [name, value] of Object.entries(result.figures)) console.log(`${name.padEnd(18)} ${value}`);
for (const [name, ms] of Object.entries(result.seconds)) console.log(`${name.padEnd(18)} ${(ms / 1000).toFixed(1)} s`);
console.log(`wall               ${((performance.now() - started) / 1000).toFixed(1)} s`);
for (const { rule, subject, message } of result.violations.slice(0, 20))
  console.log(`✗ ${rule} · ${subject} · ${message}`);
if (result.violations.length > 20) console.log(`… and ${result.violations.length - 20} more`);
for (const missed of result.missed) console.log(`too few ${missed}`);
if (result.verdict !== 'valid') console.log(`evidence in ${result.folder}`);
console.log(`verdict: ${result.verdict}`);
process.exitCode = result.verdict === 'valid' ? 0 : 1;
