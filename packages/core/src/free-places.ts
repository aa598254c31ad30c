import type { Tables } from './tables.ts';

/**
 * How many more attempts of an agent may start now: none while it is disabled; any number where its configuration sets no
 * limit, or the catalogue does not know it or knows it no more.
 */
export function freePlaces(rows: Pick<Tables, 'agent' | 'countRunning'>, agentId: string): number {
  const agent = rows.agent(agentId);
  if (agent === undefined || agent.removed) return Infinity;
  if (!agent.enabled) return 0;
  const { concurrency } = agent.config.limits;
  return concurrency === undefined ? Infinity : concurrency - rows.countRunning(agentId);
}
