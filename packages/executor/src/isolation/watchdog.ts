import { Socket } from 'node:net';
import { workerData } from 'node:worker_threads';

// Starts in a thread of an isolated agent's process. When the worker at the other end of the pipe dies, whatever it dies
// of, the system closes the pipe, and this kills the process and all of its group.
const group = process.platform === 'win32' ? process.pid : -process.pid;
const lifeline = new Socket({ fd: workerData as number, readable: true, writable: false });
lifeline.on('error', () => undefined);
lifeline.once('close', () => process.kill(group, 'SIGKILL'));
lifeline.resume();
