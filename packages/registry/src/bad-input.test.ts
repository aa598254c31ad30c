import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SymphonyError, type Agent } from '@symphony/core';
import { MemoryStore } from '@symphony/persistence-memory';
import { ContainerModule } from 'inversify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echo, Lab, stores } from '../test/lab.ts';
import { ServiceRegistry, Tokens, type OpenOptions } from './index.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'symphony-bad-input-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const persistenceHelp =
  'persistence must be "memory:", "sqlite:PATH", "sqlite::memory:" or "postgres://…", or a store, got';

describe('open', () => {
  it.each<[string, unknown, string, string]>([
    ['null', null, 'INVALID_ARGUMENT', 'open takes an object with persistence, agents'],
    ['a URL in place of options', 'memory:', 'INVALID_ARGUMENT', 'open takes an object with persistence, agents'],
    [
      'a misspelled option',
      { persistance: 'memory:' },
      'INVALID_ARGUMENT',
      'open has no option "persistance". It takes persistence, agents, routing, strategies, hooks, retention, lease, modules, resolveFrom, clock, random, makeId, logger.',
    ],

    ['an unknown URL', { persistence: 'mysql://db' }, 'INVALID_ARGUMENT', `${persistenceHelp} "mysql://db".`],
    [
      'a URL with a secret, which is not repeated',
      { persistence: 'mysql://root:s3cret@db/x' },
      'INVALID_ARGUMENT',
      `${persistenceHelp} "mysql://…@db/x".`,
    ],
    [
      'a path in place of a URL',
      { persistence: './symphony.db' },
      'INVALID_ARGUMENT',
      `${persistenceHelp} "./symphony.db".`,
    ],
    ['an empty URL', { persistence: '' }, 'INVALID_ARGUMENT', `${persistenceHelp} "".`],
    ['sqlite: without a path', { persistence: 'sqlite:' }, 'INVALID_ARGUMENT', persistenceHelp],
    ['memory: with a path', { persistence: 'memory:x' }, 'INVALID_ARGUMENT', persistenceHelp],
    [
      'a number for persistence',
      { persistence: 5 },
      'INVALID_ARGUMENT',
      'persistence must be an object with commit, getTask, onChange, close, got 5.',
    ],
    [
      'something that is no store',
      { persistence: {} },
      'INVALID_ARGUMENT',
      'persistence must be an object with commit, getTask, onChange, close, got an object.',
    ],

    ['agents that are no array', { agents: echo }, 'INVALID_ARGUMENT', 'agents must be an array, got an object.'],
    [
      'something that is no agent',
      { agents: [echo, 7] },
      'AGENT_INVALID',
      'An agent is { id, run(task, context) } or a named function, got 7.',
    ],
    ['a hole among the agents', { agents: new Array<Agent>(1) }, 'AGENT_INVALID', 'got undefined.'],
    [
      'two agents of one id',
      { agents: [echo, { ...echo }] },
      'DUPLICATE_AGENT',
      'Two agents have the id "echo". Give each an id of its own.',
    ],
    ['an agent of an empty id', { agents: [{ ...echo, id: '' }] }, 'INVALID_NAME', 'agent id must not be empty.'],
    [
      'an agent of an id with a control character',
      { agents: [{ ...echo, id: 'a\u0007' }] },
      'INVALID_NAME',
      'agent id holds a control character.',
    ],
    [
      'an agent with a negative limit',
      { agents: [{ ...echo, limits: { timeouts: { idleMs: -1 } } }] },
      'INVALID_ARGUMENT',
      'agent "echo" limits.timeouts.idleMs must be a whole number from 1 to 316224000000, got -1.',
    ],
    [
      'an agent with a capability that is no name',
      { agents: [{ ...echo, capabilities: ['law', ''] }] },
      'INVALID_NAME',
      'agent "echo" capabilities[1] must not be empty.',
    ],
    [
      'an agent whose description is no text',
      { agents: [{ ...echo, description: 5 }] },
      'AGENT_INVALID',
      'agent "echo" description must be a string, got 5.',
    ],
    [
      'an agent whose cost is no JSON value',
      { agents: [{ ...echo, cost: Number.NaN }] },
      'INVALID_JSON',
      'agent "echo" cost is the number NaN',
    ],

    ['an unknown strategy', { routing: { strategy: 'content-macth' } }, 'STRATEGY_NOT_FOUND', 'content-macth'],
    [
      'options that a strategy does not have',
      { routing: { strategy: ['content-match', { minimum: 1 }] } },
      'STRATEGY_OPTIONS_INVALID',
      'content-match',
    ],
    ['something that is no strategy', { routing: { strategy: 5 } }, 'STRATEGY_INVALID', 'strategy'],
    [
      'misspelled routing',
      { routing: { stratgy: 'custom' } },
      'INVALID_ARGUMENT',
      'open.routing has no option "stratgy". It takes strategy, fallback, rankTimeoutMs.',
    ],
    [
      'a time limit of 0',
      { routing: { rankTimeoutMs: 0 } },
      'INVALID_ARGUMENT',
      'rankTimeoutMs must be a whole number from 1',
    ],
    ['an empty fallback', { routing: { fallback: '' } }, 'INVALID_NAME', 'fallback must not be empty.'],
    [
      'strategies that are no array',
      { strategies: 'mine' },
      'INVALID_ARGUMENT',
      'strategies must be an array, got "mine".',
    ],
    [
      'a package that is not installed',
      { strategies: ['symphony-strategy-nobody'] },
      'STRATEGY_NOT_FOUND',
      'symphony-strategy-nobody',
    ],

    [
      'hooks that are no functions',
      { hooks: { preExecution: 'log' } },
      'INVALID_ARGUMENT',
      'hooks.preExecution must be a function, got "log".',
    ],
    [
      'misspelled hooks',
      { hooks: { preExecutionHook: () => undefined } },
      'INVALID_ARGUMENT',
      'open.hooks has no option "preExecutionHook". It takes preExecution, postExecution.',
    ],
    [
      'a negative lease',
      { lease: { leaseMs: -1 } },
      'INVALID_ARGUMENT',
      'open.lease.leaseMs must be a whole number from 1 to 86400000, got -1.',
    ],
    [
      'a lease in words',
      { lease: { leaseMs: '10s' } },
      'INVALID_ARGUMENT',
      'open.lease.leaseMs must be a whole number from 1 to 86400000, got "10s".',
    ],
    ['a misspelled lease', { lease: { lease: 5 } }, 'INVALID_ARGUMENT', 'open.lease has no option "lease".'],
    [
      'a renewal longer than the lease',
      { lease: { leaseMs: 1_000, renewMs: 3_000 } },
      'INVALID_ARGUMENT',
      'renewMs must be at most half of leaseMs',
    ],
    ['modules that are no array', { modules: {} }, 'INVALID_ARGUMENT', 'modules must be an array, got an object.'],
    [
      'something that is no module',
      { modules: [new ContainerModule(() => undefined), {}] },
      'INVALID_ARGUMENT',
      'modules[1] must be a ContainerModule of inversify, got an object.',
    ],
    [
      'a clock that is none',
      { clock: Date },
      'INVALID_ARGUMENT',
      'clock must be an object with now, monotonic, setTimer, got a function.',
    ],
    [
      'a logger that is none',
      { logger: () => undefined },
      'INVALID_ARGUMENT',
      'logger must be an object with debug, info, warn, error, got a function.',
    ],
    ['randomness that is none', { random: 4 }, 'INVALID_ARGUMENT', 'random must be a function, got 4.'],
    ['ids that are none', { makeId: 'tsk_1' }, 'INVALID_ARGUMENT', 'makeId must be a function, got "tsk_1".'],
  ])('with %s is refused, and opens nothing', async (_what, options, code, message) => {
    const path = join(folder, 'never.db');
    const withFile =
      isRecord(options) && !('persistence' in options) ? { ...options, persistence: `sqlite:${path}` } : options;
    const error: unknown = await ServiceRegistry.open(withFile as OpenOptions).then(
      (symphony) => symphony.close(),
      (thrown: unknown) => thrown,
    );
    expect(SymphonyError.is(error)).toBe(true);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) as string });
    expect((error as SymphonyError).message).not.toContain('s3cret');
    // What was opened before the mistake showed has been closed again: a write-ahead log would be left otherwise.
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  it('with postgres:// without its package is refused, naming the package and not the password', () => {
    const program = `
      import { ServiceRegistry } from './index.ts';
      await ServiceRegistry.open({ persistence: 'postgres://me:s3cret@localhost/db', resolveFrom: '/' }).catch(
        ({ code, message }) => console.log(code, message),
      );`;
    // What pnpm has put into NODE_PATH would be found from anywhere.
    const { NODE_PATH: _, ...env } = process.env;
    const options = ['--conditions=@symphony/source', '--input-type=module-typescript', '--eval', program];
    const { stdout } = spawnSync(process.execPath, options, { cwd: import.meta.dirname, env, encoding: 'utf8' });
    expect(stdout.trim()).toBe(
      'PACKAGE_NOT_INSTALLED This persistence needs the package @symphony/persistence-postgres. Install it in your application: npm install @symphony/persistence-postgres',
    );
  });

  it('with a file that is no store is a coded error, and the file is left as it is', async () => {
    const path = join(folder, 'notes.txt');
    writeFileSync(path, 'not a database');
    await expect(ServiceRegistry.open({ persistence: `sqlite:${path}` })).rejects.toMatchObject({
      code: 'STORE_NOT_OURS',
      message: expect.stringContaining(path) as string,
    });
    await expect(
      ServiceRegistry.open({ persistence: `sqlite:${join(folder, 'missing', 'x.db')}` }),
    ).rejects.toMatchObject({
      code: 'STORE_OPEN_FAILED',
    });
    await expect(ServiceRegistry.open({ persistence: `sqlite:${folder}` })).rejects.toMatchObject({
      code: 'STORE_OPEN_FAILED',
    });
  });
});

