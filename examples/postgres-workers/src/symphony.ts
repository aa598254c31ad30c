import { ServiceRegistry, type Agent } from '@symphony/registry';

/**
 * Opens the store that all processes share. Its URL comes in the environment, since it holds a password. The lease is short,
 * so that the tasks of a killed worker are soon taken over.
 */
export function openSymphony(agents: readonly Agent[] = []): Promise<ServiceRegistry> {
  return ServiceRegistry.open({
    persistence: process.env['SYMPHONY_POSTGRES_URL'] ?? 'postgres://localhost/symphony',
    agents,
    lease: { leaseMs: 2_000 },
    resolveFrom: import.meta.dirname,
  });
}
