import { ServiceRegistry, type Agent } from '@symphony/registry';
import type { Plan } from './plan.ts';
import { strategyOf } from './routing.ts';

/**
 * Opens the store of a run. The supervisor opens it without agents, to hand out work and to watch; a worker with them.
 * The lease is short, so that a killed worker's tasks are soon taken over.
 */
export function openSymphony(
  { database, routing }: Pick<Plan, 'database' | 'routing'>,
  agents: readonly Agent[] = [],
): Promise<ServiceRegistry> {
  return ServiceRegistry.open({
    persistence: `sqlite:${database}`,
    agents,
    routing: { strategy: strategyOf(routing), fallback: 'needs-a-human' },
    lease: { leaseMs: 3_000, renewMs: 500, sweepMs: 500 },
  });
}
