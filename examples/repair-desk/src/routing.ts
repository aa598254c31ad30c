import { createHash } from 'node:crypto';
import type { StrategyChoice } from '@symphony/registry';

/** How tasks find their agents in a run. */
export interface Routing {
  readonly strategy: 'content-match' | 'round-robin' | 'random';
  /** What the random one starts from: the same seed, the same order for a task. */
  readonly seed: number;
}

/** The strategy by that name. Random is one of our own: it draws an order for each task by its name. */
export function strategyOf({ strategy, seed }: Routing): StrategyChoice {
  if (strategy !== 'random') return strategy;
  return {
    name: 'random',
    rank({ task, candidates }) {
      const drawn = [...candidates].map(({ id }) => ({ id, draw: drawOf(`${seed}/${task.name}/${id}`) }));
      return drawn
        .sort((a, b) => b.draw - a.draw)
        .map(({ id, draw }) => ({ agentId: id, score: draw, reasons: ['drawn by lot'] }));
    },
  };
}

function drawOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
}
