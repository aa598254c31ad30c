import { SymphonyError, type Agent, type Schema } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { Lab, rejectWith, Waiting } from '../test/lab.ts';

describe('the start-to-close timeout', () => {
  it.each([
    ['the task', { timeouts: { startToCloseMs: 400 } }, {}],
    ['the agent', {}, { limits: { timeouts: { startToCloseMs: 400 } } }],
    [
      'the task before the agent',
      { timeouts: { startToCloseMs: 400 } },
      { limits: { timeouts: { startToCloseMs: 9_000 } } },
    ],
  ])('is that of %s; the signal then says START_TO_CLOSE_TIMEOUT', async (_name, task, limits) => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const startedAt = lab.clock.now();
    const run = lab.executor().executeTask(await lab.create(task), { ...waiting.agent, ...limits });
    await lab.clock.advance(399);
    expect(waiting.context.signal.aborted).toBe(false);
    expect(await lab.until(run)).toMatchObject({
      status: 'failed',
      failures: 1,
      error: { code: 'START_TO_CLOSE_TIMEOUT', message: expect.stringContaining('took longer than 400 ms') as string },
    });
    expect(lab.clock.now() - startedAt).toBe(400);
    expect(waiting.context.signal.reason).toMatchObject({ code: 'START_TO_CLOSE_TIMEOUT' });
  });

  it('is a failure like others: the task is tried again', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const id = await lab.create({ timeouts: { startToCloseMs: 400 } });
    const run = lab.executor().executeWithRetry(id, waiting.agent, { maxRetries: 1, retryDelay: 10 });
    expect(await lab.until(run)).toMatchObject({ status: 'failed', attempt: 2, failures: 2 });
  });

  it('gives an agent that ignores its signal a grace, then goes on without it; its late result is noted and discarded', async () => {
    await using lab = new Lab();
    const deaf = new Waiting('deaf', { heeds: false });
    const id = await lab.create({ timeouts: { startToCloseMs: 400 } });
    const startedAt = lab.clock.now();
    const task = await lab.until(lab.executor().executeTask(id, deaf.agent));
    expect(task).toMatchObject({ status: 'failed', error: { code: 'START_TO_CLOSE_TIMEOUT' } });
    expect(lab.clock.now() - startedAt).toBe(5_400);
    deaf.go('too late');
    await lab.clock.advance(0);
    expect(await lab.task(id)).toEqual(task);
    expect(await lab.data(id, 'task.late_result')).toEqual([{ attempt: 1, outcome: 'resolved' }]);
  });

  it('notes also that an agent given up has failed in the end', async () => {
    await using lab = new Lab();
    const deaf = new Waiting('deaf', { heeds: false });
    const id = await lab.create({ timeouts: { startToCloseMs: 400 } });
    await lab.until(lab.executor().executeTask(id, deaf.agent));
    deaf.fail(new Error('at last'));
    await lab.clock.advance(0);
    expect(await lab.data(id, 'task.late_result')).toEqual([{ attempt: 1, outcome: 'rejected' }]);
  });

  it('discards and notes a result that comes within the grace', async () => {
    await using lab = new Lab();
    const deaf = new Waiting('deaf', { heeds: false });
    const id = await lab.create({ timeouts: { startToCloseMs: 400 } });
    const run = lab.executor().executeTask(id, deaf.agent);
    await lab.clock.advance(1_000);
    deaf.go('too late');
    expect(await lab.until(run)).toMatchObject({ status: 'failed', output: undefined });
    expect(await lab.facts(id)).toEqual(['task.created', 'task.claimed', 'task.failed', 'task.late_result']);
  });

  it('leaves an agent alone that is done in time', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const run = lab.executor().executeTask(await lab.create({ timeouts: { startToCloseMs: 400 } }), waiting.agent);
    await lab.clock.advance(399);
    waiting.go('in time');
    expect(await run).toMatchObject({ status: 'completed', output: 'in time' });
    await lab.clock.advance(10_000);
    expect(waiting.context.signal.aborted).toBe(false);
  });

  it('does not start an agent whose time was over before its input was checked', async () => {
    await using lab = new Lab();
    let ran = false;
    const checked = Promise.withResolvers<{ value: unknown }>();
    const input: Schema = { '~standard': { version: 1, vendor: 'test', validate: () => checked.promise } };
    const agent: Agent = { id: 'ada', input, run: () => void (ran = true) };
    const id = await lab.create({ timeouts: { startToCloseMs: 400 } });
    const task = await lab.until(lab.executor().executeTask(id, agent));
    expect(task.error).toMatchObject({ code: 'START_TO_CLOSE_TIMEOUT' });
    checked.resolve({ value: 1 });
    await lab.clock.advance(1_000);
    expect(ran).toBe(false);
  });
});

