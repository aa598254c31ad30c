// Repairs type errors in two npm packages: pnpm start [--no-crash] [--out FOLDER]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { recipes } from './agents/index.ts';
import { closeJob, layOut, prepareJob, submitJob } from './job.ts';
import { packages } from './packages.ts';
import { Place } from './place.ts';
import { checkRun } from './result/check-run.ts';
import { gatherEvidence } from './result/evidence.ts';
import { finalTable } from './result/final-table.ts';
import { writeReport } from './result/report.ts';
import { Supervisor } from './supervisor.ts';
import { openSymphony } from './symphony.ts';
import { watchOver } from './watch-over.ts';

const { values: options } = parseArgs({
  options: {
    crash: { type: 'boolean', default: true },
    out: { type: 'string', default: join(import.meta.dirname, '..', 'out') },
  },
  allowNegative: true,
});

const started = performance.now();
const place = new Place(mkdtempSync(join(tmpdir(), 'repair-desk-')));

// A worker process does the work; it gets ready while the tasks are being made.
for (const source of packages) layOut(source, place);
const supervisor = new Supervisor(place);
supervisor.start();

// What there is to do: each error of the compiler is a task, each package a workflow.
const jobs = packages.map((source) => prepareJob(source, place));
const total = jobs.reduce((sum, { tasks }) => sum + tasks.length, 0);
const names = jobs.map(({ name, version }) => `${name} ${version}`).join(' and ');
console.log(`Repair desk: ${total} type errors in ${names}, ${recipes.length} agents\n`);
const symphony = await openSymphony(place);
const startAt = Date.now();
const workflows = await Promise.all(jobs.map((job) => submitJob(symphony, job, startAt)));

// Half-way the worker is killed in the middle of a step, and another one takes over.
const kill = await watchOver({ supervisor, symphony, place, jobs, workflows, crash: options.crash });

// What has come of it, and whether it went as it should.
const { stories, evidence } = await gatherEvidence(symphony, workflows, place);
await symphony.close();
const outcomes = jobs.map((job) => closeJob(job, place));
const { crash, checks } = checkRun({ kill, stories, evidence, outcomes });
const seconds = (performance.now() - started) / 1_000;
console.log(`\n${finalTable(outcomes, stories)}\n\n${crash}\n`);
for (const { claim, broken } of checks) {
  console.log(broken.length === 0 ? `✓ ${claim}` : `✗ not so: ${claim}: ${broken.slice(0, 3).join(', ')}`);
}

mkdirSync(options.out, { recursive: true });
const write = (file: string, text: string): string => {
  writeFileSync(join(options.out, file), text);
  return relative(process.cwd(), resolve(options.out, file));
};
const report = writeReport({ outcomes, stories, colleagues: recipes, checks, crash, seconds });
console.log(`\nreport  ${write('report.md', report)}`);
for (const { job, patch } of outcomes) console.log(`patch   ${write(`${job.name}.patch`, patch)}`);

const isGood = checks.every(({ broken }) => broken.length === 0);
if (isGood) rmSync(place.folder, { recursive: true });
else console.log(`The store, the agents' notes and the sources are in ${place.folder}`);
console.log(`\n${isGood ? 'done' : 'failed'} in ${seconds.toFixed(1)} s`);
process.exitCode = isGood ? 0 : 1;
