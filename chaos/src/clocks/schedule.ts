/** From a moment on the machine's monotonic clock, how a process sees the wall clock. */
export interface Spell {
  /** Milliseconds on the monotonic clock. */
  readonly from: number;
  /** What the wall clock shows beyond the real one when the spell begins. */
  readonly ahead: number;
  /** How fast it runs: 1 as it should, 2 twice as fast. */
  readonly rate: number;
}

/** How far a wall clock is ahead of the real one. Pure. */
export function aheadAt(spells: readonly Spell[], mono: number): number {
  const spell = spells.findLast(({ from }) => from <= mono);
  return spell === undefined ? 0 : spell.ahead + (spell.rate - 1) * (mono - spell.from);
}

/** The variable that holds a process's schedule, as JSON. */
export const scheduleVariable = 'SYMPHONY_CHAOS_CLOCK';
