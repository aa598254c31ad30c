import type { Store } from '@symphony/core';
import { MemoryStore } from '@symphony/persistence-memory';
import { ServiceRegistry } from '@symphony/registry';
import { simulate, type SimulationReport } from '@symphony/testing';
import type { PlantedBug } from './planted-bugs.ts';
import { replaced } from './replaced.ts';

/** The lease of the product, and one that attempts often outlive; polls are rare, since a bell rings most of the time. */
const leases = { long: { leaseMs: 10_000, pollMs: 2_000 }, short: { leaseMs: 3_000, pollMs: 1_000 } } as const;

/** Plays the built-in scenario with a seed, every fourth with a short lease; with a bug, over what that has broken. */
export function play(seed: number, bug?: PlantedBug): Promise<SimulationReport> {
  const lease = bug?.lease ?? (bug === undefined && seed % 4 === 0 ? 'short' : 'long');
  return simulate({
    seed,
    store: (clock): Store => {
      const given = bug?.clock?.(clock) ?? clock;
      const store = new MemoryStore({ clock: given });
      return bug?.store === undefined ? store : replaced(store, bug.store(store));
    },
    open: (options) => ServiceRegistry.open(bug?.open?.(options) ?? options),
    lease: leases[lease],
    ...(bug?.faults === undefined ? {} : { faults: bug.faults }),
  });
}
