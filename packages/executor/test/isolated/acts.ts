import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, closeSync, writeSync } from 'node:fs';
import { threadId, workerData, type MessagePort } from 'node:worker_threads';
import {
  RetryAfterError,
  SymphonyError,
  TerminalError,
  type AgentContext,
  type AgentFunction,
  type JsonValue,
  type Task,
} from '@symphony/core';

type Act = (context: AgentContext, input: JsonValue, task: Task) => unknown;

/** Ways to end that mean the same wherever the agent runs. */
export const endings: Readonly<Record<string, Act>> = {
  'a value': () => ({ text: 'NUL \0, half a pair \ud800', list: [1, -0, null], at: new Date(0), gone: undefined }),
  nothing: () => undefined,
  'a promise of a value': async () => 7,
  'a value of 4 MiB': () => 'x'.repeat(4 * 1024 * 1024 - 2),
  'a value of more': () => 'x'.repeat(4 * 1024 * 1024),
  'a bigint': () => ({ deep: [1n] }),
  'a cycle': () => {
    const ring: unknown[] = [];
    return ring.push(ring) && ring;
  },
  'a function': () => () => 1,
  'an object that throws when it is read': () => ({
    get value(): never {
      throw new Error('hands off');
    },
  }),
  'an error with a code': () => {
    throw Object.assign(new Error('no such file', { cause: new Error('why') }), { code: 'ENOENT' });
  },
  'an error of a class': () => {
    throw new RangeError('too far');
  },
  'an error of ours': () => {
    throw new SymphonyError('STEP_MISMATCH', 'as if a step', { details: { step: 'pay#1' } });
  },
  'an error not to be tried again': () => {
    throw new TerminalError('never', { code: 'BROKE' });
  },
  'an error to be tried again later': () => {
    throw new RetryAfterError('busy', 60_000);
  },
  'null thrown': () => {
    throw null; // eslint-disable-line @typescript-eslint/only-throw-error -- agents do such things
  },
  'a text thrown': () => {
    throw 'a text'; // eslint-disable-line @typescript-eslint/only-throw-error -- agents do such things
  },
  'an object thrown': () => {
    throw {}; // eslint-disable-line @typescript-eslint/only-throw-error -- agents do such things
  },
  'an object that throws when it is touched, thrown': () => {
    const handler = {
      get: (): never => {
        throw new Error('hands off');
      },
      has: (): never => {
        throw new Error('hands off');
      },
    };
    throw new Proxy({}, handler); // eslint-disable-line @typescript-eslint/only-throw-error -- agents do such things
  },
  'one of ours that is made wrongly': () => {
    throw Object.assign(new RetryAfterError('soon', 1), { retryAfterMs: { toString: () => 'soon' } });
  },
  'an error to be tried again never': () => {
    throw new RetryAfterError('busy', Number.MAX_VALUE);
  },
  'a refusal': (context) => context.refuse('not mine'),
  'a refusal that was caught': (context) => {
    try {
      context.refuse('not mine');
    } catch {
      return 'mine after all';
    }
  },
  'a step without a key, twice at once': ({ step }) => Promise.all([step('a', () => 1), step('a', () => 2)]),
  'a step under one key, twice at once': ({ step }) =>
    Promise.all([step('a', () => 1, { key: 'k' }), step('a', () => 2, { key: 'k' })]),
  'a step whose result is no JSON': ({ step }) => step('a', () => 1n),
  'a step with a bad name': ({ step }) => step('', () => 1),
  'a step with an unknown option': ({ step }) => step('a', () => 1, { kye: 'k' } as never),
  'a step with an input that is no JSON': ({ step }) => step('a', () => 1, { input: 1n }),
  'a step that throws what the agent knows': async ({ step }) => {
    class Mine extends Error {}
    const error = await step('a', () => Promise.reject(new Mine('mine'))).catch((thrown: unknown) => thrown);
    return error instanceof Mine;
  },
  'progress that is no JSON': ({ progress }) => progress(1n),
  'a spawned task of a bad name': ({ spawn: spawnTask }) => spawnTask('a', { name: '' }),
  'a spawned task with an unknown option': ({ spawn: spawnTask }) => spawnTask('a', { name: 'b', nmae: 'c' } as never),
  'a spawned task of a priority that is none': ({ spawn: spawnTask }) => spawnTask('a', { name: 'b', priority: NaN }),
};

/** Ways to be a bad neighbour. */
export const pranks: Readonly<Record<string, Act>> = {
  exit: () => process.exit(7),
  'exit with 0': () => process.exit(0),
  'throw where nobody catches': () =>
    new Promise(() => {
      setTimeout(() => {
        throw new Error('nobody caught this');
      }, 0);
    }),
  'reject where nobody catches': () => {
    void Promise.reject(new Error('nobody caught this'));
    return new Promise(() => undefined);
  },
  'use up all memory': () => {
    const hoard: unknown[] = [];
    for (;;) hoard.push(new Array(10_000).fill({}));
  },
  'kill itself': () => process.kill(process.pid, 'SIGKILL'),
  'close what it was not given': () => {
    closeSync(3);
    return new Promise(() => setInterval(() => undefined, 1_000));
  },
  'say what is no message': () => {
    if (threadId === 0) writeSync(3, 'what?\n');
    else (workerData as MessagePort).postMessage('what?');
    return new Promise(() => undefined);
  },
};

