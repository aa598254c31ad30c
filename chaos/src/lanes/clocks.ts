import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isTerminal, type Store, type SymphonyEvent } from '@symphony/core';
import { checkInvariants } from '@symphony/testing';
import { startServer } from '../../../packages/persistence/postgres/test/server.ts';
import { aheadAt, scheduleVariable, type Schedule, type Spell } from '../clocks/schedule.ts';
import { backoffMs, clockLease, type ClockConfig, type ClockFact } from '../clocks/work.ts';
import { Chance } from '../fleet/chance.ts';
import { monotonic } from '../fleet/evidence.ts';
import type { Lane, LaneReport, LaneRequest } from '../lane.ts';
import { bundle } from '../scene/bundle.ts';
import { toPlant, type Plant } from '../scene/plant.ts';
import { Crew } from '../scene/crew.ts';
import { percentiles, tally } from '../scene/figures.ts';
import { readNotes, type Noted } from '../scene/notes.ts';
import { openStore } from '../scene/open-store.ts';

const workers = 3;
const hourMs = 3_600_000;
/** Time between two jumps of one clock. */
const spellMs = 300;
/** Where every clock ends: later than any jump leads, so that nothing is left that is due in a future that has gone. */
const endMs = Date.UTC(2200, 0);

/** Whose clocks jump, and which clock the store goes by. */
interface Setting {
  readonly name: 'machine' | 'processes' | 'server';
  readonly open: () => Promise<{ readonly place: string; close(): Promise<void> }>;
}

/** Wall clocks that jump and drift under running workers. */
export const clocks: Lane = {
  name: 'clocks',
  about:
    'Lets wall clocks jump by hours and decades, run backwards, fast and slow: of the machine, of single processes.',
  unit: 'jumps',
  least: 3,
  small: 48,
  run: runClocks,
};

/** Bugs to plant, by name. */
const plants = {
  'leases by the wall clock': {
    file: 'sqlite/src/lease-clock.ts',
    find: 'lease: systemClock.monotonic(), bootId })',
    put: 'lease: systemClock.now(), bootId })',
  },
  'limits by the wall clock': {
    file: 'core/src/time-limits.ts',
    find: 'bootId === times.bootId ? lease - times.lease : at - times.now',
    put: 'bootId === undefined ? lease : at - times.now',
  },
} as const satisfies Readonly<Record<string, Plant>>;

async function runClocks(request: LaneRequest): Promise<LaneReport> {
  const programs = join(request.folder, 'programs');
  const from = (name: string): string => join(import.meta.dirname, '../clocks', name);
  await bundle(programs, {
    entries: { process: from('process.ts') },
    first: from('skew.ts'),
    plant: toPlant(plants, request.plant),
  });
  const sqlite = (name: string) => async () => ({
    place: join(request.folder, `${name}.db`),
    close: async () => undefined,
  });
  const settings: readonly Setting[] = [
    { name: 'machine', open: sqlite('machine') },
    { name: 'processes', open: sqlite('processes') },
    {
      name: 'server',
      open: async () => {
        const server = await startServer();
        return { place: server.newUrl(), close: () => server.stop() };
      },
    },
  ];
  const figures: Record<string, string | number> = {};
  const problems: string[] = [];
  const missed: string[] = [];
  for (const [index, setting] of settings.entries()) {
    const count = Math.floor((request.count + index) / settings.length);
    const seen = await play(setting, count, request, programs);
    Object.assign(figures, seen.figures);
    problems.push(...seen.problems);
    missed.push(...seen.missed);
  }
  if (problems.length > 0) return { verdict: 'invalid', figures, problems };
  return { verdict: missed.length > 0 ? 'vacuous' : 'valid', figures, problems: missed };
}

/** What one setting has shown. */
interface Seen {
  readonly figures: Readonly<Record<string, string | number>>;
  readonly problems: readonly string[];
  /** What happened too seldom for the setting to mean anything. */
  readonly missed: readonly string[];
}

