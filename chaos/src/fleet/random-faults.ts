import { wait } from './agents.ts';
import type { Fleet } from './fleet.ts';
import type { Running } from './supervisor.ts';

/** What is done to processes at random. */
export interface RandomFaults {
  /** How many processes are killed. */
  readonly kills: number;
  /** Mean time between two acts. */
  readonly everyMs: number;
  /** How often each is done: SIGKILL, SIGSTOP for longer than a lease, SIGTERM. */
  readonly acts: Readonly<Record<'kill' | 'freeze' | 'terminate', number>>;
}

/** Kills until the number is reached, with nothing between two acts but a short random wait. */
export async function killAtRandom(
  fleet: Fleet,
  { kills, everyMs, acts }: RandomFaults,
  log: (text: string) => void,
): Promise<void> {
  const freezing = new Set<Promise<void>>();
  for (let killed = 0; killed < kills;) {
    await fleet.pause(everyMs);
    await fleet.untilReady();
    const act = fleet.chance.weighted(acts);
    if (act === 'kill') {
      const target = pickVictim(fleet);
      if (target === undefined) continue;
      fleet.supervisor.kill(target);
      if (++killed % 100 === 0) log(`${killed} kills`);
      continue;
    }
    const workers = fleet.ready('worker');
    if (workers.length === 0) continue;
    const target = fleet.chance.pick(workers);
    if (act === 'terminate') {
      fleet.supervisor.terminate(target);
      continue;
    }
    const frozen = freeze(fleet, target).finally(() => freezing.delete(frozen));
    freezing.add(frozen);
  }
  await Promise.all(freezing);
}

/** A process to be killed: mostly a worker that works, at times a submitter, one that is stopped, or one that starts. */
function pickVictim({ supervisor, chance }: Fleet): Running | undefined {
  const program = chance.next() < 0.2 ? 'submitter' : 'worker';
  const starting = chance.next() < 0.1;
  const targets = [...supervisor.running].filter(({ ready, leaving }) => !leaving && (ready || starting));
  const preferred = targets.filter(({ place }) => place.program === program);
  if (preferred.length > 0) return chance.pick(preferred);
  return targets.length === 0 ? undefined : chance.pick(targets);
}

/** Stops a worker: for a random time, or until others run what it had under way, which is the worst moment to come back. */
async function freeze(fleet: Fleet, target: Running): Promise<void> {
  const leaseMs = fleet.options.lease?.leaseMs ?? 10_000;
  const ms = fleet.chance.between(leaseMs, 2 * leaseMs);
  const until = fleet.chance.next() < 0.5 ? wait(ms) : untilRobbed(fleet, target, leaseMs);
  await fleet.supervisor.freeze(target, until);
}

async function untilRobbed({ attempts, store }: Fleet, { label }: Running, leaseMs: number): Promise<void> {
  await wait(leaseMs / 2);
  const underway = attempts.underway(label);
  for (const end = performance.now() + 2 * leaseMs; performance.now() < end; await wait(10)) {
    const standings = await store.standings(underway.map(({ task }) => task));
    const isRobbed = underway.some(({ task, attempt }) => {
      const now = standings.get(task);
      return now !== undefined && now.attempt > attempt && now.status === 'running';
    });
    if (isRobbed) return;
  }
}

/** Kills workers that have attempts under way, with so much time between two kills that the others can start again. */
export async function killTheBusy(fleet: Fleet, count: number): Promise<void> {
  for (let killed = 0; killed < count;) {
    await fleet.untilReady();
    await fleet.pause(300);
    const busy = fleet.ready('worker').filter(({ label }) => fleet.attempts.underway(label).length > 0);
    if (busy.length === 0) continue;
    fleet.supervisor.kill(fleet.chance.pick(busy));
    killed++;
  }
}
