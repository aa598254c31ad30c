import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isTerminal, type Store, type SymphonyEvent } from '@symphony/core';
import { checkInvariants } from '@symphony/testing';
import { startServer } from '../../../packages/persistence/postgres/test/server.ts';
import { aheadAt, scheduleVariable, type Spell } from '../clocks/schedule.ts';
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
  small: 24,
  run: runClocks,
};

/** Bugs to plant, by name. */
const plants = {
  'leases by the wall clock': {
    file: 'sqlite/src/lease-clock.ts',
    find: 'lease: systemClock.monotonic(), bootId })',
    put: 'lease: systemClock.now(), bootId })',
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
  let [jumped, takeovers, isVacuous] = [0, 0, false];
  for (const [index, setting] of settings.entries()) {
    const count = Math.floor((request.count + index) / settings.length);
    const seen = await play(setting, count, request, programs);
    Object.assign(figures, seen.figures);
    problems.push(...seen.problems);
    jumped += seen.jumped;
    takeovers += seen.takeovers;
    isVacuous ||= seen.retries === 0;
  }
  // A kill may hit a process that runs nothing, and a jump come while nothing runs; not all of them.
  isVacuous ||= jumped < request.count / 2 || takeovers === 0;
  return { verdict: problems.length > 0 ? 'invalid' : isVacuous ? 'vacuous' : 'valid', figures, problems };
}

interface Seen {
  readonly figures: Readonly<Record<string, string | number>>;
  readonly problems: readonly string[];
  readonly jumped: number;
  readonly takeovers: number;
  readonly retries: number;
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
    const startsAt = monotonic() + 1_500;
    // The clocks of processes jump one after the other, so that each jump is one against the others.
    const each = name === 'machine' ? 1 : workers;
    const perClock = Math.ceil(count / each);
    const drawn = Array.from({ length: each }, (_, index) =>
      draw(chance, startsAt + (index * spellMs) / each, perClock),
    );
    const config = { store: opened.place, notes: folder, seed };
    for (let slot = 0; slot < workers; slot++) {
      const spells = drawn[slot % each] as readonly Spell[];
      const worker: ClockConfig = { ...config, role: 'worker' };
      crew.keep(
        'process',
        () => worker,
        { [scheduleVariable]: JSON.stringify(spells) },
        (child) => schedules.set(child.pid as number, spells),
      );
    }
    const submitter = crew.start('process', { ...config, role: 'submitter' } satisfies ClockConfig, {
      [scheduleVariable]: JSON.stringify(drawn[0]),
    });
    const overAt = startsAt + perClock * spellMs;
    while (monotonic() < overAt) {
      await wait(chance.between(1_000, 2_000));
      const victim = chance.pick(crew.running.filter((child) => child !== submitter));
      killed.set(victim.pid as number, monotonic());
      victim.kill('SIGKILL');
      log(`${name}: ${Math.round((overAt - monotonic()) / 1_000)} s to go`);
    }
    submitter.kill('SIGTERM');
    await new Promise((resolve) => submitter.once('exit', resolve));
    const facts = (): Noted<ClockFact>[] => readNotes<ClockFact>(folder);
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
    const judged = judge({ name, events, facts: facts(), schedules, killed });
    const failed = tasks.filter(({ status }) => isTerminal(status) && status !== 'completed');
    const early = failed.filter(
      ({ error }) => error?.code === 'START_TO_CLOSE_TIMEOUT' || error?.code === 'ATTEMPT_TIMEOUT',
    );
    if (name === 'server') for (const { id } of early) problems.push(`${id} was timed out early`);
    for (const task of failed)
      if (!early.includes(task)) problems.push(`${task.id} is ${task.status} ${task.error?.code ?? ''}`);
    const jumps = drawn.flatMap((spells) => spells.slice(0, -1)).length;
    return {
      problems: [...problems, ...judged.problems].map((problem) => `${name}: ${problem}`),
      jumped: judged.jumped,
      takeovers: judged.takeovers.length,
      retries: judged.retries,
      figures: {
        [`${name}: jumps / attempts that met one`]: `${jumps} / ${judged.jumped}`,
        [`${name}: tasks`]: tasks.length,
        [`${name}: kills / attempts taken over`]: `${killed.size} / ${judged.takeovers.length}`,
        [`${name}: takeover, p50 / p99 ms`]: percentiles(judged.takeovers),
        [`${name}: retries / early ones`]: `${judged.retries} / ${judged.earlyRetries}`,
        [`${name}: timed out by a jump`]: early.length,
        [`${name}: other errors`]: tally(failed.flatMap(({ error }) => error?.code ?? [])),
      },
    };
  } finally {
    await crew.close();
    await store.close();
    await opened.close();
  }
}

/** What a clock shows from one jump to the next; in the end it stands where all clocks end. */
function draw(chance: Chance, startsAt: number, count: number): readonly Spell[] {
  const real = Date.now();
  const spells = Array.from({ length: count }, (_, index): Spell => {
    const from = startsAt + index * spellMs;
    const ahead = chance.pick([
      hourMs,
      -hourMs,
      0,
      1_000, // as with a leap second
      -1_000,
      chance.between(-2 * hourMs, 2 * hourMs),
      2 ** 31 * 1_000 - real, // 2038
      2 ** 32 * 1_000 - real, // 2106
    ]);
    return { from, ahead, rate: chance.pick([1, 1, 0.5, 2]) };
  });
  return [...spells, { from: startsAt + count * spellMs, ahead: endMs - real, rate: 1 }];
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
  readonly schedules: ReadonlyMap<number, readonly Spell[]>;
  /** When a process was killed, by its id. */
  readonly killed: ReadonlyMap<number, number>;
}) {
  const { name, events, facts, schedules, killed } = run;
  const problems: string[] = [];
  const takeovers: number[] = [];
  let [jumped, retries, earlyRetries] = [0, 0, 0];
  const begun = new Map<string, Noted<ClockFact>>();
  const over = new Map<string, Noted<ClockFact>>();
  for (const fact of facts) {
    if (fact.kind === 'acknowledged') continue;
    (fact.kind === 'begin' ? begun : over).set(`${fact.task}/${fact.attempt}`, fact);
  }
  for (const [attempt, { pid, mono }] of begun) {
    const until = over.get(attempt)?.mono ?? killed.get(pid) ?? mono;
    if (schedules.get(pid)?.some(({ from }) => from > mono && from <= until) === true) jumped++;
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
    if (type === 'task.retry_scheduled') due.set(subject, event.data.dueAt);
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
    const jumps = aheadOf(schedules, again) - aheadOf(schedules, failed);
    const waited = again.mono - failed.mono + (name === 'server' ? 0 : jumps);
    if (waited < backoffMs - 2)
      problems.push(`${subject} was tried again after ${Math.round(waited)} ms, not ${backoffMs}`);
  }
  const limit = clockLease.leaseMs + clockLease.sweepMs + clockLease.pollMs + 5_000;
  for (const ms of takeovers) if (ms > limit) problems.push(`a takeover took ${Math.round(ms)} ms`);
  return { problems, takeovers, jumped, retries, earlyRetries };
}

function aheadOf(schedules: ReadonlyMap<number, readonly Spell[]>, { pid, mono }: Noted<ClockFact>): number {
  return aheadAt(schedules.get(pid) ?? [], mono);
}
