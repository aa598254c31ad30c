// A worker of the crash lane: takes whatever is due until it is killed, or drains when it is asked to end.
import { openHost } from './host.ts';

const host = await openHost();
await host.symphony.startWorker({ concurrency: host.config.concurrency });
process.on('SIGTERM', () => {
  host.close(100).then(
    () => process.exit(0),
    (error: unknown) => {
      console.error(error);
      process.exit(2);
    },
  );
});
process.send?.('ready');
