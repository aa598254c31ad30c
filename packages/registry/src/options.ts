import type { ContainerModule } from 'inversify';
import {
  checkInteger,
  checkKeys,
  describe,
  SymphonyError,
  toAgent,
  toAgentConfig,
  type AgentLike,
  type AnyAgent,
  type Clock,
  type Logger,
  type MakeId,
  type Random,
  type Store,
  type StrategyPlugin,
} from '@symphony/core';
import type { ExecutionHooks, LeaseTimes, Retention } from '@symphony/executor';
import type { StrategyChoice } from '@symphony/router';

/** How tasks find their agents. */
export interface RoutingOptions {
  /** A name, a `[name, options]` pair, a plugin or a strategy object. Default: by content, and in turn where that decides nothing. */
  readonly strategy?: StrategyChoice;
  /** The id of the agent that gets what the strategy finds nobody for. */
  readonly fallback?: string;
  /** Time limit of the strategy's answer. Default 1,000 ms. */
  readonly rankTimeoutMs?: number;
}

/** What `ServiceRegistry.open` takes. */
export interface OpenOptions {
  /** Where everything is kept: `memory:` (the default), `sqlite:PATH`, `sqlite::memory:`, `postgres://…`, or a store that you opened and close yourself. */
  readonly persistence?: string | Store;
  /** The agents of this process: registered in the catalogue, and hosted by the workers it starts. */
  readonly agents?: readonly AgentLike[];
  readonly routing?: RoutingOptions;
  /** Strategy plugins that can then be chosen by name: package names, or plugins. */
  readonly strategies?: readonly (string | StrategyPlugin)[];
  /** Hooks for every attempt in this process. */
  readonly hooks?: ExecutionHooks;
  /** How long what has ended is kept; `false`: for ever. Workers remove what is older. Default: 30 days. */
  readonly retention?: Partial<Retention> | false;
  /** Length of leases and how often they are looked after. */
  readonly lease?: Partial<LeaseTimes>;
  /**
   * Modules of your own: what they bind stands in place of what the registry brings, for any token. What they want to let
   * go of in the end, they say with `onDeactivation`.
   */
  readonly modules?: readonly ContainerModule[];
  /** Where packages and relative paths are resolved from. Default: the working directory. */
  readonly resolveFrom?: string;
  readonly clock?: Clock;
  /** Where the jitter of retries comes from. Default: the machine's. */
  readonly random?: Random;
  /** Makes the ids of tasks, workflows and workers. Default: ids that sort by time, unique over all machines. */
  readonly makeId?: MakeId;
  readonly logger?: Logger;
}

const optionNames = [
  'persistence',
  'agents',
  'routing',
  'strategies',
  'hooks',
  'retention',
  'lease',
  'modules',
  'resolveFrom',
  'clock',
  'random',
  'makeId',
  'logger',
] as const satisfies readonly (keyof OpenOptions)[];

/**
 * Refuses what `open` cannot work with, before anything is opened.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`
 */
export function checkOptions(options: OpenOptions): void {
  checkKeys(options, optionNames, 'open');
  checkKeys(options.routing ?? {}, ['strategy', 'fallback', 'rankTimeoutMs'], 'open.routing');
  checkKeys(options.hooks ?? {}, ['preExecution', 'postExecution'], 'open.hooks');
  checkKeys(options.lease ?? {}, ['leaseMs', 'renewMs', 'stallMs', 'sweepMs', 'pollMs'], 'open.lease');
  for (const [key, value] of Object.entries(options.lease ?? {})) {
    checkInteger(value, `open.lease.${key}`, 1, 24 * 60 * 60 * 1000);
  }
  checkArray(options.strategies, 'strategies');
  checkArray(options.modules, 'modules');
  for (const [index, module] of (options.modules ?? []).entries()) {
    if (hasMethod(module, 'load')) continue;
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `modules[${index}] must be a ContainerModule of inversify, got ${describe(module)}.`,
    );
  }
  checkShape(options.clock, 'clock', ['now', 'monotonic', 'setTimer']);
  checkFunction(options.random, 'random');
  checkFunction(options.makeId, 'makeId');
  checkShape(options.logger, 'logger', ['debug', 'info', 'warn', 'error']);
  if (typeof options.persistence !== 'string') {
    checkShape(options.persistence, 'persistence', ['commit', 'getTask', 'onChange', 'close']);
  }
}

/**
 * Makes agents of what was passed as such.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`, `DUPLICATE_AGENT`, `AGENT_INVALID`, `INVALID_NAME`
 */
export function checkAgents(agents: readonly AgentLike[]): readonly AnyAgent[] {
  checkArray(agents, 'agents');
  const seen = new Set<string>();
  // Not map, which passes over holes.
  return Array.from(agents, (agentLike) => {
    const agent = toAgent(agentLike);
    if (seen.has(agent.id)) {
      throw new SymphonyError('DUPLICATE_AGENT', `Two agents have the id "${agent.id}". Give each an id of its own.`, {
        details: { agentId: agent.id },
      });
    }
    seen.add(agent.id);
    toAgentConfig(agent);
    return agent;
  });
}

function checkArray(value: unknown, what: string): void {
  if (value === undefined || Array.isArray(value)) return;
  throw new SymphonyError('INVALID_ARGUMENT', `${what} must be an array, got ${describe(value)}.`);
}

function checkFunction(value: unknown, what: string): void {
  if (value === undefined || typeof value === 'function') return;
  throw new SymphonyError('INVALID_ARGUMENT', `${what} must be a function, got ${describe(value)}.`);
}

function checkShape(value: unknown, what: string, methods: readonly string[]): void {
  if (value === undefined || methods.every((method) => hasMethod(value, method))) return;
  throw new SymphonyError(
    'INVALID_ARGUMENT',
    `${what} must be an object with ${methods.join(', ')}, got ${describe(value)}.`,
  );
}

function hasMethod(value: unknown, method: string): boolean {
  return typeof (value as Partial<Record<string, unknown>> | null | undefined)?.[method] === 'function';
}
