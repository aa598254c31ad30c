import { CuttingLine } from './cutting-line.ts';
import type { Cut } from './evidence.ts';
import type { Fleet } from './fleet.ts';

/** How often a line is spoiled in each way. */
const ways: Readonly<Record<Cut, number>> = { unanswered: 35, unsent: 20, reset: 20, hole: 15, slow: 10 };

/** The lines of a fleet: each place has one of its own. */
export class CuttingLines {
  readonly #lines = new Map<string, CuttingLine>();

  /** The port that a place finds its server at. */
  port(place: string): number | undefined {
    return this.#lines.get(place)?.port;
  }

  /** Makes the lines of so many places to a server. */
  async start(places: readonly string[], serverPort: number): Promise<void> {
    for (const place of places) this.#lines.set(place, await CuttingLine.start(serverPort));
  }

  /** Spoils lines at random until the number is reached; those that are only slow do not count. */
  async cutAtRandom(fleet: Fleet, count: number, log: (text: string) => void): Promise<void> {
    const { chance, supervisor } = fleet;
    await fleet.untilReady();
    let cuts = 0;
    const busy = new Set<string>();
    const oneAfterTheOther = async (): Promise<void> => {
      while (cuts < count) {
        await fleet.pause(60);
        const free = [...this.#lines].filter(([place, line]) => !busy.has(place) && line.size > 0);
        if (free.length === 0) continue;
        const [place, line] = chance.pick(free);
        const how = chance.weighted(ways);
        busy.add(place);
        const struck = await line.cut(how, chance.between(200, 1_200));
        busy.delete(place);
        if (!struck) continue;
        supervisor.diary.write({ kind: 'cut', place, how });
        if (how !== 'slow' && ++cuts % 100 === 0) log(`${cuts} cuts`);
      }
    };
    await Promise.all([oneAfterTheOther(), oneAfterTheOther()]);
  }

  async close(): Promise<void> {
    for (const line of this.#lines.values()) await line.close();
  }
}
