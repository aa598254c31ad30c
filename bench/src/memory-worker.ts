// The process that `memory` looks at: a worker that tells how much it uses. Arguments: the store's URL, and after how many tasks.
import { readdirSync } from 'node:fs';
import { ServiceRegistry, type Agent } from '@symphony/registry';

/** What a process uses. */
export interface Usage {
  readonly tasks: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Open files and sockets. */
  readonly descriptors: number;
  /** Timers, sockets, threads and whatever else keeps a process alive. */
  readonly resources: number;
}

const [url = '', every = '20000'] = process.argv.slice(2);
let tasks = 0;

/** Something of everything that an agent may do, and one attempt in fifty fails. */
const agent: Agent = {
  id: 'worker-of-all-work',
  async run(task, context) {
    if (context.attempt === 1 && ++tasks % Number(every) === 0) report();
    context.progress({ half: true });
    const text = await context.step('step', () => 'y'.repeat(80));
    if (context.attempt === 1 && tasks % 50 === 0) throw new Error('not at the first time');
    return { text, of: task.name };
  },
};

await using symphony = await ServiceRegistry.open({ persistence: url, agents: [agent] });
report();
const worker = await symphony.startWorker({ concurrency: 16 });
process.once('disconnect', () => process.exit(1));
process.channel?.unref();
await worker.stopOnSignals();

function report(): void {
  // Twice: what the first finds to be finalised goes with the second.
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss: rssBytes, heapUsed: heapBytes } = process.memoryUsage();
  const usage: Usage = {
    tasks,
    rssBytes,
    heapBytes,
    descriptors: readdirSync('/proc/self/fd').length,
    resources: process.getActiveResourcesInfo().length,
  };
  process.send?.(usage);
}
