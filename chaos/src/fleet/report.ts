import type { LaneReport } from '../lane.ts';
import type { Figures } from './judge/figures.ts';
import type { Timings } from './judge/timings.ts';
import type { FleetResult } from './run-fleet.ts';

/** What is told of a run, in this order; what never happened is left out, unless that is what was to be shown. */
const words: Readonly<Record<keyof Figures, string>> = {
  kills: 'processes killed',
  hits: 'kills that hit an attempt',
  freezes: 'processes stopped and continued',
  zombies: 'zombie attempts',
  zombiesBeside: 'back while the next one ran',
  zombiesBehind: 'back after the task had ended',
  zombiesCancelled: 'back after it was cancelled',
  drains: 'processes asked to end at work',
  hurried: 'asked twice',
  handBacks: 'attempts handed back',
  restarts: 'immediate stops of the server',
  stopsInAttempt: 'stops that met an attempt',
  stopsInCommit: 'stops that broke a commit',
  commitsHeldUp: 'commits held up by a stop',
  cuts: 'lines cut',
  commitsUnknown: 'commits whose answer was cut off',
  outages: 'calls made again',
  processes: 'processes',
  tasks: 'tasks',
  workflows: 'workflows',
  attempts: 'attempts',
  steps: 'recorded steps',
  events: 'events',
  acknowledgements: 'acknowledged submits',
  takeovers: 'takeovers',
  starved: 'taken from the slow',
  replays: 'replayed steps',
  retries: 'retries',
  refusals: 'refusals',
  releases: 'releases',
  cancelRequests: 'running tasks cancelled',
  abandoned: 'attempts given up',
  startedBeside: 'claims beside a pause or cancel',
  completed: 'tasks completed',
  failed: 'tasks failed',
  cancelled: 'tasks cancelled',
  staleWrites: 'stale writes refused',
  overtaken: 'refused beside the next attempt',
  staleAccepted: 'stale writes accepted',
  lost: 'lost',
  completedTwice: 'completed twice',
};

const timings: Readonly<Record<keyof Timings, string>> = {
  killToClaim: 'kill to takeover',
  cancelToAbort: 'cancel to abort',
  cancelToGivenUp: 'cancel to given up',
  signalToClaim: 'signal to next claim',
  submitToStart: 'submit to start',
};

/** What must not happen is told even so, and so is what rules it out. */
const always: readonly (keyof Figures)[] = ['staleAccepted', 'lost', 'completedTwice'];

/** What a lane says of a run: its figures, and how much of nothing having gone wrong follows from them. */
export function toReport(
  { verdict, figures, timings: measured, violations, missed }: FleetResult,
  claim: { readonly trials: number; readonly of: string },
): LaneReport {
  const told: Record<string, number | string> = {};
  for (const [name, word] of Object.entries(words) as [keyof Figures, string][])
    if (figures[name] > 0 || always.includes(name)) told[word] = figures[name];
  for (const [name, word] of Object.entries(timings) as [keyof Timings, string][])
    if (measured[name].length > 0) told[`${word}, p50 / p99 / max`] = quantiles(measured[name]);
  if (verdict === 'valid') told['bound at 95 %'] = `≤ ${percent(3 / claim.trials)} of it per ${claim.of}`;
  const problems = [
    ...violations.map(({ rule, subject, message }) => `${rule} · ${subject} · ${message}`),
    ...missed.map((text) => `too few ${text}`),
  ];
  return { verdict, figures: told, problems };
}

/** Two runs of one lane side by side, each told under its name. */
export function together(reports: Readonly<Record<string, LaneReport>>): LaneReport {
  const verdicts = Object.values(reports).map(({ verdict }) => verdict);
  const worst = (['invalid', 'vacuous', 'skipped'] as const).find((verdict) => verdicts.includes(verdict));
  const named = Object.entries(reports);
  return {
    verdict: worst ?? 'valid',
    figures: Object.fromEntries(
      named.flatMap(([name, { figures }]) => Object.entries(figures).map(([key, value]) => [`${name} ${key}`, value])),
    ),
    problems: named.flatMap(([name, { problems }]) => problems.map((problem) => `${name} · ${problem}`)),
  };
}

function quantiles(values: readonly number[]): string {
  const sorted = values.toSorted((first, second) => first - second);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(0);
  return `${at(0.5)} / ${at(0.99)} / ${at(1)} ms of ${sorted.length}`;
}

function percent(share: number): string {
  return `${(100 * Math.min(1, share)).toPrecision(2)} %`;
}
