import type { Store } from '@symphony/core';
import { MemoryStore } from '@symphony/persistence-memory';
import { ServiceRegistry } from '@symphony/registry';
import { simulate, type SimulationReport } from '@symphony/testing';
import type { PlantedBug } from './planted-bugs.ts';
import { replaced } from './replaced.ts';

/** A lease that attempts often outlive. */
const shortLeaseMs = 3_000;

/**
 * Plays the built-in scenario with a seed; with a bug, over what that has broken. Every fourth seed has a short lease, the
 * others that of the product.
 */
export function play(seed: number, bug?: PlantedBug): Promise<SimulationReport> {
  const leaseMs = bug === undefined && seed % 4 === 0 ? shortLeaseMs : bug?.leaseMs;
  return simulate({
    seed,
    store: (clock): Store => {
      const given = bug?.clock?.(clock) ?? clock;
      const store = new MemoryStore({ clock: given });
      return bug?.store === undefined ? store : replaced(store, bug.store(store));
    },
    open: (options) => ServiceRegistry.open(bug?.open?.(options) ?? options),
    ...(bug?.faults === undefined ? {} : { faults: bug.faults }),
    ...(leaseMs === undefined ? {} : { lease: { leaseMs } }),
  });
}
