import { describe, SymphonyError, type AgentConfig, type RoutingStrategy } from '@symphony/core';

/** A strategy that is made when it is first needed and closed when nobody uses it any more. */
export class StrategySlot {
  readonly name: string;
  /** Whether the strategy looks at loads; undefined until it has ranked once. */
  readsLoads: boolean | undefined;
  /** Whether the strategy takes outcomes; undefined until it was made. */
  takesOutcomes: boolean | undefined;
  /** The agents that the strategy was last told of. */
  toldAgents: readonly AgentConfig[] | undefined;
  readonly #make: () => RoutingStrategy | Promise<RoutingStrategy>;
  readonly #close: (strategy: RoutingStrategy) => Promise<void>;
  #strategy: Promise<RoutingStrategy> | undefined;
  #users = 0;
  #retired: ((error: unknown) => void) | undefined;
  #closed: Promise<void> | undefined;

  /** @param close what to do with the strategy in the end, if it was ever made; left out for one that belongs to others */
  constructor(
    name: string,
    make: () => RoutingStrategy | Promise<RoutingStrategy>,
    close: (strategy: RoutingStrategy) => Promise<void> = () => Promise.resolve(),
  ) {
    this.name = name;
    this.#make = make;
    this.#close = close;
  }

  /** The strategy; the first call makes it. If that fails, the next call tries again. */
  get(): Promise<RoutingStrategy> {
    this.#strategy ??= this.#create().catch((error: unknown) => {
      this.#strategy = undefined;
      throw error;
    });
    return this.#strategy;
  }

  /** Works with the strategy, which stays open until the work has settled. */
  async use<T>(work: (strategy: RoutingStrategy) => T | Promise<T>): Promise<T> {
    this.#users++;
    try {
      return await work(await this.get());
    } finally {
      this.#users--;
      this.#closeIfRetired();
    }
  }

  /**
   * Closes the strategy as soon as nobody uses it.
   *
   * @param failed told what goes wrong in that
   */
  retire(failed: (error: unknown) => void): void {
    this.#retired = failed;
    this.#closeIfRetired();
  }

  /** Closes the strategy now. Twice is harmless. */
  close(): Promise<void> {
    this.#closed ??=
      this.#strategy === undefined ? Promise.resolve() : this.#strategy.then(this.#close, () => undefined);
    return this.#closed;
  }

  #closeIfRetired(): void {
    if (this.#retired !== undefined && this.#users === 0) void this.close().catch(this.#retired);
  }

  async #create(): Promise<RoutingStrategy> {
    const strategy: unknown = await this.#make();
    const made = checkStrategy(strategy, `What the plugin "${this.name}" created`);
    this.takesOutcomes = made.outcome !== undefined;
    return made;
  }
}

/**
 * Checks that a value is a strategy.
 *
 * @throws SymphonyError `STRATEGY_INVALID`
 */
export function checkStrategy(value: unknown, source = 'What was passed as a strategy'): RoutingStrategy {
  const strategy = (typeof value === 'object' && value !== null ? value : {}) as {
    readonly [key in keyof RoutingStrategy]?: unknown;
  };
  if (typeof strategy.rank !== 'function' || typeof strategy.name !== 'string' || strategy.name === '') {
    throw new SymphonyError('STRATEGY_INVALID', `${source} is no strategy. A strategy is { name, rank(request) }.`, {
      details: { source },
    });
  }
  for (const key of ['outcome', 'agentsChanged', 'close'] as const) {
    if (strategy[key] === undefined || typeof strategy[key] === 'function') continue;
    throw new SymphonyError(
      'STRATEGY_INVALID',
      `${source} has ${describe(strategy[key])} as its ${key}. It must be a function, or left out.`,
      { details: { source } },
    );
  }
  return value as RoutingStrategy; // the rest of it is optional
}
