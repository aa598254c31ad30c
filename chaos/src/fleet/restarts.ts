import { wait } from './agents.ts';
import type { Fleet } from './fleet.ts';
import type { SharedPostgres } from './shared-postgres.ts';
import type { Running } from './supervisor.ts';

/** One stop out of so many comes surely while others take over from the dead. */
export const killEvery = 5;

/** How long a stop waits for somebody to be at work. */
const patienceMs = 5_000;

/**
 * Stops the server at once and starts it again, until the number is reached. Now and then a worker is killed shortly before,
 * so that it is away just when the others are to take over what that one had.
 */
export async function restartAtRandom(
  fleet: Fleet,
  { server }: SharedPostgres,
  count: number,
  log: (text: string) => void,
): Promise<void> {
  const { chance, supervisor } = fleet;
  const { leaseMs = 10_000, sweepMs = 2_000 } = fleet.options.lease ?? {};
  for (let restarts = 1; restarts <= count; restarts++) {
    await fleet.untilReady();
    await fleet.pause(leaseMs / 2);
    if (restarts % killEvery === 1 || chance.next() < 0.25) {
      const workers = await findBusy(fleet);
      if (workers.length > 0) supervisor.kill(chance.pick(workers));
      await wait(leaseMs + chance.between(-sweepMs, 2 * sweepMs));
    }
    // A stop that meets nobody shows nothing.
    await findBusy(fleet);
    supervisor.diary.write({ kind: 'server', state: 'stopped' });
    await server.crash();
    if (chance.next() < 0.5) await wait(chance.between(10, 400));
    await server.start();
    supervisor.diary.write({ kind: 'server', state: 'ready' });
    if (restarts % 50 === 0) log(`${restarts} restarts`);
  }
}

/** Workers that have attempts under way, as soon as there are some; none if that takes too long. */
async function findBusy(fleet: Fleet): Promise<readonly Running[]> {
  for (const end = performance.now() + patienceMs; performance.now() < end; await wait(5)) {
    const busy = fleet.ready('worker').filter(({ label }) => fleet.attempts.underway(label).length > 0);
    if (busy.length > 0) return busy;
  }
  return [];
}
