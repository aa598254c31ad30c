import type { Agent, Command } from '@symphony/core';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { ServiceRegistry } from '@symphony/registry';
import { makeAgents, type AddChild, type Work } from './agents.ts';
import { Diary } from './evidence.ts';

/** What the supervisor hands each process. */
export interface ProcessConfig {
  readonly folder: string;
  readonly label: string;
  /** Short, so that a second holds many takeovers. */
  readonly lease: {
    readonly leaseMs: number;
    readonly renewMs: number;
    readonly sweepMs: number;
    readonly pollMs: number;
  };
  readonly hosts: Readonly<Record<string, string>>;
  readonly concurrency: number;
  /** What an acknowledged write survives. Killing a process does not tell the two apart; waiting for the disk takes time. */
  readonly synchronous: 'full' | 'normal';
  /** It does not hear that its lease is lost until much later, and writes on: the store has to refuse it. */
  readonly oblivious: boolean;
  /** Submitters: whose plan it carries out, and from which seed. */
  readonly slot: number;
  readonly seed: number;
  /** Submitters: a bit of everything, or tasks whose report comes late. */
  readonly plan: 'mixed' | 'late';
  /** Submitters: starts nothing new, brings to an end what was begun. */
  readonly finish: boolean;
}

/** A process of the lane: a registry on the shared file, agents that keep a diary, and a way to end. */
export interface Host {
  readonly config: ProcessConfig;
  readonly diary: Diary;
  readonly symphony: ServiceRegistry;
  readonly agents: readonly Agent[];
  close(drainMs?: number): Promise<void>;
}

/** Opens the process that `process.argv[2]` describes. It never outlives its supervisor. */
export async function openHost(): Promise<Host> {
  process.once('disconnect', () => process.exit(3));
  const config = JSON.parse(process.argv[2] ?? '') as ProcessConfig;
  const diary = new Diary(config.folder, config.label);
  const store = witnessed(
    await SqliteStore.open({ path: `${config.folder}/lane.db`, synchronous: config.synchronous }),
    diary,
  );
  if (config.oblivious) closeEars(store);
  const addChild: AddChild = async (parent, key) => {
    const workflow = parent.workflowId === undefined ? {} : { workflowId: parent.workflowId };
    diary.write({ kind: 'intent', what: 'task', key, expect: { status: 'completed' } });
    const input: Work = { steps: 1, ms: 3, shape: 'keys' };
    const child = { name: key, idempotencyKey: key, input, retry: lenient, requirements: { capabilities: ['count'] } };
    const { id } = await symphony.submit({ ...child, ...workflow });
    diary.write({ kind: 'ack', what: 'task', key, id, due: true });
    return id;
  };
  const agents = makeAgents(diary, config.hosts, addChild);
  const symphony = await ServiceRegistry.open({ persistence: store, agents, lease: config.lease });
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

/** Retries come soon, and crashes are what this lane is about: none of them makes a task poison. */
export const lenient = { maxRetries: 3, maxCrashes: 1_000_000, initialDelayMs: 20, maxDelayMs: 100 } as const;

/** The same store; writes of an attempt that it refuses as stale are written down. */
function witnessed(store: SqliteStore, diary: Diary): SqliteStore {
  const commit = store.commit.bind(store);
  store.commit = async (request) => {
    const response = await commit(request);
    for (const [index, { status }] of response.results.entries()) {
      if (status === 'stale') for (const command of request.groups[index] ?? []) writeStale(diary, command);
    }
    return response;
  };
  return store;
}

/** How long an oblivious worker goes on as if nothing had happened. */
const obliviousMs = 1_500;

function closeEars(store: SqliteStore): void {
  const renew = store.renew.bind(store);
  const lostAt = new Map<string, number>();
  store.renew = async (worker) => {
    const renewal = await renew(worker);
    if (renewal.alive) return renewal;
    const since = lostAt.get(worker.id) ?? performance.now();
    lostAt.set(worker.id, since);
    return performance.now() - since < obliviousMs ? { alive: true, now: Date.now(), holding: [] } : renewal;
  };
}

function writeStale(diary: Diary, command: Command): void {
  if (command.type === 'report')
    diary.write({ kind: 'stale', command: command.command.type, task: command.id, attempt: command.attempt });
  if (command.type === 'recordStep')
    diary.write({ kind: 'stale', command: 'step', task: command.step.taskId, attempt: command.step.attempt });
}
