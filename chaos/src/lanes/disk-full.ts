import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { isTerminal, SymphonyError, type Store, type SymphonyEvent, type TaskRecord } from '@symphony/core';
import { ServiceRegistry } from '@symphony/registry';
import { checkInvariants } from '@symphony/testing';
import { SmallDisk } from '../disk-full/small-disk.ts';
import { startRefused, type DiskConfig, type DiskFact, type DiskWork } from '../disk-full/work.ts';
import { Chance } from '../fleet/chance.ts';
import { monotonic } from '../fleet/evidence.ts';
import type { Lane, LaneReport, LaneRequest } from '../lane.ts';
import { bundle } from '../scene/bundle.ts';
import { toPlant, type Plant } from '../scene/plant.ts';
import { Crew } from '../scene/crew.ts';
import { percentiles, tally } from '../scene/figures.ts';
import { readNotes, type Noted } from '../scene/notes.ts';
import { openStore } from '../scene/open-store.ts';

const workers = 2;
const concurrency = 4;
const diskBytes = 8 * 1024 * 1024;
/** Cycles on one disk: what is kept of the tasks must not be what fills it. */
const cyclesPerDisk = 20;
/** What a worker may have to say while the disk is full; anything else is told to the wrong end. */
const expectedCodes = ['STORE_FULL', 'LEASE_LOST', 'no error'];
/** Longest that work may stand still once there is space again. */
const resumeLimitMs = 10_000;

/** A store whose disk is full again and again. */
export const diskFull: Lane = {
  name: 'disk-full',
  about: 'Fills the disk of a SQLite store to the last byte while it works, and frees it again.',
  unit: 'cycles',
  small: 3,
  run: runDiskFull,
};

/** Bugs to plant, by name. */
const plants = {
  'commits lost when full': {
    file: 'sqlite/src/writer.ts',
    find: 'if (!isDataError(error)) throw error;',
    put: 'if (!isDataError(error)) return requests.map(({ groups }) => ({ results: groups.map(() => ({ status: "ok", value: {} })), claimed: [] }));',
  },
  'workers try again late': {
    file: 'executor/src/patiently.ts',
    find: 'Math.min(longestNapMs, 20 * 2 ** tries)',
    put: '25_000',
  },
  'full is any failure': { file: 'sqlite/src/database.ts', find: 'case 13:', put: 'case 1300:' },
} as const satisfies Readonly<Record<string, Plant>>;

async function runDiskFull(request: LaneRequest): Promise<LaneReport> {
  const { count, seed, folder, log } = request;
  const programs = join(folder, 'programs');
  await bundle(programs, {
    entries: { worker: join(import.meta.dirname, '../disk-full/worker.ts') },
    plant: toPlant(plants, request.plant),
  });
  const seen = new Seen();
  for (let done = 0; done < count; done += cyclesPerDisk) {
    const place = join(folder, `disk-${done / cyclesPerDisk}`);
    let disk: SmallDisk;
    try {
      disk = new SmallDisk(join(place, 'disk'), diskBytes);
    } catch (error) {
      const problem = `a small file system cannot be mounted here: ${(error as Error).message}`;
      return { verdict: 'skipped', figures: {}, problems: [problem] };
    }
    try {
      const round = new Round(place, disk, programs, new Chance('disk-full', seed, done), seen);
      await round.play(Math.min(cyclesPerDisk, count - done), log);
    } finally {
      disk.unmount();
    }
  }
  return seen.report(count);
}

/** What all rounds have seen. */
class Seen {
  readonly problems: string[] = [];
  readonly submitMs: number[] = [];
  readonly stepMs: number[] = [];
  readonly refusals: string[] = [];
  readonly opened: string[] = [];
  readonly logged: string[] = [];
  startsRefused = 0;
  hits = 0;
  tasks = 0;
  reruns = 0;
  effects = 0;
  repeatedEffects = 0;
  returnedAgain = 0;
  released = 0;
  crashed = 0;

  report(count: number): LaneReport {
    const figures = {
      'cycles in which writes were refused': this.hits,
      'refusals of submit': tally(this.refusals),
      'stores opened while full': tally(this.opened),
      'workers refused at their start': this.startsRefused,
      'what workers reported': tally(this.logged),
      'tasks acknowledged': this.tasks,
      'attempts beyond the first': this.reruns,
      'attempts released / crashed': `${this.released} / ${this.crashed}`,
      'effects / those run again': `${this.effects} / ${this.repeatedEffects}`,
      'finished work thrown away': this.returnedAgain,
      'from space to a submit, p50 / p99 ms': percentiles(this.submitMs),
      'from space to a step, p50 / p99 ms': percentiles(this.stepMs),
    };
    const isVacuous = this.hits < count / 2;
    return {
      verdict: this.problems.length > 0 ? 'invalid' : isVacuous ? 'vacuous' : 'valid',
      figures,
      problems: this.problems,
    };
  }
}

