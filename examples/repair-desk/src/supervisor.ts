import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Place } from './place.ts';

const mostRestarts = 3;

/** Keeps one worker process at a time at a place. */
export class Supervisor {
  readonly #place: Place;
  #worker: ChildProcess | undefined;
  #expected = false;
  #restarts = 0;

  constructor(place: Place) {
    this.#place = place;
  }

  /**
   * Starts a worker. One that dies by itself is replaced, but not for ever.
   *
   * @returns its process id
   */
  start(): number {
    const worker = fork(join(import.meta.dirname, 'worker.ts'), [this.#place.folder], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#worker = worker;
    this.#expected = false;
    worker.once('exit', () => {
      if (this.#expected || this.#worker !== worker) return;
      this.#restarts++;
      if (!this.isStuck) this.start();
    });
    return worker.pid!;
  }

  /** Whether there is no worker any more because they kept dying. */
  get isStuck(): boolean {
    return this.#restarts > mostRestarts;
  }

  /**
   * Kills the worker the hard way: no signal handler runs, nothing is tidied up.
   *
   * @returns its process id
   */
  async kill(): Promise<number> {
    await this.#end('SIGKILL');
    return this.#worker?.pid ?? 0;
  }

  /** Lets the worker finish what it has in hand. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined || worker.exitCode !== null || worker.signalCode !== null) return;
    this.#expected = true;
    const exited = once(worker, 'exit');
    worker.kill(signal);
    await exited;
  }
}
