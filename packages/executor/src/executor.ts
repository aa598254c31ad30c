import {
  checkInteger,
  checkKeys,
  checkName,
  checkRetryPolicy,
  defaults,
  describe,
  isTerminal,
  SymphonyError,
  toAgent,
  toTask,
  type Agent,
  type AgentLike,
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
import { copyJson, runAttempt } from './attempt.ts';
import type { ExecutionHooks, PostExecutionHook, PreExecutionHook } from './hooks.ts';
import { WorkerLease, type Held } from './lease.ts';
import { previousDecisions } from './route.ts';
import { toServices, type ExecutorOptions, type ExecutorServices } from './services.ts';
import { Worker, type DrainOptions, type WorkerOptions } from './worker.ts';

/** How one task is executed. */
export interface ExecuteOptions {
  /** The workflow that the task belongs to, or is added to. */
  readonly workflowId?: string;
  readonly preExecutionHook?: PreExecutionHook;
  readonly postExecutionHook?: PostExecutionHook;
  /** JSON that the agent finds as `context.data`. */
  readonly context?: unknown;
  /** Cancels the task when it aborts. */
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
};

/** How long a blocked caller waits before it looks again when nothing rings. */
const lookAgainMs = 250;

/**
 * Runs tasks with agents: by the caller's own hand (`executeTask`, `executeWithRetry`, `batchExecute`), or as a
 * {@link Worker} that takes whatever is due.
 */
export class EnhancedExecutor {
  readonly #services: ExecutorServices;
  readonly #lease: WorkerLease;
  readonly #workers = new Set<Worker>();
  #closed = false;

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
    checkKeys(options, ['workflowId', 'preExecutionHook', 'postExecutionHook', 'context', 'signal'], 'executeTask');
    return this.#execute(taskId, toAgent(agent), { ...options, defaultMaxRetries: 0, waitsWhilePaused: false });
  }

  /**
   * Runs a task with an agent, trying again after failures as the policy says. Between tries the task stays with this
   * process; if that dies, a worker that hosts the agent, or the same program run again, goes on where it was.
   *
   * @returns the ended task
   * @throws SymphonyError as {@link executeTask}, except that a paused workflow is waited for
   */
  async executeWithRetry(taskId: string, agent: AgentLike, options: RetryOptions = {}): Promise<Task> {
    const { maxRetries, retryDelay, retry, ...rest } = options;
    checkKeys(rest, ['workflowId', 'preExecutionHook', 'postExecutionHook', 'context', 'signal'], 'executeWithRetry');
    const policy = checkRetryPolicy({
      ...retry,
      ...(maxRetries === undefined ? {} : { maxRetries }),
      ...(retryDelay === undefined ? {} : { initialDelayMs: retryDelay }),
    });
    return this.#execute(taskId, toAgent(agent), {
      ...rest,
      ...(Object.keys(policy).length === 0 ? {} : { retry: policy }),
      defaultMaxRetries: defaults.maxRetries,
      waitsWhilePaused: true,
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
    const batch = await this.#checkBatch(pairs);
    const tasks = new Array<Task | undefined>(batch.length);
    let next = 0;
    let done = 0;
    const runner = async (): Promise<void> => {
      while (next < batch.length && options.signal?.aborted !== true) {
        const index = next++;
        const [taskId, agent] = batch[index] as readonly [string, Agent];
        const { task, error } = await this.#executeOne(taskId, agent, options);
        tasks[index] = task;
        options.onProgress?.({ done: ++done, total: batch.length, task, ...(error === undefined ? {} : { error }) });
      }
    };
    await Promise.all(Array.from({ length: Math.min(maxConcurrent, batch.length) }, runner));
    return Promise.all(tasks.map((task, index) => task ?? this.#read((batch[index] as readonly [string, Agent])[0])));
  }

  /**
   * Runs one attempt of a task, by id: the seam on which other engines stand. A task without assignment is routed first.
   *
   * @param agents the agents that may run here
   * @throws SymphonyError `TASK_NOT_FOUND`, `TASK_FINISHED`, `TASK_BLOCKED`, `TASK_NOT_CLAIMABLE`, `NO_ROUTE`, `AGENT_NOT_FOUND`
   */
  async runAttempt(taskId: string, agents: readonly AgentLike[]): Promise<AttemptOutcome> {
    const hosted = new Map(agents.map(toAgent).map((agent) => [agent.id, agent]));
    const task = await this.#read(taskId);
    const decision = task.agentId === undefined ? await this.#route(task) : undefined;
    const agentId = task.agentId ?? decision?.agentId ?? '';
    const agent = hosted.get(agentId);
    if (agent === undefined) {
      throw new SymphonyError(
        'AGENT_NOT_FOUND',
        `Task ${taskId} is assigned to agent "${agentId}", which is not hosted here.`,
        { details: { taskId, agentId } },
      );
    }
    const claimed = await this.#claim(taskId, decision === undefined ? {} : { decision }, { waitsWhilePaused: false });
    const { outcome } = await runAttempt(this.#services, this.#lease, {
      task: claimed,
      agent,
      data: null,
      hooks: this.#services.hooks,
      defaultMaxRetries: defaults.maxRetries,
    });
    return outcome;
  }

  /**
   * Starts taking due tasks.
   *
   * @throws SymphonyError `DUPLICATE_AGENT`, `AGENT_INVALID`, `INVALID_ARGUMENT`
   */
  async startWorker(options: WorkerOptions): Promise<Worker> {
    const worker = new Worker(this.#services, this.#lease, options, () => this.#workers.delete(worker));
    this.#workers.add(worker);
    await worker.start();
    return worker;
  }

  /** Workers of this executor that take tasks. */
  get workerCount(): number {
    return this.#workers.size;
  }

  /** Drains the workers and gives the lease back. What still runs is released at no cost. Twice is harmless. */
  async close(options?: DrainOptions): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#workers].map((worker) => worker.drain(options)));
    await this.#lease.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #execute(taskId: string, agent: Agent, execution: Execution): Promise<Task> {
    execution.signal?.throwIfAborted();
    const data = copyJson(execution.context, 'context');
    const hooks = [...this.#services.hooks, ...hooksOf(execution)];
    for (let first = true; ; first = false) {
      const claimed = await this.#claim(
        taskId,
        {
          agentId: agent.id,
          ...(execution.workflowId === undefined ? {} : { workflowId: execution.workflowId }),
          ...(execution.retry === undefined ? {} : { retry: execution.retry }),
        },
        {
          waitsWhilePaused: execution.waitsWhilePaused || !first,
          ...(execution.signal === undefined ? {} : { signal: execution.signal }),
        },
      );
      if (isTerminal(claimed.status)) return toTask(claimed);
      const outcome = await this.#runHere(claimed, agent, data, hooks, execution);
      if (outcome.state === 'ended') return outcome.task;
      if (outcome.state === 'lost')
        throw new SymphonyError('LEASE_LOST', `This process lost task ${taskId} while it ran it.`, {
          details: { taskId },
        });
      if (outcome.task.failures === claimed.failures)
        throw new SymphonyError(
          'SHUTDOWN',
          `Task ${taskId} was handed back before it ended: this executor is closing.`,
          { details: { taskId } },
        );
      const cancelled = await this.#waitForBackoff(outcome.task, execution.signal);
      if (cancelled !== undefined) return cancelled;
    }
  }

  async #runHere(
    claimed: TaskRecord,
    agent: Agent,
    data: JsonValue,
    hooks: readonly ExecutionHooks[],
    execution: Execution,
  ): Promise<AttemptOutcome> {
    const { signal } = execution;
    let control: AttemptControl | undefined;
    const aborted = (): void => {
      this.#cancel(claimed.id)
        .then(({ cancelAt }) => control?.cancel(cancelAt ?? this.#services.clock.now()))
        .catch((error: unknown) =>
          this.#services.logger.warn({ error, taskId: claimed.id }, 'The task could not be cancelled.'),
        );
    };
    signal?.addEventListener('abort', aborted, { once: true });
    try {
      if (signal?.aborted === true) aborted();
      const { outcome } = await runAttempt(this.#services, this.#lease, {
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
      return outcome;
    } finally {
      signal?.removeEventListener('abort', aborted);
    }
  }

  /** Waits until the next try is due; the cancelled task if the signal aborts first. */
  async #waitForBackoff(task: Task, signal: AbortSignal | undefined): Promise<Task | undefined> {
    const held: Held = { taskId: task.id, lose: () => undefined, cancel: () => undefined };
    this.#lease.track(held);
    try {
      await this.#pause((task.dueAt ?? 0) - this.#services.clock.now(), signal);
      return signal?.aborted === true ? toTask(await this.#cancel(task.id)) : undefined;
    } finally {
      this.#lease.untrack(held);
    }
  }

  /** Waits; resolves early, without an error, when the signal aborts. */
  #pause(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve();
        return;
      }
      const end = (): void => {
        cancel();
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.#services.clock.setTimer(end, Math.max(0, delayMs));
      signal?.addEventListener('abort', end, { once: true });
    });
  }

  /**
   * Starts an attempt by id. Waits for the lease of a holder that may be dead, for the task's own backoff and, if asked,
   * while its workflow is paused. An ended task is returned only if the caller's signal has ended it.
   */
  async #claim(
    taskId: string,
    wish: Pick<Extract<Command, { readonly type: 'claimTask' }>, 'agentId' | 'workflowId' | 'retry' | 'decision'>,
    { waitsWhilePaused, signal }: { readonly waitsWhilePaused: boolean; readonly signal?: AbortSignal },
  ): Promise<TaskRecord> {
    checkName(taskId, 'task id');
    let firstSeen: { readonly workerId: string; readonly leaseUntil: number } | undefined;
    for (;;) {
      if (signal?.aborted === true) {
        const cancelled = await this.#cancel(taskId);
        if (isTerminal(cancelled.status)) return cancelled;
      }
      const workerId = await this.#lease.hold();
      const result = await this.#lease.claiming(() =>
        this.#commit({ type: 'claimTask', id: taskId, workerId, ...wish }),
      );
      if (result.status === 'ok') return result.value.task as TaskRecord;
      if (result.status !== 'error')
        throw new SymphonyError('STORE_FAILED', `Claiming task ${taskId} was answered with ${result.status}.`);
      const { code, details } = result;
      if (code === 'WORKER_LOST') {
        this.#lease.lost(workerId);
      } else if (code === 'TASK_BLOCKED' && waitsWhilePaused && details['workflowId'] !== undefined) {
        await this.#untilChange(signal);
      } else if (code === 'TASK_NOT_CLAIMABLE' && typeof details['dueAt'] === 'number') {
        await this.#pause(details['dueAt'] - this.#services.clock.now(), signal);
      } else if (code === 'TASK_NOT_CLAIMABLE' && details['suspect'] === true) {
        await this.#untilChange(signal);
      } else if (
        code === 'TASK_NOT_CLAIMABLE' &&
        typeof details['workerId'] === 'string' &&
        details['workerId'] !== workerId &&
        details['status'] !== 'waiting'
      ) {
        const holder = { workerId: details['workerId'], leaseUntil: details['leaseUntil'] as number };
        firstSeen ??= holder;
        if (holder.workerId !== firstSeen.workerId || holder.leaseUntil !== firstSeen.leaseUntil) throw toError(result);
        if ((details['leaseLeftMs'] as number) > 0)
          await this.#pause(Math.min(lookAgainMs, details['leaseLeftMs'] as number), signal);
        else await this.#lease.sweep();
      } else {
        throw toError(result);
      }
    }
  }

  #untilChange(signal: AbortSignal | undefined): Promise<void> {
    const changed = new AbortController();
    const unlisten = this.#services.store.onChange(() => changed.abort());
    const passOn = (): void => changed.abort();
    signal?.addEventListener('abort', passOn, { once: true });
    return this.#pause(lookAgainMs, changed.signal).finally(() => {
      unlisten();
      signal?.removeEventListener('abort', passOn);
    });
  }

  async #cancel(taskId: string): Promise<TaskRecord> {
    const result = await this.#commit({
      type: 'cancelTask',
      id: taskId,
      graceMs: defaults.graceMs,
      reason: 'its caller aborted',
    });
    if (result.status !== 'ok') throw result.status === 'error' ? toError(result) : notFound(taskId);
    return result.value.task as TaskRecord;
  }

  async #commit(command: Command): Promise<GroupResult> {
    const { results } = await this.#services.store.commit({ groups: [[command]] });
    return results[0] as GroupResult;
  }

  async #checkBatch(pairs: readonly (readonly [string, AgentLike])[]): Promise<readonly (readonly [string, Agent])[]> {
    if (!Array.isArray(pairs))
      throw new SymphonyError(
        'INVALID_ARGUMENT',
        `batchExecute takes an array of [taskId, agent] pairs, got ${describe(pairs)}.`,
      );
    const seen = new Set<string>();
    const batch = pairs.map((pair: readonly [string, AgentLike], index): readonly [string, Agent] => {
      if (!Array.isArray(pair))
        throw new SymphonyError('INVALID_ARGUMENT', `pairs[${index}] must be [taskId, agent], got ${describe(pair)}.`);
      const [taskId, agent] = pair as readonly [string, AgentLike];
      checkName(taskId, `pairs[${index}] task id`);
      if (seen.has(taskId))
        throw new SymphonyError('DUPLICATE_TASK', `Task ${taskId} occurs twice in the batch.`, { details: { taskId } });
      seen.add(taskId);
      return [taskId, toAgent(agent)];
    });
    await Promise.all(batch.map(([taskId]) => this.#read(taskId)));
    return batch;
  }

  async #executeOne(
    taskId: string,
    agent: Agent,
    { workflowId, signal }: BatchOptions,
  ): Promise<{ readonly task: Task; readonly error?: Error }> {
    try {
      const task = await this.executeTask(taskId, agent, {
        ...(workflowId === undefined ? {} : { workflowId }),
        ...(signal === undefined ? {} : { signal }),
      });
      return { task };
    } catch (error) {
      if (!SymphonyError.is(error)) throw error;
      return { task: await this.#read(taskId), error };
    }
  }

  async #read(taskId: string): Promise<Task> {
    const record = await this.#services.store.getTask(taskId);
    if (record === undefined) throw notFound(taskId);
    return toTask(record);
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
