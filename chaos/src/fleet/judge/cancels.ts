import { attemptKey, type Trial } from './trial.ts';
import { cancellations, givenUp } from './timings.ts';

/** A cancellation reaches the attempt and ends the task in time. */
export function cancelsArrive(trial: Trial): void {
  abortsInTime(trial);
  endsWithinGrace(trial);
}

/** In a process that was neither stopped nor ended meanwhile, the signal aborts in time. */
function abortsInTime(trial: Trial): void {
  const { abortMs: limit } = trial.evidence.bounds;
  if (limit === undefined) return;
  const disturbances = Map.groupBy(
    [...trial.all('stop'), ...trial.all('continue'), ...trial.all('kill'), ...trial.all('terminate')],
    ({ process }) => process,
  );
  for (const { begin, asked, abortMs } of cancellations(trial)) {
    if (abortMs !== undefined && abortMs <= limit) continue;
    const [end] = trial.ends.get(attemptKey(begin)) ?? [];
    const isOver = end !== undefined && end.mono - asked <= limit;
    const isDisturbed = (disturbances.get(begin.by) ?? []).some(
      ({ mono }) => mono > asked - limit && mono < asked + limit,
    );
    if (isOver || isDisturbed) continue;
    const told = abortMs === undefined ? 'never' : `after ${abortMs.toFixed(0)} ms`;
    trial.accuse('a cancel reaches its attempt', begin.task, `the signal of attempt ${begin.attempt} aborted ${told}`);
  }
}

/** Also a task whose agent goes on is cancelled when its grace is over. */
function endsWithinGrace(trial: Trial): void {
  const { abandonMs: limit } = trial.evidence.bounds;
  if (limit === undefined) return;
  for (const { task, behindMs } of givenUp(trial)) {
    if (behindMs > limit)
      trial.accuse('a cancelled task ends', task, `was cancelled ${behindMs} ms after its grace was over`);
  }
}
