import { spawnSync } from 'node:child_process';
import { mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isTerminal, systemClock, type Store } from '@symphony/core';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { ServiceRegistry } from '@symphony/registry';
import { checkInvariants } from '@symphony/testing';
import { Chance } from '../fleet/chance.ts';
import type { Lane, LaneReport, LaneRequest } from '../lane.ts';
import { makeAgent } from '../power-loss/agent.ts';
import { FileLayer, type Loss } from '../power-loss/file-layer.ts';
import { readTrace, tracedCalls, type TraceEvent } from '../power-loss/trace.ts';
import type { Acknowledgement, RecorderConfig } from '../power-loss/work.ts';
import { bundle } from '../scene/bundle.ts';
import { toPlant, type Plant } from '../scene/plant.ts';

/** Every so many power losses, what is left is worked off. */
const resumeEvery = 10;

/** Power losses of the machine that a SQLite store is on. */
export const powerLoss: Lane = {
  name: 'power-loss',
  about: 'Records the writes and syncs of a SQLite store and loses what was not synced; PostgreSQL is not tested so.',
  unit: 'power losses',
  small: 40,
  run: runPowerLoss,
};

/** Bugs to plant, by name. */
const plants = {
  'no sync': { file: 'sqlite/src/database.ts', find: `'FULL' : 'NORMAL'`, put: `'OFF' : 'OFF'` },
} as const satisfies Readonly<Record<string, Plant>>;

async function runPowerLoss(request: LaneRequest): Promise<LaneReport> {
  const { status, error } = spawnSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' });
  if (status !== 0) {
    const problem = `strace cannot be run here, and what a store writes not be recorded: ${error?.message ?? 'it was refused'}`;
    return { verdict: 'skipped', figures: {}, problems: [problem] };
  }
  const programs = join(request.folder, 'programs');
  const recorder = join(import.meta.dirname, '../power-loss/recorder.ts');
  await bundle(programs, { entries: { recorder }, plant: toPlant(plants, request.plant) });
  const full = await play('full', request, programs);
  // What the weaker mode loses shows that the lane would see it.
  const normal = await play('normal', request, programs);
  const problems = [...full.broken, ...full.missing, ...normal.broken];
  const isVacuous = full.struck < request.count / 2 || normal.missing.length === 0;
  return {
    verdict: problems.length > 0 ? 'invalid' : isVacuous ? 'vacuous' : 'valid',
    figures: { ...figuresOf('full', full), ...figuresOf('normal', normal) },
    problems,
  };
}

/** What became of the power losses over one recording. */
class Seen {
  calls = 0;
  acknowledged = 0;
  losses = 0;
  /** Power losses that took something, or tore it. */
  struck = 0;
  lost = 0;
  torn = 0;
  resumed = 0;
  /** What had been acknowledged and was gone. */
  readonly missing: string[] = [];
  /** Power losses after which something acknowledged was gone. */
  lossesThatMiss = 0;
  /** What was wrong besides. */
  readonly broken: string[] = [];
}

function figuresOf(name: string, seen: Seen): Record<string, number | string> {
  return {
    [`${name}: writes and syncs recorded`]: seen.calls,
    [`${name}: acknowledgements`]: seen.acknowledged,
    [`${name}: power losses / that took something`]: `${seen.losses} / ${seen.struck}`,
    [`${name}: writes lost / torn`]: `${seen.lost} / ${seen.torn}`,
    [`${name}: losses that took what was acknowledged`]: seen.lossesThatMiss,
    [`${name}: acknowledged and gone`]: seen.missing.length,
    [`${name}: files that were damaged`]: seen.broken.length,
    [`${name}: worked off afterwards`]: seen.resumed,
  };
}

async function play(synchronous: 'full' | 'normal', request: LaneRequest, programs: string): Promise<Seen> {
  const { count, seed, log } = request;
  const folder = join(request.folder, synchronous);
  mkdirSync(join(folder, 'store'), { recursive: true });
  const scope = {
    folder: realpathSync(join(folder, 'store')),
    acknowledgements: join(realpathSync(folder), 'acknowledged.jsonl'),
  };
  const config: RecorderConfig = {
    ...{ store: join(scope.folder, 'recorded.db'), acknowledgements: scope.acknowledgements, synchronous, seed },
    ...{ tasks: Math.min(600, 60 + count), submits: true },
  };
  record(programs, join(folder, 'trace'), config);
  const events = await readTrace(join(folder, 'trace'), scope);
  rmSync(join(folder, 'trace'));
  const seen = new Seen();
  seen.calls = events.filter(({ kind }) => kind !== 'acknowledged').length;
  const chance = new Chance('power-loss', seed, synchronous);
  const first = events.findIndex(({ kind }) => kind === 'acknowledged');
  const moments = Array.from({ length: count }, () => chance.between(first, events.length)).sort(
    (one, other) => one - other,
  );
  const layer = new FileLayer();
  const acknowledged: Acknowledgement[] = [];
  let done = 0;
  for (const moment of moments) {
    for (; done < moment; done++) carryOut(events[done] as TraceEvent, layer, acknowledged);
    const loss = layer.lose(chance);
    seen.losses++;
    seen.lost += loss.lost;
    seen.torn += loss.torn;
    if (loss.lost + loss.torn > 0) seen.struck++;
    const left = join(folder, `left-${seen.losses}`);
    const before = seen.missing.length + seen.broken.length;
    await inspect(left, loss, acknowledged, seen);
    // What something is wrong with is kept, for whoever wants to look.
    if (seen.missing.length + seen.broken.length === before || synchronous === 'normal')
      rmSync(left, { recursive: true });
    if (seen.losses % 50 === 0) log(`${synchronous}: ${seen.losses} power losses`);
  }
  seen.acknowledged = events.length - seen.calls;
  return seen;
}

