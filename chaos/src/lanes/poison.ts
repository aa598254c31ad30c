import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isTerminal, type SymphonyEvent, type TaskRecord } from '@symphony/core';
import { ServiceRegistry } from '@symphony/registry';
import { checkInvariants } from '@symphony/testing';
import { startServer } from '../../../packages/persistence/postgres/test/server.ts';
import { Chance } from '../fleet/chance.ts';
import { together } from '../fleet/report.ts';
import type { Lane, LaneReport, LaneRequest } from '../lane.ts';
import {
  poisonLeases,
  type Death,
  type PoisonConfig,
  type PoisonFact,
  type PoisonLease,
  type PoisonWork,
} from '../poison/work.ts';
import { bundle } from '../scene/bundle.ts';
import { toPlant, type Plant } from '../scene/plant.ts';
import { Crew, type Ending } from '../scene/crew.ts';
import { readNotes, type Noted } from '../scene/notes.ts';
import { openStore } from '../scene/open-store.ts';

const workers = 3;
const concurrency = 4;
/** Innocent tasks beside each poison task. */
const neighbours = 5;
const maxCrashes = 3;

/** Tasks that end their process each time they run, beside innocent ones. */
export const poison: Lane = {
  name: 'poison',
  about:
    'Tasks that kill, abort, exit or exhaust the process they run in, beside innocent ones, on SQLite and on PostgreSQL.',
  unit: 'poison tasks on each store',
  small: 4,
  run: runPoison,
};

/** What became of the tasks of a run, and of the processes. */
interface Outcome {
  readonly tasks: readonly TaskRecord[];
  readonly events: readonly SymphonyEvent[];
  readonly facts: readonly Noted<PoisonFact>[];
  readonly endings: readonly Ending[];
}

/** Bugs to plant, by name. */
const plants = {
  'crashes without end': { file: 'core/src/transition.ts', find: 'crashes >= maxCrashes(task.retry)', put: 'false' },
  'suspects beside others': { file: 'core/src/suspect.ts', find: 'if (still) return true;', put: 'return true;' },
} as const satisfies Readonly<Record<string, Plant>>;

/** The same on each store, at the same time. */
async function runPoison(request: LaneRequest): Promise<LaneReport> {
  const programs = join(request.folder, 'programs');
  await bundle(programs, {
    entries: { worker: join(import.meta.dirname, '../poison/worker.ts') },
    plant: toPlant(plants, request.plant),
  });
  const onSqlite = (): Promise<LaneReport> => {
    const folder = join(request.folder, 'sqlite');
    mkdirSync(folder);
    return play({ ...request, folder }, programs, 'sqlite', join(folder, 'poison.db'));
  };
  const onPostgres = async (): Promise<LaneReport> => {
    const server = await startServer();
    try {
      return await play(
        { ...request, folder: join(request.folder, 'postgres') },
        programs,
        'postgres',
        server.newUrl(),
      );
    } finally {
      await server.stop();
    }
  };
  const [sqlite, postgres] = await Promise.all([onSqlite(), onPostgres()]);
  return together({ sqlite, postgres });
}

async function play(
  { count, seed, folder, log }: LaneRequest,
  programs: string,
  kind: keyof typeof poisonLeases,
  place: string,
): Promise<LaneReport> {
  const chance = new Chance('poison', seed, kind);
  const lease = poisonLeases[kind];
  const config: PoisonConfig = { store: place, notes: folder, concurrency, lease };
  const store = await openStore(place);
  const symphony = await ServiceRegistry.open({ persistence: store });
  // A heap that can be exhausted within a second.
  const crew = new Crew({ programs, folder, nodeOptions: ['--max-old-space-size=64'] });
  try {
    const open = new Set<string>();
    for (const work of shuffled(chance, planWork(chance, count))) {
      const { id } = await symphony.submit({ name: work.death ?? 'innocent', agentId: 'mixed', input: { ...work } });
      open.add(id);
    }
    for (let slot = 0; slot < workers; slot++) crew.keep('worker', () => config);
    const end = performance.now() + 30_000 + count * 4_000;
    while (open.size > 0 && performance.now() < end) {
      await wait(200);
      for (const { id, status } of await store.listTasks({ ids: [...open].slice(0, 500), limit: 500 }))
        if (isTerminal(status)) open.delete(id);
      log(`${kind}: ${open.size} tasks are open, ${crew.endings.length} processes have died`);
    }
    const stubborn = await crew.close();
    const { tasks, events } = await checkInvariants(store);
    const outcome = { tasks, events, facts: readNotes<PoisonFact>(folder), endings: crew.endings };
    return judge(outcome, { count, stubborn, lease });
  } finally {
    await crew.close();
    await symphony.close();
    await store.close();
  }
}

