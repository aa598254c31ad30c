import type { Trial } from './trial.ts';

/** Nothing is taken from a worker whose lease runs. */
export function leasesHold(trial: Trial): void {
  const latest = new Map<string, number>();
  for (const { worker, until } of trial.all('lease')) latest.set(worker, Math.max(latest.get(worker) ?? 0, until));
  for (const { worker, number, task, end } of trial.attempts.values()) {
    if (end?.type !== 'task.crashed') continue;
    const tooEarly = (latest.get(worker) ?? 0) - (end.at - trial.wallOffset);
    // Both clocks are read a moment apart, and one of them in whole milliseconds.
    if (tooEarly > 10)
      trial.accuse(
        'no takeover before the lease is over',
        task,
        `attempt ${number} was taken from ${worker} ${tooEarly.toFixed(0)} ms early`,
      );
  }
}
