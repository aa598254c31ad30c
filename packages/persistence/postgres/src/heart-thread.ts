import { parentPort, workerData } from 'node:worker_threads';
import { Heart, type WorkerBeat } from '@symphony/core';
import { Connections } from './connections.ts';
import { renewal } from './leases.ts';
import type { Settings } from './options.ts';
import { Transactions } from './transaction.ts';

/** What the main thread tells this one. */
export type HeartMessage =
  | { readonly type: 'follow'; readonly beat: WorkerBeat }
  | { readonly type: 'forget'; readonly workerId: string }
  | { readonly type: 'stop' };

function serve(port: NonNullable<typeof parentPort>, settings: Settings): void {
  // It connects only when there is something to renew.
  const connections = new Connections(settings);
  const transactions = new Transactions(connections, settings, () => undefined); // renewals search for nothing
  const heart = new Heart(async (beat) => (await transactions.run(renewal(beat))).alive);
  port.on('message', (message: HeartMessage) => {
    switch (message.type) {
      case 'follow':
        heart.follow(message.beat);
        break;
      case 'forget':
        heart.forget(message.workerId);
        break;
      case 'stop':
        heart.stop();
        port.close();
        void connections.close();
        break;
    }
  });
}

const port = parentPort;
if (port !== null) serve(port, workerData as Settings);
