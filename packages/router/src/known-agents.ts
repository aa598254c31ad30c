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
    countDecision: (agentId) => void given.set(agentId, (given.get(agentId) ?? 0) + 1),
    forget: () => undefined,
  };
}

/** Agents and loads as a directory reports them, at most 250 ms old, plus what this router has decided since. */
export function listedAgents(directory: AgentDirectory, fallbackId: string | undefined, clock: Clock): KnownAgents {
  let latest = new AgentCatalogue([], fallbackId);
  const catalogue = new Refreshed(
    async () => (latest = latest.update(await directory.list())),
    clock,
    viewMs,
  );
  let given = new Map<string, number>();
  const loads = new Refreshed(
    async () => {
      const counted = given;
      const reported = await directory.loads();
      for (const [agentId, count] of counted) subtract(given, agentId, count);
      return reported;
    },
    clock,
    viewMs,
  );
  return undefined as never;
}
