import { describe, SymphonyError, toAgent, type Agent, type AgentLike, type Store } from '@symphony/core';
import type { SimulatedRegistry } from './simulated-registry.ts';

/** What a store has. */
const storeMembers = Object.keys({
  traits: true,
  commit: true,
  getTask: true,
  listTasks: true,
  getWorkflow: true,
  listWorkflows: true,
  events: true,
  lastPosition: true,
  steps: true,
  agents: true,
  loads: true,
  openWorker: true,
  renew: true,
  holding: true,
  closeWorker: true,
  worker: true,
  sweep: true,
  prune: true,
  stats: true,
  onChange: true,
  state: true,
  close: true,
} satisfies Record<keyof Store, true>);

/** What the simulator needs of a registry. */
const registryMembers = Object.keys({
  submit: true,
  startWorker: true,
  close: true,
  getTaskManager: true,
  getWorkflowTracker: true,
} satisfies Record<keyof SimulatedRegistry, true>);

/**
 * What the caller's `store` has returned.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`
 */
export function checkStore(store: Store): Store {
  checkMembers(store, storeMembers, {
    what: 'simulate.store must return a store',
    mend: 'Return one on the clock that it is handed: (clock) => new MemoryStore({ clock }).',
  });
  return store;
}

/**
 * What the caller's `open` has returned.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`
 */
export function checkRegistry<Registry extends SimulatedRegistry>(registry: Registry): Registry {
  checkMembers(registry, registryMembers, {
    what: 'simulate.open must return a registry',
    mend: 'Return one with the options that it is handed: (options) => ServiceRegistry.open(options).',
  });
  return registry;
}

/**
 * The agents that the caller's `agents` has returned for one process.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`, and what `toAgent` throws
 */
export function checkAgents(agents: readonly AgentLike[]): readonly Agent[] {
  // Not map, which passes over holes.
  if (Array.isArray(agents)) return Array.from(agents, toSimulated);
  throw new SymphonyError(
    'INVALID_ARGUMENT',
    `simulate.agents must return an array of agents, got ${describeReturned(agents)}. Return those that one worker hosts, without a promise: (process) => [makeAgent(process)].`,
  );
}

/** An agent that can be simulated: one that runs in its worker's thread. */
function toSimulated(agentLike: AgentLike): Agent {
  const agent = toAgent(agentLike);
  if (agent.run !== undefined) return agent;
  throw new SymphonyError(
    'INVALID_ARGUMENT',
    `Agent "${agent.id}" runs in a thread or process of its own, where time is real. Pass simulate the agent of its module.`,
    { details: { agentId: agent.id } },
  );
}

function checkMembers(
  value: unknown,
  members: readonly string[],
  { what, mend }: { readonly what: string; readonly mend: string },
): void {
  const given = value as Readonly<Record<string, unknown>> | null | undefined;
  const missing = members.filter((name) => given?.[name] === undefined);
  if (missing.length === 0) return;
  const got = missing.length === members.length ? describeReturned(value) : `one without ${missing.join(', ')}`;
  throw new SymphonyError('INVALID_ARGUMENT', `${what}, got ${got}. ${mend}`, { details: { missing } });
}

function describeReturned(value: unknown): string {
  return value instanceof Promise ? 'a promise' : describe(value);
}
