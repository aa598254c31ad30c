import 'reflect-metadata';
import { Container, type ContainerModule } from 'inversify';
import {
  checkInteger,
  checkKeys,
  createMakeId,
  describe,
  stderrLogger,
  SymphonyError,
  systemClock,
  systemRandom,
  toAgent,
  toAgentConfig,
  Tokens,
  type Agent,
  type AgentConfig,
  type AgentLike,
  type Clock,
  type JsonValue,
  type Logger,
  type Store,
  type StrategyPlugin,
  type SymphonyEvent,
  type Token,
} from '@symphony/core';
import {
  EnhancedExecutor,
  type DrainOptions,
  type ExecutionHooks,
  type LeaseTimes,
  type Worker,
} from '@symphony/executor';
import { executorModule } from '@symphony/executor/module';
import {
  loadStrategies,
  TaskRouter,
  type KnownStrategies,
  type StrategyChoice,
  type TaskRouterOptions,
} from '@symphony/router';
import { routerModule } from '@symphony/router/module';
import { capabilityMatch, custom, loadBalanced, roundRobin } from '@symphony/strategies';
import { contentMatch } from '@symphony/strategy-content-match';
import {
  commitGroup,
  LogFollower,
  TaskManager,
  WorkflowTracker,
  type SubmitTask,
  type TaskHandle,
} from '@symphony/tracker';
import { trackerModule } from '@symphony/tracker/module';
import { defaultStrategy } from './default-strategy.ts';
import { openPersistence } from './persistence.ts';
import { StoreDirectory } from './store-directory.ts';

/** How tasks find their agents. */
export interface RoutingOptions {
  /** A name, a `[name, options]` pair, a plugin or a strategy object. Default: by content, and in turn where that decides nothing. */
  readonly strategy?: StrategyChoice;
  /** The id of the agent that gets what the strategy finds nobody for. */
  readonly fallback?: string;
  /** Time limit of the strategy's answer. Default 1,000 ms. */
  readonly rankTimeoutMs?: number;
}

/** What {@link ServiceRegistry.open} takes. */
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
  /** Length of leases and how often they are looked after. */
  readonly lease?: Partial<LeaseTimes>;
  /** Modules of your own, loaded last: they may rebind any token and bring services for plugins. */
  readonly modules?: readonly ContainerModule[];
  /** Where packages and relative paths are resolved from. Default: the working directory. */
  readonly resolveFrom?: string;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** How a worker is started. */
export interface StartWorkerOptions {
  /** Attempts at once. Default 8. */
  readonly concurrency?: number;
  /** The agents it hosts. Default: all of this process. */
  readonly agents?: readonly AgentLike[];
}

/**
 * The front door: opens a store, puts tracker, executor and router together over it, and closes them in the right order.
 *
 * @example
 * const symphony = await ServiceRegistry.open({ persistence: 'sqlite:./symphony.db', agents: [researcher, writer] });
 * const handle = await symphony.submit({ name: 'brief', input: { query: 'What changed in Node 24?' } });
 * await symphony.startWorker({ concurrency: 8 });
 * console.log(await handle.result());
 * await symphony.close();
 */
export class ServiceRegistry {
  readonly #container: Container;
  /** What was opened here and is closed here. */
  readonly #opened: Store | undefined;
  readonly #strategies: KnownStrategies;
  readonly #routing: RoutingOptions;
  readonly #agents = new Map<string, Agent>();
  readonly #routers: TaskRouter[] = [];
  #closing: Promise<void> | undefined;

  /**
   * Opens everything. Starts no worker.
   *
   * @throws SymphonyError `INVALID_ARGUMENT`, `DUPLICATE_AGENT`, `AGENT_INVALID`, `PACKAGE_NOT_INSTALLED`, `STRATEGY_*`,
   *   `STORE_*`; nothing stays open then
   */
  static async open(options: OpenOptions = {}): Promise<ServiceRegistry> {
    checkOptions(options);
    const agents = checkAgents(options.agents ?? []);
    const resolveFrom = options.resolveFrom ?? process.cwd();
    const strategies = await loadStrategies(options.strategies ?? [], { resolveFrom, known: builtInStrategies });
    const given = options.persistence ?? 'memory:';
    const opened =
      typeof given === 'string' ? await openPersistence(given, { clock: options.clock, resolveFrom }) : undefined;
    const registry = new ServiceRegistry(options, strategies, opened, opened ?? (given as Store));
    try {
      // A module may have bound another store, and that may take time to open.
      await registry.#container.getAsync(Tokens.Store);
      await registry.getTaskRouter().prepare();
      for (const agent of agents) await registry.registerAgent(agent);
      return registry;
    } catch (error) {
      await registry.close();
      throw error;
    }
  }

