import type { Tables } from './tables.ts';
import type { TaskRow } from './task.ts';

/** Why a task that somebody might have started has not been started, as far as the rows tell. */
export function whyWaiting(tables: Pick<Tables, 'agent' | 'workers'>, { agentId, unroutable }: TaskRow): string {
  if (agentId === null) {
    return unroutable
      ? 'no agent could take it, see task.unroutable in its log'
      : 'no worker had a free place to look for its agent';
  }
  const agent = tables.agent(agentId);
  if (agent?.removed === false && !agent.enabled) return `agent "${agentId}" is disabled`;
  return tables.workers().some(({ hosts }) => hosts.includes(agentId))
    ? `agent "${agentId}" had no free place`
    : `no worker hosts agent "${agentId}"`;
}