describe.each(stores)('bad input through the front door, on %s', (_name, persistence) => {
  type Call = (lab: Lab, id: string) => Promise<unknown>;

  it.each<[string, string, Call]>([
    ['a task without a name', 'INVALID_NAME', ({ symphony }) => symphony.submit({} as never)],
    [
      'a task of a name with a control character',
      'INVALID_NAME',
      ({ symphony }) => symphony.submit({ name: 'a\u0000' }),
    ],
    [
      'an input that is no JSON value',
      'INVALID_JSON',
      ({ symphony }) => symphony.submit({ name: 'x', input: { a: [1n] } }),
    ],
    [
      'an input of 100 MB',
      'PAYLOAD_TOO_LARGE',
      ({ symphony }) => symphony.submit({ name: 'x', input: 'x'.repeat(100 * 1024 * 1024) }),
    ],
    ['an unknown id', 'TASK_NOT_FOUND', ({ symphony }) => symphony.submit('tsk_none')],
    ['a number for an id', 'INVALID_ARGUMENT', ({ symphony }) => symphony.submit(5 as never)],
    [
      'an unknown workflow',
      'WORKFLOW_NOT_FOUND',
      ({ symphony }) => symphony.submit({ name: 'x', workflowId: 'wf_none' }),
    ],
    [
      'a workflow with a bad task at its end',
      'INVALID_NAME',
      ({ workflowTracker }) => workflowTracker.createWorkflow({ name: 'x', tasks: [{ name: 'a' }, { name: '' }] }),
    ],
    ['the history of an unknown task', 'TASK_NOT_FOUND', ({ symphony }) => symphony.history('tsk_none')],
    ['the history of an unknown workflow', 'WORKFLOW_NOT_FOUND', ({ symphony }) => symphony.history('wf_none')],
    ['the history of nothing', 'INVALID_NAME', ({ symphony }) => symphony.history(undefined as never)],
    [
      'maxConcurrent 0',
      'INVALID_ARGUMENT',
      ({ executor }, id) => executor.batchExecute([[id, echo]], { maxConcurrent: 0 }),
    ],
    [
      'one task twice in a batch',
      'DUPLICATE_TASK',
      ({ executor }, id) =>
        executor.batchExecute([
          [id, echo],
          [id, echo],
        ]),
    ],
    [
      'concurrency 0',
      'INVALID_ARGUMENT',
      ({ symphony }) => symphony.startWorker({ agents: [{ ...echo, id: 'new' }], concurrency: 0 }),
    ],
    ['a worker without agents', 'INVALID_ARGUMENT', ({ symphony }) => symphony.startWorker()],
    [
      'a worker of two agents of one id',
      'DUPLICATE_AGENT',
      ({ symphony }) => symphony.startWorker({ agents: [echo, { ...echo }] }),
    ],
    [
      'a misspelled option of a worker',
      'INVALID_ARGUMENT',
      ({ symphony }) => symphony.startWorker({ agent: [echo] } as object),
    ],
    ['registering what is no agent', 'AGENT_INVALID', ({ symphony }) => symphony.registerAgent({ id: 'x' } as never)],
    ['registering nothing', 'AGENT_INVALID', ({ symphony }) => symphony.registerAgent(undefined as never)],
    ['a strategy nobody knows', 'STRATEGY_NOT_FOUND', async ({ symphony }) => symphony.getTaskRouter('nobody')],
  ])('%s is refused with %s, and nothing is written', async (_what, code, call) => {
    await using lab = await Lab.open({ persistence });
    const id = await lab.create();
    const store = lab.symphony.get(Tokens.Store);
    const written = async (): Promise<unknown> => [
      await store.lastPosition(),
      (await store.listTasks({ limit: 100 })).length,
      await store.agents(),
    ];
    const before = await written();
    const startedAt = performance.now();
    const error: unknown = await call(lab, id).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(await written()).toEqual(before);
  });
});

