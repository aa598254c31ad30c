import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { callers, hosted, special, wait } from './agents.ts';
import { Chance } from './chance.ts';
import { judge, type Judgement, type Minima } from './checker.ts';
import { readEvidence } from './evidence.ts';
import type { ProcessConfig } from './host.ts';
import type { PlantName } from './plants.ts';
import { buildPrograms } from './programs.ts';
import { Supervisor, type Place, type Running } from './supervisor.ts';

/** How the lane is run. */
export interface LaneOptions {
  /** How many processes are killed. */
  readonly kills: number;
  /** What is submitted and who is killed are functions of it. */
  readonly seed: number;
  readonly workers?: number;
  readonly submitters?: number;
  /** Mean time between two acts: kills, stops, requests to drain. */
  readonly everyMs?: number;
  /** How often each is done. */
  readonly acts?: Readonly<Record<'kill' | 'freeze' | 'terminate', number>>;
  /** What is submitted: a bit of everything, or only tasks whose report comes late. */
  readonly plan?: ProcessConfig['plan'];
  /** How long the processes that are left have to bring everything to its end. Default 30 s. */
  readonly quietMs?: number;
  /** Default `full`, as in the product; `normal` is the same to a kill, and faster. */
  readonly synchronous?: 'full' | 'normal';
  /** A planted bug that every process carries; see `plants.ts`. */
  readonly plant?: PlantName;
  /** Where the programs have been built, without a plant; default: they are built for this run. */
  readonly programs?: string;
  /** Where the store and the diaries go; default: a temporary folder that goes when the lane was valid. */
  readonly folder?: string;
  /** What the run must have seen, so that its verdict means anything. */
  readonly minima?: Partial<Minima>;
  readonly log?: (text: string) => void;
}

/** What became of it. */
export interface LaneResult extends Judgement {
  readonly folder: string;
  readonly seconds: { readonly killing: number; readonly quiet: number; readonly checking: number };
}

/** Short leases, so that a second holds many takeovers. */
export const shortLease: ProcessConfig['lease'] = { leaseMs: 400, renewMs: 120, sweepMs: 100, pollMs: 100 };

/**
 * One run of the crash lane: workers and submitters on one file, killed with SIGKILL at random moments and started again,
 * some stopped for longer than their lease and continued, some asked to drain. Then one wait for quiet, and the checker.
 */
export async function runLane(options: LaneOptions): Promise<LaneResult> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'symphony-crash-'));
  mkdirSync(folder, { recursive: true });
  if (existsSync(join(folder, 'lane.db'))) throw new Error(`${folder} holds a run already; give an empty folder`);
  // The schema is there before the first kill; its making is a transaction of its own and tested elsewhere.
  await (await SqliteStore.open({ path: join(folder, 'lane.db') })).close();
  const programs = options.programs ?? join(folder, 'programs');
  if (options.programs === undefined) await buildPrograms(programs, options.plant);
  const started = performance.now();
  const lane = new Lane(folder, programs, options);
  try {
    await lane.kill();
    const killed = performance.now();
    const quiet = await lane.waitForQuiet();
    await lane.leave();
    const left = performance.now();
    const database = new DatabaseSync(join(folder, 'lane.db'), { readOnly: true });
    const judgement = judge({
      database,
      lines: readEvidence(folder),
      quiet,
      minima: options.minima ?? {},
      lease: shortLease,
    });
    database.close();
    const seconds = { killing: killed - started, quiet: left - killed, checking: performance.now() - left };
    if (options.folder === undefined && judgement.verdict === 'valid') rmSync(folder, { recursive: true });
    return { ...judgement, folder, seconds };
  } finally {
    await lane.close();
  }
}

class Lane {
  readonly #folder: string;
  readonly #options: LaneOptions;
  readonly #workers: number;
  readonly #chance: Chance;
  readonly #supervisor: Supervisor;
  readonly #reader: DatabaseSync;
  readonly #freezing = new Set<Promise<void>>();
  readonly #sampler: NodeJS.Timeout;
  readonly #seen = new Map<string, number>();
  #finishing = false;

  constructor(folder: string, programs: string, options: LaneOptions) {
    const { workers = 4, submitters = 2 } = options;
    this.#folder = folder;
    this.#workers = workers;
    this.#options = options;
    this.#chance = new Chance('supervisor', options.seed);
    this.#supervisor = new Supervisor(folder, programs);
    this.#reader = new DatabaseSync(join(folder, 'lane.db'), { readOnly: true });
    this.#reader.exec('PRAGMA busy_timeout = 1000');
    this.#sampler = setInterval(() => this.#sampleLeases(), 20);
    for (let slot = 0; slot < workers; slot++) this.#supervisor.start(this.#workerPlace(slot));
    for (let slot = 0; slot < submitters; slot++) this.#supervisor.start(this.#submitterPlace(slot));
  }

