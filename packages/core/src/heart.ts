import { systemClock, type Clock } from './clock.ts';
import type { WorkerBeat } from './store.ts';

/** How often it is looked whether a lease is to be renewed. */
const lookMs = 200;

interface Followed {
  readonly beat: WorkerBeat;
  /** When the main thread last opened or renewed it itself. */
  readonly heardAt: number;
  renewedAt: number;
}

/**
 * For adapters that renew leases on a thread of their own: repeats the renewals of this process's workers while the main
 * thread is too busy to, so that an agent that computes for a minute keeps its tasks. When the process dies or is stopped,
 * so is this. A main thread that has been silent for `stallMs` counts as hung: its lease is left to run out.
 */
export class Heart {
  readonly #renew: (beat: WorkerBeat) => boolean | Promise<boolean>;
  readonly #clock: Clock;
  readonly #followed = new Map<string, Followed>();
  #stopTimer: () => void;
  #stopped = false;

  /** @param renew renews a lease; says whether the worker still has a row. What it throws is tried again. */
  constructor(renew: (beat: WorkerBeat) => boolean | Promise<boolean>, clock: Clock = systemClock) {
    this.#renew = renew;
    this.#clock = clock;
    this.#stopTimer = this.#arm();
  }

  /** The main thread has just opened or renewed this lease. */
  follow(beat: WorkerBeat): void {
    const now = this.#clock.monotonic();
    this.#followed.set(beat.id, { beat, heardAt: now, renewedAt: now });
  }

  /** The lease is given back, or is to run out. */
  forget(workerId: string): void {
    this.#followed.delete(workerId);
  }

  stop(): void {
    this.#stopped = true;
    this.#stopTimer();
  }

  #arm(): () => void {
    return this.#clock.setTimer(() => void this.#look(), lookMs);
  }

  async #look(): Promise<void> {
    for (const followed of [...this.#followed.values()]) await this.#keep(followed);
    if (!this.#stopped) this.#stopTimer = this.#arm();
  }

  async #keep(followed: Followed): Promise<void> {
    const { beat, heardAt, renewedAt } = followed;
    const now = this.#clock.monotonic();
    if (now - heardAt >= (beat.stallMs ?? Infinity)) {
      this.forget(beat.id);
      return;
    }
    if (now - renewedAt < beat.renewMs) return;
    try {
      const alive = await this.#renew(beat);
      if (!alive && this.#followed.get(beat.id) === followed) this.forget(beat.id);
      followed.renewedAt = now;
    } catch {
      // The main thread's own renewal reports it; the next look tries again.
    }
  }
}
