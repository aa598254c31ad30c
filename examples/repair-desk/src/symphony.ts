import { ServiceRegistry, type Agent } from '@symphony/registry';
import type { Place } from './place.ts';

/**
 * Opens the store of a run. The supervisor opens it without agents, to hand out work and to watch; a worker with them.
 * The lease is short, so that a killed worker's tasks are soon taken over.
 */
export function openSymphony(place: Place, agents: readonly Agent[] = []): Promise<ServiceRegistry> {
  return ServiceRegistry.open({
    persistence: `sqlite:${place.database}`,
    agents,
    routing: { strategy: 'content-match', fallback: 'needs-a-human' },
    lease: { leaseMs: 3_000, renewMs: 500, sweepMs: 500 },
  });
}
