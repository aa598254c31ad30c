import { defaults, SymphonyError, type Clock, type TaskRecord, type TimeLimits } from '@symphony/core';
import { crowded } from './crowded.ts';
import { IdleWatch } from './idle-watch.ts';
import type { Held } from './lease.ts';

/** Why an attempt is being stopped. */
export type StopCause = 'timeout' | 'cancel' | 'shutdown' | 'lost';

type TimeoutCode = 'START_TO_CLOSE_TIMEOUT' | 'SCHEDULE_TO_CLOSE_TIMEOUT' | 'IDLE_TIMEOUT';

/** Stops one attempt: aborts its signal with a typed reason, and after a grace says that it is not waited for any more. */
export class AttemptControl implements Held {
  readonly taskId: string;
  readonly #attempt: number;
  /** Resolves when the attempt is not waited for any more. */
  readonly givenUp: Promise<void>;
  readonly #clock: Clock;
  readonly #controller = crowded(new AbortController());
  readonly #hurry = new AbortController();
  readonly #timers: (() => void)[] = [];
  #giveUp: () => void = () => undefined;
  #cause: StopCause | undefined;
  #idleWatch: IdleWatch | undefined;
  #isReporting = false;

  constructor({ id, attempt }: Pick<TaskRecord, 'id' | 'attempt'>, clock: Clock) {
    this.taskId = id;
    this.#attempt = attempt;
    this.#clock = clock;
    this.givenUp = new Promise((resolve) => {
      this.#giveUp = resolve;
    });
  }

  get attempt(): number | undefined {
    return this.#isReporting ? undefined : this.#attempt;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The first cause; a lost lease overrules any other. */
  get cause(): StopCause | undefined {
    return this.#cause;
  }

  lose(reason: SymphonyError): void {
    this.#cause = 'lost';
    this.#controller.abort(reason);
    this.#giveUp();
  }

  cancel(cancelAt: number): void {
    const reason = new SymphonyError('TASK_CANCELLED', `Task ${this.taskId} was cancelled.`, {
      details: { taskId: this.taskId },
    });
    // Never longer than the grace, even if the wall clock was set back meanwhile.
    this.#stop('cancel', reason, Math.min(defaults.graceMs, Math.max(0, cancelAt - this.#clock.now())));
  }

  /** The worker is stopping: whatever the attempt is waited for already, it is not waited for longer than this. */
  shutDown(graceMs: number): void {
    const reason = new SymphonyError('SHUTDOWN', `The worker that runs task ${this.taskId} is stopping.`, {
      details: { taskId: this.taskId },
    });
    this.#stop('shutdown', reason, graceMs);
    const hurry = (): void => {
      this.#giveUp();
      this.#hurry.abort(reason);
    };
    this.#timers.push(this.#clock.setTimer(hurry, graceMs));
  }

  /** Aborts when what comes after the attempt, its post-hooks, is not waited for any more either. */
  get hurried(): AbortSignal {
    return this.#hurry.signal;
  }

  /** Arms the limits of the attempt, and what was left of the task's at its claim. */
  limit({ startToCloseMs, scheduleToCloseMs, closeAfterMs }: TimeLimits): void {
    if (startToCloseMs !== undefined) {
      const message = `The attempt at task ${this.taskId} took longer than ${startToCloseMs} ms.`;
      this.#after(startToCloseMs, () => this.#timeOut('START_TO_CLOSE_TIMEOUT', message, startToCloseMs));
    }
    if (closeAfterMs !== undefined) {
      const limitMs = scheduleToCloseMs ?? closeAfterMs;
      const message = `Task ${this.taskId} did not end within ${limitMs} ms.`;
      this.#after(closeAfterMs, () => this.#timeOut('SCHEDULE_TO_CLOSE_TIMEOUT', message, limitMs));
    }
  }

  /** Runs the agent, and stops it when it gives no sign of life for too long; undefined: it may be silent. */
  async watch<T>(idleMs: number | undefined, run: () => T | Promise<T>): Promise<T> {
    if (idleMs === undefined) return run();
    const message = `The agent of task ${this.taskId} gave no sign of life for ${idleMs} ms.`;
    this.#idleWatch = new IdleWatch(this.#clock, idleMs, () => this.#timeOut('IDLE_TIMEOUT', message, idleMs));
    try {
      return await run();
    } finally {
      this.#idleWatch.stop();
    }
  }

  /** The agent lives: it has told how far it is. */
  noteSign(): void {
    this.#idleWatch?.noteSign();
  }

  /** Writes something for the agent, which does not idle meanwhile and has given a sign of life after it. */
  async writing<T>(write: () => Promise<T>): Promise<T> {
    const done = this.#idleWatch?.pause();
    try {
      return await write();
    } finally {
      done?.();
    }
  }

  /** The attempt is being reported: that the store lists it no longer is no loss from now on. */
  beginReport(): void {
    this.#isReporting = true;
  }

  /** Lets go of the timers. */
  dispose(): void {
    this.#idleWatch?.stop();
    for (const cancel of this.#timers.splice(0)) cancel();
  }

  #timeOut(code: TimeoutCode, message: string, timeoutMs: number): void {
    const reason = new SymphonyError(code, message, { details: { taskId: this.taskId, timeoutMs } });
    this.#stop('timeout', reason, defaults.graceMs);
  }

  /** Acts when so much time has passed, never earlier: timers of the machine may fire a little before they are due. */
  #after(ms: number, action: () => void): void {
    const dueAt = this.#clock.monotonic() + ms;
    const wait = (): void => {
      const leftMs = dueAt - this.#clock.monotonic();
      if (leftMs <= 0) action();
      else this.#timers.push(this.#clock.setTimer(wait, leftMs));
    };
    wait();
  }

  #stop(cause: StopCause, reason: SymphonyError, graceMs: number): void {
    if (this.#cause !== undefined) return;
    this.#cause = cause;
    this.#controller.abort(reason);
    this.#timers.push(this.#clock.setTimer(() => this.#giveUp(), graceMs));
  }
}
