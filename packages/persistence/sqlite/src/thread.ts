import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '@symphony/core';
import { openDatabase, type DatabaseOptions } from './database.ts';
import { createReadTimes } from './lease-clock.ts';
import { carryError, Writer, type CarriedError, type WorkerLease, type WriterCall } from './writer.ts';

/** What the main thread asks. */
export interface ThreadRequest {
  readonly id: number;
  readonly call: WriterCall;
  readonly input: unknown;
}

/** What the thread answers. `id` 0 says whether the file could be opened. */
export type ThreadReply =
  { readonly id: number; readonly answer: unknown } | { readonly id: number; readonly error: CarriedError };

/** How often the thread looks whether a lease is to be renewed. */
const heartbeatMs = 200;

function serve(port: NonNullable<typeof parentPort>, options: DatabaseOptions): void {
  const post = (reply: ThreadReply): void => port.postMessage(reply);
  let writer: Writer;
  try {
    writer = new Writer(openDatabase(options), createReadTimes());
  } catch (error) {
    post({ id: 0, error: carryError(error) });
    port.close();
    return;
  }
  const heart = new Heart(writer);
  port.on('message', ({ id, call, input }: ThreadRequest) => {
    try {
      // Before the call: a lease that could not be given back must run out, not be renewed for ever.
      if (call === 'closeWorker') heart.forget(input as string);
      post({ id, answer: writer.call(call, input as never) });
      heart.follow(call, input);
    } catch (error) {
      post({ id, error: carryError(error) });
    }
    if (call === 'close') {
      heart.stop();
      port.close();
    }
  });
  post({ id: 0, answer: undefined });
}

/**
 * Renews the leases of this process's workers while the main thread is too busy to: an agent that computes for a minute
 * keeps its tasks. When the process dies or is stopped, so is this.
 */
class Heart {
  readonly #writer: Writer;
  readonly #leases = new Map<string, { readonly lease: WorkerLease; renewedAt: number }>();
  #stopTimer: () => void = () => undefined;

  constructor(writer: Writer) {
    this.#writer = writer;
    this.#arm();
  }

  follow(call: WriterCall, input: unknown): void {
    if (call === 'openWorker' || call === 'renew') {
      const lease = input as WorkerLease;
      this.#leases.set(lease.id, { lease, renewedAt: systemClock.monotonic() });
    }
  }

  forget(workerId: string): void {
    this.#leases.delete(workerId);
  }

  stop(): void {
    this.#stopTimer();
  }

  #arm(): void {
    this.#stopTimer = systemClock.setTimer(() => {
      this.#beat();
      this.#arm();
    }, heartbeatMs);
  }

  #beat(): void {
    for (const known of this.#leases.values()) {
      if (systemClock.monotonic() - known.renewedAt < known.lease.renewMs) continue;
      try {
        if (!this.#writer.call('renew', known.lease).alive) this.#leases.delete(known.lease.id);
        known.renewedAt = systemClock.monotonic();
      } catch {
        // The main thread's own renewal reports it; the next beat tries again.
      }
    }
  }
}

const port = parentPort;
if (port !== null) serve(port, workerData as DatabaseOptions);
