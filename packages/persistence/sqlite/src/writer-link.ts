import { Worker } from 'node:worker_threads';
import { SymphonyError, type Clock } from '@symphony/core';
import { openDatabase, type DatabaseOptions } from './database.ts';
import { createReadTimes } from './lease-clock.ts';
import type { ThreadReply, ThreadRequest } from './thread.ts';
import { uncarryError, Writer, type WriterCall, type WriterCalls } from './writer.ts';

/** The way to the writer, wherever it runs. */
export interface WriterLink {
  call<Call extends WriterCall>(name: Call, input: WriterCalls[Call]['in']): Promise<WriterCalls[Call]['out']>;
  close(): Promise<void>;
}

/** A writer on the calling thread: for `:memory:`, and for tests that move the clock. */
export function linkHere(
  options: DatabaseOptions,
  instead: { readonly clock?: Clock; readonly bootId?: string },
): WriterLink & { readonly database: ReturnType<typeof openDatabase> } {
  const database = openDatabase(options);
  const writer = new Writer(database, createReadTimes(instead));
  return {
    database,
    call: async (name, input) => writer.call(name, input),
    close: async () => writer.call('close', undefined),
  };
}

/**
 * A writer on a thread of its own: waiting for the disk does not stop the application, nor the other way round. Calls wait
 * until the thread has opened the file; if it cannot, its error is what they are rejected with.
 */
export function linkThread(options: DatabaseOptions): WriterLink & { readonly opened: Promise<void> } {
  const own = import.meta.url;
  // From sources the thread is a .ts file and needs the conditions of this process; built, it lies beside this file.
  const isSource = own.endsWith('.ts');
  const worker = new Worker(new URL(isSource ? './thread.ts' : './thread.js', own), {
    workerData: options,
    execArgv: isSource ? ['--conditions=@symphony/source'] : [],
  });
  return new ThreadLink(worker);
}

type Waiting = { readonly resolve: (answer: never) => void; readonly reject: (error: unknown) => void };

class ThreadLink implements WriterLink {
  readonly opened: Promise<void>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #failure: SymphonyError | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    this.opened = new Promise((resolve, reject) => this.#waiting.set(0, { resolve, reject }));
    this.opened.catch((error: SymphonyError) => (this.#failure ??= error)); // for the calls of those who did not wait
    worker.on('message', (reply: ThreadReply) => this.#receive(reply));
    worker.on('error', (error: Error) =>
      this.#fail(new SymphonyError('STORE_FAILED', `The store thread died: ${error.message}`, { cause: error })),
    );
    worker.on('exit', () => this.#fail(new SymphonyError('STORE_CLOSED', 'The store has been closed.')));
  }

  call<Call extends WriterCall>(name: Call, input: WriterCalls[Call]['in']): Promise<WriterCalls[Call]['out']> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      // The process stays alive for what is under way, and only for that.
      this.#worker.ref();
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, call: name, input } satisfies ThreadRequest);
    });
  }

  async close(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
    await this.call('close', undefined);
    this.#worker.ref();
    await ended;
  }

  #receive(reply: ThreadReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if ('error' in reply) waiting?.reject(uncarryError(reply.error));
    else waiting?.resolve(reply.answer as never);
  }

  #fail(error: SymphonyError): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}