async function play({ name, open }: Setting, count: number, request: LaneRequest, programs: string): Promise<Seen> {
  const { seed, log } = request;
  const folder = join(request.folder, name);
  const chance = new Chance('clocks', seed, name);
  const opened = await open();
  const store = await openStore(opened.place);
  // Beside its store, where notes and output are.
  const crew = new Crew({ programs, folder });
  const schedules = new Map<number, readonly Spell[]>();
  const killed = new Map<number, number>();
  try {
    // The clocks of processes jump one after the other, so that each jump is one against the others.
    const each = name === 'machine' ? 1 : workers;
    const perClock = Math.ceil(count / each);
    const drawn = Array.from({ length: each }, (_, index) => draw(chance, (index * spellMs) / each, perClock));
    const start = join(folder, 'start');
    const showing = (spells: readonly Spell[]): NodeJS.ProcessEnv => ({
      [scheduleVariable]: JSON.stringify({ spells, start } satisfies Schedule),
    });
    const config = { store: opened.place, notes: folder, seed };
    let ready = 0;
    for (let slot = 0; slot < workers; slot++) {
      const spells = drawn[slot % each] as readonly Spell[];
      const worker: ClockConfig = { ...config, role: 'worker' };
      crew.keep(
        'process',
        () => worker,
        showing(spells),
        (child) => {
          schedules.set(child.pid as number, spells);
          child.once('message', () => ready++);
        },
      );
    }
    while (ready < workers) await wait(10);
    const submitter = crew.start(
      'process',
      { ...config, role: 'submitter' } satisfies ClockConfig,
      showing(drawn[0] as readonly Spell[]),
    );
    await new Promise((resolve) => submitter.once('message', resolve));
    // Until all have work, and have seen the file.
    const startsAt = monotonic() + 500;
    writeFileSync(`${start}.new`, String(startsAt));
    renameSync(`${start}.new`, start);
    const facts = (): Noted<ClockFact>[] => readNotes<ClockFact>(folder);
    const overAt = startsAt + perClock * spellMs;
    while (monotonic() < overAt) {
      await wait(chance.between(1_000, 2_000));
      const others = crew.running.filter((child) => child !== submitter);
      const noted = facts();
      const busy = others.filter(({ pid }) => isAtWork(noted, pid));
      const victim = chance.pick(busy.length > 0 ? busy : others);
      killed.set(victim.pid as number, monotonic());
      victim.kill('SIGKILL');
      log(`${name}: ${Math.round((overAt - monotonic()) / 1_000)} s to go`);
    }
    submitter.kill('SIGTERM');
    await new Promise((resolve) => submitter.once('exit', resolve));
    const left = await waitForAll(store, facts());
    const stubborn = await crew.close();
    const { tasks, events } = await checkInvariants(store);
    const problems = [
      ...left.map((id) => `${id} has not ended, 20 s after the clocks have come to rest`),
      ...(stubborn > 0 ? [`${stubborn} processes did not end when asked to`] : []),
      ...crew.endings
        .filter((ending) => ending !== 'SIGKILL' && ending !== 0)
        .map((ending) => `a process ended with ${ending}`),
    ];
    const known = new Set(tasks.map(({ id }) => id));
    for (const fact of facts())
      if (fact.kind === 'acknowledged' && !known.has(fact.task))
        problems.push(`${fact.task} was acknowledged and is gone`);
    const limited = new Set(tasks.flatMap((task) => (task.name === 'limited' ? [task.id] : [])));
    const judged = judge({ name, events, facts: facts(), startsAt, schedules, killed, limited });
    // Each completes, in its second try at the latest.
    const failed = tasks.filter(({ status }) => isTerminal(status) && status !== 'completed');
    for (const { id, status, error } of failed) problems.push(`${id} is ${status} ${error?.code ?? ''}`);
    const jumps = drawn.flatMap((spells) => spells.slice(0, -1)).length;
    const { met, metAttempts, metLimited, takeovers, retries, earlyRetries } = judged;
    // A jump may come while nothing runs, and a kill hit a process between two attempts; most do not.
    const seen: readonly (readonly [what: string, count: number, least: number])[] = [
      ['jumps that met an attempt', met, jumps / 4],
      ['attempts with a time limit that met a jump', metLimited, Math.max(1, jumps / 8)],
      ['attempts taken over', takeovers.length, killed.size / 2],
      ['retries', retries, Math.max(1, jumps / 4)],
    ];
    return {
      problems: [...problems, ...judged.problems].map((problem) => `${name}: ${problem}`),
      missed: seen.flatMap(([what, count, least]) =>
        count < least ? [`${name}: too few ${what}: ${count}, wanted ${least}`] : [],
      ),
      figures: {
        [`${name}: jumps / that met an attempt`]: `${jumps} / ${met}`,
        [`${name}: attempts that met one / limited`]: `${metAttempts} / ${metLimited}`,
        [`${name}: tasks`]: tasks.length,
        [`${name}: kills / attempts taken over`]: `${killed.size} / ${takeovers.length}`,
        [`${name}: takeover, p50 / p99 ms`]: percentiles(takeovers),
        [`${name}: retries / early ones`]: `${retries} / ${earlyRetries}`,
        [`${name}: errors`]: tally(failed.flatMap(({ error }) => error?.code ?? [])),
      },
    };
  } finally {
    await crew.close();
    await store.close();
    await opened.close();
  }
}

/** What a clock shows from one jump to the next; in the end it stands where all clocks end. */
function draw(chance: Chance, startsAfter: number, count: number): readonly Spell[] {
  const real = Date.now();
  let last = 0;
  const spells = Array.from({ length: count }, (_, index): Spell => {
    const from = startsAfter + index * spellMs;
    const places = [
      hourMs,
      -hourMs,
      0,
      1_000, // as with a leap second
      -1_000,
      chance.between(-2 * hourMs, 2 * hourMs),
      2 ** 31 * 1_000 - real, // 2038
      2 ** 32 * 1_000 - real, // 2106
    ];
    // One that stays where it is does not jump.
    const ahead = chance.pick(places.filter((place) => place !== last));
    last = ahead;
    return { from, ahead, rate: chance.pick([1, 1, 0.5, 2]) };
  });
  return [...spells, { from: startsAfter + count * spellMs, ahead: endMs - real, rate: 1 }];
}

