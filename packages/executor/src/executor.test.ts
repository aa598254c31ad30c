import type { Agent, Task } from '@symphony/core';
import { TaskRouter } from '@symphony/router';
import { describe, expect, it } from 'vitest';
import { flaky, Lab, Waiting } from '../test/lab.ts';

const echo: Agent = { id: 'echo', run: (task: Task) => task.input };

describe('closing an executor', () => {
  it('lets what callers run end, then gives the lease back', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const executor = lab.executor();
    const run = executor.executeTask(await lab.create(), waiting.agent);
    await lab.until(() => waiting.started === 1);
    const closed = executor.close();
    await lab.clock.advance(5_000);
    waiting.go();
    expect(await run).toMatchObject({ status: 'completed' });
    await lab.until(closed);
    expect(await lab.openWorkers()).toEqual([]);
  });

  it('aborts what takes longer with SHUTDOWN and hands it back at no cost; its caller is rejected', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const executor = lab.executor();
    const id = await lab.create();
    const run = executor.executeTask(id, waiting.agent);
    const rejection = expect(run).rejects.toMatchObject({ code: 'SHUTDOWN', details: { taskId: id } });
    await lab.until(() => waiting.started === 1);
    const startedAt = lab.clock.now();
    await lab.until(executor.close());
    await rejection;
    expect(lab.clock.now() - startedAt).toBe(10_000);
    expect(waiting.context.signal.reason).toMatchObject({ code: 'SHUTDOWN' });
    expect(await lab.task(id)).toMatchObject({ status: 'pending', attempt: 1, failures: 0, crashes: 0 });
    expect(await lab.openWorkers()).toEqual([]);
  });

  it('rejects who waits for a holder to die', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const id = await lab.create();
    const first = lab.executor().executeTask(id, waiting.agent);
    await lab.until(() => waiting.started === 1);
    const executor = lab.executor();
    const rejection = expect(executor.executeTask(id, echo)).rejects.toMatchObject({ code: 'SHUTDOWN' });
    await lab.clock.advance(100);
    await lab.until(executor.close());
    await rejection;
    waiting.go();
    await first;
  });

  it('twice is harmless, and both wait for the end', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const executor = lab.executor();
    const run = executor.executeTask(await lab.create(), waiting.agent);
    run.catch(() => undefined);
    await lab.until(() => waiting.started === 1);
    const first = executor.close();
    let secondIsThrough = false;
    const second = executor.close().then(() => (secondIsThrough = true));
    await lab.clock.advance(1_000);
    expect(secondIsThrough).toBe(false);
    await lab.until(Promise.all([first, second]));
    await executor.close();
    await executor[Symbol.asyncDispose]();
  });

  it('is hurried by a second call', async () => {
    await using lab = new Lab();
    const [inline, worked] = [new Waiting('inline'), new Waiting('worked')];
    const executor = lab.executor();
    await executor.startWorker({ agents: [worked.agent] });
    await lab.submit({ agentId: 'worked' });
    executor.executeTask(await lab.create(), inline.agent).catch(() => undefined);
    await lab.until(() => inline.started + worked.started === 2);
    const first = executor.close();
    const startedAt = lab.clock.now();
    await lab.until(Promise.all([first, executor.close({ timeoutMs: 0 })]));
    expect(lab.clock.now() - startedAt).toBeLessThanOrEqual(1_000);
  });

  it('refuses everything afterwards with SHUTDOWN, and opens no lease again', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const id = await lab.create();
    await executor.close();
    const refused = expect.objectContaining({
      code: 'SHUTDOWN',
      message: 'This executor is closed, or closing. Create another to go on.',
    });
    await expect(executor.executeTask(id, echo)).rejects.toEqual(refused);
    await expect(executor.executeWithRetry(id, echo)).rejects.toEqual(refused);
    await expect(executor.batchExecute([[id, echo]])).rejects.toEqual(refused);
    await expect(executor.runAttempt(id, [echo])).rejects.toEqual(refused);
    await expect(executor.startWorker({ agents: [echo] })).rejects.toEqual(refused);
    expect(executor.workerCount).toBe(0);
    expect(await lab.task(id)).toMatchObject({ status: 'pending', attempt: 0 });
  });

  it('does not begin if it is told nonsense', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    await expect(executor.close({ timeoutMs: -1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(executor.close({ timeout: 1 } as object)).rejects.toMatchObject({
      message: 'drain has no option "timeout". It takes timeoutMs.',
    });
    expect(await executor.executeTask(await lab.create(), echo)).toMatchObject({ status: 'completed' });
  });

  it('says so if the lease cannot be given back', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    await executor.executeTask(await lab.create(), echo);
    lab.break('closeWorker', () => () => Promise.reject(new Error('away')));
    await expect(executor.close()).rejects.toThrow('away');
    await executor.close().catch(() => undefined);
    lab.forget(executor);
  });
});

