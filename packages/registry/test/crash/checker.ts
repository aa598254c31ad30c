import type { DatabaseSync } from 'node:sqlite';
import type { Line } from './evidence.ts';

/*
 * The judge of a run. It reads the tables and what processes wrote down outside the store, and knows the rules of
 * `docs/architecture.md` in words of its own: it imports nothing of the engine, so a rule that is wrong there is not
 * wrong here too.
 */

/** What a run is judged by. */
export interface Evidence {
  readonly database: DatabaseSync;
  readonly lines: readonly Line[];
  /** Whether everything came to an end within its time after the last kill. */
  readonly quiet: boolean;
  readonly lease: { readonly leaseMs: number; readonly renewMs: number; readonly sweepMs: number };
  readonly minima: Partial<Minima>;
}

/** What must have happened, so that finding nothing means something. */
export interface Minima {
  /** Processes killed. */
  readonly kills: number;
  /** Kills that ended a process with an attempt under way. */
  readonly hits: number;
  readonly tasks: number;
  readonly takeovers: number;
  /** Attempts of stopped processes that were given to others meanwhile. */
  readonly zombies: number;
  /** Writes of late attempts that the store refused. */
  readonly staleWrites: number;
  /** Those of them that came while another attempt was under way. */
  readonly overtaken: number;
  readonly retries: number;
  readonly replays: number;
}

/** One rule that does not hold, and where. */
export interface Violation {
  readonly rule: string;
  readonly subject: string;
  readonly message: string;
}

/** What the judge found. */
export interface Judgement {
  readonly verdict: 'valid' | 'invalid' | 'vacuous';
  readonly violations: readonly Violation[];
  readonly figures: Readonly<Record<string, number>>;
  /** Which minima were missed. */
  readonly missed: readonly string[];
}

/** Judges a run. */
export function judge(evidence: Evidence): Judgement {
  const court = new Court(evidence);
  court.hear();
  const figures = court.figures();
  const missed = Object.entries(evidence.minima).flatMap(([name, least]) =>
    (figures[name] ?? 0) < least ? [`${name}: ${figures[name] ?? 0}, wanted ${least}`] : [],
  );
  const verdict = court.violations.length > 0 ? 'invalid' : missed.length > 0 ? 'vacuous' : 'valid';
  return { verdict, violations: court.violations, figures, missed };
}

interface TaskRow {
  readonly id: string;
  readonly name: string;
  readonly key: string | null;
  readonly status: string;
  readonly attempt: number;
  readonly failures: number;
  readonly crashes: number;
  readonly agent: string | null;
  readonly worker: string | null;
  readonly boundTo: string | null;
  readonly dueAt: number | null;
  readonly held: number;
  readonly cancelAt: number | null;
  readonly workflow: string | null;
  readonly lastSeq: number;
  readonly output: string | null;
  readonly error: string | null;
  readonly finishedAt: number | null;
}

interface EventRow {
  readonly position: number;
  readonly subject: string;
  readonly seq: number;
  readonly workflow: string | null;
  readonly type: string;
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

interface StepRow {
  readonly task: string;
  readonly agent: string;
  readonly step: string;
  readonly attempt: number;
  readonly value: string;
  readonly at: number;
}

interface WorkflowRow {
  readonly id: string;
  readonly key: string | null;
  readonly sealed: number;
  readonly paused: number;
  readonly cancelRequested: number;
  readonly total: number;
  readonly open: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly started: number;
  readonly lastSeq: number;
  readonly settledAt: number | null;
}

type Kind = Line['kind'];
/** The lines of one kind; some shapes stand for several. */
type Of<K extends Kind> = Line extends infer Each
  ? Each extends { readonly kind: infer Kinds }
    ? K extends Kinds
      ? Each
      : never
    : never
  : never;

/** From which status each event of a task may happen, and what the status is then. `none` is a task that is not there yet. */
const taskEvents: Readonly<Record<string, { readonly from: readonly string[]; readonly to?: string }>> = {
  'task.created': { from: ['none'], to: 'pending' },
  'task.submitted': { from: ['pending'] },
  'task.routed': { from: ['pending'] },
  'task.unroutable': { from: ['pending'] },
  'task.unassigned': { from: ['pending'] },
  'task.claimed': { from: ['pending'], to: 'running' },
  'task.recovered': { from: ['running'] },
  'task.steps_unused': { from: ['running'] },
  'task.retry_scheduled': { from: ['running'], to: 'pending' },
  'task.refused': { from: ['running'], to: 'pending' },
  'task.released': { from: ['running'], to: 'pending' },
  'task.crashed': { from: ['running'], to: 'pending' },
  'task.cancel_requested': { from: ['running'] },
  'task.completed': { from: ['running'], to: 'completed' },
  'task.failed': { from: ['running', 'pending'], to: 'failed' },
  'task.cancelled': { from: ['running', 'pending'], to: 'cancelled' },
  'task.retried': { from: ['failed', 'cancelled'], to: 'pending' },
  'task.added_to_workflow': { from: ['pending', 'running', 'completed', 'failed', 'cancelled'] },
  'task.hook_failed': { from: ['running', 'pending', 'completed', 'failed', 'cancelled'] },
  'task.late_result': { from: ['running', 'pending', 'completed', 'failed', 'cancelled'] },
};

/** Events that an attempt writes or that end it: they name the attempt that is the current one. */
const ofAttempt = new Set(
  [
    'recovered',
    'steps_unused',
    'retry_scheduled',
    'refused',
    'released',
    'crashed',
    'cancel_requested',
    'completed',
    'failed',
    'cancelled',
  ].map((name) => `task.${name}`),
);

const ended = new Set(['completed', 'failed', 'cancelled']);

/** Wall times of two processes are of one clock, but in whole milliseconds. */
const slackMs = 2;

/** One attempt as the log and the agents tell it. */
interface Attempt {
  readonly task: string;
  readonly number: number;
  readonly agent: string;
  readonly worker: string;
  readonly claimed: EventRow;
  /** The event that ended it. */
  end: EventRow | undefined;
}

class Court {
  readonly violations: Violation[] = [];
  readonly #evidence: Evidence;
  readonly #tasks: ReadonlyMap<string, TaskRow>;
  readonly #workflows: ReadonlyMap<string, WorkflowRow>;
  readonly #steps: readonly StepRow[];
  readonly #events: readonly EventRow[];
  readonly #bySubject: ReadonlyMap<string, readonly EventRow[]>;
  readonly #lines: ReadonlyMap<Kind, readonly Line[]>;
  readonly #attempts = new Map<string, Attempt>();
  readonly #begins: ReadonlyMap<string, readonly Of<'begin'>[]>;
  readonly #ends: ReadonlyMap<string, readonly Of<'end'>[]>;
  /** Wall time minus monotonic time. */
  readonly #wallOffset: number;

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
    const { database, lines } = evidence;
    this.#tasks = new Map(readTasks(database).map((row) => [row.id, row]));
    this.#workflows = new Map(readWorkflows(database).map((row) => [row.id, row]));
    this.#steps = readSteps(database);
    this.#events = readEvents(database);
    this.#bySubject = Map.groupBy(this.#events, ({ subject }) => subject);
    this.#lines = Map.groupBy(lines, ({ kind }) => kind);
    this.#begins = Map.groupBy(this.#all('begin'), attemptKey);
    this.#ends = Map.groupBy(this.#all('end'), attemptKey);
    const offsets = this.#all('lease').map(({ at, mono }) => at - mono);
    this.#wallOffset = offsets.sort((first, second) => first - second)[offsets.length >> 1] ?? 0;
  }

