import {
  addCounters,
  contribution,
  isSettled,
  isTerminal,
  type Agent,
  type Command,
  type CommitRequest,
  type CommitResponse,
  type GroupResult,
  type NewTaskRecord,
  type Renewal,
  type Store,
  type SymphonyEvent,
  type TaskRecord,
  type TaskStatus,
  type WorkflowCounters,
} from '@symphony/core';
import { legalSteps, statusAfter } from '../store-suite/invariants.ts';
import type { Call } from './link.ts';
import type { Observer, Outcome } from './network.ts';
import { checkRetry } from './retry-delay.ts';
import type { Timeline } from './timeline.ts';
import { demand, Violation } from './violation.ts';
import { startOfTime, type VirtualProcess } from './virtual-process.ts';

/** What a run has shown besides keeping its promises. */
export interface RefereeFigures {
  attempts: number;
  /** Writes of attempts that were not the current one any more, and that the store refused. */
  staleWrites: number;
  /** Tasks that were taken from a worker whose lease was over. */
  takeovers: number;
  /** The longest time from the death of a worker to the release of a task that it held. */
  slowestTakeoverMs: number;
  /** The longest time from the wish to cancel to the abort of the signal, in a process that was well. */
  slowestCancelMs: number;
}

/** An attempt whose agent runs somewhere. */
export interface ActiveAttempt {
  readonly taskId: string;
  readonly attempt: number;
  readonly agentId: string;
  readonly process: VirtualProcess;
  readonly signal: AbortSignal;
  readonly startedAt: number;
  isOver: boolean;
}

/** How often a worker looks after its lease, in milliseconds. */
interface Times {
  readonly renewMs: number;
  readonly pollMs: number;
}

/** What is known of a task: all of it by what was asked for, answered and logged, none of it by the engine's own word. */
interface KnownTask {
  readonly id: string;
  readonly asked: NewTaskRecord;
  workflowId: string | null;
  status: TaskStatus;
  attempt: number;
  lastSeq: number;
  workerId: string | undefined;
  agentId: string | undefined;
  cancelRequested: boolean;
  /** When its current attempt was claimed, on the timeline. */
  claimedAt: number;
  /** The output that was accepted. */
  output: string | undefined;
  /** By agent and identity, the attempt that has recorded it. */
  readonly steps: Map<string, number>;
  /** As it was last read. */
  row: TaskRecord | undefined;
}

interface KnownWorkflow {
  readonly tasks: Set<string>;
  paused: boolean;
  cancelRequested: boolean;
}

interface KnownLease {
  readonly process: VirtualProcess;
  readonly until: number;
  /** Whether its process was told that it is open. */
  isHeardOf: boolean;
}

/** How many events are read at a time. */
const page = 1_000;

const noCounters: WorkflowCounters = { total: 0, open: 0, failed: 0, cancelled: 0, started: 0 };

/**
 * Judges every call that was carried out, by a picture of its own of what the store must hold: answers are true, the log
 * is legal and tells the rows, nobody writes under an attempt that is over or holds a task that is somebody else's.
 */
export class Referee implements Observer {
  readonly figures: RefereeFigures = {
    attempts: 0,
    staleWrites: 0,
    takeovers: 0,
    slowestTakeoverMs: 0,
    slowestCancelMs: 0,
  };
  /** What agents have shown to be broken. */
  violation: Violation | undefined;
  readonly #store: Store;
  readonly #timeline: Timeline<VirtualProcess>;
  readonly #times: Times;
  readonly #limits: ReadonlyMap<string, number>;
  readonly #tasks = new Map<string, KnownTask>();
  /** Tasks that the store was asked to create. */
  readonly #asked = new Map<string, NewTaskRecord>();
  /** By parent and key, the task that was spawned. */
  readonly #spawned = new Map<string, string>();
  readonly #workflows = new Map<string, KnownWorkflow>();
  readonly #acknowledged = new Set<string>();
  readonly #leases = new Map<string, KnownLease>();
  readonly #attempts = new Map<string, ActiveAttempt>();
  readonly #running = new Map<string, number>();
  #position = 0;
  /** Tasks that have not ended. */
  #open = 0;

