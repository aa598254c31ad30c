import { describe, RoutingStrategies, strategyApiVersion, SymphonyError, type StrategyPlugin } from '@symphony/core';
import { nearestName } from './nearest-name.ts';

/** Strategies by the names they are known under. */
export type KnownStrategies = ReadonlyMap<string, StrategyPlugin>;

/** Where the strategies that come with Symphony live, as import specifiers. */
export const officialStrategies: ReadonlyMap<string, string> = new Map([
  [RoutingStrategies.RoundRobin, '@symphony/strategies/round-robin'],
  [RoutingStrategies.CapabilityMatch, '@symphony/strategies/capability-match'],
  [RoutingStrategies.LoadBalanced, '@symphony/strategies/load-balanced'],
  [RoutingStrategies.Custom, '@symphony/strategies/custom'],
  [RoutingStrategies.ContentMatch, '@symphony/strategy-content-match'],
]);

/**
 * Checks that a value is a strategy plugin of our version of the contract.
 *
 * @param source what it is, at the start of the message: `Package "x"`
 * @throws SymphonyError `STRATEGY_INVALID`, `STRATEGY_API_VERSION`
 */
export function checkPlugin(value: unknown, source: string): StrategyPlugin {
  const plugin = (typeof value === 'object' && value !== null ? value : {}) as {
    readonly [key in keyof StrategyPlugin]?: unknown;
  };
  const { apiVersion } = plugin;
  if (typeof apiVersion === 'number' && apiVersion !== strategyApiVersion) {
    const older = apiVersion < strategyApiVersion;
    throw new SymphonyError(
      'STRATEGY_API_VERSION',
      `${source} was written for version ${apiVersion} of the strategy contract; this Symphony wants ${strategyApiVersion}. Update ${older ? 'the strategy' : 'Symphony'}.`,
      { details: { source, want: strategyApiVersion, got: apiVersion } },
    );
  }
  if (
    apiVersion === undefined ||
    typeof plugin.create !== 'function' ||
    typeof plugin.name !== 'string' ||
    plugin.name === ''
  ) {
    throw new SymphonyError(
      'STRATEGY_INVALID',
      `${source} is no strategy plugin: got ${describe(value)}. A plugin is what defineStrategy({ name, create }) of @symphony/core returns.`,
      { details: { source } },
    );
  }
  return value as StrategyPlugin; // all of its members have been looked at
}

/**
 * Lists plugins by their names, or by the names of a map.
 *
 * @throws SymphonyError `STRATEGY_INVALID` if two have one name, or one is no plugin; `STRATEGY_API_VERSION`
 */
export function listStrategies(plugins: Iterable<StrategyPlugin> | KnownStrategies): KnownStrategies {
  const known = new Map<string, StrategyPlugin>();
  if (plugins instanceof Map) {
    for (const [name, plugin] of plugins as KnownStrategies) {
      addStrategy(known, name, checkPlugin(plugin, `Strategy "${name}"`));
    }
  } else {
    for (const value of plugins as Iterable<StrategyPlugin>) {
      const plugin = checkPlugin(value, 'A member of `strategies`');
      addStrategy(known, plugin.name, plugin);
    }
  }
  return known;
}

/**
 * Adds a plugin under a name; the same one twice is harmless.
 *
 * @throws SymphonyError `STRATEGY_INVALID` if the name is taken by another
 */
export function addStrategy(known: Map<string, StrategyPlugin>, name: string, plugin: StrategyPlugin): void {
  if (known.has(name) && known.get(name) !== plugin) {
    throw new SymphonyError(
      'STRATEGY_INVALID',
      `Two strategies are called "${name}". Leave one of them out, or rename it.`,
      {
        details: { strategy: name },
      },
    );
  }
  known.set(name, plugin);
}

/**
 * The error for a name that nothing is known by.
 *
 * @param search where else it was looked for, and the package to install if it is the right name after all
 */
export function strategyNotFound(
  name: string,
  known: Iterable<string>,
  search?: { readonly looked: string; readonly install: string },
): SymphonyError {
  const names = [...known];
  const nearest = nearestName(name, new Set([...names, ...officialStrategies.keys()]));
  const meant = nearest ?? name;
  const home = names.includes(meant) ? undefined : officialStrategies.get(meant);
  const hints = [
    search === undefined
      ? `No strategy ${describe(name)} is known.`
      : `No strategy ${describe(name)} is known, and ${search.looked}.`,
    ...(meant === name ? [] : [`Did you mean "${meant}"?`]),
    ...(home === undefined ? [] : [`"${meant}" is the default export of ${home}: pass it in \`strategies\`.`]),
    ...(names.length === 0 ? [] : [`Known are ${names.join(', ')}.`]),
    ...(search === undefined ? [] : [`To install it: npm install ${search.install}`]),
  ];
  return new SymphonyError('STRATEGY_NOT_FOUND', hints.join(' '), { details: { strategy: name, nearest } });
}
