/** From a moment on, how a process sees the wall clock. */
export interface Spell {
  /** Milliseconds since the schedule has begun. */
  readonly from: number;
  /** What the wall clock shows beyond the real one when the spell begins. */
  readonly ahead: number;
  /** How fast it runs: 1 as it should, 2 twice as fast. */
  readonly rate: number;
}

/** What a process is told of its clock. */
export interface Schedule {
  readonly spells: readonly Spell[];
  /** A file that appears once all processes are there: when the schedule begins, on the machine's monotonic clock. */
  readonly start: string;
}

/** How far a wall clock is ahead of the real one, so long after its schedule has begun. Pure. */
export function aheadAt(spells: readonly Spell[], sinceStart: number): number {
  const spell = spells.findLast(({ from }) => from <= sinceStart);
  return spell === undefined ? 0 : spell.ahead + (spell.rate - 1) * (sinceStart - spell.from);
}

/** The variable that holds a process's schedule, as JSON. */
export const scheduleVariable = 'SYMPHONY_CHAOS_CLOCK';
