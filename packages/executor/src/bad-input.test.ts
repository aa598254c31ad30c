import { SymphonyError, type Agent } from '@symphony/core';
import { MemoryStore } from '@symphony/persistence-memory';
import { describe, expect, it } from 'vitest';
import { EnhancedExecutor, type ExecutorOptions } from './index.ts';
import { Lab } from '../test/lab.ts';

const echo: Agent = { id: 'echo', run: ({ input }) => input as unknown };
const ring: unknown[] = [];
ring.push(ring);

type Call = (executor: EnhancedExecutor, id: string) => Promise<unknown>;
type Row = readonly [what: string, code: string, message: string, call: Call];

const rows: readonly Row[] = [
  // Tasks.
  ['executeTask of an unknown id', 'TASK_NOT_FOUND', 'There is no task tsk_x.', (e) => e.executeTask('tsk_x', echo)],
  ['executeTask of an empty id', 'INVALID_NAME', 'task id must not be empty.', (e) => e.executeTask('', echo)],
  [
    'executeTask of a number',
    'INVALID_NAME',
    'task id must be a string, got number.',
    (e) => e.executeTask(5 as never, echo),
  ],
  [
    'executeTask of an id with a control character',
    'INVALID_NAME',
    'task id holds a control character.',
    (e) => e.executeTask('a\u0000b', echo),
  ],
  [
    'executeTask of a name of Object',
    'TASK_NOT_FOUND',
    'There is no task __proto__.',
    (e) => e.executeTask('__proto__', echo),
  ],
  [
    'an unknown workflow',
    'WORKFLOW_NOT_FOUND',
    'There is no workflow wf_x.',
    (e, id) => e.executeTask(id, echo, { workflowId: 'wf_x' }),
  ],

  // Agents.
  [
    'no agent',
    'AGENT_INVALID',
    'An agent is { id, run(task, context) } or a named function, got undefined.',
    (e, id) => e.executeTask(id, undefined as never),
  ],
  ['null for an agent', 'AGENT_INVALID', 'got null.', (e, id) => e.executeTask(id, null as never)],
  [
    'an agent without run',
    'AGENT_INVALID',
    'Agent "a" has no run(task, context).',
    (e, id) => e.executeTask(id, { id: 'a' } as never),
  ],
  [
    'an agent without an id',
    'INVALID_NAME',
    'agent id must be a string, got undefined.',
    (e, id) => e.executeTask(id, { run: echo.run } as never),
  ],
  [
    'an agent of too long an id',
    'INVALID_NAME',
    'agent id must have at most 256 characters, got 10000.',
    (e, id) => e.executeTask(id, { ...echo, id: 'x'.repeat(10_000) }),
  ],
  [
    'a function without a name',
    'AGENT_INVALID',
    'A function used as an agent needs a name',
    (e, id) =>
      e.executeTask(
        id,
        (
          () => () =>
            1
        )(),
      ),
  ],
  [
    'an agent with a negative limit',
    'INVALID_ARGUMENT',
    'agent "echo" limits.timeouts.startToCloseMs must be a whole number from 1 to 316224000000, got -5.',
    (e, id) => e.executeTask(id, { ...echo, limits: { timeouts: { startToCloseMs: -5 } } }),
  ],
  [
    'an agent with a limit of 0',
    'INVALID_ARGUMENT',
    'limits.timeouts.idleMs must be a whole number from 1 to 316224000000, got 0.',
    (e, id) => e.executeTask(id, { ...echo, limits: { timeouts: { idleMs: 0 } } }),
  ],
  [
    'an agent with a misspelled limit',
    'INVALID_ARGUMENT',
    'agent "echo" limits has no option "timeout". It takes timeouts, concurrency.',
    (e, id) => e.executeTask(id, { ...echo, limits: { timeout: 5 } as object }),
  ],
  [
    'an agent whose input is no schema',
    'AGENT_INVALID',
    'Agent "echo": input must be a Standard Schema',
    (e, id) => e.executeTask(id, { ...echo, input: { type: 'string' } as never }),
  ],
  [
    'an agent whose cost is no JSON value',
    'INVALID_JSON',
    'agent "echo" cost is a bigint',
    (e, id) => e.executeTask(id, { ...echo, cost: 1n as never }),
  ],

  // Options.
  [
    'a misspelled option of executeTask',
    'INVALID_ARGUMENT',
    'executeTask has no option "workflow". It takes workflowId, preExecutionHook, postExecutionHook, context, signal.',
    (e, id) => e.executeTask(id, echo, { workflow: 'x' } as object),
  ],
  [
    'a misspelled option of executeWithRetry',
    'INVALID_ARGUMENT',
    'executeWithRetry has no option "max_retries". It takes workflowId, preExecutionHook, postExecutionHook, context, signal, maxRetries, retryDelay, retry.',
    (e, id) => e.executeWithRetry(id, echo, { max_retries: 3 } as object),
  ],
  [
    'a misspelled option of batchExecute',
    'INVALID_ARGUMENT',
    'batchExecute has no option "concurrency". It takes maxConcurrent, workflowId, signal, onProgress.',
    (e, id) => e.batchExecute([[id, echo]], { concurrency: 3 } as object),
  ],
  [
    'a misspelled option of startWorker',
    'INVALID_ARGUMENT',
    'startWorker has no option "concurency". It takes agents, concurrency.',
    (e) => e.startWorker({ agents: [echo], concurency: 3 } as never),
  ],
  [
    'null for options',
    'INVALID_ARGUMENT',
    'executeTask takes an object with workflowId',
    (e, id) => e.executeTask(id, echo, null as never),
  ],
  [
    'a hook that is no function',
    'INVALID_ARGUMENT',
    'preExecutionHook must be a function, got "log".',
    (e, id) => e.executeTask(id, echo, { preExecutionHook: 'log' as never }),
  ],
  [
    'a post-hook that is no function',
    'INVALID_ARGUMENT',
    'postExecutionHook must be a function, got an object.',
    (e, id) => e.executeWithRetry(id, echo, { postExecutionHook: {} as never }),
  ],
  [
    'a signal that is none',
    'INVALID_ARGUMENT',
    'signal must be an AbortSignal, got an object.',
    (e, id) => e.executeTask(id, echo, { signal: new AbortController() as never }),
  ],
  [
    'an onProgress that is no function',
    'INVALID_ARGUMENT',
    'onProgress must be a function, got true.',
    (e, id) => e.batchExecute([[id, echo]], { onProgress: true as never }),
  ],

  // What is no JSON value.
  [
    'a BigInt in the context',
    'INVALID_JSON',
    'context.a[0] is a bigint, which is no JSON value.',
    (e, id) => e.executeTask(id, echo, { context: { a: [1n] } }),
  ],
  [
    'a cycle in the context',
    'INVALID_JSON',
    'context[0] is a cycle',
    (e, id) => e.executeTask(id, echo, { context: ring }),
  ],
  [
    'a function as the context',
    'INVALID_JSON',
    'context is a function',
    (e, id) => e.executeTask(id, echo, { context: () => 1 }),
  ],
  [
    'a Map as the context',
    'INVALID_JSON',
    'context is an instance of Map',
    (e, id) => e.executeTask(id, echo, { context: new Map() }),
  ],
  [
    'a huge context',
    'PAYLOAD_TOO_LARGE',
    'context is larger than the limit of 1048576 bytes',
    (e, id) => e.executeTask(id, echo, { context: ['x'.repeat(100 * 1024 * 1024)] }),
  ],

  // Numbers.
  ...[0, -1, 1.5, Number.NaN, Infinity, '3', null].map((value): Row => [
    'maxConcurrent ' + String(value),
    'INVALID_ARGUMENT',
    'maxConcurrent must be a whole number from 1 up, got',
    (e, id) => e.batchExecute([[id, echo]], { maxConcurrent: value as never }),
  ]),
  ...[0, -1, 2.5, Number.NaN, 1e9, '8'].map((value): Row => [
    'concurrency ' + String(value),
    'INVALID_ARGUMENT',
    'concurrency must be a whole number from 1 to 100000, got',
    (e) => e.startWorker({ agents: [echo], concurrency: value as never }),
  ]),
  ...[-1, 1.5, Infinity, 1e9, 'unlimited'].map((value): Row => [
    'maxRetries ' + String(value),
    'INVALID_ARGUMENT',
    'maxRetries must be a whole number from 0 to 1000000, got',
    (e, id) => e.executeWithRetry(id, echo, { maxRetries: value as never }),
  ]),
  ...[-1, 0.5, Number.NaN, 1e99, '5s'].map((value): Row => [
    'retryDelay ' + String(value),
    'INVALID_ARGUMENT',
    'retryDelay must be a whole number from 0 to',
    (e, id) => e.executeWithRetry(id, echo, { retryDelay: value as never }),
  ]),
  [
    'a retry policy that is none',
    'INVALID_ARGUMENT',
    'retry must be an object such as { maxRetries: 3 }.',
    (e, id) => e.executeWithRetry(id, echo, { retry: 3 as never }),
  ],
  [
    'a misspelled retry policy',
    'INVALID_ARGUMENT',
    'retry has no option "max". It takes maxRetries, maxCrashes',
    (e, id) => e.executeWithRetry(id, echo, { retry: { max: 3 } as object }),
  ],
  [
    'a factor below 1',
    'INVALID_ARGUMENT',
    'retry.factor must be a number from 1 to 1000, got 0.5.',
    (e, id) => e.executeWithRetry(id, echo, { retry: { factor: 0.5 } }),
  ],
  [
    'a jitter of 2',
    'INVALID_ARGUMENT',
    'retry.jitter must be "full" or "none".',
    (e, id) => e.executeWithRetry(id, echo, { retry: { jitter: 2 as never } }),
  ],

  // Workers.
  [
    'a worker without agents',
    'INVALID_ARGUMENT',
    'startWorker needs an array of at least one agent, got an empty array.',
    (e) => e.startWorker({ agents: [] }),
  ],
  [
    'a worker of no array',
    'INVALID_ARGUMENT',
    'startWorker needs an array of at least one agent, got an object.',
    (e) => e.startWorker({ agents: echo as never }),
  ],
  [
    'a worker of two agents of one id',
    'DUPLICATE_AGENT',
    'Two agents have the id "echo". Give each an id of its own.',
    (e) => e.startWorker({ agents: [echo, { ...echo }] }),
  ],
  ['a worker of something that is no agent', 'AGENT_INVALID', 'got 7.', (e) => e.startWorker({ agents: [7 as never] })],
];