describe.each(stores)('a strategy on %s', (_name, persistence) => {
  const hang = (): Promise<never> => new Promise(() => undefined);

  it.each<[string, () => unknown, string]>([
    ['throws', () => { throw new Error('broken'); }, 'STRATEGY_FAILED'], // prettier-ignore
    ['hangs', hang, 'STRATEGY_TIMEOUT'],
    ['returns nobody', () => [], 'NO_ROUTE'],
    [
      'returns an agent that does not exist',
      () => [{ agentId: 'ghost', score: 1, reasons: ['boo'] }],
      'STRATEGY_INVALID_ANSWER',
    ],
    ['returns nonsense', () => 'echo', 'STRATEGY_INVALID_ANSWER'],
    [
      'returns a score that is no number',
      () => [{ agentId: 'echo', score: Number.NaN, reasons: ['x'] }],
      'STRATEGY_INVALID_ANSWER',
    ],
  ])(
    'that %s is said once in the log of a task that waits, and the fallback agent takes it where there is one',
    async (_what, rank, code) => {
      const strategy = { name: 'odd', rank: rank as never };
      const human: Agent = { id: 'human', run: () => 'by hand' };
      {
        await using lab = await Lab.open({ persistence, agents: [echo], routing: { strategy } });
        await lab.symphony.startWorker();
        const { id } = await lab.symphony.submit({ name: 'x' });
        await lab.clock.advance(20_000);
        expect(await lab.task(id)).toMatchObject({ status: 'pending', attempt: 0 });
        expect(await lab.data(id, 'task.unroutable')).toMatchObject([{ code }]);
        await expect(lab.until(lab.symphony.getTaskRouter().routeTask({ name: 'x' }))).rejects.toMatchObject({ code });
      }
      await using lab = await Lab.open({
        persistence,
        agents: [echo, human],
        routing: { strategy, fallback: 'human' },
      });
      await lab.symphony.startWorker();
      const handle = await lab.symphony.submit({ name: 'x' });
      expect(await lab.until(handle.result())).toBe('by hand');
      expect(await lab.data(handle.id, 'task.routed')).toMatchObject([
        { agentId: 'human', fallback: code === 'NO_ROUTE' ? {} : { code } },
      ]);
    },
  );
});

it('a store that was passed in and has been closed says so', async () => {
  const store = new MemoryStore();
  await store.close();
  await expect(ServiceRegistry.open({ persistence: store, agents: [echo] })).rejects.toMatchObject({
    code: 'STORE_CLOSED',
  });
});

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
