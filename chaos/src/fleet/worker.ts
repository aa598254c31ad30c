// A worker of a fleet: takes whatever is due until it is killed, or drains when it is asked to end.
import { openHost, orLeave, type Host } from './host.ts';

/** How long a worker that leaves with `close` lets its attempts go on. */
const drainMs = 100;

const host = await openHost();
const { config, symphony } = host;
const worker = await orLeave(config, () => symphony.startWorker({ concurrency: config.concurrency }));
const asked = config.leave === 'signals' ? worker.stopOnSignals() : askedToEnd();
process.send?.('ready');
await asked;
await leave(host);

async function leave({ close }: Host): Promise<void> {
  try {
    await close(drainMs);
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(2);
  }
}

function askedToEnd(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve());
  });
}
