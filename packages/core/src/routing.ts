import type { AgentConfig, AgentEntry } from './agent.ts';
import type { Clock } from './clock.ts';
import { SymphonyError } from './errors.ts';
import type { JsonValue } from './json.ts';
import type { Logger } from './logger.ts';
import type { Random } from './random.ts';
import { describeIssues, type Schema } from './schema.ts';
import type { Task } from './task.ts';

/** The version of the contract between Symphony and strategy plugins. */
export const strategyApiVersion = 1;

/** The names of the strategies that come with Symphony. */
export const RoutingStrategies = {
  RoundRobin: 'round-robin',
  CapabilityMatch: 'capability-match',
  ContentMatch: 'content-match',
  LoadBalanced: 'load-balanced',
  Custom: 'custom',
} as const;

/** The agents that may take a task, in the order of their ids. A set, so that a strategy with an index need not touch all. */
export interface Candidates extends Iterable<AgentConfig> {
  readonly size: number;
  has(agentId: string): boolean;
  get(agentId: string): AgentConfig | undefined;
}

/** How busy an agent is, as this process knows it: refreshed from the store at most every 250 ms. */
export interface AgentLoad {
  /** Attempts of it that run now. */
  readonly running: number;
  /** Tasks that are assigned to it and wait, due now or later; counted up to 1,000. */
  readonly queued: number;
}

/** What a strategy is asked. */
export interface RankRequest {
  readonly task: Task;
  readonly candidates: Candidates;
  readonly load: (agentId: string) => AgentLoad;
  /** Earlier decisions for this task, oldest first. */
  readonly previous: readonly RoutingDecision[];
  /** Repeatable: seeded by the task and its attempt. */
  readonly random: Random;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Aborts when the time limit is over. */
  readonly signal: AbortSignal;
}

/** One candidate in a strategy's answer. */
export interface Ranked {
  readonly agentId: string;
  /** Any finite number; higher is better. Scores of one answer compare with each other and nothing else. */
  readonly score: number;
  /** Probability that this is the right agent. Give it only if it is calibrated. */
  readonly confidence?: number;
  /** Why, in words for the person who reads the log. */
  readonly reasons: readonly string[];
}

/** What became of a task under the agent that it was given to. The task tells the rest: `output`, `error`, `attempt`. */
export type RoutingOutcome =
  | { readonly status: 'completed' }
  /** It has failed for good: no retry is left. */
  | { readonly status: 'failed' }
  /** The agent has refused it; it goes to another, or ends as failed without one. */
  | { readonly status: 'refused'; readonly reason: string };

/** Ranks the candidates for a task: the one question a strategy answers. */
export interface RoutingStrategy {
  readonly name: string;
  /** Written into every decision. */
  readonly version?: string;
  /** The best first; the order of the list decides ties. An empty list abstains. */
  rank(request: RankRequest): readonly Ranked[] | Promise<readonly Ranked[]>;
  /**
   * Hears how a decision of this strategy turned out: in the process that ran the task, which need not be the one that
   * routed it, at most once for each agent that the task was given to, and once more after `retryTask`. A hint to learn from and no record: nobody hears of
   * a task that was cancelled, or whose process died.
   *
   * Nobody waits for it: errors are logged and change nothing, and it has as long as `rank` has.
   */
  outcome?(task: Task, decision: RoutingDecision, result: RoutingOutcome): void | Promise<void>;
  /**
   * Hears which agents there are: all of the catalogue, by id, also those that cannot take tasks now. Called before the
   * first `rank`, and before the first one after a change. What it does before it returns is done when `rank` is called;
   * a promise is not waited for, and errors are logged.
   */
  agentsChanged?(agents: readonly AgentConfig[]): void | Promise<void>;
  /** Lets go of what the strategy holds. */
  close?(): void | Promise<void>;
}

/** Small durable values of a strategy, kept in the store where there is one. */
export interface StrategyState {
  get(key: string): Promise<{ readonly value: JsonValue; readonly version: number } | undefined>;
  /** Writes if the stored version still is `version` (0: none yet); answers whether it did. */
  set(key: string, value: JsonValue, version: number): Promise<boolean>;
}

/** What Symphony hands a strategy when it is created. */
export interface StrategyServices {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly state: StrategyState;
  /**
   * Makes another strategy, to be wrapped: one that can be chosen by name, or a plugin. It belongs to the caller, who
   * passes `outcome`, `agentsChanged` and `close` on to it; Symphony knows only the wrapper.
   *
   * @throws SymphonyError `STRATEGY_NOT_FOUND`, `STRATEGY_INVALID`, `STRATEGY_API_VERSION`, `STRATEGY_OPTIONS_INVALID`
   */
  create(strategy: string | StrategyPlugin, options?: unknown): Promise<RoutingStrategy>;
}

