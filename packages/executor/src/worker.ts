import {
  checkDuration,
  checkInteger,
  checkKeys,
  defaults,
  describe,
  SymphonyError,
  toTask,
  type AgentLike,
  type AnyAgent,
  type Claimed,
  type ClaimRequest,
  type Command,
  type TaskRecord,
} from '@symphony/core';
import type { AttemptControl } from './attempt-control.ts';
import { runAttempt, type AttemptEnd } from './attempt.ts';
import { checkAgent } from './check-agent.ts';
import type { WorkerLease } from './lease.ts';
import { startPruning } from './pruning.ts';
import { previousDecisions } from './route.ts';
import { RunningAttempts } from './running-attempts.ts';
import type { ExecutorServices } from './services.ts';

/** What a worker runs. */
export interface WorkerOptions {
  /** The agents that it hosts. */
  readonly agents: readonly AgentLike[];
  /** Attempts at once. Default 8. */
  readonly concurrency?: number;
}

/** How a worker stops. */
export interface DrainOptions {
  /** How long attempts may go on before they are stopped and handed back. Default 10,000 ms; 0 stops them at once. */
  readonly timeoutMs?: number;
}

/**
 * Takes due tasks and runs them: woken by the store's doorbell, else by a poll, never more at once than its concurrency.
 * A task without assignment is routed first; if its agent is hosted here, it starts in the same commit.
 */
