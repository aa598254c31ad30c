import type { Line } from '../evidence.ts';
import { taskEvents } from './life.ts';
import type { Evidence, Violation } from './judge.ts';
import {
  readEvents,
  readSteps,
  readTasks,
  readWorkflows,
  type EventRow,
  type StepRow,
  type TaskRow,
  type WorkflowRow,
} from './rows.ts';

/** The kind of a line. */
export type Kind = Line['kind'];

/** The lines of one kind; some shapes stand for several. */
export type Of<K extends Kind> = Line extends infer Each
  ? Each extends { readonly kind: infer Kinds }
    ? K extends Kinds
      ? Each
      : never
    : never
  : never;

/** One attempt as the log tells it. */
export interface Attempt {
  readonly task: string;
  readonly number: number;
  readonly agent: string;
  readonly worker: string;
  readonly claimed: EventRow;
  /** The event that ended it. */
  readonly end: EventRow | undefined;
}

/** Wall times of two processes are of one clock, but in whole milliseconds. */
export const slackMs = 2;

/** A run before the judge: what its store holds, what its processes wrote down, and what is held against it. */
export class Trial {
  readonly evidence: Evidence;
  readonly violations: Violation[] = [];
  readonly tasks: ReadonlyMap<string, TaskRow>;
  readonly workflows: ReadonlyMap<string, WorkflowRow>;
  readonly steps: readonly StepRow[];
  readonly events: readonly EventRow[];
  readonly bySubject: ReadonlyMap<string, readonly EventRow[]>;
  /** By task and number. */
  readonly attempts: ReadonlyMap<string, Attempt>;
  readonly begins: ReadonlyMap<string, readonly Of<'begin'>[]>;
  readonly ends: ReadonlyMap<string, readonly Of<'end'>[]>;
  /** Wall time minus monotonic time. */
  readonly wallOffset: number;
  readonly #lines: ReadonlyMap<Kind, readonly Line[]>;
  readonly #members: ReadonlyMap<string | null, readonly TaskRow[]>;
  readonly #claims: ReadonlyMap<string | null, readonly EventRow[]>;
  readonly #begunBy: ReadonlyMap<string, readonly Of<'begin'>[]>;

  constructor(evidence: Evidence) {
    this.evidence = evidence;
    const { database, lines } = evidence;
    this.tasks = new Map(readTasks(database).map((row) => [row.id, row]));
    this.workflows = new Map(readWorkflows(database).map((row) => [row.id, row]));
    this.steps = readSteps(database);
    this.events = readEvents(database);
    this.bySubject = Map.groupBy(this.events, ({ subject }) => subject);
    this.attempts = readAttempts(this.tasks, this.bySubject);
    this.#lines = Map.groupBy(lines, ({ kind }) => kind);
    this.#members = Map.groupBy(this.tasks.values(), (row) => row.workflow);
    const claims = this.events.filter(({ type }) => type === 'task.claimed');
    this.#claims = Map.groupBy(claims, (event) => event.workflow);
    this.begins = Map.groupBy(this.all('begin'), attemptKey);
    this.ends = Map.groupBy(this.all('end'), attemptKey);
    this.#begunBy = Map.groupBy(this.all('begin'), ({ by }) => by);
    const offsets = lines.map(({ at, mono }) => at - mono).sort((first, second) => first - second);
    this.wallOffset = offsets[offsets.length >> 1] ?? 0;
  }

  /** Holds something against the run. */
  accuse(rule: string, subject: string, message: string): void {
    this.violations.push({ rule, subject, message });
  }

  /** All lines of a kind. */
  all<K extends Kind>(kind: K): readonly Of<K>[] {
    return (this.#lines.get(kind) ?? []) as readonly Of<K>[];
  }

  eventsOf(subject: string): readonly EventRow[] {
    return this.bySubject.get(subject) ?? [];
  }

  tasksOf(workflow: string): readonly TaskRow[] {
    return this.#members.get(workflow) ?? [];
  }

  claimsOf(workflow: string): readonly EventRow[] {
    return this.#claims.get(workflow) ?? [];
  }

  /** Attempts that were going on in a process at a moment of the monotonic clock. */
  underway(process: string, mono: number): readonly Of<'begin'>[] {
    const begun = this.#begunBy.get(process) ?? [];
    return begun.filter((begin) => {
      const [end] = this.ends.get(attemptKey(begin)) ?? [];
      return begin.mono < mono && (end === undefined || end.mono > mono);
    });
  }
}

/** What names an attempt. */
export function attemptKey({ task, attempt }: { readonly task: string; readonly attempt: number }): string {
  return `${task}/${attempt}`;
}

/** The ids of rows that share a name, by that name. */
export function twice<Row extends { readonly id: string }>(
  rows: readonly Row[],
  nameOf: (row: Row) => string,
): ReadonlyMap<string, readonly string[]> {
  const groups = [...Map.groupBy(rows, nameOf)].filter(([, { length }]) => length > 1);
  return new Map(groups.map(([name, group]) => [name, group.map(({ id }) => id)]));
}

function readAttempts(
  tasks: ReadonlyMap<string, TaskRow>,
  bySubject: ReadonlyMap<string, readonly EventRow[]>,
): ReadonlyMap<string, Attempt> {
  const attempts = new Map<string, Attempt>();
  for (const task of tasks.keys()) {
    const events = bySubject.get(task) ?? [];
    for (const [index, claimed] of events.entries()) {
      if (claimed.type !== 'task.claimed') continue;
      const end = events.slice(index + 1).find(({ type }) => taskEvents[type]?.to !== undefined);
      const { attempt, agentId, workerId } = claimed.data as {
        readonly attempt: number;
        readonly agentId: string;
        readonly workerId: string;
      };
      attempts.set(`${task}/${attempt}`, { task, number: attempt, agent: agentId, worker: workerId, claimed, end });
    }
  }
  return attempts;
}