function planWork(chance: Chance, count: number): readonly PoisonWork[] {
  const deaths: readonly Death[] = ['kill', 'abort', 'exit', 'heap'];
  const poisonous = Array.from({ length: count }, (_, index): PoisonWork => {
    const death = deaths[index % deaths.length] as Death;
    return { death, ms: chance.between(5, 120), step: false };
  });
  const innocent = Array.from({ length: count * neighbours }, (): PoisonWork => {
    return { ms: chance.between(20, 600), step: chance.next() < 0.2 };
  });
  return [...poisonous, ...innocent];
}

function shuffled<T>(chance: Chance, items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, place: chance.next() }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item);
}

function judge(
  { tasks, events, facts, endings }: Outcome,
  { count, stubborn, lease }: { readonly count: number; readonly stubborn: number; readonly lease: PoisonLease },
): LaneReport {
  const problems: string[] = [];
  const begun = Map.groupBy(
    facts.filter(({ kind }) => kind === 'begin'),
    ({ task }) => task,
  );
  const isPoison = ({ name }: TaskRecord): boolean => name !== 'innocent';
  const poisonous = tasks.filter(isPoison);
  const innocent = tasks.filter((task) => !isPoison(task));
  for (const task of poisonous) {
    const attempts = begun.get(task.id)?.length ?? 0;
    const message = task.error?.message ?? '';
    if (task.status !== 'failed' || task.error?.code !== 'POISON')
      problems.push(`${task.id}, which ends by ${task.name}, is ${task.status} ${task.error?.code ?? ''}`);
    else if (!message.includes(`died ${maxCrashes} times`)) problems.push(`${task.id} does not say why: ${message}`);
    // Fewer if somebody else's end has come before its own.
    if (attempts > maxCrashes)
      problems.push(`${task.id} took ${attempts} workers down, not ${maxCrashes}: it ends by ${task.name}`);
    if (task.attempt !== maxCrashes && attempts <= maxCrashes)
      problems.push(`${task.id} was given up after ${task.attempt} attempts, not ${maxCrashes}`);
  }
  for (const { id, status, error } of innocent)
    if (status !== 'completed') problems.push(`${id} is innocent and ${status} ${error?.code ?? ''}`);
  if (tasks.length !== count * (1 + neighbours)) problems.push(`${tasks.length} tasks are there`);
  const odd = endings.filter((ending) => !['SIGKILL', 'SIGABRT', 9, 134].includes(ending));
  for (const ending of odd) problems.push(`a worker ended with ${ending}, which no task asked for`);
  if (stubborn > 0) problems.push(`${stubborn} workers did not end when asked to`);
  const crashed = events.flatMap((event) => (event.type === 'task.crashed' ? [event] : []));
  const innocents = new Set(innocent.map(({ id }) => id));
  const hit = crashed.filter(({ subject }) => innocents.has(subject));
  const suspects = new Set(hit.filter(({ data }) => data.crashes >= maxCrashes - 1).map(({ subject }) => subject));
  const figures = {
    'poison tasks': poisonous.length,
    'processes that died': endings.length,
    'deaths per poison task, most': Math.max(0, ...poisonous.map(({ id }) => begun.get(id)?.length ?? 0)),
    'innocent tasks': innocent.length,
    'innocent attempts killed': hit.length,
    'innocents one crash from POISON': suspects.size,
    'innocents that ended POISON': innocent.filter(({ error }) => error?.code === 'POISON').length,
    'detection, p50 / p99 ms': `${detection(facts, events)} (lease ${lease.leaseMs})`,
  };
  if (problems.length > 0) return { verdict: 'invalid', figures, problems };
  const missed = [
    ...(endings.length < count * 2 ? [`too few processes died: ${endings.length}, wanted ${count * 2}`] : []),
    ...(hit.length < count ? [`too few innocent attempts were killed: ${hit.length}, wanted ${count}`] : []),
  ];
  return { verdict: missed.length > 0 ? 'vacuous' : 'valid', figures, problems: missed };
}

/** From the start of a fatal attempt, which is the last thing known of it, until its crash was recorded. */
function detection(facts: readonly Noted<PoisonFact>[], events: readonly SymphonyEvent[]): string {
  const crashedAt = new Map(
    events.flatMap((event) =>
      event.type === 'task.crashed' ? [[`${event.subject}/${event.data.attempt}`, event.at]] : [],
    ),
  );
  const waits = facts
    .flatMap(({ kind, death, task, attempt, at }) => {
      const found = crashedAt.get(`${task}/${attempt}`);
      return kind === 'begin' && death !== undefined && found !== undefined ? [found - at] : [];
    })
    .sort((one, other) => one - other);
  const at = (share: number): number => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? 0;
  return `${at(0.5)} / ${at(0.99)}`;
}