  hear(): void {
    this.#nothingLost();
    this.#nothingInvented();
    for (const task of this.#tasks.values()) this.#taskHistory(task);
    for (const subject of this.#bySubject.keys()) this.#knownSubject(subject);
    for (const workflow of this.#workflows.values()) this.#workflowHistory(workflow);
    this.#attemptsOfAgents();
    this.#overlaps();
    this.#journal();
    this.#outcomes();
    this.#commands();
    this.#leases();
    this.#processes();
    this.#quiescence();
  }

  figures(): Record<string, number> {
    const count = (type: string): number => this.#events.filter((event) => event.type === type).length;
    const kills = this.#all('kill');
    const takeovers = [...this.#attempts.values()].filter(
      ({ task, number, end }) => end?.type === 'task.crashed' && this.#attempts.has(`${task}/${number + 1}`),
    );
    const delays = this.#takeoverDelays();
    return {
      kills: kills.length,
      hits: kills.filter((kill) => this.#underway(kill).length > 0).length,
      freezes: this.#all('stop').length,
      zombies: this.#zombies(),
      drains: this.#all('terminate').length,
      processes: this.#all('spawn').length,
      tasks: this.#tasks.size,
      workflows: this.#workflows.size,
      events: this.#events.length,
      steps: this.#steps.length,
      attempts: this.#attempts.size,
      takeovers: takeovers.length,
      starved: this.#starved(),
      staleWrites: this.#all('stale').length,
      overtaken: this.#overtaken(),
      replays: this.#all('replayed').length,
      retries: count('task.retry_scheduled'),
      refusals: count('task.refused'),
      releases: count('task.released'),
      cancelRequests: count('task.cancel_requested'),
      completed: [...this.#tasks.values()].filter(({ status }) => status === 'completed').length,
      failed: [...this.#tasks.values()].filter(({ status }) => status === 'failed').length,
      cancelled: [...this.#tasks.values()].filter(({ status }) => status === 'cancelled').length,
      acknowledgements: this.#all('ack').length,
      takeoverMedianMs: delays[delays.length >> 1] ?? 0,
      takeoverMaxMs: delays.at(-1) ?? 0,
    };
  }

  // 1. Nothing lost, nothing invented.

  #nothingLost(): void {
    const ids = new Map<string, string>();
    for (const ack of this.#all('ack')) {
      const subject = `${ack.what} ${ack.key}`;
      const known = ids.get(subject);
      if (known !== undefined && known !== ack.id)
        this.#accuse('one id per key', subject, `acknowledged as ${known} and as ${ack.id}`);
      ids.set(subject, ack.id);
      if (ack.what === 'task') {
        const row = this.#tasks.get(ack.id);
        if (row === undefined)
          this.#accuse('nothing lost', ack.id, `the submit of ${ack.key} was acknowledged, and there is no such task`);
        else if (row.name !== ack.key)
          this.#accuse('nothing lost', ack.id, `acknowledged for ${ack.key}, but the task is ${row.name}`);
        else if (
          ack.due &&
          !(this.#bySubject.get(ack.id) ?? []).some(
            ({ type, data }) =>
              type === 'task.submitted' ||
              (type === 'task.created' && data['dueAt'] !== undefined) ||
              type === 'task.claimed',
          )
        )
          this.#accuse(
            'nothing lost',
            ack.id,
            `the submit of ${ack.key} was acknowledged, and the task was never made due`,
          );
      } else {
        const row = this.#workflows.get(ack.id);
        const tasks = this.#tasksOf(ack.id);
        if (row === undefined)
          this.#accuse('nothing lost', ack.id, `workflow ${ack.key} was acknowledged, and there is none`);
        else if (ack.tasks > 0 && tasks.length !== ack.tasks)
          this.#accuse('whole or not at all', ack.id, `created with ${ack.tasks} tasks, and has ${tasks.length}`);
      }
    }
    for (const { task, workflow } of this.#all('added')) {
      if (this.#tasks.get(task)?.workflow !== workflow)
        this.#accuse(
          'nothing lost',
          task,
          `was added to ${workflow}, and is in ${String(this.#tasks.get(task)?.workflow)}`,
        );
    }
    for (const { task } of this.#all('retried')) {
      if (!this.#eventsOf(task).some(({ type }) => type === 'task.retried'))
        this.#accuse('nothing lost', task, 'its retry was acknowledged, and its log has none');
    }
    for (const { key, answer } of this.#all('conflict')) {
      if (answer !== 'IDEMPOTENCY_CONFLICT')
        this.#accuse('one id per key', key, `another body under the same key was answered with ${answer}`);
    }
  }

  #nothingInvented(): void {
    const intended = new Set(this.#all('intent').map(({ what, key }) => `${what} ${key}`));
    for (const { id, name } of this.#tasks.values()) {
      if (!intended.has(`task ${name}`)) this.#accuse('nothing invented', id, `nobody asked for a task ${name}`);
    }
    for (const { id, key } of this.#workflows.values()) {
      if (!intended.has(`workflow ${key ?? ''}`))
        this.#accuse('nothing invented', id, `nobody asked for a workflow ${String(key)}`);
    }
  }

  #knownSubject(subject: string): void {
    if (subject.startsWith('agent:') || this.#tasks.has(subject) || this.#workflows.has(subject)) return;
    this.#accuse('nothing invented', subject, 'has events and no row');
  }

  // 2. Legal histories, and the fold of the log equals the row.

  #taskHistory(row: TaskRow): void {
    const events = this.#eventsOf(row.id);
    this.#gapless(row.id, row.lastSeq, events);
    const folded = {
      status: 'none',
      attempt: 0,
      failures: 0,
      crashes: 0,
      agent: null as string | null,
      workflow: null as string | null,
      cancelling: false,
      dueAt: null as number | null,
    };
    for (const event of events) {
      const rule = taskEvents[event.type];
      const where = `${event.type}, seq ${event.seq}`;
      if (rule === undefined || !rule.from.includes(folded.status))
        this.#accuse('legal transitions', row.id, `${where} while ${folded.status}`);
      const { data } = event;
      if (ofAttempt.has(event.type) && data['attempt'] !== folded.attempt) {
        this.#accuse(
          'no stale write',
          row.id,
          `${where} is of attempt ${String(data['attempt'])}, the current one is ${folded.attempt}`,
        );
      }
      switch (event.type) {
        case 'task.created':
          folded.agent = (data['agentId'] as string | undefined) ?? null;
          folded.workflow = event.workflow;
          folded.dueAt = (data['dueAt'] as number | undefined) ?? null;
          break;
        case 'task.submitted':
        case 'task.retried':
          folded.dueAt = data['dueAt'] as number;
          if (event.type === 'task.retried') Object.assign(folded, { failures: 0, crashes: 0, cancelling: false });
          break;
        case 'task.added_to_workflow':
          folded.workflow = data['workflowId'] as string;
          break;
        case 'task.routed':
          folded.agent = data['agentId'] as string;
          break;
        case 'task.unassigned':
          folded.agent = null;
          break;
        case 'task.claimed':
          if (data['attempt'] !== folded.attempt + 1)
            this.#accuse(
              'attempts 1..n',
              row.id,
              `${where} starts attempt ${String(data['attempt'])} after ${folded.attempt}`,
            );
          if (folded.agent !== null && folded.agent !== data['agentId'] && events[0]?.data['dueAt'] !== undefined) {
            this.#accuse(
              'assignment',
              row.id,
              `${where} is for ${String(data['agentId'])}, the task is assigned to ${folded.agent}`,
            );
          }
          if (folded.dueAt !== null && folded.failures > 0 && event.at < folded.dueAt - slackMs) {
            this.#accuse('due times', row.id, `${where} came ${folded.dueAt - event.at} ms before its retry was due`);
          }
          folded.attempt = data['attempt'] as number;
          folded.agent = data['agentId'] as string;
          folded.dueAt = null;
          this.#attempts.set(`${row.id}/${folded.attempt}`, {
            task: row.id,
            number: folded.attempt,
            agent: folded.agent,
            worker: data['workerId'] as string,
            claimed: event,
            end: undefined,
          });
          break;
        case 'task.retry_scheduled':
          if (data['failures'] !== folded.failures + 1)
            this.#accuse(
              'fold equals row',
              row.id,
              `${where} counts ${String(data['failures'])} failures after ${folded.failures}`,
            );
          folded.failures = data['failures'] as number;
          folded.dueAt = data['dueAt'] as number;
          break;
        case 'task.refused':
          if (data['agentId'] !== folded.agent)
            this.#accuse(
              'legal transitions',
              row.id,
              `${where} by ${String(data['agentId'])}, the agent is ${String(folded.agent)}`,
            );
          if (!isPinned(events)) folded.agent = null;
          break;
        case 'task.crashed':
          if (data['crashes'] !== folded.crashes + (data['charged'] === true ? 1 : 0))
            this.#accuse(
              'fold equals row',
              row.id,
              `${where} counts ${String(data['crashes'])} crashes after ${folded.crashes}`,
            );
          folded.crashes = data['crashes'] as number;
          break;
        case 'task.recovered':
          folded.crashes = 0;
          break;
        case 'task.failed':
          // An attempt that failed costs a failure; refusal and poison are no failures.
          if (folded.status === 'running') folded.failures++;
          break;
        case 'task.cancel_requested':
          if (folded.cancelling) this.#accuse('legal transitions', row.id, `${where} a second time`);
          folded.cancelling = true;
          break;
      }
      if (
        folded.cancelling &&
        rule?.to !== undefined &&
        !['cancelled', 'running'].includes(rule.to) &&
        event.type !== 'task.crashed'
      ) {
        this.#accuse('cancel wins', row.id, `${where} after its cancellation was asked for`);
      }
      const attempt = this.#attempts.get(`${row.id}/${folded.attempt}`);
      if (attempt !== undefined && folded.status === 'running' && rule?.to !== undefined) attempt.end ??= event;
      folded.status = rule?.to ?? folded.status;
    }
    const told = [folded.status, folded.attempt, folded.failures, folded.crashes, folded.agent, folded.workflow].join(
      ' · ',
    );
    const stored = [row.status, row.attempt, row.failures, row.crashes, row.agent, row.workflow].join(' · ');
    if (told !== stored) this.#accuse('fold equals row', row.id, `the log tells ${told}; the row holds ${stored}`);
    if (folded.cancelling !== (row.cancelAt !== null))
      this.#accuse('fold equals row', row.id, `cancelAt is ${String(row.cancelAt)}, against the log`);
    this.#oneResult(row);
  }

  #gapless(subject: string, lastSeq: number, events: readonly EventRow[]): void {
    for (const [index, { seq, position }] of events.entries()) {
      if (seq !== index + 1) {
        this.#accuse('seq 1..n', subject, `event ${index + 1} has seq ${seq}`);
        break;
      }
      const before = events[index - 1];
      if (before !== undefined && before.position >= position)
        this.#accuse(
          'seq 1..n',
          subject,
          `seq ${seq} has position ${position}, seq ${before.seq} has ${before.position}`,
        );
    }
    if (events.length !== lastSeq)
      this.#accuse('seq 1..n', subject, `has ${events.length} events, and its row says ${lastSeq}`);
  }

  #oneResult({ id, status, output, error, finishedAt, worker, dueAt }: TaskRow): void {
    if ((status === 'completed') !== (output !== null))
      this.#accuse('one result', id, `is ${status}, and its output is ${String(output)}`);
    if (status === 'failed' && error === null) this.#accuse('one result', id, 'failed without an error');
    if (status === 'completed' && error !== null) this.#accuse('one result', id, 'completed with an error');
    if (ended.has(status) !== (finishedAt !== null))
      this.#accuse('one result', id, `is ${status}, and finishedAt is ${String(finishedAt)}`);
    if ((status === 'running') !== (worker !== null))
      this.#accuse('one holder', id, `is ${status}, and its worker is ${String(worker)}`);
    if (status !== 'pending' && dueAt !== null) this.#accuse('one holder', id, `is ${status}, and due`);
  }

  // 3. Workflows.

  #workflowHistory(row: WorkflowRow): void {
    const events = this.#eventsOf(row.id);
    this.#gapless(row.id, row.lastSeq, events);
    const tasks = this.#tasksOf(row.id);
    const counted = {
      total: tasks.length,
      open: tasks.filter(({ status }) => !ended.has(status)).length,
      failed: tasks.filter(({ status }) => status === 'failed').length,
      cancelled: tasks.filter(({ status }) => status === 'cancelled').length,
      started: tasks.filter(({ attempt }) => attempt > 0).length,
    };
    for (const [name, count] of Object.entries(counted)) {
      const stored = row[name as keyof typeof counted];
      if (stored !== count) this.#accuse('counters', row.id, `${name} is ${stored}, and its tasks give ${count}`);
    }
    let settled = false;
    let paused = false;
    let cancelRequested = false;
    let settledAs: unknown;
    for (const { type, seq, data } of events) {
      const illegal =
        (seq === 1) !== (type === 'workflow.created') ||
        (type === 'workflow.settled' && settled) ||
        (type === 'workflow.reopened' && !settled) ||
        (type === 'workflow.paused' && (paused || cancelRequested)) ||
        (type === 'workflow.resumed' && !paused) ||
        (type === 'workflow.cancel_requested' && cancelRequested);
      if (illegal) this.#accuse('legal transitions', row.id, `${type}, seq ${seq}`);
      if (type === 'workflow.settled') {
        settled = true;
        settledAs = data['status'];
      }
      if (type === 'workflow.reopened') settled = false;
      if (type === 'workflow.paused') paused = true;
      if (type === 'workflow.resumed') paused = false;
      if (type === 'workflow.cancel_requested') [cancelRequested, paused] = [true, false];
    }
    if (settled !== (counted.total > 0 && counted.open === 0))
      this.#accuse(
        'settled',
        row.id,
        `its log says ${settled ? 'settled' : 'open'}, and ${counted.open} of ${counted.total} tasks are open`,
      );
    if (settled !== (row.settledAt !== null)) this.#accuse('settled', row.id, `settledAt is ${String(row.settledAt)}`);
    if (paused !== (row.paused === 1) || cancelRequested !== (row.cancelRequested === 1))
      this.#accuse('fold equals row', row.id, 'paused or cancelled against its log');
    if (settled && settledAs !== settledStatus(counted, cancelRequested)) {
      this.#accuse(
        'status is a function',
        row.id,
        `settled as ${String(settledAs)}, and its tasks give ${settledStatus(counted, cancelRequested)}`,
      );
    }
    this.#heldBack(row.id, events);
  }

  /** While a workflow is paused, and once its cancellation was asked for, none of its tasks is started. */
  #heldBack(id: string, events: readonly EventRow[]): void {
    const closed: [number, number][] = [];
    for (const { type, position } of events) {
      if (type === 'workflow.paused' || type === 'workflow.cancel_requested') closed.push([position, Infinity]);
      const last = closed.at(-1);
      if (type === 'workflow.resumed' && last !== undefined) last[1] = position;
    }
    if (closed.length === 0) return;
    for (const { type, workflow, position, subject } of this.#claimsOf(id)) {
      if (closed.some(([from, until]) => position > from && position < until))
        this.#accuse(
          'paused holds',
          subject,
          `${type} at ${position} while workflow ${String(workflow)} was held back`,
        );
    }
  }

  // 4. Attempts: claimed once, run once, never two at a time but for those that lost their lease.

  #attemptsOfAgents(): void {
    const places = new Map<string, string>();
    for (const [key, begins] of this.#begins) {
      const [begin] = begins as [Of<'begin'>];
      const attempt = this.#attempts.get(key);
      if (begins.length > 1)
        this.#accuse(
          'an attempt runs once',
          begin.task,
          `attempt ${begin.attempt} began ${begins.length} times, by ${begins.map(({ by }) => by).join(' and ')}`,
        );
      if (attempt === undefined) {
        this.#accuse('an attempt is claimed', begin.task, `attempt ${begin.attempt} ran without a claim`);
        continue;
      }
      if (attempt.agent !== begin.agent)
        this.#accuse(
          'an attempt is claimed',
          begin.task,
          `attempt ${begin.attempt} was claimed for ${attempt.agent}, and ${begin.agent} ran`,
        );
      if (begin.at < attempt.claimed.at - slackMs)
        this.#accuse('an attempt is claimed', begin.task, `attempt ${begin.attempt} ran before its claim`);
      const place = places.get(attempt.worker) ?? begin.by;
      if (place !== begin.by) this.#accuse('one holder', attempt.worker, `was worker of both ${place} and ${begin.by}`);
      places.set(attempt.worker, place);
    }
    for (const row of this.#tasks.values()) {
      const last = this.#attempts.get(`${row.id}/${row.attempt}`);
      if (row.status !== 'completed' || last === undefined) continue;
      // What completes a task is the end of the attempt that the log names, and it came before the record.
      const [end] = this.#ends.get(`${row.id}/${row.attempt}`) ?? [];
      if (end === undefined || end.outcome !== 'returned')
        this.#accuse(
          'no stale write',
          row.id,
          `attempt ${row.attempt} is recorded as completed, and its agent did not return`,
        );
      else if (end.text !== row.output)
        this.#accuse('one result', row.id, `the agent returned ${end.text}, and ${String(row.output)} is recorded`);
      else if (last.end !== undefined && end.at > last.end.at + slackMs)
        this.#accuse('no stale write', row.id, 'was recorded as completed before its agent returned');
    }
    for (const { task, number, end } of this.#attempts.values()) {
      if (end?.type !== 'task.retry_scheduled') continue;
      const [line] = this.#ends.get(`${task}/${number}`) ?? [];
      if (line?.outcome !== 'threw')
        this.#accuse('no stale write', task, `attempt ${number} is recorded as failed, and its agent did not throw`);
    }
  }

  #overlaps(): void {
    const byTask = Map.groupBy([...this.#begins.values()].flat(), ({ task }) => task);
    for (const [task, begins] of byTask) {
      const row = this.#tasks.get(task);
      begins.sort((first, second) => first.attempt - second.attempt);
      for (const [index, begin] of begins.entries()) {
        if (row?.status === 'completed' && begin.attempt > row.attempt)
          this.#accuse(
            'completed is over',
            task,
            `attempt ${begin.attempt} ran after the task had completed in attempt ${row.attempt}`,
          );
        const next = begins[index + 1];
        if (next === undefined) continue;
        const [end] = this.#ends.get(attemptKey(begin)) ?? [];
        const attempt = this.#attempts.get(attemptKey(begin));
        // Taken over, or given up after its grace: the only ways in which an old attempt may still be going on.
        const isOver = attempt?.end?.type === 'task.crashed' || attempt?.end?.type === 'task.released';
        if (!isOver && next.mono < begin.mono)
          this.#accuse(
            'no two attempts at once',
            task,
            `attempt ${next.attempt} began before attempt ${begin.attempt}`,
          );
        else if (!isOver && (end === undefined || end.mono > next.mono))
          this.#accuse(
            'no two attempts at once',
            task,
            `attempt ${begin.attempt} was going on when attempt ${next.attempt} began`,
          );
      }
    }
  }

  // 5. Steps.

  #journal(): void {
    const effects = Map.groupBy(this.#all('effect'), stepKey);
    const journal = new Map(this.#steps.map((row) => [stepKey(row), row]));
    if (journal.size !== this.#steps.length)
      this.#accuse('a step is recorded once', 'steps', `${this.#steps.length - journal.size} are recorded twice`);
    for (const [key, row] of journal) {
      const lines = effects.get(key) ?? [];
      const own = lines.filter(({ attempt }) => attempt === row.attempt);
      if (own.length !== 1)
        this.#accuse(
          'a recorded step happened',
          row.task,
          `step ${row.step} is recorded in attempt ${row.attempt}, where it happened ${own.length} times`,
        );
      else if (own[0]?.value !== row.value)
        this.#accuse(
          'a recorded step happened',
          row.task,
          `step ${row.step} gave ${String(own[0]?.value)}, and ${row.value} is recorded`,
        );
      for (const line of lines) {
        if (line.attempt > row.attempt)
          this.#accuse(
            'a recorded step never runs again',
            row.task,
            `step ${row.step} is recorded in attempt ${row.attempt} and happened again in attempt ${line.attempt}`,
          );
      }
      const attempt = this.#attempts.get(`${row.task}/${row.attempt}`);
      const overAt = attempt?.end?.at ?? Infinity;
      if (attempt === undefined || attempt.agent !== row.agent)
        this.#accuse(
          'a recorded step happened',
          row.task,
          `step ${row.step} is of attempt ${row.attempt}, which ${row.agent} never had`,
        );
      else if (row.at < attempt.claimed.at || row.at > overAt)
        this.#accuse(
          'no stale write',
          row.task,
          `step ${row.step} of attempt ${row.attempt} was recorded when that was not the current attempt`,
        );
    }
    for (const line of this.#all('recorded')) {
      const row = journal.get(stepKey(line));
      if (row === undefined || row.attempt !== line.attempt || row.value !== line.value)
        this.#accuse(
          'an acknowledged step is recorded',
          line.task,
          `step ${line.step} of attempt ${line.attempt} returned to its agent, and the journal has ${row === undefined ? 'nothing' : `attempt ${row.attempt}`}`,
        );
    }
    for (const line of this.#all('replayed')) {
      const row = journal.get(stepKey(line));
      // An attempt that was taken over may come to read its journal only when the next one has added to it.
      const wasLate = this.#attempts.get(attemptKey(line))?.end?.type === 'task.crashed';
      if (row === undefined || row.value !== line.value || (row.attempt >= line.attempt && !wasLate))
        this.#accuse(
          'a replay tells what was recorded',
          line.task,
          `step ${line.step} was replayed as ${line.value} in attempt ${line.attempt}, and the journal has ${row?.value ?? 'nothing'} of attempt ${row?.attempt ?? 0}`,
        );
    }
    for (const { id, status, output, agent } of this.#tasks.values()) {
      if (status !== 'completed' || output === null) continue;
      for (const [step, value] of Object.entries(JSON.parse(output) as Record<string, string>)) {
        if (journal.get(`${id}/${String(agent)}/${step}`)?.value !== value)
          this.#accuse('one result', id, `its output holds ${value} for step ${step}, and the journal does not`);
      }
    }
  }

  // 6. What was intended, what was commanded, what was read.

  #outcomes(): void {
    const cancelledWorkflows = new Set(
      [...this.#workflows.values()].filter(({ cancelRequested }) => cancelRequested === 1).map(({ id }) => id),
    );
    const cancelled = new Set(this.#all('cancelled').map(({ task }) => task));
    const expectations = new Map(
      this.#all('intent').flatMap(({ what, key, expect }) =>
        what === 'task' && expect !== undefined ? [[key, expect] as const] : [],
      ),
    );
    for (const row of this.#tasks.values()) {
      const expect = expectations.get(row.name);
      if (expect?.notBefore !== undefined) {
        const [first] = this.#eventsOf(row.id).filter(({ type }) => type === 'task.claimed');
        if (first !== undefined && first.at < expect.notBefore - slackMs)
          this.#accuse('due times', row.id, `was started ${expect.notBefore - first.at} ms before it was due`);
      }
      if (expect === undefined || !ended.has(row.status)) continue;
      const mayBeCancelled =
        row.status === 'cancelled' &&
        (cancelled.has(row.id) ||
          cancelledWorkflows.has(row.workflow ?? '') ||
          this.#eventsOf(row.id).some(({ type, data }) => type === 'task.cancelled' && data['reason'] !== undefined));
      if (mayBeCancelled) continue;
      const code = row.error === null ? undefined : (JSON.parse(row.error) as { readonly code?: string }).code;
      if (row.status !== expect.status || (expect.code !== undefined && code !== expect.code))
        this.#accuse(
          'outcome',
          row.id,
          `${row.name} was to be ${expect.status} ${expect.code ?? ''}, and is ${row.status} ${code ?? ''}`,
        );
    }
  }

  #commands(): void {
    for (const { task, status, at } of this.#all('cancelled')) {
      const row = this.#tasks.get(task);
      const wanted = status === 'running' || status === 'cancelled' ? 'cancelled' : status;
      if (row?.status !== wanted)
        this.#accuse(
          'an acknowledged cancel holds',
          task,
          `was answered ${status} at ${at}, and the task is ${String(row?.status)}`,
        );
    }
    for (const { task, status, at } of this.#all('seen')) {
      const later = this.#eventsOf(task).some((event) => event.type === 'task.retried' && event.at >= at - slackMs);
      if (this.#tasks.get(task)?.status !== status && !later)
        this.#accuse(
          'an end that was read stays',
          task,
          `was read as ${status}, and is ${String(this.#tasks.get(task)?.status)}`,
        );
    }
    for (const { workflow, command, at } of this.#all('workflow')) {
      const type = { pause: 'workflow.paused', resume: 'workflow.resumed', cancel: 'workflow.cancel_requested' }[
        command
      ];
      const settled = this.#eventsOf(workflow).some(
        (event) => event.type === 'workflow.settled' && event.at <= at + slackMs,
      );
      if (
        command !== 'resume' &&
        !(command === 'cancel' && settled) &&
        !this.#eventsOf(workflow).some((event) => event.type === type)
      )
        this.#accuse('nothing lost', workflow, `${command} was acknowledged, and its log has none`);
      if (command !== 'cancel') continue;
      for (const { id } of this.#tasksOf(workflow)) {
        for (const event of this.#eventsOf(id)) {
          const late = event.type === 'task.completed' || event.type === 'task.failed';
          if (late && event.at > at + slackMs) {
            const message = `${event.type} ${event.at - at} ms after the cancel of ${workflow} was acknowledged`;
            this.#accuse('an acknowledged cancel holds', id, message);
          }
        }
      }
    }
    for (const { during, code, message, by } of this.#all('error'))
      this.#accuse('no unexpected error', by, `${during}: ${code} ${message}`);
  }

  // 7. Leases and processes.

  #leases(): void {
    const latest = new Map<string, number>();
    for (const { worker, until } of this.#all('lease')) latest.set(worker, Math.max(latest.get(worker) ?? 0, until));
    for (const { worker, number, task, end } of this.#attempts.values()) {
      if (end?.type !== 'task.crashed') continue;
      const tooEarly = (latest.get(worker) ?? 0) - (end.at - this.#wallOffset);
      // Both clocks are read a moment apart, and one of them in whole milliseconds.
      if (tooEarly > 10)
        this.#accuse(
          'no takeover before the lease is over',
          task,
          `attempt ${number} was taken from ${worker} ${tooEarly.toFixed(0)} ms early`,
        );
    }
  }

  #processes(): void {
    const killed = new Map(this.#all('kill').map((line) => [line.process, line.mono]));
    const asked = new Set([...killed.keys(), ...this.#all('terminate').map((line) => line.process)]);
    for (const { by, mono, kind } of this.#evidence.lines) {
      const at = killed.get(by);
      if (at !== undefined && mono > at + 1_000)
        this.#accuse('evidence', by, `wrote ${kind} ${(mono - at).toFixed(0)} ms after it was killed`);
    }
    for (const { process, code, signal } of this.#all('exit')) {
      if (code !== 0 && !asked.has(process))
        this.#accuse('no process ends by itself', process, `ended with ${signal ?? String(code)}`);
      if (code !== 0 && code !== null) this.#accuse('no process ends by itself', process, `ended with code ${code}`);
    }
  }

  // 8. Quiet.

  #quiescence(): void {
    if (!this.#evidence.quiet) this.#accuse('quiet', 'lane', 'work was left when the wait for quiet ran out');
    for (const { id, status, attempt, dueAt, boundTo, held, workflow } of this.#tasks.values()) {
      if (status === 'running' || status === 'waiting') this.#accuse('quiet', id, `is still ${status}`);
      if (boundTo !== null) this.#accuse('quiet', id, `is still bound to ${boundTo}`);
      if (status === 'pending' && dueAt !== null) this.#accuse('quiet', id, 'is due and nobody took it');
      // Created and left alone is the only way to be pending now.
      const untouched =
        attempt === 0 &&
        this.#eventsOf(id).every(({ type, data }) => type !== 'task.submitted' && data['dueAt'] === undefined);
      if (status === 'pending' && dueAt === null && !untouched)
        this.#accuse('quiet', id, 'is open, and will never be due');
      if (held === 1 && this.#workflows.get(workflow ?? '')?.paused !== 1)
        this.#accuse('quiet', id, 'is held back, and its workflow is not paused');
    }
    for (const row of this.#evidence.database.prepare('SELECT id FROM workers').all())
      this.#accuse('quiet', String(row['id']), 'has a row, and its process is gone');
  }

  // Figures.

  /** Attempts that were going on in a process when it was killed. */
  #underway({ process, mono }: Of<'kill' | 'stop'>): readonly Of<'begin'>[] {
    return (
      this.#beginsBy()
        .get(process)
        ?.filter((begin) => {
          const [end] = this.#ends.get(attemptKey(begin)) ?? [];
          return begin.mono < mono && (end === undefined || end.mono > mono);
        }) ?? []
    );
  }

  #beginsBy(): ReadonlyMap<string, readonly Of<'begin'>[]> {
    return (this.#beginsByProcess ??= Map.groupBy(this.#all('begin'), ({ by }) => by));
  }
  #beginsByProcess: ReadonlyMap<string, readonly Of<'begin'>[]> | undefined;

  /** Attempts that a stopped process held and that were taken from it before it was continued or killed. */
  #zombies(): number {
    let count = 0;
    for (const stop of this.#all('stop')) {
      const resume =
        this.#all('continue').find(({ process, mono }) => process === stop.process && mono > stop.mono)?.at ?? Infinity;
      for (const begin of this.#underway(stop)) {
        const end = this.#attempts.get(attemptKey(begin))?.end;
        if (end?.type === 'task.crashed' && end.at > stop.at && end.at <= resume + slackMs) count++;
      }
    }
    return count;
  }

  /** Attempts that were taken from a process that had neither been killed nor stopped: it was too slow to renew. */
  #starved(): number {
    const ends = new Map(this.#all('exit').map((line) => [line.process, line.at]));
    const stops = Map.groupBy(this.#all('stop'), ({ process }) => process);
    return [...this.#attempts.values()].filter(({ task, number, end }) => {
      const [begin] = this.#begins.get(`${task}/${number}`) ?? [];
      if (begin === undefined || end?.type !== 'task.crashed') return false;
      const wasStopped = (stops.get(begin.by) ?? []).some(({ at }) => at <= end.at);
      return !wasStopped && (ends.get(begin.by) ?? Infinity) > end.at;
    }).length;
  }

  /** Refused writes that came while another attempt of the task was under way. */
  #overtaken(): number {
    return this.#all('stale').filter(({ task, attempt, at }) =>
      [...this.#attempts.values()].some(
        (other) =>
          other.task === task && other.number > attempt && other.claimed.at < at && (other.end?.at ?? Infinity) > at,
      ),
    ).length;
  }

  /** From each kill to the release of what it had cut off. */
  #takeoverDelays(): readonly number[] {
    return this.#all('kill')
      .flatMap((kill) =>
        this.#underway(kill).flatMap((begin) => {
          const end = this.#attempts.get(attemptKey(begin))?.end;
          return end?.type === 'task.crashed' ? [end.at - kill.at] : [];
        }),
      )
      .sort((first, second) => first - second);
  }

  #claims: ReadonlyMap<string | null, readonly EventRow[]> | undefined;
  #claimsOf(workflow: string): readonly EventRow[] {
    this.#claims ??= Map.groupBy(
      this.#events.filter(({ type }) => type === 'task.claimed'),
      (event) => event.workflow,
    );
    return this.#claims.get(workflow) ?? [];
  }

  #tasksOf(workflow: string): readonly TaskRow[] {
    this.#members ??= Map.groupBy(this.#tasks.values(), (row) => row.workflow);
    return this.#members.get(workflow) ?? [];
  }
  #members: ReadonlyMap<string | null, readonly TaskRow[]> | undefined;

  #eventsOf(subject: string): readonly EventRow[] {
    return this.#bySubject.get(subject) ?? [];
  }

  #all<K extends Kind>(kind: K): Of<K>[] {
    return (this.#lines.get(kind) ?? []) as Of<K>[];
  }

  #accuse(rule: string, subject: string, message: string): void {
    this.violations.push({ rule, subject, message });
  }
}

