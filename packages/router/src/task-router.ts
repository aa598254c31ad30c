import {
  checkDuration,
  checkKeys,
  checkName,
  defaults,
  RoutingStrategies,
  silentLogger,
  SymphonyError,
  systemClock,
  toAgent,
  toAgentConfig,
  toTaskError,
  type AnyAgent,
  type AgentConfig,
  type AgentDirectory,
  type AgentEntry,
  type AgentFunction,
  type Clock,
  type Logger,
  type RouteAnswer,
  type Router,
  type RoutingDecision,
  type RoutingOutcome,
  type RoutingStrategy,
  type StrategyPlugin,
  type StrategyState,
  type Task,
} from '@symphony/core';
import { askStrategy } from './ask-strategy.ts';
import { conclude } from './conclude.ts';
import { routeByFunction, type CustomRoute } from './custom-route.ts';
import { leaveOutRefusers } from './eligibility.ts';
import { firstCandidate } from './first-candidate.ts';
import { fixedAgents, listedAgents, type KnownAgents } from './known-agents.ts';
import { checkPlugin, listStrategies, strategyNotFound, type KnownStrategies } from './known-strategies.ts';
import { createMemoryState } from './memory-state.ts';
import { Outcomes } from './outcomes.ts';
import { makeServices } from './strategy-services.ts';
import { checkStrategy, StrategySlot } from './strategy-slot.ts';
import { toWholeTask, type TaskLike } from './task-like.ts';
import { withinLimit } from './time-limit.ts';

/** An agent or its configuration, as far as it is not the default. */
export type RoutableAgent = AnyAgent | AgentFunction | (Partial<AgentConfig> & { readonly id: string });

/**
 * One way to say which strategy: its name, a plugin, a pair of either and its options, or a strategy object, which stays
 * the caller's to close.
 */
export type StrategyChoice =
  string | StrategyPlugin | RoutingStrategy | readonly [strategy: string | StrategyPlugin, options?: unknown];

/** Options of {@link TaskRouter}. */
export interface TaskRouterOptions {
  /** Agents that never change; they count as enabled and hosted. Give these or a `directory`. */
  readonly agents?: readonly RoutableAgent[];
  /** Where to learn which agents there are and how busy they are; asked at most every 250 ms. */
  readonly directory?: AgentDirectory;
  /** Default: the first candidate by id, which suits one agent per kind of task. */
  readonly strategy?: StrategyChoice;
  /** Strategies that can be chosen by name; as a map, by names of your choice. */
  readonly strategies?: Iterable<StrategyPlugin> | KnownStrategies;
  /** Id of the agent that takes what the strategy finds nobody for. It is no candidate, and needs no capability. */
  readonly fallback?: string;
  /** Time limit of a strategy's answer. Default: 1,000 ms. */
  readonly rankTimeoutMs?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Where strategies keep small durable values. Default: in memory. */
  readonly state?: StrategyState;
}

const optionNames: readonly (keyof TaskRouterOptions)[] = [
  'agents',
  'directory',
  'strategy',
  'strategies',
  'fallback',
  'rankTimeoutMs',
  'clock',
  'logger',
  'state',
];

/**
 * Chooses the agent for a task: sorts out who may take it, asks the strategy to rank them, checks the answer and says
 * why. Where the strategy abstains or fails, the fallback agent gets the task and the decision says so.
 */
export class TaskRouter implements Router, AsyncDisposable {
  readonly #known: KnownAgents;
  readonly #strategies: KnownStrategies;
  readonly #fallbackId: string | undefined;
  readonly #rankTimeoutMs: number;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #state: StrategyState;
  readonly #slots = new Set<StrategySlot>();
  readonly #outcomes: Outcomes;
  readonly #warnedOfOutcomes = new WeakSet<StrategySlot>();
  #slot: StrategySlot;
  #customRoute: CustomRoute | undefined;
  #unnamedTasks = 0;
  #closed: Promise<void> | undefined;

  /**
   * @throws SymphonyError `STRATEGY_NOT_FOUND`, `STRATEGY_INVALID`, `STRATEGY_API_VERSION`, `AGENT_INVALID`,
   * `AGENT_NOT_FOUND` (the fallback is not among `agents`), `DUPLICATE_AGENT`, `INVALID_ARGUMENT`, `INVALID_NAME`
   */
  constructor(options: TaskRouterOptions = {}) {
    checkKeys(options, optionNames, 'TaskRouter');
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#state = options.state ?? createMemoryState();
    this.#rankTimeoutMs = checkDuration(options.rankTimeoutMs ?? defaults.rankMs, 'rankTimeoutMs');
    this.#fallbackId = options.fallback === undefined ? undefined : checkName(options.fallback, 'fallback');
    this.#known = knowAgents(options, this.#fallbackId, this.#clock);
    this.#strategies = listStrategies(options.strategies ?? []);
    this.#slot = this.#makeSlot(options.strategy ?? firstCandidate);
    this.#outcomes = new Outcomes(this.#clock, this.#rankTimeoutMs, (slot, error) => this.#noteOutcome(slot, error));
  }

