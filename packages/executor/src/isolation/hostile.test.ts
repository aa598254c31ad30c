import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Logger, Task } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { isolated, isolations, moduleOf, Scratch } from '../../test/isolation-lab.ts';
import { Lab } from '../../test/lab.ts';

/** Runs one act in a thread or process, beside a neighbour in the worker that must not notice. */
async function beside(lab: Lab, name: string, ...agent: Parameters<typeof isolated>): Promise<Task> {
  const executor = lab.executor();
  const [task, neighbour] = await Promise.all([
    executor.executeTask(await lab.create({ name }), isolated(...agent)),
    executor.executeTask(await lab.create(), { id: 'neighbour', run: () => 'done' }),
  ]);
  expect(neighbour).toMatchObject({ status: 'completed', output: 'done' });
  expect(({} as { polluted?: true }).polluted).toBeUndefined();
  return task;
}

const died = (id: string, isolation: string, how: string): object => ({
  status: 'failed',
  failures: 1,
  crashes: 0,
  error: {
    code: 'AGENT_DIED',
    message: expect.stringMatching(
      new RegExp(`^The ${isolation} of agent "ada" ended before attempt 1 at task ${id} did: ${how}$`),
    ) as string,
  },
});

describe.each(isolations)('an agent in a %s harms nobody', (isolation) => {
  it.each([
    ['exit', 'exit code 7'],
    ['exit with 0', 'exit code 0'],
    ['throw where nobody catches', 'exit code 1.*, of an error that nobody caught: nobody caught this'],
    ['reject where nobody catches', 'exit code 1.*, of an error that nobody caught: nobody caught this'],
  ])('by trying to %s, which is a failure like any other', async (name, how) => {
    await using lab = new Lab();
    const task = await beside(lab, name, isolation);
    expect(task).toMatchObject(died(task.id, isolation, how));
    expect(await lab.facts(task.id)).toContain('task.failed');
  });

  it('by using up all memory', async () => {
    await using lab = new Lab();
    const task = await beside(lab, 'use up all memory', isolation, { memoryMb: 32 });
    expect(task).toMatchObject(died(task.id, isolation, '.*(memory limit|SIGABRT|SIGTRAP).*'));
  });

  it('by writing 100 MB, of which 10 are logged', async () => {
    await using lab = new Lab();
    const task = await beside(lab, 'write 100 MB', isolation);
    expect(task).toMatchObject({ status: 'completed', output: 'written' });
    expect(lab.log.filter(({ level }) => level === 'info')).toHaveLength(10 * 1024);
    expect(lab.complaints.filter((line) => !line.startsWith('xxx'))).toEqual([
      'An agent writes too much; the rest is dropped.',
    ]);
  });

  it('by spoiling its globals, its prototypes and its environment', async () => {
    await using lab = new Lab();
    const task = await beside(lab, 'spoil the globals', isolation);
    expect(['completed', 'failed']).toContain(task.status);
    expect([typeof Date, typeof Promise, [1].push(2), process.env['PATH']]).toEqual([
      'function',
      'function',
      2,
      expect.any(String),
    ]);
  });

  it('by saying what is no message, which ends it', async () => {
    await using lab = new Lab();
    const task = await beside(lab, 'say what is no message', isolation);
    expect(task).toMatchObject({ status: 'failed', error: { code: 'AGENT_DIED' } });
  });
});

describe('an agent in a process harms nobody', () => {
  it.each([
    ['kill itself', 'signal SIGKILL'],
    ['close what it was not given', 'signal SIGKILL'],
  ])('by trying to %s', async (name, how) => {
    await using lab = new Lab();
    const task = await beside(lab, name, 'process');
    expect(task).toMatchObject(died(task.id, 'process', how));
  });

  it('that could not be started', async () => {
    await using lab = new Lab();
    // No system takes a single variable of this size.
    const task = await beside(lab, 'a value', 'process', { env: { HUGE: 'x'.repeat(16 * 1024 * 1024) } });
    expect(task).toMatchObject(died(task.id, 'process', 'it could not be started, .*E2BIG'));
  });
});

describe('what dies of itself', () => {
  it('is tried again as the policy says, and goes on after its recorded steps', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const retry = { maxRetries: 1, initialDelayMs: 0 };
    const id = await lab.create({ name: 'exit after a step', agentId: 'ada', retry });
    const agent = isolated('process');
    const first = await executor.runAttempt(id, [agent]);
    expect(first).toMatchObject({ state: 'open', task: { failures: 1, crashes: 0, error: { code: 'AGENT_DIED' } } });
    const second = await executor.runAttempt(id, [agent]);
    expect(second).toMatchObject({ state: 'ended', task: { status: 'completed', output: 'paid in attempt 1' } });
  });
});

