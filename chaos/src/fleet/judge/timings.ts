import { attemptKey, type Of, type Trial } from './trial.ts';

/** How long something took, each time it happened, in milliseconds. */
export interface Timings {
  /** From the call that submits a task to the start of the first attempt, for tasks that may start at once. */
  readonly submitToStart: readonly number[];
  /** From the kill of a process to the next claim of what it had under way. */
  readonly killToClaim: readonly number[];
  /** From the call that cancels a task or its workflow to the abort of the attempt's signal in another process. */
  readonly cancelToAbort: readonly number[];
  /** From the wish to cancel, as it is recorded, to the end of the task where its agent goes on. */
  readonly cancelToGivenUp: readonly number[];
  /** From the first signal that asks a process to end to the next claim of the task. */
  readonly signalToClaim: readonly number[];
}

/** Measures a run. */
export function readTimings(trial: Trial): Timings {
  return {
    submitToStart: submitToStart(trial),
    killToClaim: takeovers(trial).map(({ ms }) => ms),
    cancelToAbort: cancellations(trial).flatMap(({ abortMs }) => abortMs ?? []),
    cancelToGivenUp: givenUp(trial).map(({ ms }) => ms),
    signalToClaim: handBacks(trial).map(({ ms }) => ms),
  };
}

function submitToStart(trial: Trial): readonly number[] {
  const intents = Map.groupBy(trial.all('intent'), ({ key }) => key);
  return trial.all('ack').flatMap((ack) => {
    if (ack.what !== 'task' || !ack.due) return [];
    const intent = intents.get(ack.key)?.findLast(({ mono }) => mono <= ack.mono);
    const [begin] = trial.begins.get(`${ack.id}/1`) ?? [];
    if (begin === undefined || intent === undefined || intent.expect?.notBefore !== undefined) return [];
    // One that a second life of its submitter asked for again may have begun before.
    return begin.mono < intent.mono ? [] : [begin.mono - intent.mono];
  });
}

/** What a kill cut off, and how long it took until it was claimed again. */
export function takeovers(trial: Trial): readonly { readonly begin: Of<'begin'>; readonly ms: number }[] {
  return trial.all('kill').flatMap((kill) =>
    trial.underway(kill.process, kill.mono).flatMap((begin) => {
      const isTaken = trial.attempts.get(attemptKey(begin))?.end?.type === 'task.crashed';
      const next = trial.attempts.get(`${begin.task}/${begin.attempt + 1}`);
      return isTaken && next !== undefined ? [{ begin, ms: next.claimed.at - kill.at }] : [];
    }),
  );
}

/** An attempt that was under way when its task was cancelled. */
export interface Cancellation {
  readonly begin: Of<'begin'>;
  /** When the cancellation was asked for, on the monotonic clock. */
  readonly asked: number;
  /** How long it took until the signal aborted; undefined if it never did. */
  readonly abortMs: number | undefined;
}

/** Attempts whose cancellation was asked for while they ran, by another process. */
export function cancellations(trial: Trial): readonly Cancellation[] {
  const wishes = [
    ...trial.all('cancelled').map(({ task, asked, by }) => ({ task, asked, by })),
    ...trial
      .all('workflow')
      .filter(({ command }) => command === 'cancel')
      .flatMap(({ workflow, asked, by }) => trial.tasksOf(workflow).map(({ id }) => ({ task: id, asked, by }))),
  ];
  const aborts = Map.groupBy(
    trial.all('aborted').filter(({ reason }) => reason === 'TASK_CANCELLED'),
    attemptKey,
  );
  // Who is asked twice heeds the first.
  const first = new Map<string, Cancellation>();
  for (const { task, asked, by } of wishes.sort((one, other) => one.asked - other.asked)) {
    const request = trial.eventsOf(task).find(({ type }) => type === 'task.cancel_requested');
    if (request === undefined || first.has(task)) continue;
    const key = `${task}/${String(request.data['attempt'])}`;
    const [begin] = trial.begins.get(key) ?? [];
    const [end] = trial.ends.get(key) ?? [];
    if (begin === undefined || begin.by === by || begin.mono > asked || (end?.mono ?? Infinity) < asked) continue;
    const abort = aborts.get(key)?.[0];
    first.set(task, { begin, asked, abortMs: abort === undefined ? undefined : abort.mono - asked });
  }
  return [...first.values()];
}

/** Cancelled tasks whose agents went on when their grace was over: how long after the wish they ended, and after the grace. */
export function givenUp(
  trial: Trial,
): readonly { readonly task: string; readonly ms: number; readonly behindMs: number }[] {
  return trial.events
    .filter(({ type }) => type === 'task.cancel_requested')
    .flatMap(({ subject, at, data }) => {
      const last = trial.eventsOf(subject).find(({ type }) => type === 'task.cancelled');
      const [end] = trial.ends.get(`${subject}/${String(data['attempt'])}`) ?? [];
      const cancelAt = data['cancelAt'] as number;
      if (last === undefined || (end !== undefined && end.at <= cancelAt)) return [];
      return [{ task: subject, ms: last.at - at, behindMs: last.at - cancelAt }];
    });
}

/** What processes handed back when they were asked to end, and how long after the first asking it was claimed again. */
export function handBacks(trial: Trial): readonly { readonly task: string; readonly ms: number }[] {
  const asked = Map.groupBy(trial.all('terminate'), ({ process }) => process);
  return [...trial.attempts.values()].flatMap(({ task, number, end }) => {
    const next = trial.attempts.get(`${task}/${number + 1}`);
    const [begin] = trial.begins.get(`${task}/${number}`) ?? [];
    if (end?.type !== 'task.released' || next === undefined || begin === undefined) return [];
    const signal = asked.get(begin.by)?.find(({ at }) => at <= end.at + 1);
    return signal === undefined ? [] : [{ task, ms: next.claimed.at - signal.at }];
  });
}
