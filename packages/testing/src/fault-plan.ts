import type { Command, Random, Store } from '@symphony/core';

/** The methods of a store that answer later. */
type StoreMethod = {
  [Key in keyof Store]-?: Store[Key] extends (...parameters: never[]) => Promise<unknown> ? Key : never;
}[keyof Store];

/**
 * Where a fault can be: at a method of the store, at a method of its `state`, at a commit with a command of this type, or
 * at a commit that claims.
 */
export type FaultPoint = StoreMethod | 'state.get' | 'state.set' | 'commit:claim' | `commit:${Command['type']}`;

/** One thing that goes wrong. */
export interface Fault {
  readonly at: FaultPoint;
  /** Which of the calls at that point, from 1. Default 1. */
  readonly nth?: number;
  /** How many calls in a row from there on. Default 1; `Infinity` for good. */
  readonly times?: number;
  /** Before the call is carried out, or after that and before its answer arrives. */
  readonly when: 'before' | 'after';
  /**
   * `fail`: the call rejects with `STORE_FAILED`; failing `after`, what it wrote is there and the caller does not know.
   * `crash`: the process is gone; see {@link FaultyStoreOptions.crash}.
   * `{ delayMs }`: the call, or its answer, is held up on the clock.
   */
  readonly fault: 'fail' | 'crash' | { readonly delayMs: number };
}

// The types insist on each point once: a method or a command that the port gains does not compile until it is here.
const methods: { readonly [Method in StoreMethod | 'state.get' | 'state.set']: 'reads' | 'writes' } = {
  commit: 'writes',
  getTask: 'reads',
  listTasks: 'reads',
  getWorkflow: 'reads',
  listWorkflows: 'reads',
  events: 'reads',
  lastPosition: 'reads',
  steps: 'reads',
  agents: 'reads',
  loads: 'reads',
  openWorker: 'writes',
  renew: 'writes',
  holding: 'reads',
  closeWorker: 'writes',
  worker: 'reads',
  sweep: 'writes',
  prune: 'writes',
  stats: 'reads',
  close: 'reads',
  'state.get': 'reads',
  'state.set': 'writes',
};

const commands: { readonly [Type in Command['type']]: true } = {
  createTask: true,
  createWorkflow: true,
  addTask: true,
  submitTask: true,
  claimTask: true,
  report: true,
  spawn: true,
  recordStep: true,
  progress: true,
  note: true,
  route: true,
  defer: true,
  reject: true,
  unbind: true,
  cancelTask: true,
  retryTask: true,
  pauseWorkflow: true,
  resumeWorkflow: true,
  cancelWorkflow: true,
  alignTasks: true,
  registerAgent: true,
  enableAgent: true,
  removeAgent: true,
};

/** The types of all commands of the port. */
export const commandTypes = Object.keys(commands) as readonly Command['type'][];

/** Every point where a fault can be, by whether the call there may write. */
export const faultPoints: { readonly reads: readonly FaultPoint[]; readonly writes: readonly FaultPoint[] } = {
  reads: pointsThat('reads'),
  writes: [
    ...pointsThat('writes').filter((point) => point !== 'commit'),
    'commit:claim',
    ...commandTypes.map((type) => `commit:${type}` as const),
  ],
};

function pointsThat(kind: 'reads' | 'writes'): FaultPoint[] {
  return (Object.keys(methods) as (keyof typeof methods)[]).filter((method) => methods[method] === kind);
}

/** What {@link randomFaults} draws from. */
export interface RandomFaultOptions {
  /** Where chance comes from: `seededRandom(seed)` of core repeats a plan. */
  readonly random: Random;
  /** How many faults. Default 10. */
  readonly count?: number;
  /** Default: every point where something is written. */
  readonly points?: readonly FaultPoint[];
  /** Default: `fail` alone. */
  readonly faults?: readonly Fault['fault'][];
  /** The highest `nth`. Default 20. */
  readonly within?: number;
}

/** A plan of faults drawn by chance. The same draws give the same plan. */
export function randomFaults(options: RandomFaultOptions): readonly Fault[] {
  const { random, count = 10, points = faultPoints.writes, faults = ['fail'], within = 20 } = options;
  const draw = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T; // below 1, so in the list
  return Array.from({ length: count }, () => ({
    at: draw(points),
    nth: 1 + Math.floor(random() * within),
    when: draw(['before', 'after'] as const),
    fault: draw(faults),
  }));
}
