import { storeAwayCode } from '../evidence.ts';
import type { Trial } from './trial.ts';

/** Processes end because somebody ends them, and are silent then. */
export function processesEnd(trial: Trial): void {
  const killed = new Map(trial.all('kill').map((line) => [line.process, line.mono]));
  const asked = new Set([...killed.keys(), ...trial.all('terminate').map((line) => line.process)]);
  for (const { by, mono, kind } of trial.evidence.lines) {
    const at = killed.get(by);
    if (at !== undefined && mono > at + 1_000)
      trial.accuse('evidence', by, `wrote ${kind} ${(mono - at).toFixed(0)} ms after it was killed`);
  }
  const mayBeAway = trial.all('server').length + trial.all('cut').length > 0;
  for (const { process, code, signal } of trial.all('exit')) {
    if (code === storeAwayCode && mayBeAway) continue;
    if (code !== 0 && !asked.has(process))
      trial.accuse('no process ends by itself', process, `ended with ${signal ?? String(code)}`);
    if (code !== 0 && code !== null) trial.accuse('no process ends by itself', process, `ended with code ${code}`);
  }
}