/** Whether a process has begun an attempt and not ended it. */
function isAtWork(facts: readonly Noted<ClockFact>[], pid: number | undefined): boolean {
  const own = facts.filter((fact) => fact.pid === pid && fact.kind !== 'acknowledged');
  return own.filter(({ kind }) => kind === 'begin').length > own.filter(({ kind }) => kind !== 'begin').length;
}

async function waitForAll(store: Store, facts: readonly Noted<ClockFact>[]): Promise<readonly string[]> {
  const open = new Set(facts.flatMap((fact) => (fact.kind === 'acknowledged' ? [fact.task] : [])));
  for (const end = performance.now() + 20_000; open.size > 0 && performance.now() < end; await wait(50)) {
    for (const task of await store.listTasks({ ids: [...open].slice(0, 500), limit: 500 }))
      if (isTerminal(task.status)) open.delete(task.id);
  }
  return [...open];
}

function judge(run: {
  readonly name: Setting['name'];
  readonly events: readonly SymphonyEvent[];
  readonly facts: readonly Noted<ClockFact>[];
  /** When the schedules began. */
  readonly startsAt: number;
  readonly schedules: ReadonlyMap<number, readonly Spell[]>;
  /** When a process was killed, by its id. */
  readonly killed: ReadonlyMap<number, number>;
  /** Tasks with a time limit. */
  readonly limited: ReadonlySet<string>;
}) {
  const { name, events, facts, startsAt, schedules, killed, limited } = run;
  const problems: string[] = [];
  const takeovers: number[] = [];
  let [metAttempts, metLimited, retries, earlyRetries] = [0, 0, 0, 0];
  const met = new Set<Spell>();
  const aheadOf = ({ pid, mono }: Noted<ClockFact>): number => aheadAt(schedules.get(pid) ?? [], mono - startsAt);
  const begun = new Map<string, Noted<ClockFact>>();
  const over = new Map<string, Noted<ClockFact>>();
  for (const fact of facts) {
    if (fact.kind === 'acknowledged') continue;
    (fact.kind === 'begin' ? begun : over).set(`${fact.task}/${fact.attempt}`, fact);
  }
  for (const [attempt, { pid, mono, task }] of begun) {
    const until = over.get(attempt)?.mono ?? killed.get(pid) ?? mono;
    // All but the last, with which every clock comes to rest.
    const jumps = schedules.get(pid)?.slice(0, -1) ?? [];
    const during = jumps.filter(({ from }) => startsAt + from > mono && startsAt + from <= until);
    for (const jump of during) met.add(jump);
    if (during.length === 0) continue;
    metAttempts++;
    if (limited.has(task)) metLimited++;
  }
  const due = new Map<string, number>();
  for (const event of events) {
    const { type, subject } = event;
    if (type === 'task.crashed') {
      const holder = begun.get(`${subject}/${event.data.attempt}`);
      // Killed between its claim and its first word, a process is known by nothing but its death.
      if (holder === undefined) continue;
      const killedAt = killed.get(holder.pid);
      if (killedAt === undefined)
        problems.push(`attempt ${event.data.attempt} at ${subject} was taken from the living`);
      const next = begun.get(`${subject}/${event.data.attempt + 1}`);
      if (killedAt !== undefined && next !== undefined) takeovers.push(next.mono - killedAt);
    }
    if (type === 'task.retry_scheduled') {
      due.set(subject, event.data.dueAt);
      // The limit there is gives an attempt a hundred times what it needs: one that ends by it has ended early.
      const { attempt, error } = event.data;
      if (error.code !== 'AGENT_ERROR') problems.push(`attempt ${attempt} at ${subject} ended with ${error.code}`);
    }
    if (type !== 'task.claimed' || !due.has(subject)) continue;
    retries++;
    // By the clock that the store goes by, which on SQLite is that of the process that writes.
    if (event.at < (due.get(subject) as number)) {
      earlyRetries++;
      problems.push(`${subject} was tried again ${(due.get(subject) as number) - event.at} ms early`);
    }
    due.delete(subject);
    const failed = over.get(`${subject}/${event.data.attempt - 1}`);
    const again = begun.get(`${subject}/${event.data.attempt}`);
    if (failed?.kind !== 'failed' || again === undefined) continue;
    const jumps = aheadOf(again) - aheadOf(failed);
    const waited = again.mono - failed.mono + (name === 'server' ? 0 : jumps);
    if (waited < backoffMs - 2)
      problems.push(`${subject} was tried again after ${Math.round(waited)} ms, not ${backoffMs}`);
  }
  const limit = clockLease.leaseMs + clockLease.sweepMs + clockLease.pollMs + 5_000;
  for (const ms of takeovers) if (ms > limit) problems.push(`a takeover took ${Math.round(ms)} ms`);
  return { problems, takeovers, met: met.size, metAttempts, metLimited, retries, earlyRetries };
}
