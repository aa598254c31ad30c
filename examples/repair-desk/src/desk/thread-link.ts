import { Worker } from 'node:worker_threads';

/** What a thread answers. */
export type ThreadAnswer = { readonly value: unknown } | { readonly error: string };

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Calls to a thread, which answers them one after the other. A thread that fails ends the process. */
export class ThreadLink<Call> {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;

  constructor(file: URL, workerData: unknown) {
    this.#thread = new Worker(file, { workerData });
    this.#thread.on('message', ({ id, ...answer }: ThreadAnswer & { readonly id: number }) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if ('error' in answer) waiting?.reject(new Error(answer.error));
      else waiting?.resolve(answer.value);
    });
    this.#thread.unref();
  }

  /** The thread answers each call with what its own method returns, which the caller names as `T`. */
  ask<T>(call: Call): Promise<T> {
    const id = ++this.#calls;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: (value) => resolve(value as T), reject });
      this.#thread.postMessage({ id, call });
    });
  }
}
