import { workerData, type MessagePort } from 'node:worker_threads';
import { nodeArguments } from './node-arguments.ts';
import { serve } from './serve.ts';

// Starts in the thread of an isolated agent. What the agent forks runs with the flags that a process of its own would have.
process.execArgv = [...nodeArguments()];
const port = workerData as MessagePort;
serve({ post: (text) => port.postMessage(text), listen: (hear) => void port.on('message', hear) });
