import type { AttemptControl } from './attempt-control.ts';

/** How long an attempt has after its signal has aborted because its process stops. */
const shutdownGraceMs = 1_000;

/** The attempts that run in one place, so that they can be stopped together. */
export class RunningAttempts {
  readonly #controls = new Set<AttemptControl>();
  #stopped = false;

  get size(): number {
    return this.#controls.size;
  }

  add(control: AttemptControl): void {
    this.#controls.add(control);
    if (this.#stopped) control.shutDown(shutdownGraceMs);
  }

  delete(control: AttemptControl): void {
    this.#controls.delete(control);
  }

  /** Aborts them all, and those that are still to come; after a grace they are handed back. */
  stopAll(): void {
    this.#stopped = true;
    for (const control of this.#controls) control.shutDown(shutdownGraceMs);
  }
}
