import type { Command, EventType, GroupResult, Store, Task } from '@symphony/core';
import { MemoryStore } from '@symphony/persistence-memory';
import { createIdSequence, VirtualClock } from '@symphony/testing';
import { commitGroup, LogFollower, TaskManager, WorkflowTracker } from '@symphony/tracker';
import { expect } from 'vitest';

/** How an attempt ends. */
export type Ending = 'completed' | 'failed' | 'cancelled';

/**
 * The tracker over a store, by plain `new`, and a hand that runs tasks in place of an executor. Disposed of at the end of
 * a test, it insists that nobody listens any more.
 */
export class Lab implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly inner: Store;
  readonly store: Store;
  readonly tasks: TaskManager;
  readonly workflows: WorkflowTracker;
  readonly follower: LogFollower;
  readonly makeId = createIdSequence();
  /** What stands before methods of the store. */
  faults: Partial<Store> = {};
  isSilent = false;
  listeners = 0;
  /** The id of some task that the test has created. */
  existing = '';
  #worker: string | undefined;

  constructor() {
    this.inner = new MemoryStore({ clock: this.clock });
    this.store = this.#watched();
    this.follower = new LogFollower(this.store, this.clock);
    const services = { store: this.store, clock: this.clock, makeId: this.makeId, follower: this.follower };
    this.tasks = new TaskManager(services);
    this.workflows = new WorkflowTracker(services);
  }

  until<T>(goal: Promise<T> | (() => boolean), limitMs?: number): Promise<T> {
    return this.clock.advanceUntil(goal, limitMs === undefined ? {} : { limitMs });
  }

  async create(name = 'job', workflowId?: string): Promise<string> {
    return (await this.tasks.createTask({ name, ...(workflowId === undefined ? {} : { workflowId }) })).id;
  }

  /** Starts an attempt, as an executor does. */
  async claim(id: string): Promise<Task> {
    if (this.#worker === undefined) {
      this.#worker = this.makeId('wrk');
      await this.inner.openWorker({ id: this.#worker, hosts: [], leaseMs: 1e9, renewMs: 1e8 });
    }
    await this.do({ type: 'claimTask', id, workerId: this.#worker, agentId: 'ada' });
    return (await this.tasks.getTask(id)) as Task;
  }

  /** Runs a task to its end, as an executor does. */
  async run(id: string, ending: Ending = 'completed', output: unknown = 'done'): Promise<void> {
    if (ending === 'cancelled') {
      await this.tasks.cancelTask(id);
      return;
    }
    const { attempt } = await this.claim(id);
    const command =
      ending === 'completed'
        ? ({ type: 'complete', output: JSON.stringify(output) } as const)
        : ({
            type: 'fail',
            error: { name: 'Error', message: 'no', code: 'NO_FUNDS', attempt },
            retryable: false,
            draw: 0,
            defaultMaxRetries: 0,
          } as const);
    await this.do({ type: 'report', id, attempt, command });
  }

  async do(command: Command): Promise<GroupResult> {
    return commitGroup(this.inner, [command]);
  }

  /** The names of what was recorded of a task or workflow, in order. */
  async facts(id: string): Promise<readonly EventType[]> {
    return (await this.inner.events({ subject: id, limit: 1_000 })).map(({ type }) => type);
  }

  /** How much has been written: whoever is refused must leave it as it was. */
  async written(): Promise<{ readonly events: number; readonly tasks: number }> {
    const tasks = await this.inner.listTasks({ limit: 1_000 });
    return { events: await this.inner.lastPosition(), tasks: tasks.length };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.faults = {};
    expect({
      listeners: this.listeners,
      timers: this.clock.pendingTimers + this.clock.pendingBackgroundTimers,
    }).toEqual({
      listeners: 0,
      timers: 0,
    });
    await this.inner.close();
  }

  #watched(): Store {
    const onChange: Store['onChange'] = (listener) => {
      const stop = this.inner.onChange(() => {
        if (!this.isSilent) listener();
      });
      this.listeners++;
      return () => {
        this.listeners--;
        stop();
      };
    };
    return new Proxy(this.inner, {
      get: (inner, key: keyof Store) => {
        const own = key === 'onChange' ? onChange : this.faults[key];
        if (own !== undefined) return own;
        const value: unknown = inner[key];
        return typeof value === 'function' ? (value.bind(inner) as unknown) : value;
      },
    });
  }
}
