import { MessageChannel, Worker, type WorkerOptions } from 'node:worker_threads';
import type { IsolatedAgent } from '@symphony/core';
import { hearOutput, lastWords, type Compartment, type CompartmentListener } from './compartment.ts';
import { entry } from './entry.ts';
import type { Environment } from './environment.ts';

/** Opens a thread of this process. Its flags and conditions are those of the process. */
export function openThread({ memoryMb }: IsolatedAgent, env: Environment, listener: CompartmentListener): Compartment {
  // A channel of their own: what an agent posts to its parent is not for us.
  const { port1: port, port2 } = new MessageChannel();
  const worker = startWorker(port2, {
    workerData: port2,
    transferList: [port2],
    env,
    stdout: true,
    stderr: true,
    ...(memoryMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: memoryMb } }),
  });
  let failure = '';
  worker.on('error', (error: unknown) => {
    if (error instanceof Error) failure = `, ${error.message}`;
  });
  port.on('message', (text: string) => listener.onText(text));
  const streams = (['stdout', 'stderr'] as const).map((name) =>
    hearOutput(worker[name], (text) => listener.onOutput(name, text)),
  );
  const heard = new Promise<void>((resolve) => void port.once('close', resolve));
  const exited = new Promise<number>((resolve) => void worker.once('exit', resolve));
  const ended = exited.then(async (code) => {
    await heard;
    await lastWords(streams);
    return `exit code ${code}${failure}`;
  });
  return {
    post: (text) => port.postMessage(text),
    kill: () => void worker.terminate(),
    ended,
  };
}

function startWorker(port: { close(): void }, options: WorkerOptions): Worker {
  try {
    return new Worker(entry('thread'), options);
  } catch (error) {
    port.close();
    throw error;
  }
}
