import { spawn, type ChildProcess } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { IsolatedAgent } from '@symphony/core';
import { hearOutput, lastWords, type Compartment, type CompartmentListener } from './compartment.ts';
import { entry } from './entry.ts';
import type { Environment } from './environment.ts';
import { onLine } from './lines.ts';
import { nodeArguments } from './node-arguments.ts';

/** Most characters of a message: far more than the largest result takes with every character escaped. */
const longestMessage = 64 * 1024 * 1024;

/** Opens a process that leads a group of its own, so that what it starts is killed with it. */
export function openProcess({ memoryMb }: IsolatedAgent, env: Environment, listener: CompartmentListener): Compartment {
  const child = spawn(process.execPath, [...nodeArguments(memoryMb), fileURLToPath(entry('process'))], {
    detached: true,
    env,
    // The first pipe beyond the usual ones is for messages; the second says nothing, but is cut when this process dies.
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    windowsHide: true,
  });
  const failed = new Promise<string>((resolve) => {
    child.on('error', ({ message }) => resolve(`it could not be started, ${message}`));
  });
  if (child.pid === undefined) return { post: () => undefined, kill: () => undefined, ended: failed };

  let isGone = false;
  const kill = (): void => {
    if (!isGone) killGroup(child);
  };
  const [, stdout, stderr, messages, lifeline] = child.stdio as unknown as Pipes;
  for (const pipe of [messages, lifeline]) pipe.on('error', () => undefined); // the exit of the process says it as well
  onLine(messages, (text) => listener.onText(text), longestMessage);
  const heard = new Promise<void>((resolve) => void messages.once('close', resolve));
  void heard.then(kill); // one that has closed its pipe cannot be heard any more
  const streams = [
    hearOutput(stdout, (text) => listener.onOutput('stdout', text)),
    hearOutput(stderr, (text) => listener.onOutput('stderr', text)),
  ];
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  const ended = exited.then(async (how) => {
    kill(); // its leader has gone, perhaps by itself; those that it led may be there
    isGone = true; // the number of the group may be another's from now on
    await heard;
    await lastWords(streams);
    for (const pipe of [stdout, stderr, lifeline]) pipe.destroy();
    return how;
  });
  return { post: (text) => void (messages.writable && messages.write(`${text}\n`)), kill, ended };
}

/** As `stdio` of the process asks for them. */
type Pipes = readonly [stdin: null, stdout: Readable, stderr: Readable, messages: Duplex, lifeline: Duplex];

/** Kills a process and all of its group at one instant; on Windows, which has no groups, the process. */
function killGroup(child: ChildProcess): void {
  try {
    if (process.platform === 'win32' || child.pid === undefined) child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody is left of the group.
  }
}
