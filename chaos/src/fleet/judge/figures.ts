import { startedBehind } from './workflows.ts';
import { attemptKey, slackMs, twice, type Attempt, type Of, type Trial } from './trial.ts';

/** How often something happened in a run. */
export interface Figures {
  /** Processes killed. */
  readonly kills: number;
  /** Kills that ended a process with an attempt under way that nobody had taken from it. */
  readonly hits: number;
  /** Processes stopped for a while and continued; not those that were killed meanwhile. */
  readonly freezes: number;
  /** Attempts of these processes that were taken from them meanwhile. */
  readonly zombies: number;
  /** Those of them that came back while another attempt was under way, after another had ended it, and after it was cancelled. */
  readonly zombiesBeside: number;
  readonly zombiesBehind: number;
  readonly zombiesCancelled: number;
  /** Processes asked to end by a signal while they were at work, and those of them that were asked twice. */
  readonly drains: number;
  readonly hurried: number;
  /** Attempts that a process handed back when it was asked to end. */
  readonly handBacks: number;
  /** How often the server was stopped at once. */
  readonly restarts: number;
  /** Stops of the server that came while a process that lived ran an attempt of its own; while a commit was under way. */
  readonly stopsInAttempt: number;
  readonly stopsInCommit: number;
  /** Commits that had to wait for the server to come back, or were given up meanwhile. */
  readonly commitsHeldUp: number;
  /** Lines to the server that were cut, and those that were cut between a COMMIT and its answer. */
  readonly cuts: number;
  readonly commitsUnknown: number;
  /** Calls that the store could not answer, and that were made again. */
  readonly outages: number;
  readonly processes: number;
  readonly tasks: number;
  readonly workflows: number;
  readonly attempts: number;
  readonly steps: number;
  readonly events: number;
  readonly acknowledgements: number;
  /** Attempts that were taken from a dead worker and made again. */
  readonly takeovers: number;
  /** Attempts that were taken from a process that was neither killed nor stopped: it was too slow to renew. */
  readonly starved: number;
  /** Steps that an attempt found in its journal. */
  readonly replays: number;
  readonly retries: number;
  readonly refusals: number;
  readonly releases: number;
  /** Running tasks whose cancellation was asked for; those that were given up when their grace was over. */
  readonly cancelRequests: number;
  readonly abandoned: number;
  /** Claims that were committed after a pause or a cancellation of their workflow, and before that was answered. */
  readonly startedBeside: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Writes of late attempts that the store refused; those that came while another attempt was under way. */
  readonly staleWrites: number;
  readonly overtaken: number;
  /** Writes of late attempts that it accepted. */
  readonly staleAccepted: number;
  /** Acknowledged tasks and workflows that are not there. */
  readonly lost: number;
  /** Tasks whose log completes them more than once, and names under which more than one task was completed. */
  readonly completedTwice: number;
}

/** Counts what happened in a run. */
export function readFigures(trial: Trial): Figures {
  const { events, tasks, attempts } = trial;
  const types = Map.groupBy(events, ({ type }) => type);
  const count = (type: string): number => types.get(type)?.length ?? 0;
  const inStatus = (status: string): number => [...tasks.values()].filter((task) => task.status === status).length;
  const kills = trial.all('kill');
  const cuts = trial.all('cut');
  const stops = stopsOfServer(trial);
  const asked = [...Map.groupBy(trial.all('terminate'), ({ process }) => process).values()].filter(
    ([first]) => first !== undefined && isHolding(trial, first),
  );
  const zombies = findZombies(trial);
  const completions = Map.groupBy(types.get('task.completed') ?? [], ({ subject }) => subject);
  return {
    kills: kills.length,
    hits: kills.filter((kill) => isHolding(trial, kill)).length,
    freezes: stillnesses(trial).length,
    zombies: zombies.length,
    zombiesBeside: zombies.filter(({ fate }) => fate === 'beside').length,
    zombiesBehind: zombies.filter(({ fate }) => fate === 'behind').length,
    zombiesCancelled: zombies.filter(({ fate }) => fate === 'cancelled').length,
    drains: asked.length,
    hurried: asked.filter(({ length }) => length > 1).length,
    handBacks: count('task.released'),
    restarts: stops.length,
    stopsInAttempt: stops.filter(({ stop }) => hasHolder(trial, stop)).length,
    stopsInCommit: stops.filter(({ stop, heldUp }) => heldUp.some(({ since }) => since < stop.mono)).length,
    commitsHeldUp: new Set(stops.flatMap(({ heldUp }) => heldUp)).size,
    cuts: cuts.filter(({ how }) => how !== 'slow').length,
    commitsUnknown: cuts.filter(({ how }) => how === 'unsent' || how === 'unanswered').length,
    outages: trial.all('unknown').length,
    processes: trial.all('spawn').length,
    tasks: tasks.size,
    workflows: trial.workflows.size,
    attempts: attempts.size,
    steps: trial.steps.length,
    events: events.length,
    acknowledgements: trial.all('ack').length,
    takeovers: [...attempts.values()].filter(
      ({ task, number, end }) => end?.type === 'task.crashed' && attempts.has(`${task}/${number + 1}`),
    ).length,
    starved: countStarved(trial),
    replays: trial.all('replayed').length,
    retries: count('task.retry_scheduled'),
    refusals: count('task.refused'),
    releases: count('task.released'),
    cancelRequests: count('task.cancel_requested'),
    abandoned: countAbandoned(trial),
    startedBeside: [...trial.workflows.keys()].flatMap((id) => startedBehind(trial, id)).length,
    completed: inStatus('completed'),
    failed: inStatus('failed'),
    cancelled: inStatus('cancelled'),
    staleWrites: trial.all('stale').length,
    overtaken: countOvertaken(trial),
    staleAccepted: trial.violations.filter(({ rule }) => rule === 'no stale write').length,
    lost: trial.all('ack').filter(({ what, id }) => !(what === 'task' ? tasks : trial.workflows).has(id)).length,
    completedTwice:
      [...completions.values()].filter(({ length }) => length > 1).length +
      twice(
        [...tasks.values()].filter(({ status }) => status === 'completed'),
        ({ name }) => name,
      ).size,
  };
}

