import {
  checkDuration,
  checkInteger,
  checkKeys,
  checkName,
  checkRetryPolicy,
  defaults,
  describe,
  isTerminal,
  SymphonyError,
  toTask,
  type AgentLike,
  type AnyAgent,
  type AttemptOutcome,
  type Command,
  type GroupResult,
  type JsonValue,
  type RetryPolicy,
  type RoutingDecision,
  type Task,
  type TaskRecord,
} from '@symphony/core';
import type { AttemptControl } from './attempt-control.ts';
import { copyJson, runAttempt, type AttemptRequest } from './attempt.ts';
import { checkAgent } from './check-agent.ts';
import { commitPatiently } from './context.ts';
import { crowded, crowdedSignal } from './crowded.ts';
import { checkHook, type ExecutionHooks, type PostExecutionHook, type PreExecutionHook } from './hooks.ts';
import { WorkerLease, type Held } from './lease.ts';
import { previousDecisions } from './route.ts';
import { RunningAttempts } from './running-attempts.ts';
import { toServices, type ExecutorOptions, type ExecutorServices } from './services.ts';
import { checkDrain, toHosted, Worker, type DrainOptions, type WorkerOptions } from './worker.ts';

/** How one task is executed. */
export interface ExecuteOptions {
  /** The workflow that the task belongs to, or is added to. */
  readonly workflowId?: string;
  readonly preExecutionHook?: PreExecutionHook;
  readonly postExecutionHook?: PostExecutionHook;
  /** JSON that the agent finds as `context.data`. */
  readonly context?: unknown;
  /** Cancels the task when it aborts. One that has aborted already leaves the task as it is. */
  readonly signal?: AbortSignal;
}

/** How one task is executed with retries. */
export interface RetryOptions extends ExecuteOptions {
  /** Retries after the first try: 3, the default, means at most 4 tries. */
  readonly maxRetries?: number;
  /** The first delay between tries in milliseconds; a shorthand for `retry.initialDelayMs`. */
  readonly retryDelay?: number;
  /** The whole policy; stored on the task in place of the one it had. */
  readonly retry?: RetryPolicy;
}

/** How a batch is executed. */
export interface BatchOptions {
  /** Most tasks at once. Default 10. */
  readonly maxConcurrent?: number;
  readonly workflowId?: string;
  /** When it aborts, running tasks are cancelled and the rest is left pending. */
  readonly signal?: AbortSignal;
  /** Hears of each task when it is through. `error` is set where it could not be executed at all. */
  readonly onProgress?: (progress: {
    readonly done: number;
    readonly total: number;
    readonly task: Task;
    readonly error?: Error;
  }) => void;
}

type Execution = ExecuteOptions & {
  readonly defaultMaxRetries: number;
  readonly retry?: RetryPolicy;
  readonly waitsWhilePaused: boolean;
  /** A task that has not started when the signal aborts is left as it is, instead of being cancelled. */
  readonly leavesUnstarted: boolean;
};

/** What a claim by id takes with it. */
type ClaimWish = Pick<
  Extract<Command, { readonly type: 'claimTask' }>,
  'agentId' | 'workflowId' | 'retry' | 'decision' | 'timeouts' | 'defaultMaxRetries'
>;

interface ClaimOptions {
  readonly waitsWhilePaused: boolean;
  readonly leavesUnstarted: boolean;
  /** A task that has ended meanwhile is the answer, not an error. */
  readonly endedIsAnswer: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** How long a blocked caller waits before it looks again. */
const lookAgainMs = 250;

const executeKeys = ['workflowId', 'preExecutionHook', 'postExecutionHook', 'context', 'signal'] as const;

/**
 * Runs tasks with agents: by the caller's own hand (`executeTask`, `executeWithRetry`, `batchExecute`), or as a
 * {@link Worker} that takes whatever is due.
 */
export class EnhancedExecutor {
  readonly #services: ExecutorServices;
  readonly #lease: WorkerLease;
  readonly #workers = new Set<Worker>();
  /** What runs because a caller asked for it; workers have their own. */
  readonly #attempts = new RunningAttempts();
  readonly #calls = new Set<Promise<unknown>>();
  readonly #stopping = crowded(new AbortController());
  #closing: Promise<void> | undefined;

