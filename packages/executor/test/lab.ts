import {
  toAgentConfig,
  type Agent,
  type AgentContext,
  type Clock,
  type Logger,
  type Store,
  type SymphonyEvent,
  type Task,
} from '@symphony/core';
import { EnhancedExecutor, type ExecutorOptions } from '@symphony/executor';
import { MemoryStore } from '@symphony/persistence-memory';
import { createIdSequence, VirtualClock } from '@symphony/testing';
import { TaskManager, WorkflowTracker, type CreateTask, type SubmitTask } from '@symphony/tracker';
import { expect } from 'vitest';

/** What a logger was told. */
export interface LogLine {
  readonly level: keyof Logger;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * A store, the services over it and a clock that stands still: everything by plain `new`. Disposed of at the end of a
 * test, it insists that nothing was left behind: no timer, no worker, no listener.
 */
export class Lab implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly log: LogLine[] = [];
  readonly tasks: TaskManager;
  readonly workflows: WorkflowTracker;
  readonly #inner: Store;
  readonly #executors: EnhancedExecutor[] = [];
  readonly #openWorkers = new Set<string>();
  #listeners = 0;
  /** What stands before the store, by method; taken away with `mend`. */
  #faults: Partial<Store> = {};
  readonly store: Store;
  /** Whether the doorbell of the store is kept from ringing, as it may be at any time. */
  isSilent = false;