  /**
   * The id of the agent for a task. Gives the task to nobody: that is the executor's business.
   *
   * @param task a task, or as much of one as there is: `{ name, description?, input?, tags?, requirements? }`
   * @throws SymphonyError `NO_ROUTE`, `STRATEGY_FAILED`, `STRATEGY_TIMEOUT`, `STRATEGY_INVALID_ANSWER`,
   * `STRATEGY_OPTIONS_INVALID`, `STRATEGY_INVALID`
   */
  async routeTask(task: Task | TaskLike): Promise<string> {
    return (await this.explain(task)).agentId;
  }

  /**
   * As {@link routeTask}, with who was considered, how they were ranked and why.
   *
   * @throws SymphonyError as {@link routeTask}
   */
  async explain(task: Task | TaskLike): Promise<RoutingDecision> {
    const whole = toWholeTask(task, () => `task-${++this.#unnamedTasks}`, this.#clock.now());
    await this.prepare();
    const answer = await this.decide(whole);
    if ('decision' in answer) return answer.decision;
    const { code, reason } = answer.noRoute;
    throw new SymphonyError(code, `Task "${whole.name}": ${reason}`, { details: { taskId: whole.id } });
  }

  async decide(task: Task, previous: readonly RoutingDecision[] = []): Promise<RouteAnswer> {
    if (this.#closed !== undefined) {
      return { noRoute: { code: 'NO_ROUTE', reason: 'The router has been closed.', final: false } };
    }
    const catalogue = await this.#known.catalogue();
    if (this.#slot.readsLoads !== false) await this.#known.refreshLoads();

    // The slot is read without a pause before its use, since setStrategy closes a strategy that nobody uses.
    const slot = this.#slot;
    const eligible = leaveOutRefusers(catalogue.screen(task.requirements.capabilities ?? []), task.refusedBy);
    const { candidates } = eligible;
    const reply =
      candidates.size === 0
        ? undefined
        : await askStrategy(slot, {
            task,
            candidates,
            agents: catalogue.agents,
            previous,
            load: (agentId) => this.#known.load(agentId),
            clock: this.#clock,
            limitMs: this.#rankTimeoutMs,
            untold: (error) => this.#warn(slot, 'STRATEGY_FAILED', error),
          });
    if (reply !== undefined && 'error' in reply) this.#warn(slot, reply.code, reply.error, task.id);

    const answer = conclude({
      task,
      eligible,
      strategy: slot.name,
      reply,
      fallbackId: this.#fallbackId,
      fallback: this.#fallbackId === undefined ? undefined : catalogue.get(this.#fallbackId),
      agents: catalogue.entries.length,
      now: this.#clock.now(),
    });
    if ('decision' in answer) this.#known.countDecision(answer.decision.agentId);
    return answer;
  }

  /**
   * Tells the strategy what became of a task, if it wants to know and the decision was its own. Returns at once: errors
   * are logged, the first of each strategy as a warning.
   */
  report(task: Task, result: RoutingOutcome, decision: () => Promise<RoutingDecision | undefined>): void {
    if (this.#closed === undefined) this.#outcomes.tell(this.#slot, { task, result, readDecision: decision });
  }

  /**
   * Changes the strategy for decisions that begin from now on. A plugin's options are checked when it is first used;
   * `await prepare()` does that at once.
   *
   * @throws SymphonyError `STRATEGY_NOT_FOUND`, `STRATEGY_INVALID`, `STRATEGY_API_VERSION`; the old strategy then stays
   */
  setStrategy(strategy: StrategyChoice): void {
    const replaced = this.#slot;
    this.#slot = this.#makeSlot(strategy);
    replaced.retire((error) => this.#warn(replaced, 'STRATEGY_FAILED', error));
  }

  /** Lets a function choose from now on. `setStrategy('custom')` comes back to it later. */
  setCustomRouter(route: CustomRoute): void {
    if (typeof route !== 'function') {
      throw new SymphonyError(
        'INVALID_ARGUMENT',
        'setCustomRouter takes a function (task, candidates, context) => agentId.',
      );
    }
    this.#customRoute = route;
    this.setStrategy(routeByFunction(route));
  }

  /**
   * Makes the strategy if it has not been used yet, so that wrong options show now.
   *
   * @throws SymphonyError `STRATEGY_OPTIONS_INVALID`, `STRATEGY_INVALID`, `STRATEGY_FAILED`, `STRATEGY_TIMEOUT`
   */
  async prepare(): Promise<void> {
    const slot = this.#slot;
    const limitMs = defaults.hookMs;
    const expire = (): SymphonyError =>
      new SymphonyError('STRATEGY_TIMEOUT', `Strategy "${slot.name}" was not created within ${limitMs} ms.`, {
        details: { strategy: slot.name, limitMs },
      });
    try {
      await withinLimit(slot.get(), limitMs, this.#clock, expire);
    } catch (cause) {
      if (SymphonyError.is(cause)) throw cause;
      throw new SymphonyError(
        'STRATEGY_FAILED',
        `Strategy "${slot.name}" could not be created: ${toTaskError(cause, 0).message}`,
        {
          details: { strategy: slot.name },
          cause,
        },
      );
    }
  }

  /** Lets the next decision see the directory as it is then: for whoever has just changed it. */
  refresh(): void {
    this.#known.forget();
  }

  /** Closes the strategies that the router made, once they have heard of the outcomes so far. Twice is harmless. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#outcomes.idle();
    await Promise.all([...this.#slots].map((slot) => this.#closeSlot(slot)));
  }

  #makeSlot(choice: StrategyChoice): StrategySlot {
    const [strategy, options] = isPair(choice) ? choice : [choice];
    if (strategy === RoutingStrategies.Custom && options === undefined && this.#customRoute !== undefined) {
      return this.#makeSlot(routeByFunction(this.#customRoute));
    }
    if (isStrategy(strategy)) {
      const { name } = checkStrategy(strategy);
      return new StrategySlot(name, () => strategy);
    }

    const plugin =
      typeof strategy === 'string' ? this.#find(strategy) : checkPlugin(strategy, 'What was passed as a strategy');
    const services = makeServices(
      { clock: this.#clock, logger: this.#logger, state: this.#state, find: (name) => this.#find(name) },
      [plugin.name],
    );
    const slot: StrategySlot = new StrategySlot(
      plugin.name,
      () => {
        this.#slots.add(slot);
        return plugin.create(options, services);
      },
      async (made) => {
        this.#slots.delete(slot);
        await made.close?.();
      },
    );
    return slot;
  }

  #find(name: string): StrategyPlugin {
    const plugin = this.#strategies.get(name);
    if (plugin === undefined) throw strategyNotFound(name, this.#strategies.keys());
    return plugin;
  }

  async #closeSlot(slot: StrategySlot): Promise<void> {
    const limitMs = defaults.graceMs;
    try {
      await withinLimit(slot.close(), limitMs, this.#clock, () => new Error(`it did not close within ${limitMs} ms`));
    } catch (error) {
      this.#warn(slot, 'STRATEGY_FAILED', error);
    }
  }

  /** A strategy that takes no outcome takes none of thousands. */
  #noteOutcome(slot: StrategySlot, error: unknown): void {
    const level = this.#warnedOfOutcomes.has(slot) ? 'debug' : 'warn';
    this.#warnedOfOutcomes.add(slot);
    this.#logger[level](
      { strategy: slot.name, error: toTaskError(error, 0) },
      'a strategy did not take the outcome of a task',
    );
  }

  #warn({ name }: StrategySlot, code: string, error: unknown, taskId?: string): void {
    this.#logger.warn({ strategy: name, code, error: toTaskError(error, 0), taskId }, 'a strategy failed');
  }
}

function knowAgents(
  { agents, directory }: TaskRouterOptions,
  fallbackId: string | undefined,
  clock: Clock,
): KnownAgents {
  if (directory !== undefined && agents === undefined) return listedAgents(directory, fallbackId, clock);
  if (directory !== undefined || !Array.isArray(agents)) {
    throw new SymphonyError('INVALID_ARGUMENT', 'TaskRouter takes either agents, an array, or a directory.');
  }
  const entries = agents.map(toEntry);
  const ids = new Set<string>();
  for (const { config } of entries) {
    if (ids.has(config.id)) {
      throw new SymphonyError('DUPLICATE_AGENT', `Two agents have the id "${config.id}".`, {
        details: { agentId: config.id },
      });
    }
    ids.add(config.id);
  }
  if (fallbackId !== undefined && !ids.has(fallbackId)) {
    throw new SymphonyError('AGENT_NOT_FOUND', `The fallback agent "${fallbackId}" is not among the agents.`, {
      details: { agentId: fallbackId },
    });
  }
  return fixedAgents(entries, fallbackId);
}

function toEntry(agent: RoutableAgent): AgentEntry {
  const config = toAgentConfig(typeof agent === 'function' ? toAgent(agent) : agent);
  return { config, enabled: true, hosted: true };
}

function isPair(choice: StrategyChoice): choice is readonly [string | StrategyPlugin, unknown?] {
  return Array.isArray(choice);
}

function isStrategy(value: string | StrategyPlugin | RoutingStrategy): value is RoutingStrategy {
  return typeof value === 'object' && value !== null && 'rank' in value;
}
