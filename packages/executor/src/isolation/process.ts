import { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { entry } from './entry.ts';
import { onLine } from './lines.ts';
import { serve } from './serve.ts';

// Starts in the process of an isolated agent. A thread watches whether the worker lives, since the agent may block this one.
new Worker(entry('watchdog'), {
  workerData: 4,
  env: {},
  execArgv: [],
  resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 },
}).unref();

const messages = new Socket({ fd: 3, readable: true, writable: true });
messages.on('error', () => undefined); // whoever was to hear it is gone, and so is this process in a moment
serve({
  post: (text) => void messages.write(`${text}\n`),
  // The worker is trusted, and what it starts an attempt with may be the results of many tasks.
  listen: (hear) => onLine(messages, hear, Infinity),
});