/** Whether a process ran an attempt at that moment that was still its own. */
function isHolding(trial: Trial, { process, mono, at }: Pick<Of<'kill'>, 'process' | 'mono' | 'at'>): boolean {
  return trial
    .underway(process, mono)
    .some((begin) => (trial.attempts.get(attemptKey(begin))?.end?.at ?? Infinity) >= at);
}

/** When the server was stopped at once, and the commits that got no answer from it before it was there again. */
function stopsOfServer(
  trial: Trial,
): readonly { readonly stop: Of<'server'>; readonly heldUp: readonly Of<'waited'>[] }[] {
  const [waits, states] = [trial.all('waited'), trial.all('server')];
  return states.flatMap((stop, index) => {
    if (stop.state !== 'stopped') return [];
    const readyAt = states[index + 1]?.mono ?? Infinity;
    const isHeldUp = ({ since, mono, answered }: Of<'waited'>): boolean =>
      since < readyAt && (mono >= readyAt || (!answered && mono > stop.mono));
    return [{ stop, heldUp: waits.filter(isHeldUp) }];
  });
}

/** Whether somebody who lived at that moment ran an attempt that was still its own. */
function hasHolder(trial: Trial, { mono, at }: Of<'server'>): boolean {
  const gone = new Set(trial.all('exit').flatMap((exit) => (exit.mono < mono ? [exit.process] : [])));
  return trial.all('spawn').some(({ process }) => !gone.has(process) && isHolding(trial, { process, mono, at }));
}

/** When processes were stopped, and when they were continued; those that were killed meanwhile never came back. */
function stillnesses(trial: Trial): readonly { readonly stop: Of<'stop'>; readonly resumedAt: number }[] {
  const continues = Map.groupBy(trial.all('continue'), ({ process }) => process);
  const kills = Map.groupBy(trial.all('kill'), ({ process }) => process);
  return trial.all('stop').flatMap((stop) => {
    const resumed = continues.get(stop.process)?.find(({ mono }) => mono > stop.mono);
    if (resumed === undefined) return [];
    const isDead = kills.get(stop.process)?.some(({ mono }) => mono <= resumed.mono) === true;
    return isDead ? [] : [{ stop, resumedAt: resumed.at }];
  });
}

/** Attempts that a stopped process held, that were taken from it, and to which it came back. */
function findZombies(trial: Trial): readonly { readonly fate: 'beside' | 'behind' | 'cancelled' | 'alone' }[] {
  return stillnesses(trial).flatMap(({ stop, resumedAt }) =>
    trial.underway(stop.process, stop.mono).flatMap((begin) => {
      const end = trial.attempts.get(attemptKey(begin))?.end;
      const isTaken = end !== undefined && (end.type === 'task.crashed' || end.type === 'task.cancelled');
      if (!isTaken || end.at <= stop.at || end.at > resumedAt + slackMs) return [];
      return [{ fate: fateOf(trial, begin, resumedAt) }];
    }),
  );
}

function fateOf(trial: Trial, { task, attempt }: Of<'begin'>, at: number): 'beside' | 'behind' | 'cancelled' | 'alone' {
  const before = trial.eventsOf(task).filter((event) => event.at <= at);
  if (before.some(({ type }) => type === 'task.cancelled')) return 'cancelled';
  if (before.some(({ type }) => type === 'task.completed' || type === 'task.failed')) return 'behind';
  const next = trial.attempts.get(`${task}/${attempt + 1}`);
  return next !== undefined && next.claimed.at <= at ? 'beside' : 'alone';
}

function countStarved(trial: Trial): number {
  const ends = new Map(trial.all('exit').map((line) => [line.process, line.at]));
  const stops = Map.groupBy(trial.all('stop'), ({ process }) => process);
  return [...trial.attempts.values()].filter(({ task, number, end }) => {
    const [begin] = trial.begins.get(`${task}/${number}`) ?? [];
    if (begin === undefined || end?.type !== 'task.crashed') return false;
    const wasStopped = (stops.get(begin.by) ?? []).some(({ at }) => at <= end.at);
    return !wasStopped && (ends.get(begin.by) ?? Infinity) > end.at;
  }).length;
}

/** Cancelled tasks whose last attempt had not ended by then: its agent went on. */
function countAbandoned(trial: Trial): number {
  return [...trial.attempts.values()].filter(({ task, number, end }) => {
    if (end?.type !== 'task.cancelled') return false;
    const [begin] = trial.begins.get(`${task}/${number}`) ?? [];
    const [line] = trial.ends.get(`${task}/${number}`) ?? [];
    return begin !== undefined && (line?.at ?? Infinity) > end.at + slackMs;
  }).length;
}

/** Refused writes that came while another attempt of the task was under way. */
function countOvertaken(trial: Trial): number {
  const byTask: ReadonlyMap<string, readonly Attempt[]> = Map.groupBy(trial.attempts.values(), ({ task }) => task);
  return trial
    .all('stale')
    .filter(({ task, attempt, at }) =>
      (byTask.get(task) ?? []).some(
        (other) => other.number > attempt && other.claimed.at < at && (other.end?.at ?? Infinity) > at,
      ),
    ).length;
}
