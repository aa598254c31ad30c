import { wait } from './agents.ts';
import type { Fleet } from './fleet.ts';

/** Asks workers to end, one after the other: by SIGTERM or SIGINT, and half of them a second time before they are gone. */
export async function drainAtRandom(fleet: Fleet, count: number, log: (text: string) => void): Promise<void> {
  const { chance, supervisor } = fleet;
  for (let drained = 0; drained < count;) {
    await fleet.pause(100);
    // All others are there to take what is handed back.
    await fleet.untilReady(fleet.options.workers);
    const workers = fleet.ready('worker').filter(({ label }) => fleet.attempts.underway(label).length > 0);
    if (workers.length === 0) continue;
    const target = chance.pick(workers);
    const signals = ['SIGTERM', 'SIGINT'] as const;
    supervisor.terminate(target, chance.pick(signals));
    if (++drained % 100 === 0) log(`${drained} drains`);
    if (chance.next() < 0.6) {
      await wait(chance.between(5, 80));
      if (supervisor.running.has(target)) supervisor.terminate(target, chance.pick(signals));
    }
  }
}
