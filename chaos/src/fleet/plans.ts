import type { Work } from './agents.ts';
import type { Chance } from './chance.ts';

/** What submitters do, each a function of their seed; how, stands in submitter.ts. */
export type Operation =
  | 'submit'
  | 'burst'
  | 'fail'
  | 'refuse'
  | 'pinned'
  | 'special'
  | 'later'
  | 'cancel'
  | 'again'
  | 'conflict'
  | 'leave'
  | 'sealed'
  | 'open'
  | 'execute'
  | 'batch'
  | 'cancelRunning'
  | 'cancelDeaf'
  | 'cancelWorkflow';

/**
 * What is submitted. `mixed`: a bit of everything. `late`: attempts that go on although their signal has aborted, and write
 * late. `patient`: attempts of some hundred milliseconds that heed their signal. `cancels`: tasks and workflows that are
 * cancelled while they run.
 */
export type Plan = 'mixed' | 'late' | 'patient' | 'cancels';

/** How a plan is carried out. */
interface PlanRules {
  /** What is done, and how often; each once in the beginning, so that even a short run has seen them all. */
  readonly operations: Readonly<Partial<Record<Operation, number>>>;
  /** Operations under way at once. */
  readonly atOnce: number;
  /**
   * How many tasks of a submitter may be open before it waits for some. It changes every two seconds: with a backlog a released
   * task waits its turn, without one it is taken while its last holder may still be writing.
   */
  readonly outstanding: readonly number[];
  /** What an ordinary task asks of its agent. */
  readonly work: (chance: Chance) => Work;
}

/** The rules of each plan. */
export const plans: Readonly<Record<Plan, PlanRules>> = {
  mixed: {
    operations: {
      submit: 30,
      burst: 10,
      fail: 12,
      refuse: 10,
      pinned: 10,
      special: 6,
      later: 6,
      cancel: 14,
      again: 8,
      conflict: 4,
      leave: 2,
      sealed: 8,
      open: 12,
      execute: 10,
      batch: 3,
    },
    atOnce: 8,
    outstanding: [4, 40, 4, 12],
    work: (chance) => ({
      steps: chance.between(1, 6),
      ms: chance.pick([1, 5, 20, 50, 100]),
      shape: chance.pick(['keys', 'ordinals', 'parallel'] as const),
      ...(chance.next() < 0.6 ? { tailMs: chance.between(20, 150) } : {}),
      ...(chance.next() < 0.15 ? { deaf: true } : {}),
      ...(chance.next() < 0.05 ? { busyMs: 30 } : {}),
    }),
  },
  late: {
    operations: { submit: 1 },
    atOnce: 8,
    outstanding: [6],
    // Little but its report is left of it when its process is continued after a stop.
    work: (chance) => ({
      steps: chance.between(1, 3),
      ms: chance.pick([1, 100]),
      shape: 'keys',
      tailMs: chance.between(200, 500),
      deaf: true,
    }),
  },
  patient: {
    operations: { submit: 1 },
    atOnce: 8,
    outstanding: [6],
    work: (chance) => ({ steps: chance.between(2, 5), ms: chance.between(50, 200), shape: 'keys' }),
  },
  cancels: {
    operations: { cancelRunning: 6, cancelDeaf: 1, cancelWorkflow: 3 },
    atOnce: 6,
    outstanding: [40],
    work: (chance) => ({ steps: chance.between(1, 3), ms: 50, shape: 'keys' }),
  },
};