/** Some cycles on one disk. */
class Round {
  readonly #folder: string;
  readonly #disk: SmallDisk;
  readonly #programs: string;
  readonly #chance: Chance;
  readonly #seen: Seen;
  readonly #path: string;
  /** Ids by key: what the store has acknowledged. */
  readonly #acknowledged = new Map<string, string>();
  #submitting = true;
  #acknowledgedAt = 0;
  #refusedAt = 0;

  constructor(folder: string, disk: SmallDisk, programs: string, chance: Chance, seen: Seen) {
    this.#folder = folder;
    this.#disk = disk;
    this.#programs = programs;
    this.#chance = chance;
    this.#seen = seen;
    this.#path = join(disk.folder, 'store.db');
  }

  async play(cycles: number, log: LaneRequest['log']): Promise<void> {
    const store = await openStore(this.#path);
    const symphony = await ServiceRegistry.open({ persistence: store });
    const crew = new Crew({ programs: this.#programs, folder: this.#folder });
    try {
      const config: DiskConfig = { store: this.#path, notes: this.#folder, concurrency };
      let ready = 0;
      for (let place = 0; place < workers; place++)
        crew.keep(
          'worker',
          () => config,
          {},
          (child) => child.once('message', () => ready++),
        );
      while (ready < workers) await wait(10);
      const submitting = this.#submit(symphony);
      for (let cycle = 1; cycle <= cycles; cycle++) {
        await this.#cycle();
        log(`cycle ${cycle}: ${this.#acknowledged.size} tasks, ${this.#seen.refusals.length} refusals`);
      }
      this.#submitting = false;
      await submitting;
      await this.#waitForQuiet(store);
      if ((await crew.close()) > 0) this.#problem('a worker did not end when it was asked to');
      for (const ending of crew.endings) {
        if (ending === startRefused) this.#seen.startsRefused++;
        else this.#problem(`a worker ended with ${ending}`);
      }
      await this.#judge(store);
    } finally {
      await crew.close();
      await symphony.close();
      await store.close();
    }
    this.#checkFile();
  }

  /** Fills the disk, waits until that is felt and for a while longer, frees it, and waits for progress. */
  async #cycle(): Promise<void> {
    await wait(this.#chance.between(50, 400));
    this.#disk.fill();
    const filledAt = performance.now();
    const fullMs = this.#chance.pick([200, 600, 1_000, 2_500]);
    while (
      performance.now() < filledAt + fullMs ||
      (this.#refusedAt < filledAt && performance.now() < filledAt + 4_000)
    ) {
      // A checkpoint may have given something back.
      this.#disk.fill();
      await wait(50);
    }
    if (this.#refusedAt > filledAt) this.#seen.hits++;
    if (this.#chance.next() < 0.3) this.#seen.opened.push(await this.#open());
    this.#disk.free();
    const freedAt = monotonic();
    const [submitMs, stepMs] = await Promise.all([
      since(freedAt, () => this.#acknowledgedAt),
      since(freedAt, () => this.#recordedAt()),
    ]);
    this.#seen.submitMs.push(submitMs);
    this.#seen.stepMs.push(stepMs);
    if (submitMs > resumeLimitMs) this.#problem(`no submit was acknowledged within ${resumeLimitMs} ms of space`);
    if (stepMs > resumeLimitMs) this.#problem(`no worker recorded a step within ${resumeLimitMs} ms of space`);
  }

  /** When a worker last had a step recorded: what it finds in its journal was written before. */
  #recordedAt(): number {
    const facts = readNotes<DiskFact>(this.#folder);
    return Math.max(0, ...facts.flatMap(({ kind, mono }) => (kind === 'recorded' ? [mono] : [])));
  }

  /** What becomes of somebody who opens the store while its disk is full. */
  async #open(): Promise<string> {
    try {
      const store = await openStore(this.#path);
      await store.stats().finally(() => store.close());
      return 'opened';
    } catch (error) {
      const code = SymphonyError.is(error) ? error.code : String(error);
      if (code !== 'STORE_FULL') this.#problem(`opening on a full disk was refused with ${code}`);
      return code;
    }
  }

  /** Submits one task after the other, each until it is acknowledged. */
  async #submit(symphony: ServiceRegistry): Promise<void> {
    for (let number = 1; this.#submitting; number++) {
      const key = `task-${number}`;
      const input: DiskWork = {
        steps: this.#chance.between(1, 3),
        ms: this.#chance.between(5, 120),
        characters: this.#chance.between(100, 8_000),
      };
      while (!this.#acknowledged.has(key)) {
        try {
          const task = { name: key, idempotencyKey: key, agentId: 'payer', input: { ...input } };
          this.#acknowledged.set(key, (await symphony.submit(task)).id);
          this.#acknowledgedAt = monotonic();
        } catch (error) {
          this.#refusedAt = performance.now();
          const code = SymphonyError.is(error) ? error.code : String(error);
          this.#seen.refusals.push(code);
          if (code !== 'STORE_FULL') this.#problem(`submit was refused with ${code}: ${(error as Error).message}`);
          await wait(20);
        }
      }
      await wait(this.#chance.between(5, 40));
    }
  }

  async #waitForQuiet(store: Store): Promise<void> {
    const open = new Set(this.#acknowledged.values());
    for (const end = performance.now() + 30_000; open.size > 0 && performance.now() < end; await wait(50)) {
      for (const task of await store.listTasks({ ids: [...open].slice(0, 500), limit: 500 }))
        if (isTerminal(task.status)) open.delete(task.id);
    }
    if (open.size > 0) this.#problem(`${open.size} tasks have not ended within 30 s of the last cycle`);
  }

  async #judge(store: Store): Promise<void> {
    const { tasks, events } = await checkInvariants(store);
    const known = new Map(tasks.map((task) => [task.id, task]));
    for (const [key, id] of this.#acknowledged) {
      const task = known.get(id);
      if (task === undefined) this.#problem(`${key} was acknowledged and is not there`);
      else if (task.status !== 'completed') this.#problem(`${key} is ${task.status} ${task.error?.code ?? ''}`);
    }
    if (tasks.length !== this.#acknowledged.size)
      this.#problem(`${tasks.length} tasks are there, and ${this.#acknowledged.size} were acknowledged`);
    this.#count(tasks, events);
    this.#checkEffects(readNotes<DiskFact>(this.#folder), events);
    for (const line of readFileSync(join(this.#folder, 'output.log'), 'utf8').split('\n').slice(0, -1)) {
      const code = codeOf(line);
      this.#seen.logged.push(code);
      if (!expectedCodes.includes(code)) this.#problem(`a worker reported ${code}`);
    }
  }

  #count(tasks: readonly TaskRecord[], events: readonly SymphonyEvent[]): void {
    this.#seen.tasks += tasks.length;
    for (const { attempt } of tasks) this.#seen.reruns += attempt - 1;
    for (const { type } of events) {
      if (type === 'task.released') this.#seen.released++;
      if (type === 'task.crashed') this.#seen.crashed++;
    }
    // Every worker lives through the whole round.
    if (events.some(({ type }) => type === 'task.crashed'))
      this.#problem('a task was charged with a crash, and nobody died');
  }

  #checkEffects(facts: readonly Noted<DiskFact>[], events: readonly SymphonyEvent[]): void {
    const recorded = new Set<string>();
    const done = new Set<string>();
    // Only one attempt runs at a time, so the order of times is that of what happened.
    for (const { kind, task, step } of [...facts].sort((one, other) => one.mono - other.mono)) {
      const name = `${task}/${step}`;
      if (kind === 'recorded' || kind === 'replayed') recorded.add(name);
      if (kind !== 'effect') continue;
      this.#seen.effects++;
      if (recorded.has(name)) this.#problem(`step ${step} of ${task} was recorded and ran again`);
      if (done.has(name)) this.#seen.repeatedEffects++;
      done.add(name);
    }
    const returned = Map.groupBy(
      facts.filter(({ kind }) => kind === 'returned'),
      ({ task }) => task,
    );
    for (const [, times] of returned) this.#seen.returnedAgain += times.length - 1;
    const completed = Map.groupBy(
      events.filter(({ type }) => type === 'task.completed'),
      ({ subject }) => subject,
    );
    for (const [id, times] of completed) if (times.length > 1) this.#problem(`${id} completed ${times.length} times`);
  }

  #checkFile(): void {
    const database = new DatabaseSync(this.#path);
    const verdict = database.prepare('PRAGMA integrity_check').get()?.['integrity_check'];
    database.close();
    if (verdict !== 'ok') this.#problem(`the file is damaged: ${String(verdict)}`);
  }

  #problem(text: string): void {
    this.#seen.problems.push(text);
  }
}

/** How long after a moment something happened that tells when it last did; infinite if it does not within twice the limit. */
async function since(start: number, last: () => number): Promise<number> {
  for (const end = start + 2 * resumeLimitMs; monotonic() < end; await wait(20)) {
    const at = last();
    if (at > start) return at - start;
  }
  return Infinity;
}

/** What a line of a worker's log is about. */
function codeOf(line: string): string {
  try {
    const { error } = JSON.parse(line) as { readonly error?: { readonly code?: string; readonly message?: string } };
    return error?.code ?? error?.message ?? 'no error';
  } catch {
    return line.slice(0, 80);
  }
}