describe('runAttempt', () => {
  it('runs one attempt of a task by id', async () => {
    await using lab = new Lab();
    const id = await lab.submit({ agentId: 'flaky', retry: { initialDelayMs: 1_000, jitter: 'none' } });
    const executor = lab.executor();
    const agent = flaky(1);
    const first = await executor.runAttempt(id, [agent]);
    expect(first).toMatchObject({ state: 'open', task: { status: 'pending', attempt: 1, failures: 1 } });
    const second = await lab.until(executor.runAttempt(id, [agent]));
    expect(second).toMatchObject({ state: 'ended', task: { status: 'completed', attempt: 2 } });
  });

  it('routes a task without an agent first', async () => {
    await using lab = new Lab();
    const router = new TaskRouter({ agents: [echo], clock: lab.clock });
    const id = await lab.submit({ input: 1 });
    expect(await lab.executor({ router }).runAttempt(id, [echo])).toMatchObject({
      state: 'ended',
      task: { output: 1 },
    });
    expect(await lab.facts(id)).toEqual(['task.created', 'task.routed', 'task.claimed', 'task.completed']);
  });

  it('does not pin the task: after a refusal it can go to another agent', async () => {
    await using lab = new Lab();
    const refusing: Agent = { id: 'anna', run: (_task, context) => context.refuse('no') };
    const router = new TaskRouter({ agents: [refusing, echo], clock: lab.clock });
    const executor = lab.executor({ router });
    const id = await lab.submit({ input: 1 });
    expect(await executor.runAttempt(id, [refusing, echo])).toMatchObject({ state: 'open' });
    expect(await executor.runAttempt(id, [refusing, echo])).toMatchObject({
      state: 'ended',
      task: { agentId: 'echo' },
    });
  });

  it('leaves the next try to whoever takes it', async () => {
    await using lab = new Lab();
    const id = await lab.submit({ agentId: 'flaky' });
    await lab.executor().runAttempt(id, [flaky(9)]);
    await lab.executor().startWorker({ agents: [flaky(0)] });
    expect(await lab.until(lab.tasks.handle(id).result())).toBe('done');
  });

  it.each<[string, string, string, (lab: Lab) => Promise<string>]>([
    ['an unknown task', 'TASK_NOT_FOUND', 'There is no task tsk_none.', async () => 'tsk_none'],
    ['a task that has ended', 'TASK_FINISHED', 'is cancelled. Use retryTask', cancelled],
    [
      'a task of an agent that is not hosted here',
      'AGENT_NOT_FOUND',
      'is assigned to agent "zoe", which is not hosted here.',
      (lab) => lab.create({ agentId: 'zoe' }),
    ],
    ['a task that nobody can take', 'NO_ROUTE', 'has no agent, and there is no router', (lab) => lab.create()],
  ])('of %s throws %s', async (_name, code, message, prepare) => {
    await using lab = new Lab();
    const id = await prepare(lab);
    const written = await lab.written();
    await expect(lab.executor().runAttempt(id, [echo])).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
    expect(await lab.written()).toEqual(written);
  });
});

async function cancelled(lab: Lab): Promise<string> {
  const id = await lab.create();
  await lab.tasks.cancelTask(id);
  return id;
}
