import {
  SymphonyError,
  type Clock,
  type Logger,
  type StrategyPlugin,
  type StrategyServices,
  type StrategyState,
} from '@symphony/core';
import { checkPlugin } from './known-strategies.ts';
import { scopeState } from './memory-state.ts';
import { checkStrategy } from './strategy-slot.ts';

/** Strategies inside strategies, at most. More is a strategy that wraps itself. */
const deepest = 8;

/** What the services of strategies are made of. */
interface ServiceSource {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly state: StrategyState;
  /** @throws SymphonyError `STRATEGY_NOT_FOUND` */
  readonly find: (name: string) => StrategyPlugin;
}

/**
 * What a strategy is created with. What it wraps gets a part of its state, so that wrapped and on its own a strategy does
 * not share what it knows.
 *
 * @param names the strategy's name, behind the names of those that wrap it
 */
export function makeServices(source: ServiceSource, names: readonly string[]): StrategyServices {
  const { clock, logger, find } = source;
  const state = scopeState(source.state, names.at(-1) as string); // a strategy has a name
  return {
    clock,
    logger,
    state,
    async create(strategy, options) {
      const plugin = typeof strategy === 'string' ? find(strategy) : checkPlugin(strategy, 'What is to be wrapped');
      const path = [...names, plugin.name];
      if (path.length > deepest) {
        throw new SymphonyError(
          'STRATEGY_INVALID',
          `Strategies are wrapped more than ${deepest} deep: ${path.join(' > ')}. Does one wrap itself?`,
          { details: { strategy: plugin.name } },
        );
      }
      const made: unknown = await plugin.create(options, makeServices({ ...source, state }, path));
      return checkStrategy(made, `What the plugin "${plugin.name}" created`);
    },
  };
}
