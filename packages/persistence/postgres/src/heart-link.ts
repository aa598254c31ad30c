import { Worker } from 'node:worker_threads';
import type { WorkerBeat } from '@symphony/core';
import type { HeartMessage } from './heart-thread.ts';
import type { Settings } from './options.ts';

/** The way to the thread that renews leases while this one is busy. It is started for the first lease. */
export class HeartLink {
  readonly #settings: Settings;
  #thread: Worker | undefined;
  #isStopped = false;
  #isWarned = false;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  follow(beat: WorkerBeat): void {
    if (this.#isStopped) return;
    this.#thread ??= this.#start();
    this.#post({ type: 'follow', beat });
  }

  forget(workerId: string): void {
    this.#post({ type: 'forget', workerId });
  }

  /** Ends the thread and its connection, for good: a call that ends later starts no other. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const thread = this.#thread;
    if (thread === undefined) return;
    const ended = new Promise<void>((resolve) => void thread.once('exit', () => resolve()));
    thread.ref();
    this.#post({ type: 'stop' });
    await ended;
  }

  #post(message: HeartMessage): void {
    this.#thread?.postMessage(message);
  }

  #start(): Worker {
    const own = import.meta.url;
    // From sources the thread is a .ts file and needs the conditions of this process; built, it lies beside this file.
    const isSource = own.endsWith('.ts');
    const thread = new Worker(new URL(isSource ? './heart-thread.ts' : './heart-thread.js', own), {
      workerData: this.#settings,
      execArgv: isSource ? ['--conditions=@symphony/source'] : [],
    });
    thread.unref();
    // Without it, leases are renewed by the main thread alone, as long as that is not busy; the next renewal starts it anew.
    const gone = (): void => {
      if (this.#thread === thread) this.#thread = undefined;
    };
    thread.on('error', (error: Error) => {
      gone();
      this.#warn(error);
    });
    thread.once('exit', gone);
    return thread;
  }
  #warn({ message }: Error): void {
    if (this.#isWarned) return;
    this.#isWarned = true;
    process.emitWarning(
      `The thread that renews leases on PostgreSQL died: ${message} Until it runs, an agent that keeps the main thread busy loses its lease. A bundled program needs heart-thread.js of @symphony/persistence-postgres beside it.`,
      { type: 'SymphonyWarning', code: 'LEASE_THREAD_DIED' },
    );
  }
}
