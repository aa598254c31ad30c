import { parentPort, workerData } from 'node:worker_threads';
import { Heart, type WorkerBeat } from '@symphony/core';
import { openDatabase, type DatabaseOptions } from './database.ts';
import { createReadTimes } from './lease-clock.ts';
import { carryError, Writer, type CarriedError, type WriterCall } from './writer.ts';

/** What the main thread asks. */
export interface ThreadRequest {
  readonly id: number;
  readonly call: WriterCall;
  readonly input: unknown;
}

/** What the thread answers. `id` 0 says whether the file could be opened. */
export type ThreadReply =
  { readonly id: number; readonly answer: unknown } | { readonly id: number; readonly error: CarriedError };

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
  const heart = new Heart((beat) => writer.call('renew', beat).alive);
  port.on('message', ({ id, call, input }: ThreadRequest) => {
    try {
      // Before the call: a lease that could not be given back must run out, not be renewed for ever.
      if (call === 'closeWorker') heart.forget(input as string);
      post({ id, answer: writer.call(call, input as never) });
      if (call === 'openWorker' || call === 'renew') heart.follow(input as WorkerBeat);
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

const port = parentPort;
if (port !== null) serve(port, workerData as DatabaseOptions);
