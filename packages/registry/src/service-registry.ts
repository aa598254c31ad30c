import type { Container } from 'inversify';
import {
  checkInteger,
  checkKeys,
  checkName,
  SymphonyError,
  systemClock,
  toAgentConfig,
  Tokens,
  type AgentConfig,
  type AgentLike,
  type AnyAgent,
  type Clock,
  type JsonValue,
  type Store,
  type StoreStats,
  type SymphonyEvent,
  type Token,
} from '@symphony/core';
import { EnhancedExecutor, type DrainOptions, type Worker } from '@symphony/executor';
import {
  loadStrategies,
  TaskRouter,
  type KnownStrategies,
  type StrategyChoice,
  type TaskRouterOptions,
} from '@symphony/router';
import { capabilityMatch, custom, loadBalanced, roundRobin } from '@symphony/strategies';
import { contentMatch } from '@symphony/strategy-content-match';
import {
  AgentManager,
  commitGroup,
  LogFollower,
  TaskManager,
  WorkflowTracker,
  type FollowOptions,
  type SubmitTask,
  type TaskHandle,
} from '@symphony/tracker';
import { createContainer } from './container.ts';
import { defaultStrategy } from './default-strategy.ts';
import { checkAgents, checkOptions, type OpenOptions, type RoutingOptions } from './options.ts';
import { openPersistence } from './persistence.ts';
import { StoreDirectory } from './store-directory.ts';

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
  readonly #strategies: KnownStrategies;
  readonly #routing: RoutingOptions;
  readonly #agents = new Map<string, AnyAgent>();
  /** The default router and those of `getTaskRouter(strategy)`. */
  readonly #routers: TaskRouter[] = [];
  #container: Container | undefined;
  /** What was opened here and is closed here. */
  #opened: Store | undefined;
  #executor: EnhancedExecutor | undefined;
  #follower: LogFollower | undefined;
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
    const registry = new ServiceRegistry(strategies, options.routing ?? {});
    try {
      await registry.#start(options, resolveFrom);
      await registry.#registerAll(agents);
      return registry;
    } catch (error) {
      // What failed is what the caller hears, not what it left behind.
      await registry.close().catch(() => undefined);
      throw error;
    }
  }

  private constructor(strategies: KnownStrategies, routing: RoutingOptions) {
    this.#strategies = strategies;
    this.#routing = routing;
  }

  /** Builds every service now: what a module has bound may take time, and what cannot be built should fail here. */
  async #start(options: OpenOptions, resolveFrom: string): Promise<void> {
    const routerOptions = this.#routerOptions(this.#routing.strategy);
    const openStore = (clock: Clock): Promise<Store> => this.#openStore(options.persistence, clock, resolveFrom);
    const container = await createContainer(options, { routerOptions, openStore });
    this.#container = container;
    this.#follower = await container.getAsync(LogFollower);
    await container.getAsync(TaskManager);
    await container.getAsync(WorkflowTracker);
    await container.getAsync(AgentManager);
    const router = await container.getAsync(TaskRouter);
    this.#routers.push(router);
    this.#executor = await container.getAsync(EnhancedExecutor);
    await router.prepare();
  }

  async #openStore(given: string | Store = 'memory:', clock: Clock, resolveFrom: string): Promise<Store> {
    if (typeof given !== 'string') return given;
    this.#opened = await openPersistence(given, { clock: clock === systemClock ? undefined : clock, resolveFrom });
    return this.#opened;
  }

  /**
   * Stores a task that is due: durable when this resolves. Short for `getTaskManager().submit`.
   *
   * @throws SymphonyError as `TaskManager.submit`
   */
  async submit<Output = JsonValue>(
    task: SubmitTask | string,
    options?: { readonly dueAt?: Date | number },
  ): Promise<TaskHandle<Output>> {
    return this.getTaskManager().submit<Output>(task, options);
  }

  /**
   * Starts taking due tasks in this process.
   *
   * @throws SymphonyError `INVALID_ARGUMENT`, `DUPLICATE_AGENT`, `AGENT_INVALID`, `SHUTDOWN`
   */
  async startWorker(options: StartWorkerOptions = {}): Promise<Worker> {
    checkKeys(options, ['concurrency', 'agents'], 'startWorker');
    const executor = this.getEnhancedExecutor();
    const { concurrency } = options;
    if (concurrency !== undefined) checkInteger(concurrency, 'concurrency', 1); // before agents are registered
    const agents = options.agents === undefined ? [...this.#agents.values()] : checkAgents(options.agents);
    if (agents.length === 0) {
      throw new SymphonyError(
        'INVALID_ARGUMENT',
        'A worker needs agents: pass them to open({ agents }) or startWorker({ agents }).',
      );
    }
    // Also those of open: somebody may have taken them out of the catalogue meanwhile.
    await this.#registerAll(agents);
    return executor.startWorker({ agents, ...(concurrency === undefined ? {} : { concurrency }) });
  }

  /**
   * Stores an agent's configuration in the catalogue; workers started afterwards host it. The newest registration of an
   * id wins, and the catalogue's log says so.
   *
   * @throws SymphonyError `AGENT_INVALID`, `INVALID_NAME`
   */
  async registerAgent(agent: AgentLike): Promise<AgentConfig> {
    const [checked] = checkAgents([agent]) as readonly [AnyAgent];
    const config = toAgentConfig(checked);
    await commitGroup(this.get(Tokens.Store), [{ type: 'registerAgent', config }]);
    this.#host(checked);
    return config;
  }

  /** Registers agents. What the catalogue holds already is not written again: it would wait for the disk. */
  async #registerAll(agents: readonly AnyAgent[]): Promise<void> {
    if (agents.length === 0) return;
    const entries = await this.get(Tokens.Store).agents();
    const known = new Map(entries.map(({ config }) => [config.id, JSON.stringify(config)]));
    for (const agent of agents) {
      if (known.get(agent.id) === JSON.stringify(toAgentConfig(agent))) this.#host(agent);
      else await this.registerAgent(agent);
    }
  }

  /** Makes an agent of the catalogue one of this process. */
  #host(agent: AnyAgent): void {
    this.#agents.set(agent.id, agent);
    this.get(StoreDirectory).addOwn(agent.id);
    for (const router of this.#routers) router.refresh();
  }

  getTaskManager(): TaskManager {
    return this.get(TaskManager);
  }

  getWorkflowTracker(): WorkflowTracker {
    return this.get(WorkflowTracker);
  }

  /** The catalogue of agents. To make an agent one of this process as well, use {@link registerAgent}. */
  getAgentManager(): AgentManager {
    return this.get(AgentManager);
  }

  getEnhancedExecutor(): EnhancedExecutor {
    return this.get(EnhancedExecutor);
  }

  /**
   * The router that workers use; with a strategy, a router of its own, which changes nobody else's.
   *
   * @throws SymphonyError `STRATEGY_NOT_FOUND`, `STRATEGY_INVALID`
   */
  getTaskRouter(strategy?: StrategyChoice): TaskRouter {
    if (strategy === undefined) return this.get(TaskRouter);
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

  /**
   * Any service of the container, for instance one that a module of your own has bound.
   *
   * @throws SymphonyError `INVALID_ARGUMENT` for a token that nothing is bound to
   */
  get<T>(token: Token<T>): T {
    const container = this.#open();
    if (!container.isBound(token)) {
      const name = typeof token === 'function' ? token.name : String(token);
      throw new SymphonyError(
        'INVALID_ARGUMENT',
        `Nothing is bound to ${name}. Bind it in a module and pass that to open({ modules }).`,
      );
    }
    return container.get<T>(token);
  }

  /**
   * Everything recorded of a task or workflow, in order.
   *
   * @throws SymphonyError `TASK_NOT_FOUND`, `WORKFLOW_NOT_FOUND`
   */
  async history(id: string): Promise<readonly SymphonyEvent[]> {
    return isWorkflowId(id) ? this.getWorkflowTracker().history(id) : this.getTaskManager().history(id);
  }

  /**
   * Follows a task, or a workflow and its tasks, from the beginning or from a position, by whichever process; ends after
   * the last event.
   *
   * @throws SymphonyError `TASK_NOT_FOUND`, `WORKFLOW_NOT_FOUND`, `STORE_CLOSED`, `INVALID_ARGUMENT`; the signal's reason
   */
  watch(id: string, options?: FollowOptions): AsyncGenerator<SymphonyEvent, undefined> {
    return isWorkflowId(id) ? this.getWorkflowTracker().watch(id, options) : this.getTaskManager().watch(id, options);
  }

  /** How much there is of everything. Reads much of a large store: ask now and then. */
  stats(): Promise<StoreStats> {
    return this.get(Tokens.Store).stats();
  }

  /**
   * Drains workers and callers, gives the lease back, then closes strategies and the store. Until all work has ended,
   * the work itself may go on using the registry. Twice is harmless; a second call with `timeoutMs: 0` hurries the first.
   *
   * @param options how long running attempts may go on
   * @throws SymphonyError `INVALID_ARGUMENT`; nothing is closed then
   */
  async close(options?: DrainOptions): Promise<void> {
    const drained = await Promise.allSettled([this.#executor?.close(options)]);
    const [failure] = drained.flatMap((result): readonly unknown[] =>
      result.status === 'rejected' ? [result.reason] : [],
    );
    if (SymphonyError.is(failure, 'INVALID_ARGUMENT')) throw failure;
    this.#closing ??= this.#close(failure === undefined ? [] : [failure]);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(failures: unknown[]): Promise<void> {
    const steps = [
      () => this.#follower?.close(),
      ...this.#routers.map((router) => () => router.close()),
      () => this.#container?.unbindAllAsync(), // what modules have bound may have something to let go of
      () => this.#opened?.close(),
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

  /** The container, unless the registry has been closed. */
  #open(): Container {
    if (this.#closing !== undefined || this.#container === undefined) {
      throw new SymphonyError('STORE_CLOSED', 'This registry has been closed. Open another to go on.');
    }
    return this.#container;
  }
}

const builtInStrategies: KnownStrategies = new Map(
  [roundRobin, capabilityMatch, loadBalanced, custom, contentMatch].map((plugin) => [plugin.name, plugin]),
);

function isWorkflowId(id: string): boolean {
  return checkName(id, 'id').startsWith('wf_');
}
