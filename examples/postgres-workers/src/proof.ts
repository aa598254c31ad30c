import type { ServiceRegistry, SymphonyEvent, Task } from '@symphony/registry';
import type { LogbookLine } from './logbook.ts';
import { orders } from './orders.ts';

/** What was done to the run, as far as the proof asks for it. */
export interface Incidents {
  /** When a worker was killed, and the steps that it was in. */
  readonly killedAt: number;
  readonly interrupted: readonly LogbookLine[];
  /** When the endless task was cancelled. */
  readonly cancelledAt: number;
}

/** One line of the summary. */
export interface Finding {
  readonly what: string;
  readonly found: string;
  readonly holds: boolean;
}

/** Steps that a process has begun and not come out of. */
export function openSteps(lines: readonly LogbookLine[], pid: number | undefined): readonly LogbookLine[] {
  const open = new Map<string, LogbookLine>();
  for (const line of lines) {
    if (line.what === 'began') open.set(line.task, line);
    else open.delete(line.task);
  }
  return [...open.values()].filter((line) => line.pid === pid);
}

/** Compares what the store says with what the agents and the submitter wrote down outside of it. */
export async function prove(
  symphony: ServiceRegistry,
  lines: readonly LogbookLine[],
  { killedAt, interrupted, cancelledAt }: Incidents,
): Promise<readonly Finding[]> {
  const tasks = await symphony.getTaskManager().listTasks({ limit: 1_000 });
  const histories = await Promise.all(tasks.map(({ id }) => symphony.history(id)));
  const crashed = new Set(histories.flatMap((events) => of(events, 'task.crashed').map(({ subject }) => subject)));
  const acknowledged = lines.filter(({ what }) => what === 'acknowledged').map(({ task }) => task);
  const stored = new Map(tasks.map((task) => [task.id, task]));

  const lost = acknowledged.filter((id) => !stored.has(id) || stored.get(id)?.finishedAt === undefined);
  const twice = histories.filter((events) => of(events, 'task.completed').length > 1);
  const idle = tasks.filter((task) => task.status === 'completed' && !hasItsSteps(task, lines));
  const again = stepsRunAgain(lines);
  const timeouts = histories.flatMap((events) =>
    of(events, 'task.retry_scheduled').filter(({ data }) => data.error.code === 'START_TO_CLOSE_TIMEOUT'),
  );
  const statuses = count(tasks.map(({ status }) => status));
  const takeovers = interrupted
    .filter(({ task }) => crashed.has(task))
    .map((step) => nextAttemptAfter(step, lines) - killedAt);
  const stopped = lines.findLast(({ what }) => what === 'stopped');

  return [
    finding('tasks acknowledged by the store', acknowledged.length, acknowledged.length === orders.length),
    finding('  lost, or invented', lost.length + Math.abs(tasks.length - orders.length)),
    finding('  completed', statuses['completed'] ?? 0, statuses['completed'] === orders.length - 1),
    finding('  completed twice', twice.length),
    finding('  completed without the steps in the logbook', idle.length),
    finding('recorded steps that ran again', again.recorded),
    finding('interrupted steps that ran again', again.interrupted, true),
    finding('attempts ended by their time limit', timeouts.length, timeouts.length > 0),
    finding(
      'tasks taken over from the killed worker',
      `${takeovers.length}, after ${range(takeovers)}`,
      takeovers.length > 0 && takeovers.every((ms) => ms < 15_000),
    ),
    finding(
      'from the cancel to the end of the agent',
      stopped === undefined ? 'it goes on' : seconds(stopped.at - cancelledAt),
      statuses['cancelled'] === 1 && stopped !== undefined && stopped.at >= cancelledAt,
    ),
  ];
}

/** Without `holds`, what was found must be zero. */
function finding(what: string, found: number | string, holds = found === 0): Finding {
  return { what, found: String(found), holds };
}

function of<Type extends SymphonyEvent['type']>(
  events: readonly SymphonyEvent[],
  type: Type,
): readonly Extract<SymphonyEvent, { readonly type: Type }>[] {
  return events.filter((event): event is Extract<SymphonyEvent, { readonly type: Type }> => event.type === type);
}

/** Whether the agents say that they have done what the store holds as done. */
function hasItsSteps({ id, agentId }: Task, lines: readonly LogbookLine[]): boolean {
  const recorded = new Set(lines.filter(({ task, what }) => task === id && what === 'recorded').map((line) => line.of));
  return recorded.size === (agentId === 'reporter' ? 3 : 1);
}

function stepsRunAgain(lines: readonly LogbookLine[]): { readonly recorded: number; readonly interrupted: number } {
  const recorded = new Set<string>();
  const begun = new Set<string>();
  const again = { recorded: 0, interrupted: 0 };
  for (const { task, of: step, what } of lines) {
    const name = `${task} ${step}`;
    if (what === 'recorded') recorded.add(name);
    if (what !== 'began' || step === 'watch') continue; // watching is no step
    if (recorded.has(name)) again.recorded++;
    else if (begun.has(name)) again.interrupted++;
    begun.add(name);
  }
  return again;
}

function nextAttemptAfter(step: LogbookLine, lines: readonly LogbookLine[]): number {
  return lines.find(({ task, attempt }) => task === step.task && attempt > step.attempt)?.at ?? Infinity;
}

function count(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function range(times: readonly number[]): string {
  return times.length === 0
    ? 'nothing'
    : `${(Math.min(...times) / 1_000).toFixed(1)} to ${seconds(Math.max(...times))}`;
}

/** Milliseconds in words. */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
