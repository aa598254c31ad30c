import type { AgentDirectory, AgentEntry, AgentLoad, Clock } from '@symphony/core';
import { AgentCatalogue } from './agent-catalogue.ts';
import { Refreshed } from './refreshed.ts';

/** How old the list of agents and their loads may be, in milliseconds. */
const viewMs = 250;

const idle: AgentLoad = { running: 0, queued: 0 };

/** What the router knows of agents and their loads. */
export interface KnownAgents {
  catalogue(): Promise<AgentCatalogue>;
  /** Brings the loads up to date before they are read. */
  refreshLoads(): Promise<void>;
  load(agentId: string): AgentLoad;
  /** Counts a task that was given to an agent and that the loads do not show yet. */
  countDecision(agentId: string): void;
  /** Makes the next look at the agents a fresh one. */
  forget(): void;
}

/** Agents that never change. Without a record of what runs, an agent's load is the number of tasks it was given. */
export function fixedAgents(entries: readonly AgentEntry[], fallbackId: string | undefined): KnownAgents {
  const catalogue = new AgentCatalogue([], fallbackId).update(entries);
  const given = new Map<string, number>();
  return {
    catalogue: () => Promise.resolve(catalogue),
    refreshLoads: () => Promise.resolve(),
    load: (agentId) => ({ running: 0, queued: given.get(agentId) ?? 0 }),
    countDecision: (agentId) => count(given, agentId),
    forget: () => undefined,
  };
}

/** Agents and loads as a directory reports them, at most 250 ms old, plus what this router has decided since. */
export function listedAgents(directory: AgentDirectory, fallbackId: string | undefined, clock: Clock): KnownAgents {
  let newest = new AgentCatalogue([], fallbackId);
  let reported: ReadonlyMap<string, AgentLoad> = new Map();
  let given = new Map<string, number>();

  const catalogue = new Refreshed(async () => (newest = newest.update(await directory.list())), clock, viewMs);
  const loads = new Refreshed(
    async () => {
      given = new Map(); // what was decided before now is in the store's count, what is decided from now on may not be
      reported = await directory.loads();
    },
    clock,
    viewMs,
  );

  return {
    catalogue: () => catalogue.get(),
    refreshLoads: () => loads.get(),
    load(agentId) {
      const { running, queued } = reported.get(agentId) ?? idle;
      return { running, queued: queued + (given.get(agentId) ?? 0) };
    },
    countDecision: (agentId) => count(given, agentId),
    forget: () => catalogue.forget(),
  };
}

function count(given: Map<string, number>, agentId: string): void {
  given.set(agentId, (given.get(agentId) ?? 0) + 1);
}
