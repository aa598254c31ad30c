// Breaks things on purpose: `pnpm chaos --lane NAME --count N --seed S`, or `pnpm chaos --all` for a small run of each lane.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Lane, LaneReport } from './lane.ts';
import { lanes } from './lanes/index.ts';

const { values } = parseArgs({
  options: {
    lane: { type: 'string' },
    count: { type: 'string' },
    seed: { type: 'string', default: '1' },
    /** Where stores and evidence go; default: a temporary folder that goes when the lane was valid. */
    folder: { type: 'string' },
    /** A bug to be planted, to see that the lane finds it: `--plant "journal not read"`. */
    plant: { type: 'string' },
    all: { type: 'boolean', default: false },
    /** Says everything on the way. */
    verbose: { type: 'boolean', default: false },
  },
});

/** Runs one lane and prints what it saw. */
async function run(lane: Lane, count: number, seed: number): Promise<LaneReport['verdict']> {
  const folder = values.folder ?? mkdtempSync(join(tmpdir(), `symphony-${lane.name}-`));
  mkdirSync(folder, { recursive: true });
  console.log(`${lane.name} · ${count} ${lane.unit} · seed ${seed}`);
  const started = performance.now();
  const log = values.verbose ? (text: string): void => console.log(`  ${text}`) : (): void => undefined;
  const plant = values.plant === undefined ? {} : { plant: values.plant };
  const report = await lane.run({ count, seed, folder, log, ...plant });
  print(report, performance.now() - started);
  if (report.verdict === 'valid' && values.folder === undefined) rmSync(folder, { recursive: true, force: true });
  else if (report.verdict !== 'skipped') console.log(`  evidence in ${folder}`);
  return report.verdict;
}

function print({ verdict, figures, problems }: LaneReport, ms: number): void {
  for (const [name, value] of Object.entries(figures)) console.log(`  ${name.padEnd(34)} ${value}`);
  console.log(`  ${'wall'.padEnd(34)} ${(ms / 1_000).toFixed(1)} s`);
  for (const problem of problems.slice(0, 20)) console.log(`  ✗ ${problem}`);
  if (problems.length > 20) console.log(`  … and ${problems.length - 20} more`);
  console.log(`  verdict: ${verdict}\n`);
}

// So that whatever a lane has started is ended.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** A number that was given: a whole one, of at least `least`. */
function toNumber(name: 'count' | 'seed', text: string, least: number): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= least && text.trim() !== '') return number;
  console.error(`--${name} must be a whole number of at least ${least}, not "${text}".`);
  process.exit(2);
}

const chosen = values.all ? lanes : lanes.filter(({ name }) => name === values.lane);
if (chosen.length === 0) {
  console.log('pnpm chaos --lane NAME --count N --seed S      or: pnpm chaos --all\n');
  for (const { name, unit, about } of lanes) console.log(`${name.padEnd(18)} ${about} Counts ${unit}.`);
  if (values.lane !== undefined) {
    console.error(`\nThere is no lane "${values.lane}".`);
    process.exitCode = 2;
  }
}
const seed = toNumber('seed', values.seed, 0);
// A small run may see too little by chance; it is then given another seed.
const tries = values.all ? 3 : 1;
for (const lane of chosen) {
  const count = values.count === undefined ? lane.small : toNumber('count', values.count, lane.least ?? 1);
  let verdict: LaneReport['verdict'] = 'vacuous';
  for (let tried = 0; tried < tries && verdict === 'vacuous'; tried++) verdict = await run(lane, count, seed + tried);
  // A lane that cannot run here has not failed.
  if (verdict === 'invalid' || verdict === 'vacuous') process.exitCode = 1;
}
