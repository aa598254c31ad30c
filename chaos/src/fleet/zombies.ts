import { wait } from './agents.ts';
import type { Fleet } from './fleet.ts';
import type { Running } from './supervisor.ts';
import type { WatchedAttempt } from './watched-attempts.ts';

/** When a stopped worker comes back: while the next attempt runs, after the task has ended, or after it was cancelled. */
type Fate = 'beside' | 'behind' | 'cancelled';

/** After how long a worker is continued, whatever has become of its tasks. */
const patienceMs = 8_000;

/**
 * Stops workers with attempts under way until these are somebody else's or over, and lets them come back and write, until as
 * many attempts as wanted were such zombies. Half of the workers go on meanwhile.
 */
export async function makeZombies(fleet: Fleet, count: number, log: (text: string) => void): Promise<void> {
  let made = 0;
  const oneAfterTheOther = async (): Promise<void> => {
    // A few more: what is seen from here and what the judge reads in the log may differ by a moment.
    while (made < 1.05 * count + 2) {
      await fleet.pause(30);
      const target = pickBusy(fleet);
      if (target === undefined) continue;
      const before = Math.floor(made / 100);
      const zombies = await stopUntil(fleet, target, fleet.chance.weighted({ beside: 4, behind: 3, cancelled: 3 }));
      made += zombies;
      if (Math.floor(made / 100) > before) log(`${made} zombies`);
    }
  };
  await fleet.untilReady();
  await Promise.all(Array.from({ length: Math.floor(fleet.options.workers / 2) }, oneAfterTheOther));
}

function pickBusy(fleet: Fleet): Running | undefined {
  const busy = fleet.ready('worker').filter(({ label }) => fleet.attempts.underway(label).length > 0);
  return busy.length === 0 ? undefined : fleet.chance.pick(busy);
}

/** Answers how many attempts of the worker were zombies when it was continued. */
async function stopUntil(fleet: Fleet, target: Running, fate: Fate): Promise<number> {
  let zombies = 0;
  const until = (async () => {
    const underway = fleet.attempts.underway(target.label);
    const fatesOf = async (attempts: readonly WatchedAttempt[]): Promise<readonly (Fate | undefined)[]> => {
      const standings = await fleet.store.standings(attempts.map(({ task }) => task));
      return attempts.map(({ task, attempt }) => fateOf(standings.get(task), attempt));
    };
    // What it goes on with though it was taken from it the last time is no zombie of this time.
    const early = await fatesOf(underway);
    const held = underway.filter((_, index) => early[index] === undefined);
    if (fate === 'cancelled') cancel(fleet, held);
    const end = performance.now() + patienceMs;
    for (;;) {
      await wait(20);
      const fates = (await fatesOf(held)).filter((each) => each !== undefined);
      if (!fates.includes(fate) && performance.now() < end) continue;
      zombies = fates.length;
      return;
    }
  })();
  await fleet.supervisor.freeze(target, until);
  return zombies;
}

function fateOf(
  now: { readonly attempt: number; readonly status: string } | undefined,
  attempt: number,
): Fate | undefined {
  if (now === undefined) return undefined;
  if (now.status === 'cancelled') return 'cancelled';
  if (now.attempt === attempt) return undefined;
  if (now.status === 'running') return 'beside';
  return now.status === 'completed' || now.status === 'failed' ? 'behind' : undefined;
}

/** A submitter, another process than the one that stands still, cancels what that has under way. */
function cancel(fleet: Fleet, underway: readonly WatchedAttempt[]): void {
  const [submitter] = fleet.ready('submitter');
  for (const { task } of underway) submitter?.child.send({ cancel: task }, () => undefined);
}