  private constructor(options: OpenOptions, strategies: KnownStrategies, opened: Store | undefined, store: Store) {
    this.#strategies = strategies;
    this.#opened = opened;
    this.#routing = options.routing ?? {};
    this.#container = createContainer(options, store, this.#routerOptions(this.#routing.strategy));
  }

  /**
   * Stores a task that is due: durable when this resolves. Short for `getTaskManager().submit`.
   *
   * @throws SymphonyError as `TaskManager.submit`
   */
  submit<Output = JsonValue>(
    task: SubmitTask | string,
    options?: { readonly dueAt?: Date | number },
  ): Promise<TaskHandle<Output>> {
    return this.getTaskManager().submit<Output>(task, options);
  }

  /**
   * Starts taking due tasks in this process.
   *
   * @throws SymphonyError `INVALID_ARGUMENT`, `DUPLICATE_AGENT`, `AGENT_INVALID`
   */
  async startWorker(options: StartWorkerOptions = {}): Promise<Worker> {
    checkKeys(options, ['concurrency', 'agents'], 'startWorker');
    const agents = options.agents === undefined ? [...this.#agents.values()] : checkAgents(options.agents);
    if (agents.length === 0)
      throw new SymphonyError(
        'INVALID_ARGUMENT',
        'A worker needs agents: pass them to open({ agents }) or startWorker({ agents }).',
      );
    for (const agent of agents) if (this.#agents.get(agent.id) !== agent) await this.registerAgent(agent);
    return this.getEnhancedExecutor().startWorker({
      agents,
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
    });
  }

  /**
   * Stores an agent's configuration in the catalogue; workers started afterwards host it. The newest registration of an
   * id wins, and the catalogue's log says so.
   *
   * @throws SymphonyError `AGENT_INVALID`, `INVALID_NAME`
   */
  async registerAgent(agent: AgentLike): Promise<AgentConfig> {
    const checked = toAgent(agent);
    const config = toAgentConfig(checked);
    await commitGroup(this.get(Tokens.Store), [{ type: 'registerAgent', config }]);
    this.#agents.set(checked.id, checked);
    this.get(StoreDirectory).addOwn(checked.id);
    this.get(TaskRouter).refresh();
    return config;
  }

  getTaskManager(): TaskManager {
    return this.get(TaskManager);
  }

  getWorkflowTracker(): WorkflowTracker {
    return this.get(WorkflowTracker);
  }

  getEnhancedExecutor(): EnhancedExecutor {
    return this.get(EnhancedExecutor);
  }

  /**
   * The router that workers use; with a strategy, a router of its own, which changes nobody else's. Keep what you get:
   * each such router lives until it or the registry is closed.
   *
   * @throws SymphonyError `STRATEGY_NOT_FOUND`, `STRATEGY_INVALID`
   */
  getTaskRouter(strategy?: StrategyChoice): TaskRouter {
    if (strategy === undefined) return this.get(TaskRouter);
    this.#checkOpen();
    const router = new TaskRouter({
      ...this.#routerOptions(strategy),
      directory: this.get(Tokens.AgentDirectory),
      clock: this.get(Tokens.Clock),
      logger: this.get(Tokens.Logger),
      state: this.get(Tokens.StrategyState),
    });
    this.#routers.push(router);
    return router;
  }

  /** Any service of the container, for instance one that a module of your own has bound. */
  get<T>(token: Token<T>): T {
    this.#checkOpen();
    return this.#container.get<T>(token);
  }

  /**
   * Everything recorded of a task or workflow, in order.
   *
   * @throws SymphonyError `TASK_NOT_FOUND`, `WORKFLOW_NOT_FOUND`
   */
  history(id: string): Promise<readonly SymphonyEvent[]> {
    return id.startsWith('wf_') ? this.getWorkflowTracker().history(id) : this.getTaskManager().history(id);
  }

  /**
   * Drains the workers, gives the lease back, closes strategies and the store. Twice is harmless.
   *
   * @param options how long running attempts may go on
   */
  close(options?: DrainOptions): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(options: DrainOptions | undefined): Promise<void> {
    const failures: unknown[] = [];
    const steps = [
      () => this.#container.get(EnhancedExecutor).close(options),
      async () => this.#container.get(LogFollower).close(),
      ...[this.#container.get(TaskRouter), ...this.#routers].map((router) => () => router.close()),
      async () => this.#opened?.close(),
    ];
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        failures.push(error); // what comes after must be closed all the same
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  #routerOptions(strategy: StrategyChoice | undefined): TaskRouterOptions {
    const { fallback, rankTimeoutMs } = this.#routing;
    return {
      strategies: this.#strategies,
      strategy: strategy ?? defaultStrategy,
      ...(fallback === undefined ? {} : { fallback }),
      ...(rankTimeoutMs === undefined ? {} : { rankTimeoutMs }),
    };
  }

  #checkOpen(): void {
    if (this.#closing !== undefined)
      throw new SymphonyError('STORE_CLOSED', 'This registry has been closed. Open another to go on.');
  }
}

const builtInStrategies: KnownStrategies = new Map(
  [roundRobin, capabilityMatch, loadBalanced, custom, contentMatch].map((plugin) => [plugin.name, plugin]),
);

function createContainer(options: OpenOptions, store: Store, routerOptions: TaskRouterOptions): Container {
  const container = new Container();
  const clock = options.clock ?? systemClock;
  container.bind(Tokens.Store).toConstantValue(store);
  container.bind(Tokens.Clock).toConstantValue(clock);
  container.bind(Tokens.Random).toConstantValue(systemRandom);
  container.bind(Tokens.MakeId).toConstantValue(createMakeId(clock));
  container.bind(Tokens.Logger).toConstantValue(options.logger ?? stderrLogger);
  container.bind(Tokens.StrategyState).toResolvedValue((bound) => bound.state, [Tokens.Store]);
  container
    .bind(StoreDirectory)
    .toResolvedValue(
      (bound) => new StoreDirectory(bound, () => container.get(EnhancedExecutor).workerCount > 0),
      [Tokens.Store],
    )
    .inSingletonScope();
  container.bind(Tokens.AgentDirectory).toService(StoreDirectory);
  container.bind(Tokens.RouterOptions).toConstantValue(routerOptions);
  container
    .bind(Tokens.ExecutorOptions)
    .toConstantValue({ ...options.lease, ...(options.hooks === undefined ? {} : { hooks: options.hooks }) });
  container.load(trackerModule, routerModule, executorModule, ...(options.modules ?? []));
  return container;
}

function checkAgents(agents: readonly AgentLike[]): readonly Agent[] {
  if (!Array.isArray(agents))
    throw new SymphonyError('INVALID_ARGUMENT', `agents must be an array, got ${describe(agents)}.`);
  const checked = agents.map((agent: AgentLike) => toAgent(agent));
  const seen = new Set<string>();
  for (const agent of checked) {
    if (seen.has(agent.id))
      throw new SymphonyError('DUPLICATE_AGENT', `Two agents have the id "${agent.id}". Give each an id of its own.`, {
        details: { agentId: agent.id },
      });
    seen.add(agent.id);
    toAgentConfig(agent);
  }
  return checked;
}

function checkOptions(options: OpenOptions): void {
  const known = [
    'persistence',
    'agents',
    'routing',
    'strategies',
    'hooks',
    'lease',
    'modules',
    'resolveFrom',
    'clock',
    'logger',
  ];
  if (typeof options !== 'object' || options === null)
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `open takes an object such as { persistence, agents }, got ${describe(options)}.`,
    );
  checkKeys(options, known, 'open');
  checkKeys(options.routing ?? {}, ['strategy', 'fallback', 'rankTimeoutMs'], 'open.routing');
  checkKeys(options.hooks ?? {}, ['preExecution', 'postExecution'], 'open.hooks');
  checkKeys(options.lease ?? {}, ['leaseMs', 'renewMs', 'sweepMs', 'pollMs'], 'open.lease');
  for (const [key, value] of Object.entries(options.lease ?? {}))
    checkInteger(value, `open.lease.${key}`, 1, 24 * 60 * 60 * 1000);
}