describe('the output of an isolated agent', () => {
  it.each(isolations)('in a %s is told to the logger line by line, and to nobody else', async (isolation) => {
    await using lab = new Lab();
    const input = [
      ['stdout', 'one\ntw'],
      ['stdout', 'o\n'],
      ['stderr', 'complaint\n'],
      ['stdout', `${'long'.repeat(10_000)}\n`],
      ['stdout', 'no end'],
    ];
    const id = await lab.create({ name: 'write', input });
    await lab.executor().executeTask(id, isolated(isolation));
    const details = { taskId: id, agentId: 'ada', attempt: 1 };
    const lines = lab.log.filter(({ details }) => details['agentId'] === 'ada');
    expect(lines.filter(({ level }) => level === 'info')).toEqual([
      { level: 'info', message: 'one', details: { ...details, stream: 'stdout' } },
      { level: 'info', message: 'two', details: { ...details, stream: 'stdout' } },
      { level: 'info', message: `${'long'.repeat(2_048)}… (cut)`, details: { ...details, stream: 'stdout' } },
      { level: 'info', message: 'no end', details: { ...details, stream: 'stdout' } },
    ]);
    expect(lines.filter(({ level }) => level === 'warn')).toEqual([
      { level: 'warn', message: 'complaint', details: { ...details, stream: 'stderr' } },
    ]);
  });

  it.each(isolations)('in a %s harms neither attempt nor worker where the logger throws', async (isolation) => {
    await using lab = new Lab();
    let told = 0;
    const refuse = (): never => {
      told++;
      throw new Error('no place for this');
    };
    const logger: Logger = { ...lab.logger, info: refuse, warn: refuse };
    const input = [
      ['stdout', 'one\n'],
      ['stderr', 'two\nno end'],
    ];
    const id = await lab.create({ name: 'write', input });
    const task = await lab.executor({ logger }).executeTask(id, isolated(isolation));
    expect(task).toMatchObject({ status: 'completed', error: undefined });
    expect(told).toBe(3);
  });
});

describe('the environment of an isolated agent', () => {
  it.each([
    ['Node has read from a file', (file: string) => [`--env-file=${file}`]],
    ['Node has read from a file, named by the next argument,', (file: string) => ['--env-file', file]],
    ['Node has read from a file that may be missing', (file: string) => [`--env-file-if-exists=${file}`]],
    ['a module that was loaded in advance has read', () => ['--import', moduleOf('read-variables.ts').href]],
  ])('has nothing that %s for the worker', async (_what, flags) => {
    using scratch = new Scratch();
    scratch.write('.env', 'MY_SECRET=secret');
    const file = scratch.file('.env');
    const program = fileURLToPath(moduleOf('../environment-worker.ts'));
    const { stdout } = await promisify(execFile)(process.execPath, [...flags(file), program], {
      cwd: scratch.folder,
    });
    const told = JSON.parse(stdout) as { environment: Record<string, string>; flags: string[] }[];
    expect(told.map(({ environment }) => environment['MY_SECRET'])).toEqual(['secret', undefined, undefined]);
    expect(told.map(({ environment }) => environment['GIVEN'])).toEqual([undefined, 'given', 'given']);
    for (const agent of told.slice(1)) expect(agent.flags.join(' ')).not.toContain('--env-file');
  });

  it.each(isolations)('in a %s is what every program needs, and what it was given', async (isolation) => {
    await using lab = new Lab();
    process.env['SYMPHONY_TEST_SECRET'] = 'secret';
    const run = async (env?: Record<string, string | undefined>): Promise<Record<string, string>> => {
      const id = await lab.create({ name: 'environment' });
      const task = await lab.executor().executeTask(id, isolated(isolation, env === undefined ? {} : { env }));
      return task.output as Record<string, string>;
    };
    try {
      const bare = await run();
      expect(bare['PATH']).toBe(process.env['PATH']);
      expect(bare).not.toHaveProperty('SYMPHONY_TEST_SECRET');
      const given = await run({ KEY: 'given', PATH: '/given', GONE: undefined });
      expect(given).toMatchObject({ KEY: 'given', PATH: '/given' });
      expect(given).not.toHaveProperty('GONE');
      expect(await run(process.env)).toMatchObject({ SYMPHONY_TEST_SECRET: 'secret' });
    } finally {
      delete process.env['SYMPHONY_TEST_SECRET'];
    }
  });
});
