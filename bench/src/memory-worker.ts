// The process that `memory` looks at: a worker that tells how much it uses. Arguments: the store's URL, and after how many tasks.
import { readdirSync } from 'node:fs';
import type { Worker as Thread } from 'node:worker_threads';
import { ServiceRegistry, type Agent } from '@symphony/registry';

/** What a process uses. */
export interface Usage {
  readonly tasks: number;
  readonly rssBytes: number;
  /** Of the main thread, which is collected before. */
  readonly heapBytes: number;
  /** What the heaps of the other threads take, garbage included: nobody can ask them to collect. */
  readonly threadBytes: number;
  /** Open files and sockets. */
  readonly descriptors: number;
  /** Timers, sockets, threads and whatever else keeps a process alive. */
  readonly resources: number;
}

const [url = '', every = '20000'] = process.argv.slice(2);
const threads = new Set<Thread>();
process.on('worker', (thread) => {
  threads.add(thread);
  thread.once('exit', () => threads.delete(thread));
});
let tasks = 0;
/** After how many tasks the next report is due. */
let reported = 0;

/** Something of everything that an agent may do, and one attempt in fifty fails. */
const agent: Agent = {
  id: 'worker-of-all-work',
  async run(task, context) {
    if (context.attempt === 1 && ++tasks % Number(every) === 0) await report();
    context.progress({ half: true });
    const text = await context.step('step', () => 'y'.repeat(80));
    if (context.attempt === 1 && tasks % 50 === 0) throw new Error('not at the first time');
    return { text, of: task.name };
  },
};

await using symphony = await ServiceRegistry.open({ persistence: url, agents: [agent] });
const worker = await symphony.startWorker({ concurrency: 16 });
await report();
process.once('disconnect', () => process.exit(1));
process.channel?.unref();
await worker.stopOnSignals();

async function report(): Promise<void> {
  const heaps = await Promise.all([...threads].map((thread) => thread.getHeapStatistics()));
  // Twice: what the first finds to be finalised goes with the second.
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss: rssBytes, heapUsed: heapBytes } = process.memoryUsage();
  const usage: Usage = {
    tasks: reported,
    rssBytes,
    heapBytes,
    threadBytes: heaps.reduce((sum, heap) => sum + heap.total_physical_size, 0),
    descriptors: readdirSync('/proc/self/fd').length,
    resources: process.getActiveResourcesInfo().length,
  };
  reported += Number(every);
  process.send?.(usage);
}
