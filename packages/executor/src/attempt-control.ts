import { defaults, SymphonyError, type Clock } from '@symphony/core';
import { crowded } from './crowded.ts';
import type { Held } from './lease.ts';

/** Why an attempt is being stopped. */
export type StopCause = 'timeout' | 'cancel' | 'shutdown' | 'lost';

/** Stops one attempt: aborts its signal with a typed reason, and after a grace says that it is not waited for any more. */
export class AttemptControl implements Held {
  readonly taskId: string;
  /** Resolves when the attempt is not waited for any more. */
  readonly givenUp: Promise<void>;
  readonly #clock: Clock;
  readonly #controller = crowded(new AbortController());
  readonly #hurry = new AbortController();
  readonly #timers: (() => void)[] = [];
  #giveUp: () => void = () => undefined;
  #cause: StopCause | undefined;

  constructor(taskId: string, clock: Clock) {
    this.taskId = taskId;
    this.#clock = clock;
    this.givenUp = new Promise((resolve) => {
      this.#giveUp = resolve;
    });
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

  /** Arms the start-to-close timeout. */
  limit(timeoutMs: number, graceMs: number): void {
    const expire = (): void =>
      this.#stop(
        'timeout',
        new SymphonyError('ATTEMPT_TIMEOUT', `The attempt at task ${this.taskId} took longer than ${timeoutMs} ms.`, {
          details: { taskId: this.taskId, timeoutMs },
        }),
        graceMs,
      );
    this.#timers.push(this.#clock.setTimer(expire, timeoutMs));
  }

  /** Lets go of the timers. */
  dispose(): void {
    for (const cancel of this.#timers.splice(0)) cancel();
  }

  #stop(cause: StopCause, reason: SymphonyError, graceMs: number): void {
    if (this.#cause !== undefined) return;
    this.#cause = cause;
    this.#controller.abort(reason);
    this.#timers.push(this.#clock.setTimer(() => this.#giveUp(), graceMs));
  }
}
