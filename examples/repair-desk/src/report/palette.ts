import { isRepaired, type Story } from '../result/story.ts';

/** How many agents have a colour of their own; the others share a grey. */
const colours = 8;

/** Which class an agent's colour has: the busiest agents have their own. */
export class Palette {
  readonly #classes: ReadonlyMap<string, string>;

  constructor(stories: readonly Story[]) {
    const counts = new Map<string, number>();
    for (const story of stories) {
      if (isRepaired(story)) counts.set(story.agent, (counts.get(story.agent) ?? 0) + 1);
    }
    const busiest = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, colours);
    this.#classes = new Map(busiest.map(([agent], place) => [agent, `c${place}`]));
  }

  /** The class of an agent's colour. */
  of(agent: string): string {
    return this.#classes.get(agent) ?? 'cx';
  }

  /** The agents that have a colour of their own, the busiest first. */
  get agents(): readonly string[] {
    return [...this.#classes.keys()];
  }
}