/** Everything else that tests want done. */
const acts: Readonly<Record<string, Act>> = {
  everything: async ({ attempt, idempotencyKey, data, dependencies, step, signal }, input, task) => {
    const values = [
      await step('a', () => 1),
      await step('a', () => 2),
      await step('b', () => 3, { key: 'k', input: 4 }),
    ];
    return { attempt, idempotencyKey, data, dependencies, input, name: task.name, values, aborted: signal.aborted };
  },
  'steps, then an error': async ({ step, attempt }) => {
    const first = await step('pay', () => ({ attempt, at: new Date(0) }));
    if (attempt < 2) throw new Error('after the step');
    return { attempt, first };
  },
  'another input of a step': async ({ step, attempt }) => {
    await step('pay', () => 1, { input: { attempt } });
    throw new Error('after the step');
  },
  'what is stored when a step resolves': async ({ step }) => {
    await step('one', () => 1);
    await step('two', () => 2);
    return new Promise(() => undefined);
  },
  'spawn twice': async ({ spawn: spawnTask }) => {
    const one = await spawnTask('k', { name: 'child', input: { a: 1 }, dueAt: new Date(7) });
    return [one, await spawnTask('k', { name: 'child' })];
  },
  progress: async ({ progress, step }) => {
    progress({ done: 1 });
    await step('first', () => 1);
    for (let done = 2; done <= 1_000; done++) progress({ done });
    return 'done';
  },
  'wait for the signal': async ({ step, signal }) => {
    const aborted = new Promise<unknown>((resolve) => {
      signal.addEventListener('abort', () => resolve(signal.reason));
    });
    await step('here', () => process.pid);
    const reason = await aborted;
    if (SymphonyError.is(reason)) console.log(reason.code, reason.message);
    throw reason;
  },
  loop: async ({ step }) => {
    await step('here', () => process.pid);
    for (;;);
  },
  'write a file without end': async ({ step }, input) => {
    await step('here', () => process.pid);
    for (;;) appendFileSync(input as string, '.');
  },
  'block until a file is there': async ({ step }, input) => {
    await step('here', () => process.pid);
    // Or until its folder is gone, as it is behind a test that has failed.
    const command = 'until [ -e "$0" ] || [ ! -e "${0%/*}" ]; do sleep 0.05; done';
    execFileSync('sh', ['-c', command, input as string]);
  },
  'tell progress every 5 ms, for half a second': async ({ progress }) => {
    for (let done = 1; done <= 100; done++) {
      progress({ done });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return 'done';
  },
  'size of the dependencies': ({ dependencies }) => JSON.stringify(dependencies).length,
  'loop with a child': async ({ step }) => {
    await step('here', async () => [process.pid, await child()]);
    for (;;);
  },
  'leave a child behind': async ({ step }) => {
    await step('here', async () => [process.pid, await child()]);
    return 'done';
  },
  'exit and leave a child behind': async ({ step }) => {
    await step('here', async () => [process.pid, await child()]);
    process.exit(1);
  },
  'exit after a step': async ({ step, attempt }) => {
    const paid = await step('pay', () => `paid in attempt ${attempt}`);
    return attempt === 1 ? process.exit(1) : paid;
  },
  'start a daemon': async () => child({ detached: true, stdio: 'inherit' }),
  write: async (_context, input) => {
    for (const [stream, text] of input as ['stdout' | 'stderr', string][]) {
      await new Promise((resolve) => process[stream].write(text, resolve));
    }
  },
  'write 100 MB': async () => {
    const text = `${'x'.repeat(1023)}\n`.repeat(1024);
    for (let written = 0; written < 100; written++) await new Promise((resolve) => process.stdout.write(text, resolve));
    return 'written';
  },
  'spoil the globals': () => {
    Object.assign(Object.prototype, { polluted: true });
    globalThis.Date = globalThis.Promise = globalThis.fetch = undefined as never;
    Array.prototype.push = Map.prototype.get = () => undefined as never;
    process.env = {};
    return 'spoilt';
  },
  environment: () => ({ ...process.env }),
  'environment and flags': () => ({ environment: { ...process.env }, flags: process.execArgv }),
  dates: (_context, _input, task) => (task.input as unknown as Date).getTime(),
};

/** Starts a program that runs until it is killed. */
async function child(options: Parameters<typeof spawn>[2] = {}): Promise<number | undefined> {
  const started: ChildProcess = spawn('sleep', ['300'], { stdio: 'ignore', ...options });
  await new Promise((resolve) => started.once('spawn', resolve));
  started.unref();
  return started.pid;
}

const all = { ...endings, ...pranks, ...acts };

/** Does what the task is called. */
const act: AgentFunction<JsonValue> = (task, context: AgentContext) => {
  const chosen = all[task.name];
  if (chosen === undefined) throw new Error(`there is no act "${task.name}"`);
  return chosen(context, task.input, task);
};

export default act;
