import { delay, type Clock, type Random } from '@symphony/core';
import type { Occurrence, Timeline } from './timeline.ts';

/** What an agent may use of the process that it runs in, so that it is simulated with it. */
export interface SimulatedProcess {
  /** `worker 2.1` is the second worker in its first life, `client 1` the first life of the program that submits. */
  readonly name: string;
  /** The wall clock may be wrong; timers end with the process. */
  readonly clock: Clock;
  /** Draws that the seed repeats. */
  readonly random: Random;
  /** Waits on the clock of the process. Rejects with the signal's reason when it aborts first. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** Wall time at the start of every simulation: the first second of 2026. */
export const startOfTime = Date.UTC(2026, 0, 1);

/** A timer is late by up to this much, as timers are. */
const latenessMs = 2;

/** What several processes have in common. */
export interface Surroundings {
  readonly timeline: Timeline<VirtualProcess>;
  /** Decides what comes first. */
  readonly order: Random;
}

/** A process as far as Symphony can tell: a clock of its own, a link to the store, and a life that may end at any moment. */
export class VirtualProcess {
  readonly name: string;
  readonly role: 'client' | 'worker';
  readonly random: Random;
  /** The clock that the engine is given. */
  readonly clock: Clock;
  /** What its agents are given. */
  readonly forAgents: SimulatedProcess;
  /** When it came to its end; undefined while it lives. */
  diedAt: number | undefined;
  /** Resolves when it has come to its end: whatever it was about to do will not be done. */
  readonly end: Promise<void>;
  /** How many have asked it to stop in good order, and have not been answered. */
  stops = 0;
  /** Until when it stands still, cannot reach the store, hears no doorbell. */
  pausedUntil = 0;
  cutUntil = 0;
  silentUntil = 0;
  /** From when on, on the timeline, it has been well for all that it began since. */
  wellSince = 0;
  /** How far its wall clock is off. */
  skewMs = 0;
  readonly #surroundings: Surroundings;
  readonly #startsAt: number;
  readonly #waiting: Occurrence<VirtualProcess>[] = [];
  readonly #timers = new Set<Occurrence<VirtualProcess>>();
  #resolveEnd: () => void = () => undefined;

  constructor(name: string, role: 'client' | 'worker', random: Random, surroundings: Surroundings) {
    this.name = name;
    this.role = role;
    this.random = random;
    this.#surroundings = surroundings;
    this.end = new Promise((resolve) => (this.#resolveEnd = resolve));
    // Monotonic clocks of two processes have nothing to do with each other.
    this.#startsAt = 1_000.5 + Math.floor(random() * 1e6);
    this.clock = this.#makeClock(this.#timers);
    const clock = this.#makeClock(new Set());
    this.forAgents = { name, clock, random, sleep: (ms, signal) => delay(clock, ms, signal) };
  }

  get isAlive(): boolean {
    return this.diedAt === undefined;
  }

  /** Timers of the engine that have neither fired nor been cancelled. */
  get timers(): number {
    return this.#timers.size;
  }

  get isPaused(): boolean {
    return this.pausedUntil > this.#surroundings.timeline.now;
  }

  get isCut(): boolean {
    return this.cutUntil > this.#surroundings.timeline.now;
  }

  get hearsBells(): boolean {
    return this.isAlive && this.silentUntil <= this.#surroundings.timeline.now;
  }

  /** It ends here: nothing happens to it any more. */
  die(): void {
    this.diedAt ??= this.#surroundings.timeline.now;
    for (const timer of this.#timers) timer.cancelled = true;
    this.#timers.clear();
    this.#waiting.length = 0;
    this.#resolveEnd();
  }

  /** Whatever it begins before that time may be held up. */
  suffersUntil(time: number): void {
    this.wellSince = Math.max(this.wellSince, time);
  }

  /** Keeps what should happen now until the process goes on. */
  postpone(occurrence: Occurrence<VirtualProcess>): void {
    this.#waiting.push(occurrence);
  }

  /** Stands still from now on. */
  pause(ms: number): void {
    const { timeline } = this.#surroundings;
    this.pausedUntil = timeline.now + ms;
    this.suffersUntil(this.pausedUntil);
    timeline.add(this.pausedUntil, () => this.goOn());
  }

  /** What was missed happens at once: timers in the order of their times, before or after the answers. */
  goOn(): void {
    const { timeline, order } = this.#surroundings;
    if (this.pausedUntil > timeline.now) return;
    const timersFirst = order() < 0.5;
    const missed = this.#waiting.splice(0).sort((first, second) => {
      if (first.kind === second.kind) return first.at - second.at || first.order - second.order;
      return (first.kind === 'timer') === timersFirst ? -1 : 1;
    });
    for (const occurrence of missed) if (!occurrence.cancelled) timeline.addAgain(occurrence);
  }

  #makeClock(timers: Set<Occurrence<VirtualProcess>>): Clock {
    const { timeline, order } = this.#surroundings;
    return {
      now: () => Math.floor(startOfTime + timeline.now + this.skewMs),
      monotonic: () => this.#startsAt + timeline.now,
      setTimer: (callback, delayMs) => {
        if (!this.isAlive) return () => undefined;
        const fire = (): void => {
          timers.delete(timer);
          callback();
        };
        const at = timeline.now + Math.max(0, delayMs) + order() * latenessMs;
        const timer = timeline.add(at, fire, { owner: this, kind: 'timer' });
        timers.add(timer);
        return () => {
          timers.delete(timer);
          timer.cancelled = true;
        };
      },
    };
  }
}