  /**
   * @throws SymphonyError `INVALID_ARGUMENT`
   */
  constructor(options: ExecutorOptions) {
    this.#services = toServices(options);
    this.#lease = new WorkerLease(this.#services);
  }

  /**
   * Runs a task with an agent until it has ended. A failing agent gives a task that is `failed`, with its error
   * recorded, not an exception. Retries only what the task's own policy asks for.
   *
   * @returns the ended task
   * @throws SymphonyError `TASK_NOT_FOUND`, `TASK_FINISHED`, `TASK_BLOCKED`, `TASK_NOT_CLAIMABLE`, `TASK_IN_OTHER_WORKFLOW`,
   *   `AGENT_INVALID`, `LEASE_LOST`, `SHUTDOWN`
   */
  async executeTask(taskId: string, agent: AgentLike, options: ExecuteOptions = {}): Promise<Task> {
    checkKeys(options, executeKeys, 'executeTask');
    return this.#execute(taskId, agent, {
      ...options,
      defaultMaxRetries: 0,
      waitsWhilePaused: false,
      leavesUnstarted: false,
    });
  }

  /**
   * Runs a task with an agent, trying again after failures as the policy says. Between tries the task stays with this
   * process; if that dies, a worker that hosts the agent, or the same program run again, goes on where it was.
   *
   * @returns the ended task
   * @throws SymphonyError as {@link executeTask}, except that a paused workflow is waited for
   */
  async executeWithRetry(taskId: string, agent: AgentLike, options: RetryOptions = {}): Promise<Task> {
    checkKeys(options, [...executeKeys, 'maxRetries', 'retryDelay', 'retry'], 'executeWithRetry');
    const { maxRetries, retryDelay, retry, ...rest } = options;
    const shorthand: RetryPolicy = {
      ...(maxRetries === undefined ? {} : { maxRetries: checkInteger(maxRetries, 'maxRetries', 0, 1_000_000) }),
      ...(retryDelay === undefined ? {} : { initialDelayMs: checkDuration(retryDelay, 'retryDelay', 0) }),
    };
    // A shorthand changes one thing of the policy that the task has; `retry` takes the place of all of it.
    const base = retry === undefined ? undefined : checkRetryPolicy(retry);
    const isChanged = base !== undefined || Object.keys(shorthand).length > 0;
    const policy = isChanged ? { ...(base ?? (await this.#record(taskId)).retry), ...shorthand } : undefined;
    return this.#execute(taskId, agent, {
      ...rest,
      ...(policy === undefined ? {} : { retry: policy }),
      defaultMaxRetries: defaults.maxRetries,
      waitsWhilePaused: true,
      leavesUnstarted: false,
    });
  }

  /**
   * Runs many tasks, never more than `maxConcurrent` at once. One failure does not stop the others. Ids and duplicates
   * are checked before anything starts.
   *
   * @returns the tasks in the order of the input, as they are when the batch is through
   * @throws SymphonyError `TASK_NOT_FOUND`, `DUPLICATE_TASK`, `INVALID_ARGUMENT`, `AGENT_INVALID`; nothing has started then
   */
  async batchExecute(
    pairs: readonly (readonly [taskId: string, agent: AgentLike])[],
    options: BatchOptions = {},
  ): Promise<readonly Task[]> {
    checkKeys(options, ['maxConcurrent', 'workflowId', 'signal', 'onProgress'], 'batchExecute');
    const maxConcurrent =
      options.maxConcurrent === undefined
        ? defaults.maxConcurrent
        : checkInteger(options.maxConcurrent, 'maxConcurrent', 1);
    checkSignal(options.signal);
    checkHook(options.onProgress, 'onProgress');
    return this.#call(async () => {
      const batch = await this.#checkBatch(pairs, options.workflowId);
      const signal = options.signal === undefined ? {} : { signal: crowdedSignal(options.signal) };
      return this.#runBatch(batch, maxConcurrent, { ...options, ...signal });
    });
  }

  /**
   * Runs one attempt of a task, by id: the seam on which other engines stand. A task without assignment is routed first.
   *
   * @param agents the agents that may run here
   * @throws SymphonyError `TASK_NOT_FOUND`, `TASK_FINISHED`, `TASK_BLOCKED`, `TASK_NOT_CLAIMABLE`, `NO_ROUTE`, `AGENT_NOT_FOUND`
   */
  async runAttempt(taskId: string, agents: readonly AgentLike[]): Promise<AttemptOutcome> {
    const hosted = toHosted(agents, 'runAttempt');
    return this.#call(async () => {
      const task = await this.#read(taskId);
      const needsRoute = task.agentId === undefined && !isTerminal(task.status);
      const decision = needsRoute ? await this.#route(task) : undefined;
      const agentId = task.agentId ?? decision?.agentId;
      const agent = agentId === undefined ? undefined : hosted.get(agentId);
      if (agentId !== undefined && agent === undefined) {
        throw new SymphonyError(
          'AGENT_NOT_FOUND',
          `Task ${taskId} is assigned to agent "${agentId}", which is not hosted here.`,
          { details: { taskId, agentId } },
        );
      }
      const { timeouts } = agent?.limits ?? {};
      const wish: ClaimWish = { ...(timeouts && { timeouts }), ...(decision === undefined ? {} : { decision }) };
      const options = { waitsWhilePaused: false, leavesUnstarted: true, endedIsAnswer: false };
      const claimed = await this.#claim(taskId, wish, options);
      if (isTerminal(claimed.status)) return { state: 'ended', task: toTask(claimed) };
      return this.#attempt({
        task: claimed,
        agent: agent as AnyAgent, // a task without agent has ended, and a claim of it is refused
        data: null,
        hooks: this.#services.hooks,
        defaultMaxRetries: defaults.maxRetries,
      });
    });
  }

  /**
   * Starts taking due tasks.
   *
   * @throws SymphonyError `DUPLICATE_AGENT`, `AGENT_INVALID`, `INVALID_ARGUMENT`
   */
  async startWorker(options: WorkerOptions): Promise<Worker> {
    this.#checkOpen();
    const worker = new Worker(this.#services, this.#lease, options, () => this.#workers.delete(worker));
    this.#workers.add(worker);
    try {
      await worker.start();
      return worker;
    } catch (error) {
      await worker.drain({ timeoutMs: 0 });
      throw error;
    }
  }

  /** Workers of this executor that take tasks. */
  get workerCount(): number {
    return this.#workers.size;
  }

  /**
   * Stops workers and callers alike: nothing new starts, what runs may go on for a while, then it is handed back at no
   * cost and its caller is rejected with `SHUTDOWN`. At the end the lease is given back. Twice is harmless; a second call
   * with `timeoutMs: 0` hurries the first.
   *
   * @throws SymphonyError `INVALID_ARGUMENT`
   */
  async close(options: DrainOptions = {}): Promise<void> {
    const timeoutMs = checkDrain(options);
    this.#closing ??= this.#close(timeoutMs);
    if (timeoutMs === 0) this.#hurry();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#stopping.abort();
    const cancelTimer = this.#services.clock.setTimer(() => this.#attempts.stopAll(), timeoutMs);
    const drained = await Promise.allSettled([...this.#workers].map((worker) => worker.drain({ timeoutMs })));
    while (this.#calls.size > 0) await Promise.allSettled(this.#calls);
    cancelTimer();
    await this.#lease.close();
    for (const result of drained) if (result.status === 'rejected') throw result.reason;
  }

  #hurry(): void {
    this.#attempts.stopAll();
    // Whether they could be drained is told by the first call.
    for (const worker of this.#workers) worker.drain({ timeoutMs: 0 }).catch(() => undefined);
  }

  #checkOpen(): void {
    if (!this.#stopping.signal.aborted) return;
    throw new SymphonyError('SHUTDOWN', 'This executor is closed, or closing. Create another to go on.');
  }

  /** Runs something that {@link close} waits for. */
  async #call<T>(action: () => Promise<T>): Promise<T> {
    this.#checkOpen();
    const call = action();
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }

  async #execute(taskId: string, agentLike: AgentLike, execution: Execution): Promise<Task> {
    checkName(taskId, 'task id');
    const agent = checkAgent(agentLike);
    checkHook(execution.preExecutionHook, 'preExecutionHook');
    checkHook(execution.postExecutionHook, 'postExecutionHook');
    checkSignal(execution.signal);
    execution.signal?.throwIfAborted();
    const data = copyJson(execution.context, 'context');
    return this.#call(() => this.#executeChecked(taskId, agent, data, execution));
  }

  async #executeChecked(taskId: string, agent: AnyAgent, data: JsonValue, execution: Execution): Promise<Task> {
    const hooks = [...this.#services.hooks, ...hooksOf(execution)];
    const { signal, workflowId, retry, leavesUnstarted, waitsWhilePaused } = execution;
    const wish: ClaimWish = {
      agentId: agent.id,
      ...(agent.limits?.timeouts && { timeouts: agent.limits.timeouts }),
      defaultMaxRetries: execution.defaultMaxRetries,
      ...(workflowId === undefined ? {} : { workflowId }),
      ...(retry === undefined ? {} : { retry }),
    };
    let claimed = await this.#claim(taskId, wish, { waitsWhilePaused, leavesUnstarted, endedIsAnswer: false, signal });
    while (!isTerminal(claimed.status)) {
      const outcome = await this.#runHere(claimed, agent, data, hooks, execution);
      if (outcome.state === 'ended') return outcome.task;
      const ended = outcome.state === 'lost' ? await this.#endedByOthers(claimed) : undefined;
      if (ended !== undefined) return toTask(ended);
      if (outcome.state === 'lost' || outcome.task.failures === claimed.failures) throw this.#notOurs(taskId, outcome);
      claimed = await this.#claimAgain(taskId, wish, signal);
    }
    return toTask(claimed);
  }

  /** The task, where others have ended this very attempt: after a cancellation, or for a time limit. */
  async #endedByOthers({ id, attempt }: TaskRecord): Promise<TaskRecord | undefined> {
    const record = await this.#services.store.getTask(id).catch(() => undefined); // it is lost in any case
    return record?.attempt === attempt && isTerminal(record.status) ? record : undefined;
  }

  /** Why a task that was not ended here is not this process's any more. */
  #notOurs(taskId: string, { state }: AttemptOutcome): SymphonyError {
    const details = { taskId };
    if (state === 'open' && this.#stopping.signal.aborted) {
      const message = `Task ${taskId} was handed back before it ended: this executor is closing.`;
      return new SymphonyError('SHUTDOWN', message, { details });
    }
    return new SymphonyError('LEASE_LOST', `This process lost task ${taskId} while it ran it.`, { details });
  }

  async #runHere(
    claimed: TaskRecord,
    agent: AnyAgent,
    data: JsonValue,
    hooks: readonly ExecutionHooks[],
    execution: Execution,
  ): Promise<AttemptOutcome> {
    const { signal } = execution;
    let control: AttemptControl | undefined;
    let isOver = false;
    const aborted = (): void => {
      this.#cancel(claimed.id, () => isOver)
        .then(({ cancelAt }) => control?.cancel(cancelAt ?? this.#services.clock.now()))
        .catch((error: unknown) =>
          this.#services.logger.warn({ error, taskId: claimed.id }, 'The task could not be cancelled.'),
        );
    };
    signal?.addEventListener('abort', aborted, { once: true });
    try {
      if (signal?.aborted === true) aborted();
      return await this.#attempt({
        task: claimed,
        agent,
        data,
        hooks,
        defaultMaxRetries: execution.defaultMaxRetries,
        ...(claimed.workerId === null ? {} : { bindTo: claimed.workerId }),
        onStart: (started) => {
          control = started;
        },
      });
    } finally {
      isOver = true;
      signal?.removeEventListener('abort', aborted);
    }
  }

  async #attempt(request: AttemptRequest): Promise<AttemptOutcome> {
    let control: AttemptControl | undefined;
    const onStart = (started: AttemptControl): void => {
      control = started;
      this.#attempts.add(started);
      request.onStart?.(started);
    };
    try {
      const { outcome } = await runAttempt(this.#services, this.#lease, { ...request, onStart });
      return outcome;
    } finally {
      if (control !== undefined) this.#attempts.delete(control);
    }
  }

  /** Starts the next try of a task that is bound to this process, once its delay is over. */
  async #claimAgain(taskId: string, wish: ClaimWish, signal: AbortSignal | undefined): Promise<TaskRecord> {
    const held: Held = { taskId, lose: () => undefined, cancel: () => undefined };
    this.#lease.track(held);
    try {
      const options = { waitsWhilePaused: true, leavesUnstarted: false, endedIsAnswer: true, signal };
      return await this.#claim(taskId, wish, options);
    } finally {
      this.#lease.untrack(held);
    }
  }

  /** Waits; resolves early, without an error, when the executor closes or the signal aborts. */
  #pause(delayMs: number, signal?: AbortSignal): Promise<void> {
    const signals = signal === undefined ? [this.#stopping.signal] : [this.#stopping.signal, signal];
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        for (const each of signals) each.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.#services.clock.setTimer(end, Math.max(0, delayMs));
      for (const each of signals) each.addEventListener('abort', end, { once: true });
      if (signals.some(({ aborted }) => aborted)) end();
    });
  }

  /**
   * Starts an attempt by id. Waits for the lease of a holder that may be dead, for the task's own backoff and, if asked,
   * while its workflow is paused.
   *
   * @returns the running task; an ended one where the caller's signal has ended it, or if `endedIsAnswer`
   */
  async #claim(taskId: string, wish: ClaimWish, options: ClaimOptions): Promise<TaskRecord> {
    const { signal, waitsWhilePaused } = options;
    const { clock } = this.#services;
    let refusedFrom: number | undefined;
    let firstSeen: { readonly workerId: string; readonly leaseUntil: number } | undefined;
    for (;;) {
      this.#checkOpen();
      if (signal?.aborted === true) return this.#giveUp(taskId, options);
      const workerId = await this.#lease.hold();
      const isOver = (): boolean => signal?.aborted === true || this.#stopping.signal.aborted;
      const waitedMs = refusedFrom === undefined ? 0 : clock.monotonic() - refusedFrom;
      const still = this.#lease.still || waitedMs >= defaults.aloneMs;
      const command: Command = { type: 'claimTask', id: taskId, workerId, still, ...wish };
      const { results, resent } = await this.#lease.claiming(() => commitPatiently(this.#services, [command], isOver));
      const result = results[0] as GroupResult;
      if (result.status === 'ok') return result.value.task as TaskRecord;
      if (result.status !== 'error') {
        throw new SymphonyError('STORE_FAILED', `Claiming task ${taskId} was answered with ${result.status}.`);
      }
      const { code, details } = result;
      if (code === 'WORKER_LOST') {
        this.#lease.lost(workerId);
      } else if (code === 'TASK_NOT_CLAIMABLE' && typeof details['dueAt'] === 'number') {
        // Looks again on the way: somebody may cancel the task meanwhile.
        const leftMs = details['dueAt'] - clock.now();
        await this.#pause(Math.min(leftMs, this.#services.times.pollMs), signal);
      } else if (resent && details['workerId'] === workerId && (options.endedIsAnswer || !this.#lease.holds(taskId))) {
        return this.#record(taskId); // an earlier sending was carried out, and its answer lost
      } else if (code === 'TASK_FINISHED' && options.endedIsAnswer) {
        return this.#record(taskId);
      } else if (code === 'TASK_BLOCKED' && waitsWhilePaused && details['workflowId'] !== undefined) {
        await this.#pause(lookAgainMs, signal);
      } else if (code === 'TASK_NOT_CLAIMABLE' && details['suspect'] === true) {
        refusedFrom ??= clock.monotonic();
        await this.#pause(lookAgainMs, signal);
      } else if (code === 'AGENT_BUSY') {
        await this.#pause(lookAgainMs, signal);
      } else if (
        code === 'TASK_NOT_CLAIMABLE' &&
        typeof details['workerId'] === 'string' &&
        details['workerId'] !== workerId
      ) {
        const holder = { workerId: details['workerId'], leaseUntil: details['leaseUntil'] as number };
        firstSeen ??= holder;
        if (holder.workerId !== firstSeen.workerId || holder.leaseUntil !== firstSeen.leaseUntil) throw toError(result);
        const leftMs = details['leaseLeftMs'] as number;
        if (leftMs <= 0 && (await this.#lease.sweep())) continue;
        await this.#pause(leftMs <= 0 ? lookAgainMs : Math.min(lookAgainMs, leftMs), signal);
      } else {
        throw toError(result);
      }
    }
  }

  /** What becomes of a task whose caller has aborted before it was started: it is cancelled, or left as it is. */
  async #giveUp(taskId: string, { signal, leavesUnstarted }: ClaimOptions): Promise<TaskRecord> {
    if (leavesUnstarted) signal?.throwIfAborted();
    // Another process may run it; it then ends within its grace, at the latest by our own sweep.
    for (let task = await this.#cancel(taskId); ; task = await this.#record(taskId)) {
      if (isTerminal(task.status)) return task;
      await this.#pause(lookAgainMs);
      this.#checkOpen();
      await this.#lease.sweep();
    }
  }

  /** Cancels a task, however long the store is away, unless that is of no interest any more. */
  async #cancel(taskId: string, isOver: () => boolean = () => true): Promise<TaskRecord> {
    const command: Command = {
      type: 'cancelTask',
      id: taskId,
      graceMs: defaults.graceMs,
      reason: 'its caller aborted',
    };
    const { results } = await commitPatiently(this.#services, [command], isOver);
    const result = results[0] as GroupResult;
    if (result.status !== 'ok') throw result.status === 'error' ? toError(result) : notFound(taskId);
    return result.value.task as TaskRecord;
  }

  async #checkBatch(
    pairs: readonly (readonly [string, AgentLike])[],
    workflowId: string | undefined,
  ): Promise<readonly BatchItem[]> {
    if (!Array.isArray(pairs)) {
      const message = `batchExecute takes an array of [taskId, agent] pairs, got ${describe(pairs)}.`;
      throw new SymphonyError('INVALID_ARGUMENT', message);
    }
    const seen = new Set<string>();
    // Not map, which passes over holes.
    const batch = Array.from(pairs as readonly unknown[], (pair, index): BatchItem => {
      if (!Array.isArray(pair)) {
        throw new SymphonyError('INVALID_ARGUMENT', `pairs[${index}] must be [taskId, agent], got ${describe(pair)}.`);
      }
      const [taskId, agent] = pair as [string, AgentLike];
      checkName(taskId, `pairs[${index}] task id`);
      if (seen.has(taskId)) {
        throw new SymphonyError('DUPLICATE_TASK', `Task ${taskId} occurs twice in the batch. Leave one of them out.`, {
          details: { taskId },
        });
      }
      seen.add(taskId);
      return { taskId, agent: checkAgent(agent) };
    });
    if (
      workflowId !== undefined &&
      (await this.#services.store.getWorkflow(checkName(workflowId, 'workflowId'))) === undefined
    ) {
      throw new SymphonyError('WORKFLOW_NOT_FOUND', `There is no workflow ${workflowId}.`, { details: { workflowId } });
    }
    await Promise.all(batch.map(({ taskId }) => this.#record(taskId)));
    return batch;
  }

  async #runBatch(batch: readonly BatchItem[], maxConcurrent: number, options: BatchOptions): Promise<readonly Task[]> {
    const tasks = new Array<Task | undefined>(batch.length);
    let next = 0;
    let done = 0;
    const runner = async (): Promise<void> => {
      while (next < batch.length && options.signal?.aborted !== true && !this.#stopping.signal.aborted) {
        const index = next++;
        const { task, error } = await this.#executeOne(batch[index] as BatchItem, options);
        tasks[index] = task;
        this.#tell(options, { done: ++done, total: batch.length, task, ...(error === undefined ? {} : { error }) });
      }
    };
    const runners = Array.from({ length: Math.min(maxConcurrent, batch.length) }, runner);
    // If the store goes away, the others are waited for all the same: nothing may run on behind its caller's back.
    for (const result of await Promise.allSettled(runners)) if (result.status === 'rejected') throw result.reason;
    this.#checkOpen();
    return Promise.all(batch.map(async ({ taskId }, index) => tasks[index] ?? this.#read(taskId)));
  }

  async #executeOne(
    { taskId, agent }: BatchItem,
    { workflowId, signal }: BatchOptions,
  ): Promise<{ readonly task: Task; readonly error?: Error }> {
    try {
      const task = await this.#executeChecked(taskId, agent, null, {
        ...(workflowId === undefined ? {} : { workflowId }),
        ...(signal === undefined ? {} : { signal }),
        defaultMaxRetries: 0,
        waitsWhilePaused: false,
        leavesUnstarted: true,
      });
      return { task };
    } catch (error) {
      // What the store cannot do for one task it cannot do for the others.
      if (SymphonyError.is(error) && error.code.startsWith('STORE_')) throw error;
      return { task: await this.#read(taskId), error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  #tell({ onProgress }: BatchOptions, progress: Parameters<NonNullable<BatchOptions['onProgress']>>[0]): void {
    try {
      onProgress?.(progress);
    } catch (error) {
      this.#services.logger.warn({ error, taskId: progress.task.id }, 'onProgress threw; the batch goes on.');
    }
  }

  async #read(taskId: string): Promise<Task> {
    return toTask(await this.#record(taskId));
  }

  async #record(taskId: string): Promise<TaskRecord> {
    const record = await this.#services.store.getTask(checkName(taskId, 'task id'));
    if (record === undefined) throw notFound(taskId);
    return record;
  }

  async #route(task: Task): Promise<RoutingDecision> {
    if (this.#services.router === undefined)
      throw new SymphonyError('NO_ROUTE', `Task ${task.id} has no agent, and there is no router to choose one.`, {
        details: { taskId: task.id },
      });
    const answer = await this.#services.router.decide(task, await previousDecisions(this.#services.store, task));
    if ('decision' in answer) return answer.decision;
    throw new SymphonyError(answer.noRoute.code, answer.noRoute.reason, { details: { taskId: task.id } });
  }
}

interface BatchItem {
  readonly taskId: string;
  readonly agent: AnyAgent;
}

function checkSignal(signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new SymphonyError('INVALID_ARGUMENT', `signal must be an AbortSignal, got ${describe(signal)}.`);
}

function hooksOf({ preExecutionHook, postExecutionHook }: ExecuteOptions): readonly ExecutionHooks[] {
  if (preExecutionHook === undefined && postExecutionHook === undefined) return [];
  return [
    {
      ...(preExecutionHook === undefined ? {} : { preExecution: preExecutionHook }),
      ...(postExecutionHook === undefined ? {} : { postExecution: postExecutionHook }),
    },
  ];
}

function toError({ code, message, details }: Extract<GroupResult, { readonly status: 'error' }>): SymphonyError {
  return new SymphonyError(code, message, { details });
}

function notFound(taskId: string): SymphonyError {
  return new SymphonyError('TASK_NOT_FOUND', `There is no task ${taskId}.`, { details: { taskId } });
}
