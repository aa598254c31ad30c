import type { DatabaseSync } from 'node:sqlite';
import type { Line } from '../evidence.ts';
import { agentsRan } from './attempts.ts';
import { cancelsArrive } from './cancels.ts';
import { drainsCostNothing } from './drains.ts';
import { readFigures, type Figures } from './figures.ts';
import { leasesHold } from './leases.ts';
import { nothingLost } from './losses.ts';
import { outcomesAsIntended } from './outcomes.ts';
import { processesEnd } from './processes.ts';
import { quiet } from './quiet.ts';
import { stepsRunOnce } from './steps.ts';
import { taskHistories } from './task-histories.ts';
import { readTimings, type Timings } from './timings.ts';
import { Trial } from './trial.ts';
import { workflowHistories } from './workflows.ts';

/*
 * The judge of a run. It reads the tables and what processes wrote down outside the store, and knows the rules of
 * `docs/architecture.md` in words of its own: it imports nothing of the engine, so a rule that is wrong there is not
 * wrong here too.
 */

/** What a run is judged by. */
export interface Evidence {
  readonly database: DatabaseSync;
  readonly lines: readonly Line[];
  /**
   * Whether the store writes one transaction after the other, so that the positions of events tell which was first, or
   * several beside each other, which are in the order of their commits.
   */
  readonly order: 'serial' | 'beside';
  /** Whether everything came to an end within its time after the last fault. */
  readonly quiet: boolean;
  readonly bounds: Bounds;
  readonly minima: Partial<Minima>;
}

/** How long something may take at most, in milliseconds; what is left out is measured and not judged. */
export interface Bounds {
  /** From the call that cancels to the abort of the attempt's signal, in a process that is neither stopped nor cut off. */
  readonly abortMs?: number;
  /** From the end of the grace to the end of a task whose agent goes on. */
  readonly abandonMs?: number;
  /** From the kill of a process to the next claim of what it had under way. */
  readonly takeoverMs?: number;
  /** From the signal that asks a process to end to the next claim of what it hands back. */
  readonly handBackMs?: number;
}

/** What must have happened, so that finding nothing means something. Each is a figure of the run. */
export type Minima = Readonly<Record<keyof Figures, number>>;

/** One rule that does not hold, and where. */
export interface Violation {
  readonly rule: string;
  readonly subject: string;
  readonly message: string;
}

/** What the judge found. */
export interface Judgement {
  readonly verdict: 'valid' | 'invalid' | 'vacuous';
  readonly violations: readonly Violation[];
  readonly figures: Figures;
  readonly timings: Timings;
  /** Which minima were missed. */
  readonly missed: readonly string[];
}

const rules = [
  nothingLost,
  taskHistories,
  workflowHistories,
  agentsRan,
  stepsRunOnce,
  outcomesAsIntended,
  cancelsArrive,
  leasesHold,
  drainsCostNothing,
  processesEnd,
  quiet,
];

/** Judges a run. */
export function judge(evidence: Evidence): Judgement {
  const trial = new Trial(evidence);
  for (const rule of rules) rule(trial);
  const { violations } = trial;
  const figures = readFigures(trial);
  const missed = (Object.entries(evidence.minima) as [keyof Figures, number][]).flatMap(([name, least]) =>
    figures[name] < least ? [`${name}: ${figures[name]}, wanted ${least}`] : [],
  );
  const verdict = violations.length > 0 ? 'invalid' : missed.length > 0 ? 'vacuous' : 'valid';
  return { verdict, violations, figures, timings: readTimings(trial), missed };
}