export class Worker {
  readonly concurrency: number;
  readonly #services: ExecutorServices;
  readonly #lease: WorkerLease;
  readonly #agents: ReadonlyMap<string, AnyAgent>;
  readonly #timeouts: ClaimRequest['timeouts'];
  readonly #onStopped: () => void;
  readonly #attempts = new RunningAttempts();
  readonly #stops: (() => void)[] = [];
  readonly #dueTimers = new Set<() => void>();
  /** Slots that are taken: by attempts, by tasks being routed, and by claims under way. */
  #taken = 0;
  #abandoned = 0;
  #claiming = false;
  #claimAgain = false;
  #draining: Promise<void> | undefined;
  #stopping = false;
  #idle: (() => void)[] = [];
  #resolveDrained: () => void = () => undefined;
  readonly #drained = new Promise<void>((resolve) => {
    this.#resolveDrained = resolve;
  });
  #warned = false;

  /** @internal Use `EnhancedExecutor.startWorker`. */
  constructor(services: ExecutorServices, lease: WorkerLease, options: WorkerOptions, onStopped: () => void) {
    checkKeys(options, ['agents', 'concurrency'], 'startWorker');
    this.concurrency =
      options.concurrency === undefined
        ? defaults.concurrency
        : checkInteger(options.concurrency, 'concurrency', 1, 100_000);
    this.#services = services;
    this.#lease = lease;
    this.#agents = toHosted(options.agents, 'startWorker');
    this.#timeouts = timeoutsByAgent(this.#agents);
    this.#onStopped = onStopped;
  }

  /** Attempts that run now. */
  get running(): number {
    return this.#attempts.size;
  }

  /** Opens the lease, says which agents are hosted here, and begins to take tasks. */
  async start(): Promise<void> {
    await this.#lease.host([...this.#agents.keys()]);
    if (this.#stopping) return;
    this.#stops.push(
      this.#services.store.onChange(() => this.#pump()),
      startPruning(this.#services),
    );
    this.#poll();
    this.#pump();
  }

  /**
   * Stops taking tasks, lets those that run go on for a while, then aborts them and hands them back at no cost. When it
   * resolves, nothing of this worker runs or is leased. A second call with a shorter limit hurries the first.
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    const timeoutMs = checkDrain(options);
    if (timeoutMs === 0) this.#attempts.stopAll();
    this.#draining ??= this.#drain(timeoutMs);
    return this.#draining;
  }

  /**
   * Drains when the process is asked to end; a second signal stops at once. Resolves when the worker is drained, for
   * whatever reason, so that the application can close what it has and end.
   */
  async stopOnSignals(signals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT']): Promise<void> {
    let count = 0;
    const stop = (): void => {
      this.drain(++count > 1 ? { timeoutMs: 0 } : {}).catch(() => undefined); // whoever waits below hears of it
    };
    for (const signal of signals) process.on(signal, stop);
    try {
      await this.#drained;
    } finally {
      for (const signal of signals) process.off(signal, stop);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  async #drain(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    for (const stop of this.#stops.splice(0)) stop();
    for (const cancel of this.#dueTimers) cancel();
    this.#dueTimers.clear();
    const cancelTimer = this.#services.clock.setTimer(() => this.#attempts.stopAll(), timeoutMs);
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
      this.#checkIdle();
    });
    cancelTimer();
    this.#lease.unhost([...this.#agents.keys()]);
    this.#onStopped();
    try {
      await this.#lease.closeIfIdle();
    } finally {
      this.#resolveDrained();
    }
  }

  #poll(): void {
    const cancel = this.#services.clock.setTimer(() => {
      this.#stops.splice(this.#stops.indexOf(cancel), 1);
      this.#pump();
      if (!this.#stopping) this.#poll();
    }, this.#services.times.pollMs);
    this.#stops.push(cancel);
  }

  #free(): number {
    const slots = this.concurrency - this.#taken;
    // What was given up still uses the machine, whatever the store says of it.
    const room = 2 * this.concurrency - this.#taken - this.#abandoned;
    if (slots > 0 && room <= 0 && !this.#warned) {
      this.#warned = true;
      this.#services.logger.warn(
        { abandoned: this.#abandoned },
        'The worker takes no tasks: too many abandoned attempts ignore their signal.',
      );
    }
    return Math.min(slots, room);
  }

  /** Claims for all free slots, one claim at a time. */
  #pump(): void {
    if (this.#claiming) {
      this.#claimAgain = true;
      return;
    }
    const limit = this.#stopping ? 0 : this.#free();
    if (limit <= 0) return;
    this.#claiming = true;
    this.#claimAgain = false;
    this.#taken += limit;
    this.#claim(limit)
      .catch((error: unknown) => {
        this.#taken -= limit;
        this.#report(error, 'Tasks could not be claimed; it is tried again.');
        this.#claimAgain = false;
      })
      .then(() => {
        this.#claiming = false;
        this.#checkIdle();
        if (this.#claimAgain) this.#pump();
      })
      .catch((error: unknown) => this.#report(error, 'A claim could not be followed up.'));
  }

  async #claim(limit: number): Promise<void> {
    const workerId = await this.#lease.hold();
    if (this.#stopping) {
      this.#taken -= limit;
      return;
    }
    const { claimed } = await this.#lease.claiming(() =>
      this.#services.store.commit({ groups: [], claim: this.#claimRequest(workerId, limit) }),
    );
    this.#taken -= limit - claimed.length;
    for (const task of claimed) this.#begin(task);
  }

  #claimRequest(workerId: string, limit: number): ClaimRequest {
    const timeouts = this.#timeouts;
    const { still } = this.#lease;
    return { workerId, hosts: [...this.#agents.keys()], limit, still, ...(timeouts && { timeouts }) };
  }

  /** Works on a claimed task. It has a slot, which it gives back in the end. */
  #begin(task: Claimed): void {
    this.#work(task)
      .catch((error: unknown) => this.#report(error, 'A task could not be worked on; it is handed back.'))
      .finally(() => {
        this.#taken--;
        this.#checkIdle();
        this.#pump();
      })
      .catch((error: unknown) => this.#report(error, 'A slot could not be given back.'));
  }

  /** Works on a task, and then on what the commit that ended it has claimed. */
  async #work(task: Claimed): Promise<void> {
    let next: Claimed | undefined = task;
    while (next !== undefined) next = next.status === 'running' ? await this.#run(next) : await this.#route(next);
  }

  async #run(task: TaskRecord): Promise<Claimed | undefined> {
    const { outcome, claimed } = await this.#attempt(task);
    if (outcome.state === 'open' && outcome.task.dueAt !== undefined) this.#pumpAt(outcome.task.dueAt);
    const [first, ...others] = claimed;
    for (const other of others) {
      this.#taken++;
      this.#begin(other);
    }
    return first;
  }

  async #attempt(task: TaskRecord): Promise<AttemptEnd> {
    const agent = this.#agents.get(task.agentId ?? '');
    if (agent === undefined) return this.#handBack(task);
    let control: AttemptControl | undefined;
    try {
      return await runAttempt(this.#services, this.#lease, {
        task,
        agent,
        data: null,
        hooks: this.#services.hooks,
        defaultMaxRetries: defaults.maxRetries,
        claim: () =>
          this.#stopping || this.#free() < 0 || task.workerId === null
            ? undefined
            : this.#claimRequest(task.workerId, 1),
        onStart: (started) => {
          control = started;
          this.#attempts.add(started);
        },
        onAbandoned: (settled) => this.#countAbandoned(settled),
      });
    } finally {
      if (control !== undefined) this.#attempts.delete(control);
    }
  }

  /** A store that gives out what was not asked for must not keep the task from others. */
  async #handBack(task: TaskRecord): Promise<AttemptEnd> {
    this.#services.logger.error(
      { taskId: task.id, agentId: task.agentId },
      'A task was claimed for an agent that is not hosted here; it is handed back.',
    );
    const reason = 'its agent is not hosted by the worker that claimed it';
    await this.#services.store.commit({
      groups: [[{ type: 'report', id: task.id, attempt: task.attempt, command: { type: 'release', reason } }]],
    });
    return { outcome: { state: 'lost' }, claimed: [] };
  }

  #countAbandoned(settled: Promise<unknown>): void {
    this.#abandoned++;
    settled
      .catch((error: unknown) => this.#report(error, 'The end of an abandoned attempt could not be noted.'))
      .finally(() => {
        this.#abandoned--;
        this.#warned = false;
        this.#pump();
      })
      .catch(() => undefined);
  }

  /** Decides on the route of a task that is bound to this worker; the task if it has started here. */
  async #route(record: TaskRecord): Promise<TaskRecord | undefined> {
    const workerId = record.boundTo;
    if (workerId === null) return undefined;
    const held = { taskId: record.id, lose: () => undefined, cancel: () => undefined };
    this.#lease.track(held);
    try {
      const [result] = (await this.#services.store.commit({ groups: [[await this.#decide(record, workerId)]] }))
        .results;
      const task = result?.status === 'ok' ? result.value.task : undefined;
      return task?.status === 'running' ? task : undefined;
    } finally {
      this.#lease.untrack(held);
    }
  }

  async #decide(record: TaskRecord, workerId: string): Promise<Command> {
    const { id } = record;
    const { router, store } = this.#services;
    if (router === undefined) {
      const reason = 'The task has no agent, and this worker has no router to choose one.';
      return { type: 'defer', id, workerId, forMs: defaults.unroutableMs, code: 'NO_ROUTE', reason };
    }
    const task = toTask(record);
    const answer = await router.decide(task, await previousDecisions(store, task));
    if ('decision' in answer) {
      const claim = !this.#stopping && this.#agents.has(answer.decision.agentId);
      const timeouts = this.#timeouts?.[answer.decision.agentId];
      return { type: 'route', id, workerId, decision: answer.decision, claim, ...(timeouts && { timeouts }) };
    }
    const { code, reason, final } = answer.noRoute;
    return final
      ? { type: 'reject', id, workerId, reason }
      : { type: 'defer', id, workerId, forMs: defaults.unroutableMs, code, reason };
  }

  /** Looks for work when a retry falls due, instead of at the next poll. */
  #pumpAt(dueAt: number): void {
    if (this.#stopping) return;
    const cancel = this.#services.clock.setTimer(
      () => {
        this.#dueTimers.delete(cancel);
        this.#pump();
      },
      Math.max(0, dueAt - this.#services.clock.now()),
      { background: true },
    );
    this.#dueTimers.add(cancel);
  }

  #checkIdle(): void {
    if (!this.#stopping || this.#taken > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #report(error: unknown, message: string): void {
    if (!SymphonyError.is(error, 'STORE_CLOSED')) {
      this.#services.logger.error({ error }, message);
    } else if (!this.#stopping) {
      // A closed store does not come back, and a worker that goes on asking would keep the process for nothing.
      this.#services.logger.error({ error }, 'The store was closed under a running worker, which stops.');
      this.drain({ timeoutMs: 0 }).catch(() => undefined);
    }
  }
}

