import { describe, SymphonyError, toTaskError, type StrategyPlugin } from '@symphony/core';
import { createRequire, isBuiltin } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  addStrategy,
  checkPlugin,
  officialStrategies,
  strategyNotFound,
  type KnownStrategies,
} from './known-strategies.ts';

/** Options of {@link loadStrategy}. */
export interface LoadStrategyOptions {
  /** The folder whose `node_modules` packages are looked for in, as code in that folder would. Default: the working directory. */
  readonly resolveFrom?: string;
  /** Strategies that need no loading. */
  readonly known?: KnownStrategies;
}

/**
 * Loads a strategy by name: a known one, one that comes with Symphony, or the default export of an npm package. A short
 * name `bandit` means `symphony-strategy-bandit` before it means `@symphony/strategy-bandit` or `bandit`. A plugin is
 * checked and returned.
 *
 * Packages must be installed where the application can import them, and their `exports` need a `default` condition.
 *
 * @throws SymphonyError `STRATEGY_NOT_FOUND`, `STRATEGY_INVALID`, `STRATEGY_API_VERSION`
 */
export async function loadStrategy(
  strategy: string | StrategyPlugin,
  { resolveFrom = process.cwd(), known = new Map() }: LoadStrategyOptions = {},
): Promise<StrategyPlugin> {
  if (typeof strategy !== 'string') return checkPlugin(strategy, 'What was passed as a strategy');
  return known.get(strategy) ?? importStrategy(strategy, resolve(resolveFrom), known);
}

/**
 * Loads several strategies and lists them with the known ones. Each can be named by the name it has itself and by the one
 * it was loaded by. What is loaded replaces what was known under its name.
 *
 * @throws SymphonyError as {@link loadStrategy}, and `STRATEGY_INVALID` if two that are loaded have one name
 */
export async function loadStrategies(
  strategies: readonly (string | StrategyPlugin)[],
  options: LoadStrategyOptions = {},
): Promise<KnownStrategies> {
  const loaded = new Map<string, StrategyPlugin>();
  for (const strategy of strategies) {
    const plugin = await loadStrategy(strategy, options);
    addStrategy(loaded, plugin.name, plugin);
    if (typeof strategy === 'string') addStrategy(loaded, strategy, plugin);
  }
  return new Map([...(options.known ?? []), ...loaded]);
}

async function importStrategy(name: string, folder: string, known: KnownStrategies): Promise<StrategyPlugin> {
  if (!isPackageName(name)) {
    throw new SymphonyError(
      'STRATEGY_NOT_FOUND',
      `${describe(name)} is neither a known strategy nor the name of a package. To use a file of your own, import it and pass the plugin itself.`,
      { details: { strategy: name } },
    );
  }
  const specifiers = listSpecifiers(name);
  for (const specifier of specifiers) {
    const file = findFile(specifier, folder);
    if (file !== undefined) return importPlugin(specifier, file);
  }
  const install = officialStrategies.has(name) ? packageOf(specifiers[0]!) : specifiers[0]!;
  throw strategyNotFound(name, known.keys(), {
    looked: `no package ${either(specifiers)} is installed for ${folder}`,
    install,
  });
}

/** Letters, digits and a few marks, perhaps behind a scope: no path, no URL, no subpath, no module of Node. */
function isPackageName(name: string): boolean {
  return /^(@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*$/.test(name) && !isBuiltin(name);
}

function listSpecifiers(name: string): string[] {
  const official = officialStrategies.get(name);
  if (official !== undefined) return [official];
  if (name.startsWith('@') || name.startsWith('symphony-strategy-')) return [name];
  return [`symphony-strategy-${name}`, `@symphony/strategy-${name}`, name];
}

/** `"a", "b" or "c"`. */
function either(names: readonly string[]): string {
  const quoted = names.map((name) => `"${name}"`);
  return [quoted.slice(0, -1).join(', '), ...quoted.slice(-1)].filter((part) => part !== '').join(' or ');
}

function packageOf(specifier: string): string {
  return specifier.split('/').slice(0, 2).join('/');
}

function findFile(specifier: string, folder: string): string | undefined {
  try {
    return createRequire(resolve(folder, 'noop.js')).resolve(specifier);
  } catch (cause) {
    // Node adds a path where the package is there but not what its package.json points to.
    const { code, path } = cause as { readonly code?: unknown; readonly path?: unknown };
    if (code === 'MODULE_NOT_FOUND' && path === undefined) return undefined;
    throw invalid(
      specifier,
      'is installed, but has nothing to import. Build it, and give its package.json an `exports` entry "." with a `default` condition.',
      cause,
    );
  }
}

async function importPlugin(specifier: string, file: string): Promise<StrategyPlugin> {
  let exported: unknown;
  try {
    const module = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as { readonly default?: unknown };
    exported = unwrap(module.default);
  } catch (cause) {
    throw invalid(specifier, `failed while it was imported: ${toTaskError(cause, 0).message}`, cause);
  }
  if (exported === undefined) {
    throw invalid(
      specifier,
      'has no default export. Export what defineStrategy({ name, create }) returns as the default.',
    );
  }
  return checkPlugin(exported, `The default export of package "${specifier}"`);
}

/** Bundlers that translate to CommonJS put the default export one level down. */
function unwrap(exported: unknown): unknown {
  const translated =
    typeof exported === 'object' && exported !== null && '__esModule' in exported && 'default' in exported;
  return translated ? exported.default : exported;
}

function invalid(specifier: string, problem: string, cause?: unknown): SymphonyError {
  return new SymphonyError('STRATEGY_INVALID', `Package "${specifier}" ${problem}`, {
    details: { package: specifier },
    ...(cause === undefined ? {} : { cause }),
  });
}
