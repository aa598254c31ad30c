import { attemptKey, slackMs, type Of, type Trial } from './trial.ts';

/** Attempts are claimed once and run once, and never two at a time but for those that lost their lease. */
export function agentsRan(trial: Trial): void {
  attemptsOfAgents(trial);
  overlaps(trial);
}

function attemptsOfAgents(trial: Trial): void {
  const places = new Map<string, string>();
  for (const [key, begins] of trial.begins) {
    const [begin] = begins as [Of<'begin'>];
    const attempt = trial.attempts.get(key);
    if (begins.length > 1)
      trial.accuse(
        'an attempt runs once',
        begin.task,
        `attempt ${begin.attempt} began ${begins.length} times, by ${begins.map(({ by }) => by).join(' and ')}`,
      );
    if (attempt === undefined) {
      trial.accuse('an attempt is claimed', begin.task, `attempt ${begin.attempt} ran without a claim`);
      continue;
    }
    if (attempt.agent !== begin.agent)
      trial.accuse(
        'an attempt is claimed',
        begin.task,
        `attempt ${begin.attempt} was claimed for ${attempt.agent}, and ${begin.agent} ran`,
      );
    if (begin.at < attempt.claimed.at - slackMs)
      trial.accuse('an attempt is claimed', begin.task, `attempt ${begin.attempt} ran before its claim`);
    const place = places.get(attempt.worker) ?? begin.by;
    if (place !== begin.by) trial.accuse('one holder', attempt.worker, `was worker of both ${place} and ${begin.by}`);
    places.set(attempt.worker, place);
  }
  for (const row of trial.tasks.values()) {
    const last = trial.attempts.get(`${row.id}/${row.attempt}`);
    if (row.status !== 'completed' || last === undefined) continue;
    // What completes a task is the end of the attempt that the log names, and it came before the record.
    const [end] = trial.ends.get(`${row.id}/${row.attempt}`) ?? [];
    if (end === undefined || end.outcome !== 'returned')
      trial.accuse(
        'no stale write',
        row.id,
        `attempt ${row.attempt} is recorded as completed, and its agent did not return`,
      );
    else if (end.text !== row.output)
      trial.accuse('one result', row.id, `the agent returned ${end.text}, and ${String(row.output)} is recorded`);
    else if (last.end !== undefined && end.at > last.end.at + slackMs)
      trial.accuse('no stale write', row.id, 'was recorded as completed before its agent returned');
  }
  for (const { task, number, end } of trial.attempts.values()) {
    if (end?.type !== 'task.retry_scheduled') continue;
    const [line] = trial.ends.get(`${task}/${number}`) ?? [];
    if (line?.outcome !== 'threw')
      trial.accuse('no stale write', task, `attempt ${number} is recorded as failed, and its agent did not throw`);
  }
}

function overlaps(trial: Trial): void {
  const byTask = Map.groupBy([...trial.begins.values()].flat(), ({ task }) => task);
  for (const [task, begins] of byTask) {
    const row = trial.tasks.get(task);
    begins.sort((first, second) => first.attempt - second.attempt);
    for (const [index, begin] of begins.entries()) {
      if (row?.status === 'completed' && begin.attempt > row.attempt)
        trial.accuse(
          'completed is over',
          task,
          `attempt ${begin.attempt} ran after the task had completed in attempt ${row.attempt}`,
        );
      const next = begins[index + 1];
      if (next === undefined) continue;
      const [end] = trial.ends.get(attemptKey(begin)) ?? [];
      const attempt = trial.attempts.get(attemptKey(begin));
      // Taken over, or given up after its grace: the only ways in which an old attempt may still be going on.
      const isOver = attempt?.end?.type === 'task.crashed' || attempt?.end?.type === 'task.released';
      if (!isOver && next.mono < begin.mono)
        trial.accuse('no two attempts at once', task, `attempt ${next.attempt} began before attempt ${begin.attempt}`);
      else if (!isOver && (end === undefined || end.mono > next.mono))
        trial.accuse(
          'no two attempts at once',
          task,
          `attempt ${begin.attempt} was going on when attempt ${next.attempt} began`,
        );
    }
  }
}
