import type { Agent, EventType, Logger, SymphonyEvent, Task } from '@symphony/core';
import { ServiceRegistry, type CreateTask, type OpenOptions } from '@symphony/registry';
import { VirtualClock } from '@symphony/testing';
import { expect } from 'vitest';

/** The stores that every row of the parity table is tested on. */
export const stores = [
  ['the memory store', 'memory:'],
  ['SQLite', 'sqlite::memory:'],
] as const;

/**
 * A registry on a clock that stands still. Disposed of at the end of a test, it insists that no timer was left behind.
 */
export class Lab implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly symphony: ServiceRegistry;
  readonly complaints: readonly string[];

  static async open(options: OpenOptions = {}, clock = new VirtualClock()): Promise<Lab> {
    const complaints: string[] = [];
    const complain = (_details: object, message: string): void => void complaints.push(message);
    const logger: Logger = { debug: () => undefined, info: complain, warn: complain, error: complain };
    return new Lab(clock, await ServiceRegistry.open({ clock, logger, ...options }), complaints);
  }

  private constructor(clock: VirtualClock, symphony: ServiceRegistry, complaints: readonly string[]) {
    this.clock = clock;
    this.symphony = symphony;
    this.complaints = complaints;
  }

  get taskManager() {
    return this.symphony.getTaskManager();
  }

  get workflowTracker() {
    return this.symphony.getWorkflowTracker();
  }

  get executor() {
    return this.symphony.getEnhancedExecutor();
  }

  /** Lets time pass until a promise settles or something holds. */
  until<T>(goal: Promise<T> | (() => boolean)): Promise<T> {
    return this.clock.advanceUntil(goal, { limitMs: 600_000 });
  }

  async create(task: Partial<CreateTask> = {}): Promise<string> {
    return (await this.taskManager.createTask({ name: 'job', ...task })).id;
  }

  async task(id: string): Promise<Task> {
    return (await this.taskManager.getTask(id)) as Task;
  }

  async facts(id: string): Promise<readonly EventType[]> {
    return (await this.symphony.history(id)).map(({ type }) => type);
  }

  async data(id: string, type: SymphonyEvent['type']): Promise<readonly unknown[]> {
    return (await this.symphony.history(id)).filter((event) => event.type === type).map(({ data }) => data);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.until(this.symphony.close({ timeoutMs: 0 }));
    expect({ timers: this.clock.pendingTimers, background: this.clock.pendingBackgroundTimers }).toEqual({
      timers: 0,
      background: 0,
    });
  }
}

/** An agent that returns the input of its task. */
export const echo: Agent = { id: 'echo', run: ({ input }) => input as unknown };

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

/** Waits on the clock of a lab, or until the attempt is told to stop. */
export function pause(lab: Lab, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = lab.clock.setTimer(resolve, ms);
    signal?.addEventListener('abort', () => {
      cancel();
      reject(signal.reason as Error);
    });
  });
}
