import { MemoryStore } from '@symphony/persistence-memory';
import { PostgresStore } from '@symphony/persistence-postgres';
import { SqliteStore } from '@symphony/persistence-sqlite';
import type { Store } from '@symphony/core';
import { faultPoints, VirtualClock } from '@symphony/testing';
import { startServer } from '../../../packages/persistence/postgres/test/server.ts';
import { crashesOf, describeCrash, play, type Crash } from '../../../packages/registry/test/crash-points/play.ts';
import { programs, type Program } from '../../../packages/registry/test/crash-points/programs.ts';
import { attended } from '../crash-points/attended.ts';
import { Chance } from '../fleet/chance.ts';
import type { Lane, LaneReport, LaneRequest } from '../lane.ts';
import { toPlant } from '../scene/plant.ts';

/** A crash of one program. */
interface Point {
  readonly name: string;
  readonly program: Program;
  readonly crash: Crash;
}

/** Opens an empty store on a clock. */
type OpenStore = (clock: VirtualClock) => Promise<Store>;

/** Crashes at each write of the store's port, before and after it is carried out. */
export const crashPoints: Lane = {
  name: 'crash-points',
  about: 'Crashes a process before and after each command and other write of the store, on every store.',
  unit: 'crash points on each store, or 0 for every one there is',
  least: 0,
  small: 64,
  run: runCrashPoints,
};

/** What a broken store does with what it is asked. */
type BreakStore = (commit: Store['commit']) => Store['commit'];

/** Bugs to plant, by name. */
const plants: Readonly<Record<string, BreakStore>> = {
  'reports lost': (commit) => async (request) => {
    const isReport = request.groups.some((group) => group.some(({ type }) => type === 'report'));
    return isReport ? { results: [{ status: 'ok', value: {} }], claimed: [] } : commit(request);
  },
};

async function runCrashPoints({ count, seed, log, plant }: LaneRequest): Promise<LaneReport> {
  const breakStore = toPlant(plants, plant);
  const server = await startServer();
  const stores: Readonly<Record<string, OpenStore>> = {
    memory: async (clock) => new MemoryStore({ clock }),
    sqlite: (clock) => SqliteStore.open({ path: ':memory:', clock }),
    postgres: (clock) => PostgresStore.open({ url: server.newUrl(), clock }),
  };
  const struck = new Map<string, number>();
  const figures: Record<string, string | number> = {};
  const problems: string[] = [];
  try {
    for (const [name, open] of Object.entries(stores)) {
      const started = performance.now();
      const points = await listPoints(open);
      const chosen = count === 0 ? points : choose(new Chance('crash-points', seed, name), points, count);
      for (const [index, { name: title, program, crash }] of chosen.entries()) {
        try {
          const { crashed } = await playOn(open, program, crash, breakStore);
          if (!crashed) throw new Error('it was not come by');
          const at = `${name} ${crash.fault.at} ${crash.fault.when}`;
          struck.set(at, (struck.get(at) ?? 0) + 1);
        } catch (error) {
          problems.push(`${name}: ${title}: ${describeCrash(crash)}: ${(error as Error).message.split('\n')[0]}`);
        }
        // A planted bug is found once; each time takes as long as the longest wait of its program.
        if (breakStore !== undefined && problems.length > 0) break;
        if (index % 20 === 0) log(`${name}: ${index} of ${chosen.length}`);
      }
      const seconds = ((performance.now() - started) / 1_000).toFixed(1);
      figures[`${name}: points / struck`] = `${points.length} / ${chosen.length} in ${seconds} s`;
    }
  } finally {
    await server.stop();
  }
  const missed: string[] = [];
  for (const at of faultPoints.writes) {
    const cells = Object.keys(stores).map((store) => {
      const [before = 0, after = 0] = ['before', 'after'].map((when) => struck.get(`${store} ${at} ${when}`));
      if (before === 0 || after === 0) missed.push(`${store} ${at}`);
      return `${store} ${before}/${after}`;
    });
    figures[at] = cells.join(' · ');
  }
  figures['in no crash before or after'] = missed.join(', ') || 'none';
  const isBroken = problems.length > 0;
  return { verdict: isBroken ? 'invalid' : missed.length > 0 ? 'vacuous' : 'valid', figures, problems };
}

async function listPoints(open: OpenStore): Promise<readonly Point[]> {
  const points: Point[] = [];
  for (const [name, program] of Object.entries(programs)) {
    const whole = await playOn(open, program);
    points.push(...crashesOf(whole).map((crash) => ({ name, program, crash })));
  }
  return points;
}

/** Some points: first of all each command before and after its commit, and then what chance brings. */
function choose(chance: Chance, points: readonly Point[], count: number): readonly Point[] {
  const drawn = points
    .map((point) => ({ point, place: chance.next() }))
    .sort((one, other) => one.place - other.place)
    .map(({ point }) => point);
  const cells = Map.groupBy(drawn, ({ crash: { fault } }) => `${fault.at} ${fault.when}`);
  const first = new Set([...cells.values()].flatMap(([point]) => point ?? []));
  return [...first, ...drawn.filter((point) => !first.has(point))].slice(0, Math.max(count, first.size));
}

async function playOn(open: OpenStore, program: Program, crash?: Crash, breakStore?: BreakStore) {
  const pending = attended();
  const clock = new VirtualClock({ settle: pending.settle, patienceMs: 300 });
  const store = pending.attend(await open(clock));
  // Only where there is a crash: the points are listed from whole runs.
  if (breakStore !== undefined && crash !== undefined) store.commit = breakStore(store.commit.bind(store));
  return play(program, store, clock, crash);
}