  constructor(
    store: Store,
    timeline: Timeline<VirtualProcess>,
    { times, agents }: { readonly times: Times; readonly agents: readonly Agent[] },
  ) {
    this.#store = store;
    this.#timeline = timeline;
    this.#times = times;
    this.#limits = new Map(
      agents.flatMap(({ id, limits }) => (limits?.concurrency === undefined ? [] : [[id, limits.concurrency]])),
    );
  }

  /** Up to which position the log has been judged. */
  get position(): number {
    return this.#position;
  }

  /** Whether some task has not ended. */
  get hasOpenTasks(): boolean {
    return this.#open > 0;
  }

  /** Tasks that have not ended, as they were last read. */
  get openTasks(): readonly TaskRecord[] {
    return [...this.#tasks.values()].flatMap(({ row }) => (row === undefined || isTerminal(row.status) ? [] : [row]));
  }

  /** An agent begins to run. */
  enter(begun: Omit<ActiveAttempt, 'startedAt' | 'isOver'>): ActiveAttempt {
    const { taskId, attempt } = begun;
    const task = this.#tasks.get(taskId);
    if (attempt > (task?.attempt ?? 0)) this.#find(`attempt ${attempt} at ${taskId} runs, and was never claimed (I6)`);
    this.figures.attempts++;
    const active = { ...begun, startedAt: this.#timeline.now, isOver: false };
    this.#attempts.set(`${taskId}#${attempt}`, active);
    const { startToCloseMs } = task?.asked.timeouts ?? {};
    if (task?.attempt === attempt && startToCloseMs !== undefined)
      this.#expectAbort(task, startToCloseMs, 'its time was over');
    return active;
  }

  /** An agent has come to its end. */
  leave(active: ActiveAttempt): void {
    active.isOver = true;
    this.#attempts.delete(`${active.taskId}#${active.attempt}`);
  }

  /** The function of a step is about to be called. */
  enterStep({ taskId, attempt, agentId }: ActiveAttempt, identity: string): void {
    const by = this.#tasks.get(taskId)?.steps.get(stepKey(agentId, identity));
    // An attempt that does not know yet that it is over may well repeat what its successor has recorded.
    if (by === undefined || by > attempt) return;
    this.#find(`attempt ${attempt} at ${taskId} runs step ${identity} again, which attempt ${by} had recorded`);
  }

  /** For what is found where nobody would hear of an exception. */
  #find(promise: string): void {
    this.violation ??= new Violation(promise);
  }

  async after(call: Call, from: VirtualProcess, outcome: Outcome): Promise<void> {
    if (!call.writes || 'error' in outcome) return;
    await this.#noteLease(call, from, outcome.value);
    const { commit } = call;
    const { results } = commit === undefined ? { results: [] } : (outcome.value as CommitResponse);
    for (const [index, result] of results.entries()) this.#noteGroup(commit?.groups[index] ?? [], result);
    const touched = await this.#readLog(commit);
    for (const [index, result] of results.entries()) {
      for (const command of commit?.groups[index] ?? []) {
        if (result.status === 'ok') this.#checkDone(command, result);
        touched.add(subjectOf(command));
      }
    }
    await this.#checkRows(touched);
  }

  heard(call: Call, outcome: Outcome): void {
    if ('error' in outcome) return;
    if (call.method === 'openWorker') {
      const lease = this.#leases.get((call.parameter as Parameters<Store['openWorker']>[0]).id);
      if (lease !== undefined) lease.isHeardOf = true;
    }
    if (call.commit === undefined) return;
    const { results } = outcome.value as CommitResponse;
    for (const [index, result] of results.entries()) {
      const group = call.commit.groups[index] ?? [];
      if (result.status === 'duplicate' && this.#tasks.has(result.id)) this.#acknowledged.add(result.id);
      if (result.status !== 'ok') continue;
      for (const command of group) {
        if (command.type === 'createTask' || command.type === 'spawn') {
          this.#acknowledged.add(createdBy(command, group.length, result));
        }
      }
    }
  }

  /** A process that has ended in good order has given back all its leases. */
  async checkClosed(process: VirtualProcess): Promise<void> {
    for (const [id, lease] of this.#leases) {
      // One that it does not know of, since the answer was lost, runs out by itself.
      if (lease.process !== process || !lease.isHeardOf) continue;
      const row = await this.#store.worker(id);
      demand(row === undefined, () => `${process.name} was closed, and its lease ${id} is left (I31)`);
    }
  }

  /** What must hold when nothing happens any more. */
  async checkEnd(): Promise<void> {
    for (const id of this.#acknowledged) {
      demand((await this.#store.getTask(id)) !== undefined, () => `${id} was acknowledged and is lost`);
    }
    for (const { id, steps } of this.#tasks.values()) {
      for (const key of steps.keys()) {
        const [agentId, identity] = JSON.parse(key) as readonly [string, string];
        const journal = await this.#store.steps(id, agentId);
        demand(
          journal.some((step) => step.identity === identity),
          () => `step ${identity} of ${id} was recorded and is lost`,
        );
      }
    }
  }

  async #noteLease({ method, parameter }: Call, process: VirtualProcess, value: unknown): Promise<void> {
    if (method === 'closeWorker') {
      const row = await this.#store.worker(parameter as string);
      demand(row === undefined, () => `${process.name} has closed lease ${String(parameter)}, and it is left (I31)`);
      this.#leases.delete(parameter as string);
    }
    if (method !== 'openWorker' && method !== 'renew') return;
    const { id, leaseMs } = parameter as Parameters<Store['openWorker']>[0];
    if (method === 'renew' && !(value as Renewal).alive) return;
    const isHeardOf = this.#leases.get(id)?.isHeardOf === true;
    this.#leases.set(id, { process, until: this.#timeline.now + leaseMs, isHeardOf });
  }

  /** What a group and its answer say, compared with what is known so far. */
  #noteGroup(group: readonly Command[], result: GroupResult): void {
    if (result.status === 'stale') this.figures.staleWrites++;
    if (result.status !== 'ok') return;
    for (const command of group) {
      if (command.type === 'createTask' || command.type === 'spawn') this.#asked.set(command.task.id, command.task);
      if (command.type === 'spawn') this.#noteSpawn(command);
      const written = attemptOf(command);
      if (written === undefined) continue;
      const task = this.#tasks.get(written.id);
      demand(
        task?.status === 'running' && task.attempt === written.attempt,
        () =>
          `${command.type} of attempt ${written.attempt} at ${written.id} was accepted, which is ${task?.status} in attempt ${task?.attempt} (I10)`,
      );
      if (command.type === 'recordStep') this.#noteStep(task as KnownTask, command.step);
      if (command.type === 'report' && command.command.type === 'complete')
        (task as KnownTask).output = command.command.output;
    }
  }

  #noteSpawn({ id, key, task }: Extract<Command, { readonly type: 'spawn' }>): void {
    const name = JSON.stringify([id, key]);
    const known = this.#spawned.get(name);
    demand(known === undefined, () => `${id} has spawned "${key}" twice: ${known} and ${task.id} (I19)`);
    this.#spawned.set(name, task.id);
  }

  #noteStep({ steps }: KnownTask, step: Extract<Command, { readonly type: 'recordStep' }>['step']): void {
    const key = stepKey(step.agentId, step.identity);
    if (!steps.has(key)) steps.set(key, step.attempt);
  }

  /** What was answered with `ok` has happened. */
  #checkDone(command: Command, result: Extract<GroupResult, { readonly status: 'ok' }>): void {
    const done = (isDone: boolean | undefined): void =>
      demand(isDone === true, () => `${command.type} of ${subjectOf(command)} was acknowledged and not carried out`);
    switch (command.type) {
      case 'createTask':
        done(this.#tasks.has(command.task.id) || this.#tasks.has(result.value.task?.id ?? ''));
        break;
      case 'spawn':
        done(this.#tasks.has(command.task.id));
        break;
      case 'report': {
        const task = this.#tasks.get(command.id);
        done(task !== undefined && (task.attempt !== command.attempt || task.status !== 'running'));
        break;
      }
      case 'cancelTask': {
        const task = this.#tasks.get(command.id);
        done(task !== undefined && (task.cancelRequested || isTerminal(task.status)));
        break;
      }
      case 'pauseWorkflow':
      case 'resumeWorkflow':
        done(this.#workflows.get(command.id)?.paused === (command.type === 'pauseWorkflow'));
        break;
      default:
    }
  }

  /** Reads what was logged since, and answers with whom it is about. */
  async #readLog(commit: CommitRequest | undefined): Promise<Set<string>> {
    const touched = new Set<string>();
    for (;;) {
      const events = await this.#store.events({ after: this.#position, limit: page });
      for (const event of events) {
        demand(event.position > this.#position, () => `position ${event.position} does not increase`);
        this.#position = event.position;
        touched.add(event.subject);
        if (event.type.startsWith('task.')) this.#noteTaskEvent(event, commit);
        else if (event.type.startsWith('workflow.')) this.#noteWorkflowEvent(event, commit);
      }
      if (events.length < page) return touched;
    }
  }

  #noteTaskEvent(event: SymphonyEvent, commit: CommitRequest | undefined): void {
    const { subject, type, seq } = event;
    const task = type === 'task.created' ? this.#create(event) : this.#tasks.get(subject);
    if (task === undefined) throw new Violation(`${subject} has a log that does not begin with its creation (I5)`);
    demand(seq === task.lastSeq + 1, () => `event ${seq} of ${subject} follows event ${task.lastSeq} (I5)`);
    task.lastSeq = seq;
    if (type === 'task.created') return;
    this.#checkEvent(event, task, commit);
    const next = statusAfter[type];
    if (next === undefined) return;
    demand(
      legalSteps.has(`${task.status} → ${next}`),
      () => `event ${seq} of ${subject}, ${type}, goes from ${task.status} to ${next} (I5)`,
    );
    this.#count(task, -1);
    task.status = next;
    if (next !== 'running') task.workerId = undefined;
    this.#count(task, 1);
  }

  #create({ subject }: SymphonyEvent): KnownTask {
    const asked = this.#asked.get(subject);
    if (asked === undefined) throw new Violation(`${subject} was created, and nobody has asked for it (I33)`);
    demand(!this.#tasks.has(subject), () => `${subject} was created twice`);
    const task: KnownTask = {
      id: subject,
      asked,
      workflowId: null,
      status: 'pending',
      attempt: 0,
      lastSeq: 0,
      workerId: undefined,
      agentId: undefined,
      cancelRequested: false,
      claimedAt: 0,
      output: undefined,
      steps: new Map(),
      row: undefined,
    };
    this.#tasks.set(subject, task);
    this.#open++;
    return task;
  }

  #count({ status, agentId = '' }: KnownTask, sign: 1 | -1): void {
    if (!isTerminal(status)) this.#open += sign;
    if (status === 'running') this.#running.set(agentId, (this.#running.get(agentId) ?? 0) + sign);
  }

  #checkEvent(event: SymphonyEvent, task: KnownTask, commit: CommitRequest | undefined): void {
    switch (event.type) {
      case 'task.claimed':
        this.#checkClaim(event.data, task, commit);
        break;
      case 'task.crashed':
        this.#checkTakeover(event.data.workerId, task);
        break;
      case 'task.completed':
        demand(event.data.attempt === task.attempt, () => `${task.id} was completed by attempt ${event.data.attempt}`);
        demand(!task.cancelRequested, () => `${task.id} was completed after it had been cancelled (I27)`);
        break;
      case 'task.retry_scheduled':
        checkRetry(task.id, task.asked, event, commit);
        this.#checkTimeout(event.data.error.code, task);
        break;
      case 'task.failed':
        this.#checkTimeout(event.data.error.code, task);
        break;
      case 'task.cancel_requested':
        task.cancelRequested = true;
        this.#expectAbort(task, this.#times.pollMs, 'it was cancelled', (ms) => {
          this.figures.slowestCancelMs = Math.max(this.figures.slowestCancelMs, ms);
        });
        break;
      case 'task.retried':
        task.cancelRequested = false;
        break;
      default:
    }
  }

  #checkClaim(
    { attempt, workerId, agentId }: { readonly attempt: number; readonly workerId: string; readonly agentId: string },
    task: KnownTask,
    commit: CommitRequest | undefined,
  ): void {
    const { id, asked } = task;
    demand(task.status === 'pending', () => `${id} was claimed while it was ${task.status} (I9)`);
    demand(attempt === task.attempt + 1, () => `attempt ${attempt} at ${id} follows attempt ${task.attempt} (I6)`);
    demand(!task.cancelRequested, () => `${id} was started after it had been cancelled (I27)`);
    demand(this.#leases.has(workerId), () => `${id} was given to worker ${workerId}, which has no lease`);
    const workflow = this.#workflows.get(task.workflowId ?? '');
    demand(workflow?.paused !== true, () => `${id} was started while its workflow was paused`);
    demand(workflow?.cancelRequested !== true, () => `${id} was started after its workflow had been cancelled (I27)`);
    for (const { taskId } of asked.dependsOn) {
      const status = this.#tasks.get(taskId)?.status;
      demand(
        status === 'completed',
        () => `${id} was started while ${taskId}, which it depends on, was ${status} (I18)`,
      );
    }
    const isByHand = commit?.groups.some((group) => group.some((each) => each.type === 'claimTask' && each.id === id));
    const dueAt = task.row?.dueAt ?? 0;
    const now = Math.floor(startOfTime + this.#timeline.now);
    demand(isByHand === true || dueAt <= now, () => `${id} was started ${dueAt - now} ms before it was due (I25)`);
    const limit = this.#limits.get(agentId) ?? Infinity;
    const running = this.#running.get(agentId) ?? 0;
    demand(
      running < limit,
      () => `${id} was started while ${running} attempts of "${agentId}" ran; ${limit} may (I21)`,
    );
    task.attempt = attempt;
    task.workerId = workerId;
    task.agentId = agentId;
    task.claimedAt = this.#timeline.now;
    task.output = undefined;
  }

  /** Nothing is timed out before its time. */
  #checkTimeout(code: string | undefined, { id, asked, claimedAt, row }: KnownTask): void {
    const { now } = this.#timeline;
    const { startToCloseMs, scheduleToStartMs, scheduleToCloseMs, idleMs } = asked.timeouts;
    const dueAt = (row?.dueAt ?? 0) - startOfTime;
    const firstAt = Math.max(row?.createdAt ?? 0, asked.dueAt ?? 0) - startOfTime;
    const limits: Readonly<Record<string, readonly [from: number, limitMs: number | undefined]>> = {
      START_TO_CLOSE_TIMEOUT: [claimedAt, startToCloseMs],
      IDLE_TIMEOUT: [claimedAt, idleMs],
      SCHEDULE_TO_START_TIMEOUT: [dueAt, scheduleToStartMs],
      SCHEDULE_TO_CLOSE_TIMEOUT: [firstAt, scheduleToCloseMs],
    };
    const limit = limits[code ?? ''];
    if (limit?.[1] === undefined) return;
    const [from, limitMs] = limit;
    demand(now - from >= limitMs, () => `${id} ended with ${code} after ${now - from} of ${limitMs} ms (I26)`);
  }

  #checkTakeover(workerId: string, task: KnownTask): void {
    const lease = this.#leases.get(workerId);
    const { now } = this.#timeline;
    this.figures.takeovers++;
    if (lease === undefined) return;
    const { process, until } = lease;
    demand(
      until <= now,
      () => `${task.id} was taken from ${process.name} ${until - now} ms before its lease ended (I12)`,
    );
    if (process.diedAt !== undefined) {
      this.figures.slowestTakeoverMs = Math.max(this.figures.slowestTakeoverMs, now - process.diedAt);
      return;
    }
    const active = this.#attempts.get(`${task.id}#${task.attempt}`);
    const couldAct = (since: ActiveAttempt): boolean =>
      now - Math.max(process.pausedUntil, since.startedAt) > this.#times.renewMs;
    if (active !== undefined && couldAct(active)) {
      demand(
        active.signal.aborted,
        () => `${process.name} could not renew its lease, and attempt ${task.attempt} at ${task.id} went on (I11)`,
      );
    }
    this.#expectAbort(task, this.#times.renewMs, 'its lease was lost');
  }

  /** The attempt that runs now must be told within a time in which its process was well. */
  #expectAbort(task: KnownTask, withinMs: number, why: string, told?: (afterMs: number) => void): void {
    const active = this.#attempts.get(`${task.id}#${task.attempt}`);
    if (active === undefined) return;
    const { process, signal } = active;
    const askedAt = this.#timeline.now;
    const aborted = (): void => {
      if (process.wellSince <= askedAt) told?.(this.#timeline.now - askedAt);
    };
    if (!signal.aborted) signal.addEventListener('abort', aborted, { once: true });
    const wait = (from: number): void => {
      this.#timeline.add(from + withinMs + slackMs, () => {
        if (active.isOver || !process.isAlive || signal.aborted) return;
        if (process.wellSince > from) wait(process.wellSince);
        else
          throw new Violation(`attempt ${active.attempt} at ${task.id} was not told within ${withinMs} ms that ${why}`);
      });
    };
    wait(Math.max(askedAt, process.wellSince));
  }

  #noteWorkflowEvent({ subject, type }: SymphonyEvent, commit: CommitRequest | undefined): void {
    if (type === 'workflow.created')
      this.#workflows.set(subject, { tasks: new Set(), paused: false, cancelRequested: false });
    const workflow = this.#workflows.get(subject);
    if (workflow === undefined) return;
    if (type === 'workflow.paused') {
      const isAsked = commit?.groups.some((group) =>
        group.some((each) => each.type === 'pauseWorkflow' && each.id === subject),
      );
      demand(isAsked === true, () => `${subject} was paused, and nobody has asked for it`);
      workflow.paused = true;
    }
    if (type === 'workflow.resumed') workflow.paused = false;
    if (type === 'workflow.cancel_requested') Object.assign(workflow, { cancelRequested: true, paused: false });
  }

  /** The rows say what the log says. */
  async #checkRows(touched: ReadonlySet<string>): Promise<void> {
    const workflows = new Set<string>();
    for (const id of touched) {
      const task = this.#tasks.get(id);
      if (this.#workflows.has(id)) workflows.add(id);
      if (task === undefined) continue;
      const row = await this.#store.getTask(id);
      if (row === undefined) throw new Violation(`${id} is gone`);
      checkRow(task, row);
      task.row = row;
      task.workflowId = row.workflowId;
      if (row.workflowId === null) continue;
      this.#workflows.get(row.workflowId)?.tasks.add(id);
      workflows.add(row.workflowId);
    }
    for (const id of workflows) await this.#checkWorkflow(id);
  }

  async #checkWorkflow(id: string): Promise<void> {
    const row = await this.#store.getWorkflow(id);
    if (row === undefined) throw new Violation(`${id} is gone`);
    const { total, open, failed, cancelled, started } = row;
    const counted = [...(this.#workflows.get(id)?.tasks ?? [])]
      .flatMap((taskId) => this.#tasks.get(taskId)?.row ?? [])
      .reduce((sum, task) => addCounters(sum, contribution(task)), noCounters);
    const shown = JSON.stringify({ total, open, failed, cancelled, started });
    demand(shown === JSON.stringify(counted), () => `${id} says ${shown}, and has ${JSON.stringify(counted)} (I20)`);
    demand((row.settledAt !== null) === isSettled(row), () => `${id} says wrongly whether it is settled (I17)`);
  }
}

/** What an abort may take besides the wait: a few trips to the store and late timers. */
const slackMs = 50;

function checkRow(task: KnownTask, row: TaskRecord): void {
  const { id } = task;
  demand(row.status === task.status, () => `${id} is ${row.status}, and its log says ${task.status} (I32)`);
  demand(row.attempt === task.attempt, () => `${id} is in attempt ${row.attempt}, and its log says ${task.attempt}`);
  demand(row.lastSeq === task.lastSeq, () => `${id} says ${row.lastSeq} events, and has ${task.lastSeq}`);
  demand((row.workerId ?? undefined) === task.workerId, () => `${id} is held by ${row.workerId}, not ${task.workerId}`);
  const isCompleted = row.status === 'completed';
  demand((row.output !== null) === isCompleted, () => `${id} is ${row.status} with output ${row.output} (I14)`);
  if (isCompleted) demand(row.output === task.output, () => `${id} has another output than was accepted (I14)`);
  if (row.status === 'failed') demand(row.error !== null, () => `${id} has failed without an error (I14)`);
}

function stepKey(agentId: string, identity: string): string {
  return JSON.stringify([agentId, identity]);
}

/** The attempt that a command writes for. */
function attemptOf(command: Command): { readonly id: string; readonly attempt: number } | undefined {
  if (command.type === 'recordStep') return { id: command.step.taskId, attempt: command.step.attempt };
  return command.type === 'report' || command.type === 'progress' || command.type === 'spawn' ? command : undefined;
}

function subjectOf(command: Command): string {
  switch (command.type) {
    case 'createTask':
      return command.task.id;
    case 'createWorkflow':
      return command.workflow.id;
    case 'recordStep':
      return command.step.taskId;
    case 'addTask':
      return command.taskId;
    case 'alignTasks':
      return command.workflowId;
    case 'registerAgent':
      return command.config.id;
    default:
      return command.id;
  }
}

/** The id of the task that a command has created, or found under its key. */
function createdBy(
  { task }: Extract<Command, { readonly type: 'createTask' | 'spawn' }>,
  groupSize: number,
  result: Extract<GroupResult, { readonly status: 'ok' }>,
): string {
  return groupSize === 1 ? (result.value.task?.id ?? task.id) : task.id;
}