function attemptKey({ task, attempt }: { readonly task: string; readonly attempt: number }): string {
  return `${task}/${attempt}`;
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

/** A task that was created for an agent, or claimed by id for one, keeps it. */
function isPinned(events: readonly EventRow[]): boolean {
  return events[0]?.data['agentId'] !== undefined;
}

function settledStatus(
  counted: { readonly total: number; readonly failed: number; readonly cancelled: number },
  cancelRequested: boolean,
): string {
  if (counted.failed > 0) return 'failed';
  return cancelRequested || counted.cancelled === counted.total ? 'cancelled' : 'completed';
}

function readTasks(database: DatabaseSync): TaskRow[] {
  return database
    .prepare(
      `SELECT id, name, idempotency_key AS key, status, attempt, failures, crashes, agent_id AS agent, worker_id AS worker,
         bound_to AS boundTo, due_at AS dueAt, held, cancel_at AS cancelAt, workflow_id AS workflow, last_seq AS lastSeq,
         iif(spilled & 8, (SELECT text FROM payloads WHERE task_id = tasks.id AND part = 'output'), output) AS output,
         iif(spilled & 16, (SELECT text FROM payloads WHERE task_id = tasks.id AND part = 'error'), error) AS error,
         finished_at AS finishedAt
       FROM tasks ORDER BY id`,
    )
    .all() as unknown as TaskRow[];
}

function readWorkflows(database: DatabaseSync): WorkflowRow[] {
  return database
    .prepare(
      `SELECT id, idempotency_key AS key, sealed, paused, cancel_requested AS cancelRequested, total, open, failed, cancelled,
         started, last_seq AS lastSeq, settled_at AS settledAt
       FROM workflows ORDER BY id`,
    )
    .all() as unknown as WorkflowRow[];
}

function readSteps(database: DatabaseSync): StepRow[] {
  return database
    .prepare(
      'SELECT task_id AS task, agent_id AS agent, identity AS step, attempt, output, at FROM steps ORDER BY rowid',
    )
    .all()
    .map((row) => ({ ...row, value: JSON.parse(String(row['output'])) as string }) as unknown as StepRow);
}

function readEvents(database: DatabaseSync): EventRow[] {
  return database
    .prepare(
      'SELECT position, subject, seq, workflow_id AS workflow, type, at, data FROM events ORDER BY subject, seq, position',
    )
    .all()
    .map((row) => ({ ...row, data: JSON.parse(String(row['data'])) as object }) as unknown as EventRow);
}