describe('bad input', () => {
  it.each(rows)('%s is refused with %s, and nothing is written', async (_what, code, message, call) => {
    await using lab = new Lab();
    const executor = lab.executor();
    const id = await lab.create();
    const written = await lab.written();
    const startedAt = performance.now();
    const error = await call(executor, id).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(SymphonyError.is(error)).toBe(true);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) as string });
    expect(await lab.written()).toEqual(written);
    expect(await lab.task(id)).toMatchObject({ status: 'pending', attempt: 0 });
    expect(executor.workerCount).toBe(0);
  });
});

describe('bad options of an executor', () => {
  const store = new MemoryStore();

  it.each<[string, Partial<ExecutorOptions> | Record<string, unknown> | null, string]>([
    ['nothing', null, 'EnhancedExecutor takes an object with store'],
    ['no store', {}, 'EnhancedExecutor needs a store, got undefined.'],
    ['a URL for a store', { store: 'memory:' }, 'EnhancedExecutor needs a store, got "memory:".'],
    ['a misspelled option', { store, leasMs: 1 }, 'EnhancedExecutor has no option "leasMs".'],
    ['a lease of 0', { store, leaseMs: 0 }, 'leaseMs must be a whole number from 1 to 86400000, got 0.'],
    ['a renewal of NaN', { store, renewMs: Number.NaN }, 'renewMs must be a whole number'],
    ['a sweep of "2s"', { store, sweepMs: '2s' }, 'sweepMs must be a whole number from 1 to 86400000, got "2s".'],
    [
      'a renewal that is longer than half the lease',
      { store, leaseMs: 1_000, renewMs: 600 },
      'renewMs must be at most half of leaseMs, so that one late renewal does not cost the lease: got 600 and 1000.',
    ],
    [
      'hooks that are none',
      { store, hooks: [] },
      'hooks takes an object with preExecution, postExecution, got an array.',
    ],
    [
      'misspelled hooks',
      { store, hooks: { pre: () => undefined } },
      'hooks has no option "pre". It takes preExecution, postExecution.',
    ],
    [
      'a hook that is no function',
      { store, hooks: { postExecution: 1 } },
      'hooks.postExecution must be a function, got 1.',
    ],
  ])('%s', (_what, options, message) => {
    expect(() => new EnhancedExecutor(options as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(message) as string }),
    );
  });

  it('of a short lease alone are none: the other times shrink with it', async () => {
    await using lab = new Lab();
    const executor = lab.executor({ leaseMs: 100 });
    await executor.executeTask(await lab.create(), echo);
    await lab.clock.advance(10_000);
    expect(await lab.openWorkers()).toHaveLength(1);
  });
});
