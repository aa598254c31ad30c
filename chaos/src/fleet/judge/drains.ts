import { attemptKey, type Trial } from './trial.ts';
import { handBacks, takeovers } from './timings.ts';

/** Ending in good order costs no attempt, leaves no lease, and loses no time; a takeover comes in time as well. */
export function drainsCostNothing(trial: Trial): void {
  const { handBackMs, takeoverMs } = trial.evidence.bounds;
  nothingCharged(trial);
  nothingLeft(trial);
  if (handBackMs !== undefined)
    for (const { task, ms } of handBacks(trial))
      if (ms > handBackMs) trial.accuse('a hand-back is quick', task, `was claimed ${ms} ms after the signal`);
  if (takeoverMs !== undefined)
    for (const { begin, ms } of takeovers(trial))
      if (ms > takeoverMs) trial.accuse('a takeover is quick', begin.task, `was claimed ${ms} ms after the kill`);
}

/** Processes that were asked to end, and that nobody killed or stopped. */
function drained(trial: Trial): ReadonlySet<string> {
  const left = new Set(trial.all('terminate').map(({ process }) => process));
  for (const { process } of [...trial.all('kill'), ...trial.all('stop')]) left.delete(process);
  return left;
}

/** An attempt that is broken off because its process ends is handed back: neither a failure nor a crash. */
function nothingCharged(trial: Trial): void {
  const left = drained(trial);
  const brokenOff = new Set(
    trial
      .all('aborted')
      .filter(({ by, reason }) => left.has(by) && reason === 'SHUTDOWN')
      .map(attemptKey),
  );
  for (const { task, number, end } of trial.attempts.values()) {
    const key = `${task}/${number}`;
    const [begin] = trial.begins.get(key) ?? [];
    if (begin === undefined || !left.has(begin.by)) continue;
    const exit = trial.all('exit').find(({ process }) => process === begin.by);
    if (end?.type === 'task.crashed' && end.at >= (exit?.at ?? Infinity))
      trial.accuse('a drain costs nothing', task, `attempt ${number} counts as a crash of ${begin.by}`);
    const isCharged = end?.type === 'task.retry_scheduled' || end?.type === 'task.failed';
    // What it threw is the reason of its signal, and not an error of its own.
    const [line] = trial.ends.get(key) ?? [];
    if (isCharged && brokenOff.has(key) && line?.text === 'SymphonyError')
      trial.accuse('a drain costs nothing', task, `attempt ${number} counts as a failure`);
  }
}

/** When the process is gone, so is the row of its worker. */
function nothingLeft(trial: Trial): void {
  const left = drained(trial);
  const placeOf = new Map<string, string>();
  for (const begin of [...trial.begins.values()].flat()) {
    const worker = trial.attempts.get(attemptKey(begin))?.worker;
    if (worker !== undefined) placeOf.set(worker, begin.by);
  }
  for (const { process, workers } of trial.all('present')) {
    if (!left.has(process)) continue;
    for (const worker of workers)
      if (placeOf.get(worker) === process)
        trial.accuse('a drain leaves no lease', worker, `still has a row when ${process} is gone`);
  }
}
