import { stderrLogger, SymphonyError, type Agent, type Command, type Store } from '@symphony/core';
import { ServiceRegistry } from '@symphony/registry';
import { codeOf, makeAgents, wait, type AddChild, type Work } from './agents.ts';
import { Diary, monotonic, storeAwayCode } from './evidence.ts';
import type { Plan } from './plans.ts';
import { closeEars } from './oblivious.ts';
import { openAddress, type StoreAddress } from './store-address.ts';

/** How long the processes of a fleet hold their leases, and how often they look. */
export interface Lease {
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly sweepMs: number;
  readonly pollMs: number;
}

/** What the supervisor hands each process. */
export interface ProcessConfig {
  readonly folder: string;
  readonly label: string;
  readonly store: StoreAddress;
  /** Whether the store may be away for a while: what it could not answer is asked again then. */
  readonly outages: boolean;
  /** Undefined: the product's own. */
  readonly lease?: Lease;
  readonly hosts: Readonly<Record<string, string>>;
  readonly concurrency: number;
  /** It does not hear that its lease is lost until much later, and writes on: the store has to refuse it. */
  readonly oblivious: boolean;
  /** Workers: how they end when a signal asks them to: as the product does, or at once with `close`. */
  readonly leave: 'signals' | 'close';
  /** Submitters: whose plan it carries out, and from which seed. */
  readonly slot: number;
  readonly seed: number;
  /** Submitters: what they submit. */
  readonly plan: Plan;
  /** Submitters: starts nothing new, brings to an end what was begun. */
  readonly finish: boolean;
}

/** A process of a fleet: a registry on the shared store, agents that keep a diary, and a way to end. */
export interface Host {
  readonly config: ProcessConfig;
  readonly diary: Diary;
  readonly symphony: ServiceRegistry;
  readonly agents: readonly Agent[];
  /** Ends everything in this process; attempts that run have this long, or as long as the product gives them. */
  readonly close: (drainMs?: number) => Promise<void>;
}

/** Opens the process that `process.argv[2]` describes. It never outlives its supervisor. */
export async function openHost(): Promise<Host> {
  process.once('disconnect', () => process.exit(3));
  const config = JSON.parse(process.argv[2] ?? '') as ProcessConfig;
  return orLeave(config, () => open(config));
}

/** Runs a part of the start of a process; ends the process if the store is away and may be. */
export async function orLeave<T>({ outages }: ProcessConfig, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (outages && isOutage(error)) process.exit(storeAwayCode);
    throw error;
  }
}

/** Whether an error says that the store could not be asked. */
export function isOutage(error: unknown): boolean {
  return SymphonyError.is(error, 'STORE_FAILED') || SymphonyError.is(error, 'STORE_OPEN_FAILED');
}

async function open(config: ProcessConfig): Promise<Host> {
  const diary = new Diary(config.folder, config.label);
  const store = await openAddress(config.store);
  witness(store, diary);
  if (config.outages) noteWaits(store, diary);
  if (config.oblivious) closeEars(store);
  const addChild: AddChild = async (parent, key) => {
    const workflow = parent.workflowId === undefined ? {} : { workflowId: parent.workflowId };
    diary.write({ kind: 'intent', what: 'task', key, expect: { status: 'completed' } });
    const input: Work = { steps: 1, ms: 3, shape: 'keys' };
    const child = { name: key, idempotencyKey: key, input, retry: lenient, requirements: { capabilities: ['count'] } };
    const { id } = await untilAnswered(config, diary, 'addChild', () => symphony.submit({ ...child, ...workflow }));
    diary.write({ kind: 'ack', what: 'task', key, id, due: true });
    return id;
  };
  const agents = makeAgents(diary, config.hosts, addChild);
  const lease = config.lease === undefined ? {} : { lease: config.lease };
  const symphony = await ServiceRegistry.open({ persistence: store, agents, logger: stderrLogger, ...lease });
  return {
    config,
    diary,
    symphony,
    agents,
    close: async (drainMs) => {
      await symphony.close(drainMs === undefined ? {} : { timeoutMs: drainMs });
      await store.close();
    },
  };
}

/** Retries come soon, and crashes are what fleets are about: none of them makes a task poison. */
export const lenient = { maxRetries: 3, maxCrashes: 1_000_000, initialDelayMs: 20, maxDelayMs: 100 } as const;

/** Does something that can be done again, again and again, until the store has answered. */
export async function untilAnswered<T>(
  { outages }: ProcessConfig,
  diary: Diary,
  during: string,
  act: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!outages || !isOutage(error)) throw error;
      diary.write({ kind: 'unknown', during, code: codeOf(error) });
      await wait(50);
    }
  }
}

/** Makes a store write down which writes of an attempt it has refused as stale. */
function witness(store: Store, diary: Diary): void {
  const commit = store.commit.bind(store);
  store.commit = async (request) => {
    const response = await commit(request);
    for (const [index, { status }] of response.results.entries()) {
      if (status === 'stale') for (const command of request.groups[index] ?? []) writeStale(diary, command);
    }
    return response;
  };
}

/** What waits for less has not waited for a server: none is stopped and started again in so short a time. */
const longMs = 50;

/** Makes a store write down which of its commits of commands waited long for an answer, or got none. */
function noteWaits(store: Store, diary: Diary): void {
  const commit = store.commit.bind(store);
  store.commit = async (request) => {
    // A claim alone, which an idle worker makes again and again, changes nothing that could be lost.
    if (request.groups.length === 0) return commit(request);
    const since = monotonic();
    let answered = true;
    try {
      return await commit(request);
    } catch (error) {
      answered = !isOutage(error);
      throw error;
    } finally {
      if (!answered || monotonic() - since > longMs) diary.write({ kind: 'waited', since, answered });
    }
  };
}

function writeStale(diary: Diary, command: Command): void {
  if (command.type === 'report')
    diary.write({ kind: 'stale', command: command.command.type, task: command.id, attempt: command.attempt });
  if (command.type === 'recordStep')
    diary.write({ kind: 'stale', command: 'step', task: command.step.taskId, attempt: command.step.attempt });
}
