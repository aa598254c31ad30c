import {
  checkDuration,
  checkInteger,
  checkKeys,
  defaults,
  describe,
  seededRandom,
  SymphonyError,
  toAgent,
  type Agent,
  type AgentLike,
  type Clock,
  type CreateTask,
  type Logger,
  type MakeId,
  type Random,
  type Store,
  type SubmitTask,
} from '@symphony/core';
import { checkFaults, drawFaults, type FaultRates } from './faults.ts';
import type { SimulatedProcess } from './virtual-process.ts';

/** What the simulator needs of a registry; `ServiceRegistry` of `@symphony/registry` is one. */
export interface SimulatedRegistry {
  submit(task: SubmitTask): Promise<{ readonly id: string }>;
  startWorker(options?: { readonly concurrency?: number }): Promise<unknown>;
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
  getTaskManager(): {
    createTask(task: CreateTask): Promise<{ readonly id: string }>;
    submit(id: string): Promise<unknown>;
    cancelTask(id: string): Promise<unknown>;
    waitForTask(id: string): Promise<unknown>;
  };
  getWorkflowTracker(): {
    createWorkflow(workflow: {
      readonly name: string;
      readonly idempotencyKey?: string;
      readonly onFailure?: 'continue' | 'failFast';
      readonly tasks: readonly (Omit<SubmitTask, 'workflowId' | 'idempotencyKey'> & { readonly key?: string })[];
    }): Promise<{ readonly id: string }>;
    pause(id: string): Promise<unknown>;
    resume(id: string): Promise<unknown>;
    cancel(id: string): Promise<unknown>;
  };
}

/** How long a lease lasts and how often it is looked after, in milliseconds. */
export interface SimulatedLease {
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly sweepMs: number;
  readonly pollMs: number;
}

/** What a process of the simulation opens its registry with: pass it on to `ServiceRegistry.open`, with options of your own. */
export interface SimulatedOpenOptions {
  /** The store, over a network that fails. */
  readonly persistence: Store;
  readonly agents: readonly AgentLike[];
  readonly clock: Clock;
  readonly random: Random;
  readonly makeId: MakeId;
  readonly logger: Logger;
  readonly lease: SimulatedLease;
}

/** The simulation at one moment, for checks of your own. */
export interface SimulatedMoment {
  /** Milliseconds of virtual time since the start. */
  readonly at: number;
  /** Whether all has ended and all processes are closed. */
  readonly isEnd: boolean;
  /** The store itself, without the network: read it, and do not write to it. */
  readonly store: Store;
}

/** What is simulated. `seed`, `store` and `open` are required; without `agents` and `workload` a built-in scenario is played. */
export interface SimulateOptions<Registry extends SimulatedRegistry = SimulatedRegistry> {
  /** The same seed and the same options give the same run, to the last step. */
  readonly seed: string | number;
  /** Makes the store that all processes share: `(clock) => new MemoryStore({ clock })`. */
  readonly store: (clock: Clock) => Store | Promise<Store>;
  /** Opens the registry of a process: `(options) => ServiceRegistry.open(options)`. */
  readonly open: (options: SimulatedOpenOptions) => Promise<Registry>;
  /** The agents that every worker hosts, or what makes those of one process. */
  readonly agents?: readonly AgentLike[] | ((process: SimulatedProcess) => readonly AgentLike[]);
  /** The program that submits: it is given the registry of a process without a worker. When it resolves, it has ended. */
  readonly workload?: (symphony: Registry, process: SimulatedProcess) => Promise<void>;
  /** Worker processes. Default 3. */
  readonly workers?: number;
  /** Attempts that one worker runs at once. Default 4. */
  readonly concurrency?: number;
  /** Default: the defaults of the engine. */
  readonly lease?: Partial<SimulatedLease>;
  /** Rates of faults; what is left out does not happen. Default: drawn from the seed, see {@link defaultFaults}. */
  readonly faults?: Partial<FaultRates>;
  /** For how long faults strike, in virtual time. Afterwards all that was submitted must end. Default 30,000. */
  readonly faultsMs?: number;
  /**
   * Whether faults strike the program that submits as well. When it is killed, or fails because the store was away, it is run
   * again from the start in a new process, so its submissions need keys. Default: false; of the built-in scenario true.
   */
  readonly unreliableClient?: boolean;
  /** How much virtual time may pass until all has ended. Default: ten minutes longer than faults strike. */
  readonly virtualLimitMs?: number;
  /** Called after every step that has added to the log, and at the end; what it throws is a violation. */
  readonly check?: (moment: SimulatedMoment) => void | Promise<void>;
  /** Hears every step, as a line of text. */
  readonly onTrace?: (line: string) => void;
}