  /** Kills until the number is reached, with nothing between two kills but a short random wait. */
  async kill(): Promise<void> {
    const { kills, everyMs = 120, acts = { kill: 60, freeze: 35, terminate: 5 }, log } = this.#options;
    for (let killed = 0; killed < kills;) {
      await wait(this.#chance.between(5, 2 * everyMs - 5));
      // On a machine that is slow to start processes, kills would otherwise hit nothing but starts.
      while (this.#workersReady() < this.#workers / 2) await wait(5);
      const act = this.#chance.weighted(acts);
      const target = this.#pickTarget(act);
      if (target === undefined) continue;
      if (act === 'freeze') this.#freeze(target);
      else if (act === 'terminate') this.#supervisor.terminate(target);
      else {
        this.#supervisor.kill(target);
        killed++;
        if (killed % 100 === 0) log?.(`${killed} kills`);
      }
    }
    await Promise.all(this.#freezing);
  }

  /** One wait, after the last kill: submitters bring to an end what they began, workers do what is left. */
  async waitForQuiet(): Promise<boolean> {
    this.#finishing = true;
    for (const { place, child } of this.#supervisor.running)
      if (place.program === 'submitter') child.send('finish', () => undefined);
    const open = this.#reader.prepare(
      `SELECT count(*) AS open FROM tasks
       WHERE status IN ('running', 'waiting') OR (status = 'pending' AND (due_at IS NOT NULL OR bound_to IS NOT NULL))`,
    );
    const end = performance.now() + (this.#options.quietMs ?? 30_000);
    while (performance.now() < end) {
      const submitting = [...this.#supervisor.running].some(({ place }) => place.program === 'submitter');
      if (!submitting && open.get()?.['open'] === 0) return true;
      await wait(20);
    }
    return false;
  }

  /** Asks the workers to drain; they leave no row behind. */
  async leave(): Promise<void> {
    const workers = [...this.#supervisor.running].filter(({ place }) => place.program === 'worker');
    for (const worker of workers) this.#supervisor.terminate(worker);
    const end = performance.now() + 10_000;
    while (this.#supervisor.running.size > 0 && performance.now() < end) await wait(10);
    // Whoever is left now is in the way of a judgement, and is one of its grounds.
    await this.#supervisor.close();
    clearInterval(this.#sampler);
    this.#reader.close();
  }

  async close(): Promise<void> {
    clearInterval(this.#sampler);
    await this.#supervisor.close();
  }

  #workersReady(): number {
    return [...this.#supervisor.running].filter(
      ({ place, ready, leaving }) => place.program === 'worker' && ready && !leaving,
    ).length;
  }

  #pickTarget(act: 'kill' | 'freeze' | 'terminate'): Running | undefined {
    const kind = act === 'kill' && this.#chance.next() < 0.2 ? 'submitter' : 'worker';
    // Also a start may be hit, but mostly a process that works.
    const starting = act === 'kill' && this.#chance.next() < 0.1;
    const targets = [...this.#supervisor.running].filter(
      ({ ready, stopped, leaving }) => !leaving && (act === 'kill' || !stopped) && (ready || starting),
    );
    const preferred = targets.filter(({ place }) => place.program === kind);
    if (preferred.length > 0) return this.#chance.pick(preferred);
    return act !== 'kill' || targets.length === 0 ? undefined : this.#chance.pick(targets);
  }

  #freeze(target: Running): void {
    const ms = this.#chance.between(shortLease.leaseMs, 2 * shortLease.leaseMs);
    const until = this.#chance.next() < 0.5 ? wait(ms) : this.#untilRobbed(target);
    const frozen = this.#supervisor.freeze(target, until).finally(() => this.#freezing.delete(frozen));
    this.#freezing.add(frozen);
  }

  /** Until another worker runs what a stopped one had under way: the worst moment for it to come back. */
  async #untilRobbed({ label }: Running): Promise<void> {
    await wait(shortLease.leaseMs / 2);
    const lines = readEvidence(this.#folder, label);
    const ended = new Set(lines.flatMap((line) => (line.kind === 'end' ? [`${line.task}/${line.attempt}`] : [])));
    const robbed = this.#reader.prepare(`SELECT 1 FROM tasks WHERE id = ? AND attempt > ? AND status = 'running'`);
    const underway = lines.flatMap((line) =>
      line.kind === 'begin' && !ended.has(`${line.task}/${line.attempt}`) ? [line] : [],
    );
    for (const end = performance.now() + 2 * shortLease.leaseMs; performance.now() < end; await wait(10)) {
      if (underway.some(({ task, attempt }) => robbed.get(task, attempt) !== undefined)) return;
    }
  }

  #workerPlace(slot: number): Place {
    const hosts = slot % 2 === 0 ? { ...hosted, ...special } : hosted;
    return {
      name: `worker-${slot}`,
      program: 'worker',
      next: () =>
        this.#finishing && this.#isQuiet()
          ? undefined
          : { ...this.#config(slot), hosts, concurrency: 6, oblivious: slot % 2 === 1 },
    };
  }

  #submitterPlace(slot: number): Place {
    return {
      name: `submitter-${slot}`,
      program: 'submitter',
      next: (lastCode) => {
        // One that has brought its plan to an end has no successor.
        if (this.#finishing && lastCode === 0) return undefined;
        return { ...this.#config(slot), hosts: { ...hosted, ...callers }, concurrency: 4, finish: this.#finishing };
      },
    };
  }

  #config(slot: number): Omit<ProcessConfig, 'folder' | 'label' | 'hosts' | 'concurrency'> {
    const { seed, plan = 'mixed', synchronous = 'full' } = this.#options;
    return { lease: shortLease, plan, synchronous, oblivious: false, slot, seed, finish: false };
  }

  #isQuiet(): boolean {
    return ![...this.#supervisor.running].some(({ place }) => place.program === 'submitter');
  }

  /** Leases as they stand in the file: nobody may be taken for dead before the last one that was seen. */
  #sampleLeases(): void {
    for (const row of this.#reader.prepare('SELECT id, lease_until FROM workers').all()) {
      const worker = row['id'] as string;
      const until = row['lease_until'] as number;
      if (this.#seen.get(worker) === until) continue;
      this.#seen.set(worker, until);
      this.#supervisor.diary.write({ kind: 'lease', worker, until });
    }
  }
}
