import { attemptKey, type Trial } from './trial.ts';

/** A recorded step happened once, is told to later attempts, and never runs again. */
export function stepsRunOnce(trial: Trial): void {
  const effects = Map.groupBy(trial.all('effect'), stepKey);
  const journal = new Map(trial.steps.map((row) => [stepKey(row), row]));
  if (journal.size !== trial.steps.length)
    trial.accuse('a step is recorded once', 'steps', `${trial.steps.length - journal.size} are recorded twice`);
  for (const [key, row] of journal) {
    const lines = effects.get(key) ?? [];
    const own = lines.filter(({ attempt }) => attempt === row.attempt);
    if (own.length !== 1)
      trial.accuse(
        'a recorded step happened',
        row.task,
        `step ${row.step} is recorded in attempt ${row.attempt}, where it happened ${own.length} times`,
      );
    else if (own[0]?.value !== row.value)
      trial.accuse(
        'a recorded step happened',
        row.task,
        `step ${row.step} gave ${String(own[0]?.value)}, and ${row.value} is recorded`,
      );
    for (const line of lines) {
      if (line.attempt > row.attempt)
        trial.accuse(
          'a recorded step never runs again',
          row.task,
          `step ${row.step} is recorded in attempt ${row.attempt} and happened again in attempt ${line.attempt}`,
        );
    }
    const attempt = trial.attempts.get(`${row.task}/${row.attempt}`);
    const overAt = attempt?.end?.committed ?? Infinity;
    if (attempt === undefined || attempt.agent !== row.agent)
      trial.accuse(
        'a recorded step happened',
        row.task,
        `step ${row.step} is of attempt ${row.attempt}, which ${row.agent} never had`,
      );
    else if (row.committed < attempt.claimed.committed || row.committed > overAt)
      trial.accuse(
        'no stale write',
        row.task,
        `step ${row.step} of attempt ${row.attempt} was recorded when that was not the current attempt`,
      );
  }
  for (const line of trial.all('recorded')) {
    const row = journal.get(stepKey(line));
    if (row === undefined || row.attempt !== line.attempt || row.value !== line.value)
      trial.accuse(
        'an acknowledged step is recorded',
        line.task,
        `step ${line.step} of attempt ${line.attempt} returned to its agent, and the journal has ${row === undefined ? 'nothing' : `attempt ${row.attempt}`}`,
      );
  }
  for (const line of trial.all('replayed')) {
    const row = journal.get(stepKey(line));
    // An attempt that was taken over may come to read its journal only when the next one has added to it.
    const wasLate = trial.attempts.get(attemptKey(line))?.end?.type === 'task.crashed';
    if (row === undefined || row.value !== line.value || (row.attempt >= line.attempt && !wasLate))
      trial.accuse(
        'a replay tells what was recorded',
        line.task,
        `step ${line.step} was replayed as ${line.value} in attempt ${line.attempt}, and the journal has ${row?.value ?? 'nothing'} of attempt ${row?.attempt ?? 0}`,
      );
  }
  for (const { id, status, output, agent } of trial.tasks.values()) {
    if (status !== 'completed' || output === null) continue;
    for (const [step, value] of Object.entries(JSON.parse(output) as Record<string, string>)) {
      if (journal.get(`${id}/${String(agent)}/${step}`)?.value !== value)
        trial.accuse('one result', id, `its output holds ${value} for step ${step}, and the journal does not`);
    }
  }
}

function stepKey({
  task,
  agent,
  step,
}: {
  readonly task: string;
  readonly agent: string;
  readonly step: string;
}): string {
  return `${task}/${agent}/${step}`;
}