describe('cancelling a running task', () => {
  it('aborts its signal with TASK_CANCELLED, in whichever process it runs', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const id = await lab.create();
    const run = lab.executor().executeTask(id, waiting.agent);
    await lab.until(() => waiting.started === 1);
    const answer = await lab.tasks.cancelTask(id, { reason: 'too expensive' });
    expect(answer.status).toBe('running');
    const askedAt = lab.clock.now();
    expect(await lab.until(run)).toMatchObject({ status: 'cancelled', error: undefined });
    expect(waiting.context.signal.reason).toMatchObject({ code: 'TASK_CANCELLED', details: { taskId: id } });
    expect(lab.clock.now() - askedAt).toBeLessThanOrEqual(1_000);
    expect(await lab.facts(id)).toEqual(['task.created', 'task.claimed', 'task.cancel_requested', 'task.cancelled']);
  });

  it('is noticed by the poll where the doorbell is silent', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    lab.isSilent = true;
    const id = await lab.create();
    const run = lab.executor().executeTask(id, waiting.agent);
    await lab.until(() => waiting.started === 1);
    await lab.tasks.cancelTask(id);
    const askedAt = lab.clock.now();
    expect(await lab.until(run)).toMatchObject({ status: 'cancelled' });
    expect(lab.clock.now() - askedAt).toBeLessThanOrEqual(1_000);
  });

  it('ends an attempt that ignores it after the grace, and what that still brings is noted and discarded', async () => {
    await using lab = new Lab();
    const deaf = new Waiting('deaf', { heeds: false });
    const id = await lab.create();
    const run = lab.executor().executeTask(id, deaf.agent);
    await lab.until(() => deaf.started === 1);
    await lab.tasks.cancelTask(id);
    const askedAt = lab.clock.now();
    expect(await lab.until(run)).toMatchObject({ status: 'cancelled' });
    expect(lab.clock.now() - askedAt).toBe(5_000);
    deaf.go('too late');
    await lab.clock.advance(0);
    expect(await lab.task(id)).toMatchObject({ status: 'cancelled', output: undefined });
    expect(await lab.facts(id)).toContain('task.late_result');
  });

  it('makes whatever the attempt reports from then on cancelled: a result, a failure, a refusal', async () => {
    await using lab = new Lab();
    const endings: ((waiting: Waiting) => void)[] = [
      (waiting) => waiting.go('done'),
      (waiting) => waiting.fail(new Error('no')),
      (waiting) => {
        try {
          waiting.context.refuse('not mine');
        } catch (refusal) {
          waiting.fail(refusal);
        }
      },
    ];
    for (const end of endings) {
      const deaf = new Waiting('deaf', { heeds: false });
      const id = await lab.create();
      const run = lab.executor().executeWithRetry(id, deaf.agent);
      await lab.until(() => deaf.started === 1);
      await lab.tasks.cancelTask(id);
      end(deaf);
      expect(await lab.until(run)).toMatchObject({ status: 'cancelled', output: undefined, attempt: 1, failures: 0 });
    }
  });
});