/** The time that a drain may take. */
export function checkDrain(options: DrainOptions): number {
  checkKeys(options, ['timeoutMs'], 'drain');
  return options.timeoutMs === undefined ? defaults.drainMs : checkDuration(options.timeoutMs, 'timeoutMs', 0);
}

/** The default time limits of agents that have any, by id. */
function timeoutsByAgent(agents: ReadonlyMap<string, AnyAgent>): ClaimRequest['timeouts'] {
  const limited = [...agents].flatMap(([id, { limits }]) => {
    const { timeouts } = limits ?? {};
    return timeouts === undefined || Object.keys(timeouts).length === 0 ? [] : [[id, timeouts] as const];
  });
  return limited.length === 0 ? undefined : Object.fromEntries(limited);
}

/** Agents by id, checked. */
export function toHosted(agents: readonly AgentLike[], what: string): ReadonlyMap<string, AnyAgent> {
  if (!Array.isArray(agents) || agents.length === 0) {
    const got = Array.isArray(agents) ? 'an empty array' : describe(agents);
    throw new SymphonyError('INVALID_ARGUMENT', `${what} needs an array of at least one agent, got ${got}.`);
  }
  const hosted = new Map<string, AnyAgent>();
  for (const agent of Array.from(agents, (each: AgentLike) => checkAgent(each))) {
    if (hosted.has(agent.id))
      throw new SymphonyError('DUPLICATE_AGENT', `Two agents have the id "${agent.id}". Give each an id of its own.`, {
        details: { agentId: agent.id },
      });
    hosted.set(agent.id, agent);
  }
  return hosted;
}
