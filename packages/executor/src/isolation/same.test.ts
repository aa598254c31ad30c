import type { AgentLike, Schema, Task } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import act, { endings } from '../../test/isolated/acts.ts';
import { isolated, isolations, moduleOf, stepOf } from '../../test/isolation-lab.ts';
import { Lab } from '../../test/lab.ts';

/** A schema that makes a date of a number. */
const date: Schema<Date> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: new Date(value as number) }) },
};

/** What a run leaves behind, as far as it does not tell of places in sources. */
async function traces(lab: Lab, { id }: Task): Promise<unknown> {
  const { status, output, error, failures, retry, dueAt, refusedBy } = await lab.task(id);
  return {
    facts: await lab.facts(id),
    task: { status, output, failures, retry, dueAt, refusedBy: refusedBy.map(({ reason }) => reason) },
    error: error && { ...error, stack: error.stack?.split('\n')[0] },
  };
}

/** Runs an agent once with each task, and tells what each has left. */
async function tracesOf(names: readonly string[], agent: AgentLike): Promise<Readonly<Record<string, unknown>>> {
  await using lab = new Lab();
  const executor = lab.executor();
  const tasks = await Promise.all(names.map((name) => lab.tasks.createTask({ name, agentId: 'ada' })));
  await Promise.all(tasks.map(({ id }) => executor.runAttempt(id, [agent])));
  const told = tasks.map(async (task): Promise<[string, unknown]> => [task.name, await traces(lab, task)]);
  return Object.fromEntries(await Promise.all(told));
}

const names = Object.keys(endings);

describe('whatever an agent does at its end', () => {
  it('means the same in a thread as in the process of the worker', async () => {
    const here = await tracesOf(names, { id: 'ada', run: act });
    const there: Record<string, unknown> = {};
    // A few at a time: each has a thread of its own.
    for (let from = 0; from < names.length; from += 4)
      Object.assign(there, await tracesOf(names.slice(from, from + 4), isolated('thread')));
    expect(Object.keys(here)).toEqual(names);
    expect(there).toEqual(here);
  });

  it('means the same in a process of its own', async () => {
    const some = [
      'a value',
      'a value of 4 MiB',
      'a value of more',
      'an error with a code',
      'a refusal',
      'a text thrown',
    ];
    const there = await tracesOf(some, isolated('process'));
    expect(there).toEqual(await tracesOf(some, { id: 'ada', run: act }));
  });

  it('is cut where it is too long, and says how long it was', async () => {
    await using lab = new Lab();
    const agent = isolated('thread', { module: moduleOf('long-error.ts') });
    const task = await lab.executor().executeTask(await lab.create(), agent);
    expect(task.error?.message).toHaveLength(16 * 1024);
    expect(task.error?.message).toMatch(/^x+… \(cut, 5000000 characters\)$/);
  });
});

describe.each(isolations)('the context of an agent in a %s', (isolation) => {
  const agent = isolated(isolation);

  it('has what it has elsewhere, and so has the task', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const first = await lab.submit({ name: 'a value', agentId: 'ada' });
    await executor.runAttempt(first, [{ id: 'ada', run: act }]);
    const id = await lab.create({
      name: 'everything',
      input: { a: [1] },
      dependsOn: { __proto__: null, before: first } as never,
    });
    const task = await executor.executeTask(id, agent, { context: { who: 'caller' } });
    expect(task.output).toEqual({
      attempt: 1,
      idempotencyKey: `${id}:ada`,
      data: { who: 'caller' },
      dependencies: { before: (await lab.task(first)).output },
      input: { a: [1] },
      name: 'everything',
      values: [1, 2, 3],
      aborted: false,
    });
    expect((await lab.inner.steps(id, 'ada')).map(({ identity }) => identity)).toEqual(['a#1', 'a#2', 'b:k']);
  });

  it('replays in the next attempt what was recorded in this', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const id = await lab.create({
      name: 'steps, then an error',
      agentId: 'ada',
      retry: { maxRetries: 1, initialDelayMs: 0 },
    });
    await executor.runAttempt(id, [agent]);
    expect(await executor.runAttempt(id, [agent])).toMatchObject({
      state: 'ended',
      task: { status: 'completed', output: { attempt: 2, first: { attempt: 1, at: '1970-01-01T00:00:00.000Z' } } },
    });
  });

  it('takes the input that the schema of the worker has made, be it a date', async () => {
    await using lab = new Lab();
    const id = await lab.create({ name: 'dates', input: 77 });
    expect(await lab.executor().executeTask(id, { ...agent, input: date })).toMatchObject({ output: 77 });
  });
});

describe('the context of an isolated agent', () => {
  const agent = isolated('thread');

  it('refuses a step that was made from another input', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const id = await lab.create({
      name: 'another input of a step',
      agentId: 'ada',
      retry: { maxRetries: 1, initialDelayMs: 0 },
    });
    await executor.runAttempt(id, [agent]);
    await executor.runAttempt(id, [agent]);
    expect(await lab.task(id)).toMatchObject({ status: 'failed', attempt: 2, error: { code: 'STEP_MISMATCH' } });
  });

  it('resolves a step after its result is stored', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const id = await lab.create({ name: 'what is stored when a step resolves' });
    let commits = 0;
    lab.break('commit', (commit) => async (request) => {
      const writes = request.groups.flat().some(({ type }) => type === 'recordStep');
      if (writes && ++commits === 1) throw Object.assign(new Error('away'), { code: 'STORE_FAILED' });
      return commit(request);
    });
    const running = executor.executeTask(id, agent);
    await expect(running).resolves.toMatchObject({ status: 'failed', error: { message: 'away' } });
    expect(await lab.inner.steps(id, 'ada')).toEqual([]);
  });

  it('spawns a task once per key', async () => {
    await using lab = new Lab();
    const id = await lab.create({ name: 'spawn twice' });
    const { output } = await lab.executor().executeTask(id, agent);
    const [one, two] = output as [string, string];
    expect(two).toBe(one);
    expect(await lab.task(one)).toMatchObject({ name: 'child', input: { a: 1 }, dueAt: 7, parentId: id });
  });

  it('stores the last progress with the result, and few of those before', async () => {
    await using lab = new Lab();
    const id = await lab.create({ name: 'progress' });
    let said = 0;
    lab.break('commit', (commit) => (request) => {
      said += request.groups.flat().filter(({ type }) => type === 'progress').length;
      return commit(request);
    });
    const running = lab.executor().executeTask(id, agent);
    await stepOf(lab, id, 'first#1');
    expect(await running).toMatchObject({ status: 'completed', progress: { done: 1_000 } });
    expect(said).toBeLessThan(10);
  });

  it('checks input and output by the schemas of the module too', async () => {
    await using lab = new Lab();
    const agent = isolated('thread', { module: moduleOf('with-schemas.ts') });
    const run = async (input: number): Promise<Task> => lab.executor().executeTask(await lab.create({ input }), agent);
    expect(await run(1)).toMatchObject({ status: 'completed', output: 1 });
    expect(await run(0)).toMatchObject({ status: 'failed', error: { code: 'INPUT_INVALID' } });
    expect(await run(100)).toMatchObject({ status: 'failed', error: { code: 'OUTPUT_INVALID' } });
  });
});