describe('what an agent throws', () => {
  const cyclic = new Error('round');
  cyclic.cause = cyclic;
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error('do not touch');
      },
      has: () => {
        throw new Error('do not touch');
      },
      getPrototypeOf: () => {
        throw new Error('do not touch');
      },
    },
  );

  it.each<[string, unknown, object]>([
    ['null', null, { message: '(a non-Error was thrown: null)', code: 'AGENT_ERROR' }],
    ['undefined', undefined, { message: '(a non-Error was thrown: undefined)', code: 'AGENT_ERROR' }],
    ['a string', 'x', { message: '(a non-Error was thrown: "x")', code: 'AGENT_ERROR' }],
    ['a bigint', 1n, { message: '(a non-Error was thrown: 1)', code: 'AGENT_ERROR' }],
    ['a symbol', Symbol('s'), { message: '(a non-Error was thrown: Symbol(s))', code: 'AGENT_ERROR' }],
    ['an empty object', {}, { message: '(an object without a message was thrown)', code: 'AGENT_ERROR' }],
    ['an object without prototype', Object.create(null), { code: 'AGENT_ERROR' }],
    ['an error with a cyclic cause', cyclic, { name: 'Error', message: 'round', code: 'AGENT_ERROR' }],
    [
      'an error with a code of its own',
      Object.assign(new Error('away'), { code: 'ECONNRESET' }),
      { code: 'ECONNRESET' },
    ],
    ['something that throws at every touch', hostile, { code: 'AGENT_ERROR' }],
  ])('%s, is recorded as the error of a failed task', async (_name, thrown, error) => {
    await using lab = new Lab();
    const executor = lab.executor();
    for (const run of [
      () => {
        throw thrown;
      },
      () => rejectWith(thrown),
    ]) {
      const id = await lab.create();
      expect(await executor.executeTask(id, { id: 'bad', run })).toMatchObject({ status: 'failed', error });
      expect(await lab.facts(id)).toEqual(['task.created', 'task.claimed', 'task.failed']);
    }
  });

  it('is cut where its text is long', async () => {
    await using lab = new Lab();
    const agent = { id: 'bad', run: () => Promise.reject(new Error('x'.repeat(10_000_000))) };
    const { error } = await lab.executor().executeTask(await lab.create(), agent);
    expect(error?.message).toMatch(/^x{16384}… \(cut, 10000000 characters\)$/);
    expect(error?.stack?.length).toBeLessThan(20_000);
  });

  it('does not hurt anybody if it is a promise that nobody waits for', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    const agent: Agent = {
      id: 'careless',
      run: (_task, context) => {
        void context.step('forgotten', () => Promise.reject(new Error('nobody sees it')));
        return 'done';
      },
    };
    expect(await lab.executor().executeTask(id, agent)).toMatchObject({ status: 'completed', output: 'done' });
  });
});

