import type { AgentRow, Tables } from './tables.ts';

/**
 * How many more attempts of an agent may start now: none while it is disabled or removed, no limit for one whose
 * configuration sets none or that the catalogue does not know.
 */
export function freePlaces(tables: Tables, agent: AgentRow | undefined): number {
  if (agent === undefined || agent.removed) return Infinity;
  if (!agent.enabled) return 0;
  const { concurrency } = agent.config.limits;
  return concurrency === undefined ? Infinity : concurrency - tables.countRunning(agent.id);
}
