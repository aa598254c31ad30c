import {
  checkDuration,
  checkInteger,
  checkKeys,
  defaults,
  describe,
  seededRandom,
  SymphonyError,
  type Agent,
  type AgentLike,
  type Clock,
  type Logger,
  type MakeId,
  type Random,
  type Store,
} from '@symphony/core';
import { checkFaults, drawFaults, type FaultRates } from './faults.ts';
import { checkAgents, checkRegistry, checkStore } from './returned.ts';
import type { SimulatedRegistry } from './simulated-registry.ts';
import type { SimulatedProcess } from './virtual-process.ts';

/** How long a lease lasts and how often it is looked after, in milliseconds: whole numbers up to a day. */
export interface SimulatedLease {
  /** How long a worker counts as alive after its last renewal; at least 20. */
  readonly leaseMs: number;
  /** How often a worker renews; at most half of `leaseMs`. */
  readonly renewMs: number;
  /** How often a worker looks for dead ones. */
  readonly sweepMs: number;
  /** How often a worker looks for due tasks and cancelled ones when nothing wakes it. */
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
  /**
   * Makes the store that all processes share: `(clock) => new MemoryStore({ clock })`. The simulation closes it. What this
   * throws, `simulate` rejects with.
   */
  readonly store: (clock: Clock) => Store | Promise<Store>;
  /**
   * Opens the registry of a process: `(options) => ServiceRegistry.open(options)`. What this throws, `simulate` rejects with;
   * but a process that has lost the store while it opens (`STORE_FAILED`, where faults strike it) is started again.
   */
  readonly open: (options: SimulatedOpenOptions) => Promise<Registry>;
  /**
   * The agents that every worker hosts, or what makes those of one process. It is called for each life of a worker, and
   * once before, to learn the agents' limits.
   */
  readonly agents?: readonly AgentLike[] | ((process: SimulatedProcess) => readonly AgentLike[]);
  /**
   * The program that submits: it is given the registry of a process without a worker. When it resolves, it has ended; it
   * need not wait for what it has submitted. What it throws is a violation.
   */
  readonly workload?: (symphony: Registry, process: SimulatedProcess) => Promise<void>;
  /** Worker processes. Default 3. */
  readonly workers?: number;
  /** Attempts that one worker runs at once. Default 4. */
  readonly concurrency?: number;
  /** Default: the defaults of the engine; with `leaseMs` alone, the other times are the same share of it. */
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
  'seed' | 'store' | 'lease' | 'faults' | 'agents' | 'check' | 'onTrace'
> {
  readonly seed: string;
  readonly store: (clock: Clock) => Promise<Store>;
  readonly lease: SimulatedLease;
  readonly faults: FaultRates;
  readonly agents: (process: SimulatedProcess) => readonly Agent[];
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
  const { seed, agents, workload, lease = {}, faults, faultsMs = 30_000 } = options;
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
  checkDuration(faultsMs, 'simulate.faultsMs', 0);
  const { workers = 3, concurrency = 4, virtualLimitMs = faultsMs + 600_000 } = options;
  const { unreliableClient = workload === undefined } = options;
  checkBoolean(unreliableClient, 'unreliableClient');
  const makeAgents = toFactory(agents === undefined ? builtIn.agents : agents);
  const text = String(seed);
  return {
    seed: text,
    store: async (clock) => checkStore(await options.store(clock)),
    open: async (openOptions) => checkRegistry(await options.open(openOptions)),
    agents: (process) => checkAgents(makeAgents(process)),
    workload: workload ?? builtIn.workload,
    workers: checkInteger(workers, 'simulate.workers', 1, 32),
    concurrency: checkInteger(concurrency, 'simulate.concurrency', 1, 1_000),
    lease: checkLease(lease),
    faults: faults === undefined ? drawFaults(seededRandom(`${text}/rates`)) : checkFaults(faults),
    faultsMs,
    unreliableClient,
    virtualLimitMs: checkDuration(virtualLimitMs, 'simulate.virtualLimitMs', faultsMs),
    check: options.check ?? (workload === undefined ? builtIn.check : undefined),
    onTrace: options.onTrace,
  };
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

function checkBoolean(value: unknown, name: string): void {
  if (typeof value === 'boolean') return;
  throw new SymphonyError('INVALID_ARGUMENT', `simulate.${name} must be true or false, got ${describe(value)}.`);
}

/** A renewal is under way for up to 6 ms and its timer late by up to 2, and one that is lost must not cost the lease. */
const shortestLease = 20;

/** Longest lease, and longest time between looks: a day, as `ServiceRegistry.open` has it. */
const longestTime = 24 * 60 * 60 * 1_000;

function checkLease(given: Partial<SimulatedLease>): SimulatedLease {
  checkKeys(given, ['leaseMs', 'renewMs', 'sweepMs', 'pollMs'], 'simulate.lease');
  const { leaseMs = defaults.leaseMs } = given;
  checkInteger(leaseMs, 'simulate.lease.leaseMs', shortestLease, longestTime);
  const share = leaseMs / defaults.leaseMs;
  const time = (name: 'renewMs' | 'sweepMs' | 'pollMs'): number =>
    given[name] === undefined
      ? Math.ceil(defaults[name] * share)
      : checkInteger(given[name], `simulate.lease.${name}`, 1, longestTime);
  const renewMs = time('renewMs');
  if (renewMs > leaseMs / 2) {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `simulate.lease.renewMs must be at most half of simulate.lease.leaseMs, so that one late renewal does not cost the lease: got ${renewMs} and ${leaseMs}. Leave it out, and it is three tenths of the lease.`,
      { details: { renewMs, leaseMs } },
    );
  }
  return { leaseMs, renewMs, sweepMs: time('sweepMs'), pollMs: time('pollMs') };
}
