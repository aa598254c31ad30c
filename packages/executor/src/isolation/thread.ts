import { workerData, type MessagePort } from 'node:worker_threads';
import { serve } from './serve.ts';

// Starts in the thread of an isolated agent.
const port = workerData as MessagePort;
serve({ post: (text) => port.postMessage(text), listen: (hear) => void port.on('message', hear) });