describe('what an agent returns', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = { cycle };
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();

  it.each<[string, unknown, string, string]>([
    ['a BigInt', { sum: 10n }, 'RESULT_NOT_SERIALIZABLE', 'output.sum is a bigint'],
    ['a cycle', cycle, 'RESULT_NOT_SERIALIZABLE', 'output.self.cycle is a cycle'],
    ['a function', () => 1, 'RESULT_NOT_SERIALIZABLE', 'output is a function'],
    ['a symbol', [Symbol('s')], 'RESULT_NOT_SERIALIZABLE', 'output[0] is a symbol'],
    ['NaN', { a: [1, Number.NaN] }, 'RESULT_NOT_SERIALIZABLE', 'output.a[1] is the number NaN'],
    ['undefined in an array', [1, undefined], 'RESULT_NOT_SERIALIZABLE', 'output[1] is undefined inside an array'],
    ['a Map', new Map(), 'RESULT_NOT_SERIALIZABLE', 'output is an instance of Map'],
    ['a class instance', new (class Invoice {})(), 'RESULT_NOT_SERIALIZABLE', 'output is an instance of Invoice'],
    [
      'a toJSON that throws',
      {
        toJSON: () => {
          throw new Error('no');
        },
      },
      'RESULT_NOT_SERIALIZABLE',
      'output is something that throws',
    ],
    [
      'more than 4 MiB',
      'x'.repeat(5 * 1024 * 1024),
      'RESULT_TOO_LARGE',
      'output is larger than the limit of 4194304 bytes',
    ],
  ])('%s fails the task at once, which is never left running', async (_name, value, code, message) => {
    await using lab = new Lab();
    const id = await lab.create();
    const task = await lab.executor().executeWithRetry(id, { id: 'odd', run: () => value });
    expect(task).toMatchObject({ status: 'failed', attempt: 1, output: undefined });
    expect(task.error).toMatchObject({ code, message: expect.stringContaining(message) as string });
  });

  it('a proxy that was revoked fails the task as well', async () => {
    await using lab = new Lab();
    const task = await lab.executor().executeTask(await lab.create(), { id: 'odd', run: () => [revoked.proxy] });
    expect(task).toMatchObject({ status: 'failed', error: { code: 'RESULT_NOT_SERIALIZABLE' } });
  });

  it.each<[string, unknown, unknown]>([
    ['nothing', undefined, null],
    ['undefined properties', { a: undefined, b: 1 }, { b: 1 }],
    ['a Date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['NUL, half a surrogate pair and U+FFFE', '\u0000\ud800\ufffe', '\u0000\ud800\ufffe'],
    ['a thenable', { then: (resolve: (value: unknown) => void) => resolve([1]) }, [1]],
    ['a proxy of plain data', new Proxy({ a: 1 }, {}), { a: 1 }],
  ])('%s is stored as JSON has it', async (_name, value, output) => {
    await using lab = new Lab();
    const id = await lab.create();
    expect(await lab.executor().executeTask(id, { id: 'odd', run: () => value })).toMatchObject({
      status: 'completed',
      output,
    });
    expect((await lab.task(id)).output).toEqual(output);
  });

  it('far too much costs neither much time nor much memory', async () => {
    await using lab = new Lab();
    const huge = 'x'.repeat(100 * 1024 * 1024);
    const before = process.memoryUsage().rss;
    const startedAt = performance.now();
    const task = await lab.executor().executeTask(await lab.create(), { id: 'odd', run: () => [huge, huge] });
    expect(task).toMatchObject({ status: 'failed', error: { code: 'RESULT_TOO_LARGE' } });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1024 * 1024);
  });
});

describe('schemas', () => {
  const positive: Schema<number> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) =>
        typeof value === 'number' && value > 0
          ? { value: value * 100 }
          : { issues: [{ message: 'must be positive', path: ['amount', { key: 0 }] }] },
    },
  };

  it('check the input before the agent runs, which sees what they made of it', async () => {
    await using lab = new Lab();
    const agent: Agent<number> = { id: 'ada', input: positive, run: ({ input }) => input };
    const executor = lab.executor();
    expect(await executor.executeTask(await lab.create({ input: 3 }), agent)).toMatchObject({ output: 300, input: 3 });
    let ran = false;
    const refusing = { ...agent, run: () => void (ran = true) };
    expect(await executor.executeWithRetry(await lab.create({ input: -1 }), refusing)).toMatchObject({
      status: 'failed',
      attempt: 1,
      error: { code: 'INPUT_INVALID', message: expect.stringContaining('amount.0: must be positive') as string },
    });
    expect(ran).toBe(false);
  });

  it('check the output before it is stored; another try may do better', async () => {
    await using lab = new Lab();
    const agent: Agent = { id: 'ada', output: positive, run: ({ attempt }) => attempt - 1 };
    const task = await lab.until(lab.executor().executeWithRetry(await lab.create(), agent));
    expect(task).toMatchObject({ status: 'completed', output: 100, attempt: 2 });
    const never: Agent = { id: 'eve', output: positive, run: () => -1 };
    const failed = await lab.executor().executeTask(await lab.create(), never);
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'OUTPUT_INVALID' } });
    expect(failed.error?.message).toContain('The output of agent "eve" is not valid');
  });

  it('may be asynchronous, and fail the attempt if they throw', async () => {
    await using lab = new Lab();
    const validate = (): Promise<never> =>
      Promise.reject(new SymphonyError('INVALID_ARGUMENT', 'the schema is broken'));
    const agent: Agent = { id: 'ada', input: { '~standard': { version: 1, vendor: 'test', validate } }, run: () => 1 };
    expect(await lab.executor().executeTask(await lab.create(), agent)).toMatchObject({
      status: 'failed',
      error: { message: 'the schema is broken' },
    });
  });
});