/** A strategy as a package exports it, made by {@link defineStrategy}. */
export interface StrategyPlugin {
  readonly apiVersion: number;
  readonly name: string;
  /**
   * @throws SymphonyError `STRATEGY_OPTIONS_INVALID`
   */
  create(options: unknown, services: StrategyServices): Promise<RoutingStrategy>;
}

/** What {@link defineStrategy} takes. */
export interface StrategyDefinition<Options> {
  readonly name: string;
  /** Version of the strategy itself, written into every decision. */
  readonly version?: string;
  /** Any Standard Schema; defaults belong into it. Without it the strategy takes no options. */
  readonly options?: Schema<Options>;
  create(
    options: Options,
    services: StrategyServices,
  ): Omit<RoutingStrategy, 'name' | 'version'> | Promise<Omit<RoutingStrategy, 'name' | 'version'>>;
}

/**
 * Makes a strategy plugin: the default export of a strategy package, or a value to pass in `strategies`.
 *
 * @example
 * export default defineStrategy({
 *   name: 'first',
 *   create: () => ({
 *     rank: ({ candidates }) => [...candidates].slice(0, 1).map(({ id }) => ({ agentId: id, score: 1, reasons: ['it is the first'] })),
 *   }),
 * });
 */
export function defineStrategy<Options = undefined>(definition: StrategyDefinition<Options>): StrategyPlugin {
  return {
    apiVersion: strategyApiVersion,
    name: definition.name,
    async create(options, services) {
      const checked = await checkOptions(definition, options);
      const strategy = await definition.create(checked, services);
      return {
        name: definition.name,
        ...(definition.version === undefined ? {} : { version: definition.version }),
        rank: (request) => strategy.rank(request),
        // Left out where the strategy has none: who would call it then saves the trouble.
        ...(strategy.outcome && { outcome: strategy.outcome.bind(strategy) }),
        ...(strategy.agentsChanged && { agentsChanged: strategy.agentsChanged.bind(strategy) }),
        close: () => strategy.close?.(),
      };
    },
  };
}

async function checkOptions<Options>(definition: StrategyDefinition<Options>, options: unknown): Promise<Options> {
  const refuse = (problem: string): SymphonyError =>
    new SymphonyError('STRATEGY_OPTIONS_INVALID', `Strategy "${definition.name}": ${problem}`, {
      details: { strategy: definition.name },
    });
  if (definition.options === undefined) {
    if (options !== undefined) throw refuse('it takes no options. Leave them out.');
    return undefined as Options;
  }
  const result = await definition.options['~standard'].validate(options ?? {});
  if (result.issues !== undefined) {
    throw refuse(`its options are not valid: ${describeIssues(result.issues)}`);
  }
  return result.value;
}

/** How many candidates a decision lists. */
export const decisionCandidates = 5;

/** The record of a choice of agent, stored on the task's log as `task.routed`. */
export interface RoutingDecision {
  readonly agentId: string;
  readonly strategy: string;
  readonly strategyVersion?: string;
  /** The best-ranked candidates, at most {@link decisionCandidates}. */
  readonly candidates: readonly Ranked[];
  /** How many agents were considered. */
  readonly considered: number;
  /** How many agents were left out, by reason: `disabled`, `not hosted`, `lacks a capability`, `refused`, `fallback`. */
  readonly excluded: { readonly [reason: string]: number };
  /** Set where the strategy did not decide: it abstained, or failed in the way named. */
  readonly fallback?: { readonly reason: string; readonly code?: string };
  /** Epoch milliseconds. */
  readonly decidedAt: number;
}

/** The answer for a task that nobody can take now. */
export interface NoRoute {
  readonly code: 'NO_ROUTE' | 'STRATEGY_FAILED' | 'STRATEGY_TIMEOUT' | 'STRATEGY_INVALID_ANSWER';
  /** In words: who was considered, and what stood in the way. */
  readonly reason: string;
  /** Every agent that could ever take it has refused it, so waiting is of no use. */
  readonly final: boolean;
}

/** What routing answers for one task. */
export type RouteAnswer = { readonly decision: RoutingDecision } | { readonly noRoute: NoRoute };

/** Chooses agents for tasks. `TaskRouter` of `@symphony/router` is one. */
export interface Router {
  /** Never throws for reasons that lie in the task or the strategy; those are a {@link NoRoute}. */
  decide(task: Task, previous?: readonly RoutingDecision[]): Promise<RouteAnswer>;
  /**
   * Passes on what became of a task that was routed. Returns at once and never throws.
   *
   * @param decision reads the decision by which the agent got the task; only called if somebody wants to hear of it
   */
  report?(task: Task, result: RoutingOutcome, decision: () => Promise<RoutingDecision | undefined>): void;
}

/** Where a router learns which agents there are and how busy they are. */
export interface AgentDirectory {
  list(): Promise<readonly AgentEntry[]>;
  loads(): Promise<ReadonlyMap<string, AgentLoad>>;
}
