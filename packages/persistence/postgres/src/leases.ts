import { openWorker, renewWorker, type Renewal, type WorkerBeat } from '@symphony/core';
import type { Plan } from './transaction.ts';

/** Opens a worker's row. */
export function opening(beat: WorkerBeat): Plan<void> {
  return {
    purpose: 'renew',
    writes: true,
    foresee: (needs) => {
      for (const agentId of beat.hosts) needs.agents.add(agentId);
    },
    decide: (tables, times) => openWorker(tables, times, beat),
  };
}

/** Extends a worker's lease, and tells what it holds. */
export function renewal(beat: WorkerBeat): Plan<Renewal> {
  return {
    purpose: 'renew',
    writes: true,
    foresee: (needs) => {
      needs.workers.add(beat.id);
      for (const agentId of beat.hosts) needs.agents.add(agentId);
    },
    decide: (tables, times) => renewWorker(tables, times, beat),
  };
}