/** The options, complete. */
export interface Setting<Registry extends SimulatedRegistry> extends Omit<
  Required<SimulateOptions<Registry>>,
  'seed' | 'lease' | 'faults' | 'agents' | 'check' | 'onTrace'
> {
  readonly seed: string;
  readonly lease: SimulatedLease;
  readonly faults: FaultRates;
  readonly agents: (process: SimulatedProcess) => readonly AgentLike[];
  readonly check: SimulateOptions['check'];
  readonly onTrace: SimulateOptions['onTrace'];
}

const optionNames = [
  'seed',
  'store',
  'open',
  'agents',
  'workload',
  'workers',
  'concurrency',
  'lease',
  'faults',
  'faultsMs',
  'unreliableClient',
  'virtualLimitMs',
  'check',
  'onTrace',
] as const satisfies readonly (keyof SimulateOptions)[];

/** What is played where a caller brings no agents and no workload. */
export interface Scenario {
  readonly agents: (process: SimulatedProcess) => readonly AgentLike[];
  readonly workload: (symphony: SimulatedRegistry, process: SimulatedProcess) => Promise<void>;
  readonly check: (moment: SimulatedMoment) => void | Promise<void>;
}

/**
 * Checks what was given and fills in what was left out.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`
 */
export function checkSetting<Registry extends SimulatedRegistry>(
  options: SimulateOptions<Registry>,
  builtIn: Scenario,
): Setting<Registry> {
  checkKeys(options, optionNames, 'simulate');
  const { seed, agents, workload, unreliableClient } = options;
  if (typeof seed !== 'string' && !Number.isFinite(seed)) {
    throw new SymphonyError('INVALID_ARGUMENT', `simulate.seed must be a text or a number, got ${describe(seed)}.`);
  }
  for (const name of ['store', 'open'] as const) checkFunction(options[name], name);
  for (const name of ['workload', 'check', 'onTrace'] as const) {
    if (options[name] !== undefined) checkFunction(options[name], name);
  }
  if ((agents === undefined) !== (workload === undefined)) {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      'simulate takes agents and a workload together; without both it plays a scenario of its own.',
    );
  }
  const { faultsMs = 30_000 } = options;
  checkDuration(faultsMs, 'simulate.faultsMs', 0);
  const text = String(seed);
  return {
    seed: text,
    store: options.store,
    open: options.open,
    agents: toFactory(agents ?? builtIn.agents),
    workload: workload ?? builtIn.workload,
    workers: checkInteger(options.workers ?? 3, 'simulate.workers', 1, 32),
    concurrency: checkInteger(options.concurrency ?? 4, 'simulate.concurrency', 1, 1_000),
    lease: checkLease(options.lease ?? {}),
    faults: options.faults === undefined ? drawFaults(seededRandom(`${text}/rates`)) : checkFaults(options.faults),
    faultsMs,
    unreliableClient: unreliableClient ?? workload === undefined,
    virtualLimitMs: checkDuration(options.virtualLimitMs ?? faultsMs + 600_000, 'simulate.virtualLimitMs', faultsMs),
    check: options.check ?? (workload === undefined ? builtIn.check : undefined),
    onTrace: options.onTrace,
  };
}

/**
 * An agent that can be simulated: one that runs in its worker's thread.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`, and what `toAgent` throws
 */
export function toSimulated(agentLike: AgentLike): Agent {
  const agent = toAgent(agentLike);
  if (agent.run !== undefined) return agent;
  throw new SymphonyError(
    'INVALID_ARGUMENT',
    `Agent "${agent.id}" runs in a thread or process of its own, where time is real. Pass simulate the agent of its module.`,
    { details: { agentId: agent.id } },
  );
}

function toFactory(agents: NonNullable<SimulateOptions['agents']>): Scenario['agents'] {
  if (typeof agents === 'function') return agents;
  if (Array.isArray(agents)) return () => agents as readonly AgentLike[];
  throw new SymphonyError(
    'INVALID_ARGUMENT',
    `simulate.agents must be an array or a function, got ${describe(agents)}.`,
  );
}

function checkFunction(value: unknown, name: string): void {
  if (typeof value === 'function') return;
  throw new SymphonyError('INVALID_ARGUMENT', `simulate.${name} must be a function, got ${describe(value)}.`);
}

function checkLease(given: Partial<SimulatedLease>): SimulatedLease {
  checkKeys(given, ['leaseMs', 'renewMs', 'sweepMs', 'pollMs'], 'simulate.lease');
  const { leaseMs = defaults.leaseMs } = given;
  const share = leaseMs / defaults.leaseMs;
  const time = (name: keyof SimulatedLease): number =>
    checkInteger(given[name] ?? Math.ceil(defaults[name] * share), `simulate.lease.${name}`, 1, 86_400_000);
  return { leaseMs, renewMs: time('renewMs'), sweepMs: time('sweepMs'), pollMs: time('pollMs') };
}