function record(programs: string, trace: string, config: RecorderConfig): void {
  const parameters = ['-f', '-y', '-xx', '-s', '1000000', '-e', `trace=${tracedCalls}`, '-o', trace];
  const program = [process.execPath, join(programs, 'recorder.js'), JSON.stringify(config)];
  const env = { ...process.env, NODE_OPTIONS: '' };
  const { status, stderr } = spawnSync('strace', [...parameters, ...program], {
    env,
    encoding: 'utf8',
    timeout: 300_000,
  });
  if (status !== 0) throw new Error(`The traced program ended with ${String(status)}: ${stderr.slice(-2_000)}`);
}

function carryOut(event: TraceEvent, layer: FileLayer, acknowledged: Acknowledgement[]): void {
  if (event.kind !== 'acknowledged') layer.apply(event);
  else acknowledged.push(JSON.parse(event.text) as Acknowledgement);
}

/** Starts again on what a power loss has left. */
async function inspect(
  folder: string,
  { files }: Loss,
  acknowledged: readonly Acknowledgement[],
  seen: Seen,
): Promise<void> {
  mkdirSync(folder);
  for (const [name, content] of files) writeFileSync(join(folder, name), content);
  const path = join(folder, 'recorded.db');
  try {
    const database = new DatabaseSync(path);
    const verdict = database.prepare('PRAGMA integrity_check').get()?.['integrity_check'];
    database.close();
    if (verdict !== 'ok') throw new Error(`the file is damaged: ${String(verdict)}`);
    // Another boot than the one that was recorded: nobody's lease runs on.
    const store = await SqliteStore.open({ path, clock: systemClock, bootId: 'after the power loss' });
    try {
      await checkInvariants(store);
      const missing = await findMissing(store, acknowledged);
      for (const what of missing) seen.missing.push(`power loss ${seen.losses}: ${what}`);
      if (missing.length > 0) seen.lossesThatMiss++;
      if (seen.losses % resumeEvery === 0) seen.resumed += await workOff(store);
    } finally {
      await store.close();
    }
  } catch (error) {
    seen.broken.push(`power loss ${seen.losses}: ${(error as Error).message}`);
  }
}

/** What was acknowledged and is not there. */
async function findMissing(store: Store, acknowledged: readonly Acknowledgement[]): Promise<readonly string[]> {
  const missing: string[] = [];
  const journals = new Map<string, ReadonlySet<string>>();
  for (const fact of acknowledged) {
    if (fact.kind === 'workflow') {
      const workflow = await store.getWorkflow(fact.workflow);
      if (workflow?.total !== fact.tasks)
        missing.push(`workflow ${fact.workflow} has ${workflow?.total ?? 'no'} tasks`);
      continue;
    }
    const task = await store.getTask(fact.task);
    if (task === undefined) missing.push(`task ${fact.task} is gone, which was ${fact.kind}`);
    else if (fact.kind === 'cancelled' && task.status !== 'cancelled')
      missing.push(`${task.id} is ${task.status}, not cancelled`);
    else if (fact.kind === 'ended' && (task.status !== fact.status || (task.output ?? 'undefined') !== fact.output))
      missing.push(`${task.id} is ${task.status}, and had ended as ${fact.status}`);
    else if (fact.kind === 'step') {
      const journal =
        journals.get(task.id) ?? new Set((await store.steps(task.id, fact.agent)).map(({ identity }) => identity));
      journals.set(task.id, journal);
      if (!journal.has(fact.step)) missing.push(`step ${fact.step} of ${task.id} is not recorded`);
    }
  }
  return missing;
}

/** Brings what is left to its end; answers how many tasks that were. */
async function workOff(store: Store): Promise<number> {
  const open = (await store.listTasks({ limit: 1_000 })).filter(({ status }) => !isTerminal(status));
  const symphony = await ServiceRegistry.open({ persistence: store, agents: [makeAgent(() => undefined)] });
  try {
    await symphony.startWorker({ concurrency: 16 });
    await store.sweep({ markDead: true });
    for (const { id } of open) await symphony.getTaskManager().waitForTask(id, { timeoutMs: 10_000 });
  } finally {
    await symphony.close();
  }
  await checkInvariants(store);
  return open.length;
}
