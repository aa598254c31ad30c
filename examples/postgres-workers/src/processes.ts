import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** The worker and submitter processes of one run. */
export class Processes {
  readonly #logbook: string;
  readonly #running = new Set<ChildProcess>();
  /** What has ended though nobody asked it to. */
  #failure: Error | undefined;

  /** @param logbook the path of the file that they append to */
  constructor(logbook: string) {
    this.#logbook = logbook;
  }

  /** Starts a program of this folder. */
  start(program: 'worker' | 'submitter'): ChildProcess {
    const child = fork(join(import.meta.dirname, `${program}.ts`), [this.#logbook]);
    this.#running.add(child);
    child.once('exit', (code, signal) => {
      const expected = !this.#running.delete(child) || code === 0;
      if (!expected) this.#failure = new Error(`The ${program} ${child.pid} has ended with ${signal ?? code}.`);
    });
    return child;
  }

  /** @throws if a process has ended that should not have */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Sends a signal that ends a process, and waits until it is gone.
   *
   * @returns its exit code; null if the signal itself ended it
   */
  async end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
    if (!this.#running.delete(child)) return child.exitCode;
    const exited = once(child, 'exit') as Promise<[number | null]>;
    child.kill(signal);
    return (await exited)[0];
  }

  /** Ends whoever is left. */
  async close(): Promise<void> {
    await Promise.all([...this.#running].map((child) => this.end(child, 'SIGKILL')));
  }
}
