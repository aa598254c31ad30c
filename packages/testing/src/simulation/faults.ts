import { checkKeys, checkNumber, type Random } from '@symphony/core';

/**
 * How often what goes wrong. The first five are chances from 0 to 1, drawn at each call; the others are how often it
 * happens to a process in a minute of virtual time, on average.
 */
export interface FaultRates {
  /** The process is gone in the moment in which its commit reaches the store; nothing is written. */
  readonly crashBefore: number;
  /** The process is gone as soon as its commit was carried out; it never hears the answer. */
  readonly crashAfter: number;
  /** A call is carried out, and its answer is lost: `STORE_FAILED`, and the caller cannot know. */
  readonly answerLost: number;
  /** A call or its answer is held up, from a moment to longer than a lease. */
  readonly slow: number;
  /** A commit is carried out twice in a row. */
  readonly duplicate: number;
  /** The process is gone, whatever it was doing. */
  readonly kill: number;
  /** The process cannot reach the store, for shorter or longer than a lease. */
  readonly partition: number;
  /** The process stands still, as after SIGSTOP: no timer of it fires and no answer arrives, and then all do at once. */
  readonly pause: number;
  /** The wall clock of the process is set anew, up to an hour ahead or behind. */
  readonly skew: number;
  /** The doorbell of the store does not ring in the process. */
  readonly silence: number;
  /** The worker is stopped in good order, and started again. */
  readonly drain: number;
}

/** What can go wrong. */
export type FaultKind = keyof FaultRates;

/** Rates at which most seeds see several faults of each kind, and most tasks still get done. */
export const defaultFaults: FaultRates = {
  crashBefore: 0.006,
  crashAfter: 0.008,
  answerLost: 0.01,
  slow: 0.02,
  duplicate: 0.02,
  kill: 0.4,
  partition: 0.8,
  pause: 0.8,
  skew: 0.8,
  silence: 0.8,
  drain: 0.5,
};

/** Every kind of fault. */
export const faultKinds = Object.keys(defaultFaults) as readonly FaultKind[];

/** Nothing goes wrong. */
export const noFaults = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as unknown as FaultRates;

/** Rates of one seed: each kind is off in a third of the seeds, and else up to three times as frequent as usual. */
export function drawFaults(random: Random): FaultRates {
  const rates = faultKinds.map((kind) => {
    const isOff = random() < 1 / 3;
    const factor = 3 * random();
    return [kind, isOff ? 0 : defaultFaults[kind] * factor];
  });
  return Object.fromEntries(rates) as FaultRates;
}

const chances: ReadonlySet<FaultKind> = new Set(['crashBefore', 'crashAfter', 'answerLost', 'slow', 'duplicate']);

/** Most that a process can be asked to suffer in a minute. */
const mostPerMinute = 600;

/**
 * The rates that a caller means: what is left out does not happen.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`
 */
export function checkFaults(given: Partial<FaultRates>): FaultRates {
  checkKeys(given, faultKinds, 'simulate.faults');
  const rates = faultKinds.map((kind) => {
    const most = chances.has(kind) ? 1 : mostPerMinute;
    const { [kind]: rate = 0 } = given;
    return [kind, checkNumber(rate, `simulate.faults.${kind}`, 0, most)];
  });
  return Object.fromEntries(rates) as FaultRates;
}
