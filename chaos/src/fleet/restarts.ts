import { wait } from './agents.ts';
import type { Fleet } from './fleet.ts';
import type { SharedPostgres } from './shared-postgres.ts';

/**
 * Stops the server at once and starts it again, until the number is reached. Now and then some workers are killed shortly
 * before, so that it is away just when the others are to take over what those had.
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
    if (chance.next() < 0.4) {
      const workers = fleet.ready('worker');
      if (workers.length > 0) supervisor.kill(chance.pick(workers));
      await wait(leaseMs + chance.between(-sweepMs, 2 * sweepMs));
    }
    supervisor.diary.write({ kind: 'server', state: 'stopped' });
    await server.crash();
    if (chance.next() < 0.5) await wait(chance.between(10, 400));
    await server.start();
    supervisor.diary.write({ kind: 'server', state: 'ready' });
    if (restarts % 50 === 0) log(`${restarts} restarts`);
  }
}
