import type { SymphonyEvent } from '@symphony/registry';
import type { LogbookLine } from '../logbook.ts';

/** A step as the store has recorded it. */
export interface RecordedStep {
  readonly taskId: string;
  readonly agentId: string;
  /** `name#n` for the n-th of its name. */
  readonly identity: string;
  readonly attempt: number;
}

/** What the end of a run is held against. */
export interface Evidence {
  /** The ids of the tasks that were handed in. */
  readonly submitted: readonly string[];
  /** The log of each task. */
  readonly histories: ReadonlyMap<string, readonly SymphonyEvent[]>;
  readonly steps: readonly RecordedStep[];
  /** What the agents wrote down themselves. */
  readonly logbook: readonly LogbookLine[];
}

/** One claim, and what speaks against it. */
export interface Check {
  readonly claim: string;
  readonly broken: readonly string[];
}

/** Holds the store's log and the agents' own notes against each other. */
export function prove(evidence: Evidence): readonly Check[] {
  return [
    { claim: 'no task was lost', broken: lost(evidence) },
    { claim: 'no task was completed twice', broken: completedTwice(evidence) },
    { claim: 'the log has no gaps', broken: gaps(evidence) },
    { claim: 'no finished step ran again', broken: ranAgain(evidence) },
    { claim: 'log and logbook agree on what was done', broken: disagreements(evidence) },
  ];
}

/** Steps that the store had from a dead worker, so that the next one did not have to do them. */
export function replayedSteps({ histories, steps }: Evidence): number {
  return steps.filter(({ taskId, agentId, attempt }) => {
    const events = histories.get(taskId) ?? [];
    return (
      diedIn(events, attempt) && claims(events).some((claim) => claim.attempt > attempt && claim.agentId === agentId)
    );
  }).length;
}

function lost({ submitted, histories }: Evidence): string[] {
  return submitted.filter((id) => !ends.has((histories.get(id) ?? []).at(-1)?.type));
}

const ends: ReadonlySet<SymphonyEvent['type'] | undefined> = new Set(['task.completed', 'task.failed']);

function completedTwice({ histories }: Evidence): string[] {
  return [...histories].flatMap(([id, events]) => {
    const ended = events.filter(({ type }) => ['task.completed', 'task.failed', 'task.cancelled'].includes(type));
    return ended.length > 1 ? [`${id}: ${ended.map(({ type }) => type).join(', ')}`] : [];
  });
}

function gaps({ histories }: Evidence): string[] {
  return [...histories].flatMap(([id, events]) => (events.every(({ seq }, index) => seq === index + 1) ? [] : [id]));
}

/** A step is finished once it is recorded: nobody may have begun it in a later attempt, or twice in its own. */
function ranAgain({ steps, logbook }: Evidence): string[] {
  const begun = group(logbook.filter(({ phase }) => phase === 'begin'));
  const broken: string[] = [];
  for (const [key, recorded] of groupSteps(steps)) {
    const last = Math.max(...recorded.map(({ attempt }) => attempt));
    const runs = begun.get(key) ?? [];
    const later = runs.filter(({ attempt }) => attempt > last);
    const within = runs.filter(({ attempt }) => attempt === last);
    if (later.length > 0) broken.push(`${key} began again in attempt ${later[0]!.attempt}`);
    if (within.length > recorded.filter(({ attempt }) => attempt === last).length)
      broken.push(`${key} began twice in attempt ${last}`);
  }
  return broken;
}

/** Each recorded step is in the logbook; each finished one of the logbook is recorded, unless its worker died first. */
function disagreements({ histories, steps, logbook }: Evidence): string[] {
  const ended = logbook.filter(({ phase }) => phase === 'end');
  const notes = countBy(ended, (line) => `${keyOf(line.task, line.agent, line.step)} ${line.attempt}`);
  const records = countBy(
    steps,
    (step) => `${keyOf(step.taskId, step.agentId, nameOf(step.identity))} ${step.attempt}`,
  );
  const broken: string[] = [];
  for (const [key, count] of records)
    if ((notes.get(key) ?? 0) < count) broken.push(`${key} is recorded, but nobody did it`);
  for (const line of ended) {
    const key = `${keyOf(line.task, line.agent, line.step)} ${line.attempt}`;
    const missing = (notes.get(key) ?? 0) > (records.get(key) ?? 0);
    if (missing && !diedIn(histories.get(line.task) ?? [], line.attempt))
      broken.push(`${key} was done, but is not recorded`);
  }
  return broken;
}

function diedIn(events: readonly SymphonyEvent[], attempt: number): boolean {
  return events.some(
    (event) => (event.type === 'task.crashed' || event.type === 'task.released') && event.data.attempt === attempt,
  );
}

function claims(events: readonly SymphonyEvent[]): readonly { readonly attempt: number; readonly agentId: string }[] {
  return events.flatMap((event) => (event.type === 'task.claimed' ? [event.data] : []));
}

function group(lines: readonly LogbookLine[]): Map<string, LogbookLine[]> {
  const groups = new Map<string, LogbookLine[]>();
  for (const line of lines) {
    const key = keyOf(line.task, line.agent, line.step);
    groups.set(key, [...(groups.get(key) ?? []), line]);
  }
  return groups;
}

function groupSteps(steps: readonly RecordedStep[]): Map<string, RecordedStep[]> {
  const groups = new Map<string, RecordedStep[]>();
  for (const step of steps) {
    const key = keyOf(step.taskId, step.agentId, nameOf(step.identity));
    groups.set(key, [...(groups.get(key) ?? []), step]);
  }
  return groups;
}

function countBy<T>(items: readonly T[], key: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}

function keyOf(task: string, agent: string, step: string): string {
  return `${task} ${agent} ${step}`;
}

function nameOf(identity: string): string {
  return identity.split('#', 1)[0]!;
}
