import type { TaskStatus } from '@symphony/core';
import type { FaultKind } from './faults.ts';

/** What became of a simulation: plain data. */
export interface SimulationReport {
  /** `valid`: all promises were kept, and all that was submitted has ended; `invalid`: see `violation`. */
  readonly verdict: 'valid' | 'invalid';
  readonly seed: string;
  /** Virtual time that has passed, in milliseconds. */
  readonly virtualMs: number;
  /** Things that happened one after the other: timers, arrivals at the store, answers. */
  readonly steps: number;
  /** How often each fault has really struck. */
  readonly struck: Readonly<Record<FaultKind, number>>;
  readonly tasks: Readonly<Record<TaskStatus, number>>;
  /** Attempts that agents have begun. */
  readonly attempts: number;
  /** Tasks that were taken from a worker whose lease was over. */
  readonly takeovers: number;
  /** Writes under an attempt that was over, all of them refused. */
  readonly staleWrites: number;
  /** Writes that were carried out and whose caller was told that they had failed. */
  readonly unknownCommits: number;
  /** The longest time from the death of a worker to the release of a task that it held, in milliseconds. */
  readonly slowestTakeoverMs: number;
  /** The longest time from the wish to cancel to the abort of the signal, in processes that nothing was wrong with. */
  readonly slowestCancelMs: number;
  readonly violation?: SimulationViolation;
}

/** A promise that was broken. */
export interface SimulationViolation {
  /** What was broken, with the invariant where it has a name. */
  readonly message: string;
  /** When, in milliseconds of virtual time. */
  readonly at: number;
  /** In which step. */
  readonly step: number;
  /** What happened last: the time in milliseconds, who, what. */
  readonly trace: readonly string[];
  /** How to see it again. */
  readonly repeat: string;
}

/**
 * A report as a text for people: what was broken, how to repeat it, and what led to it.
 *
 * @example
 * assert.equal(report.verdict, 'valid', explainSimulation(report));
 */
export function explainSimulation(report: SimulationReport): string {
  const { violation, seed, virtualMs, steps } = report;
  if (violation === undefined)
    return `Seed ${seed}: valid after ${steps} steps and ${Math.round(virtualMs)} virtual ms.`;
  const { message, at, step, trace, repeat } = violation;
  return [`Seed ${seed}: ${message}`, `in step ${step}, after ${Math.round(at)} virtual ms`, repeat, '', ...trace].join(
    '\n',
  );
}