  constructor(clock = new VirtualClock(), store: Store = new MemoryStore({ clock })) {
    this.clock = clock;
    this.#inner = store;
    this.store = this.#watched();
    const makeId = createIdSequence();
    this.tasks = new TaskManager({ store: this.#inner, clock: this.clock, makeId });
    this.workflows = new WorkflowTracker({ store: this.#inner, clock: this.clock, makeId });
  }

  /** An executor of its own: like another process on the same store. */
  executor(options: Partial<ExecutorOptions> = {}): EnhancedExecutor {
    const executor = new EnhancedExecutor({
      store: this.store,
      clock: this.clock,
      logger: this.logger,
      random: () => 0,
      ...options,
    });
    this.#executors.push(executor);
    return executor;
  }

  /** Does not close this executor at the end: the test has tried in vain. */
  forget(executor: EnhancedExecutor): void {
    this.#executors.splice(this.#executors.indexOf(executor), 1);
  }

  readonly logger: Logger = {
    debug: (details, message) => this.#write('debug', details, message),
    info: (details, message) => this.#write('info', details, message),
    warn: (details, message) => this.#write('warn', details, message),
    error: (details, message) => this.#write('error', details, message),
  };

  /** The log without what is only said for debugging. */
  get complaints(): readonly string[] {
    return this.log.filter(({ level }) => level !== 'debug').map(({ message }) => message);
  }

  /** Lets time pass until a promise settles or something holds. */
  until<T>(goal: Promise<T> | (() => boolean), limitMs = 3_600_000): Promise<T> {
    return this.clock.advanceUntil(goal, { limitMs });
  }

  async create(task: Partial<CreateTask> = {}): Promise<string> {
    return (await this.tasks.createTask({ name: 'job', ...task })).id;
  }

  async submit(task: Partial<SubmitTask> = {}): Promise<string> {
    return (await this.tasks.submit({ name: 'job', ...task })).id;
  }

  async task(id: string): Promise<Task> {
    return (await this.tasks.getTask(id)) as Task;
  }

  async history(id: string): Promise<readonly SymphonyEvent[]> {
    return this.tasks.history(id);
  }

  /** The names of what was recorded of a task or workflow, in order. */
  async facts(id: string): Promise<readonly string[]> {
    const events = await this.#inner.events({ subject: id, limit: 1_000 });
    return events.map(({ type }) => type);
  }

  /** What was recorded under one name. */
  async data(id: string, type: SymphonyEvent['type']): Promise<readonly unknown[]> {
    return (await this.history(id)).filter((event) => event.type === type).map(({ data }) => data);
  }

  /** How much has been written: whoever is refused must leave it as it was. */
  async written(): Promise<{ readonly events: number; readonly tasks: number }> {
    const tasks = await this.#inner.listTasks({ limit: 1_000 });
    return { events: await this.#inner.lastPosition(), tasks: tasks.length };
  }

  /** Puts something in front of methods of the store; it is given the method that it stands before. */
  break<
    Method extends
      | 'commit'
      | 'renew'
      | 'holding'
      | 'steps'
      | 'getTask'
      | 'listTasks'
      | 'prune'
      | 'sweep'
      | 'openWorker'
      | 'closeWorker',
  >(method: Method, fault: (real: Store[Method]) => Store[Method]): void {
    const real = this.#inner[method].bind(this.#inner) as Store[Method];
    this.#faults = { ...this.#faults, [method]: fault(real) };
  }

  /** Puts an agent into the catalogue. */
  async register(agent: Agent): Promise<void> {
    await this.#inner.commit({ groups: [[{ type: 'registerAgent', config: toAgentConfig(agent) }]] });
  }

  /** Keeps a task from being found in lists, as if it had been removed. */
  hide(id: string): void {
    this.break('listTasks', (list) => async (query) => (await list(query)).filter((task) => task.id !== id));
  }

  /** Takes away what `break` put there. */
  mend(): void {
    this.#faults = {};
  }

  /** The worker rows that are open: of this process or another. */
  async openWorkers(): Promise<readonly string[]> {
    const rows = await Promise.all([...this.#openWorkers].map((id) => this.#inner.worker(id)));
    return rows.flatMap((row) => (row === undefined ? [] : [row.id]));
  }

  /** The whole store as an object whose methods can be replaced. */
  get inner(): Store {
    return this.#inner;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.mend();
    await this.until(Promise.all(this.#executors.map((executor) => executor.close({ timeoutMs: 0 }))));
    expect({
      timers: this.clock.pendingTimers,
      backgroundTimers: this.clock.pendingBackgroundTimers,
      listeners: this.#listeners,
    }).toEqual({ timers: 0, backgroundTimers: 0, listeners: 0 });
    await this.#inner.close();
  }

  #write(level: keyof Logger, details: object, message: string): void {
    this.log.push({ level, message, details: details as LogLine['details'] });
  }

  #watched(): Store {
    const special: Partial<Store> = {
      onChange: (listener) => {
        const stop = this.#inner.onChange(() => {
          if (!this.isSilent) listener();
        });
        this.#listeners++;
        return () => {
          this.#listeners--;
          stop();
        };
      },
      openWorker: (worker) => {
        this.#openWorkers.add(worker.id);
        return (this.#faults.openWorker ?? this.#inner.openWorker.bind(this.#inner))(worker);
      },
    };
    return new Proxy(this.#inner, {
      get: (inner, key: keyof Store) => {
        const own = special[key] ?? this.#faults[key];
        if (own !== undefined) return own;
        const value: unknown = inner[key];
        return typeof value === 'function' ? (value.bind(inner) as unknown) : value;
      },
    });
  }
}

/** A clock of one process that can be stopped, as SIGSTOP stops a process: what falls due meanwhile fires late. */
export class StoppableClock implements Clock {
  readonly #clock: Clock;
  #late: (() => void)[] | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  setTimer(callback: () => void, delayMs: number, options?: { readonly background?: boolean }): () => void {
    let cancelled = false;
    const fire = (): void => {
      if (cancelled) return;
      if (this.#late === undefined) callback();
      else this.#late.push(fire);
    };
    const cancel = this.#clock.setTimer(fire, delayMs, options);
    return () => {
      cancelled = true;
      cancel();
    };
  }

  stop(): void {
    this.#late ??= [];
  }

  continue(): void {
    const late = this.#late ?? [];
    this.#late = undefined;
    for (const fire of late) fire();
  }
}

/** An agent that waits in the middle of its work until the test lets it go on. */
export class Waiting {
  readonly contexts: AgentContext[] = [];
  readonly #release = Promise.withResolvers<unknown>();
  readonly agent: Agent;

  /** @param heeds whether it stops when its signal aborts */
  constructor(id = 'ada', { heeds = true }: { readonly heeds?: boolean } = {}) {
    this.agent = {
      id,
      run: (_task, context: AgentContext) => {
        this.contexts.push(context);
        const { signal } = context;
        if (!heeds) return this.#release.promise;
        return Promise.race([
          this.#release.promise,
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
          }),
        ]);
      },
    };
  }

  get context(): AgentContext {
    return this.contexts.at(-1) as AgentContext;
  }

  get started(): number {
    return this.contexts.length;
  }

  /** Lets it return a value. */
  go(value: unknown = 'done'): void {
    this.#release.resolve(value);
  }

  fail(error: unknown): void {
    this.#release.reject(error);
  }
}

/** Fails so many times, then returns `done`. */
export function flaky(failures: number, makeError: (attempt: number) => unknown = (n) => new Error(`no ${n}`)): Agent {
  let attempts = 0;
  return {
    id: 'flaky',
    run: () => {
      attempts++;
      if (attempts <= failures) throw makeError(attempts);
      return 'done';
    },
  };
}

/** Rejects with anything at all, as careless code does. */
export async function rejectWith(value: unknown): Promise<never> {
  throw value;
}
