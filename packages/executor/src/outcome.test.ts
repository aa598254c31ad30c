import type { Agent, RoutingDecision, RoutingOutcome, RoutingStrategy, Task } from '@symphony/core';
import { TaskRouter } from '@symphony/router';
import { describe, expect, it } from 'vitest';
import { flaky, Lab, Waiting } from '../test/lab.ts';

interface Heard {
  readonly task: Task;
  readonly decision: RoutingDecision;
  readonly result: RoutingOutcome;
}

/** A worker with these agents, and a strategy that prefers them in the order of their ids and hears how that went. */
async function withWorker(
  lab: Lab,
  agents: readonly Agent[],
  outcome?: NonNullable<RoutingStrategy['outcome']>,
): Promise<{ readonly heard: readonly Heard[]; readonly router: TaskRouter }> {
  const heard: Heard[] = [];
  const strategy: RoutingStrategy = {
    name: 'curious',
    rank: ({ candidates }) => Array.from(candidates, ({ id }) => ({ agentId: id, score: 1, reasons: ['by id'] })),
    outcome: outcome ?? ((task, decision, result) => void heard.push({ task, decision, result })),
  };
  const router = new TaskRouter({ agents, strategy, clock: lab.clock, logger: lab.logger });
  await lab.executor({ router }).startWorker({ agents });
  return { heard, router };
}

const told = (heard: readonly Heard[]) =>
  heard.map(({ task, decision, result }) => [task.id, decision.agentId, result.status]);

describe('the strategy that routed a task hears', () => {
  it('that it was completed, with the task as it ended and the decision as it was recorded', async () => {
    await using lab = new Lab();
    const { heard } = await withWorker(lab, [{ id: 'anna', run: () => 'done' }]);
    const id = await lab.submit();
    await lab.until(() => heard.length > 0);
    expect(heard[0]).toMatchObject({
      task: { id, status: 'completed', output: 'done' },
      result: { status: 'completed' },
    });
    expect(await lab.data(id, 'task.routed')).toEqual([heard[0]?.decision]);
  });

  it('that it has failed for good, and nothing of the tries before', async () => {
    await using lab = new Lab();
    const { heard } = await withWorker(lab, [flaky(9)]);
    const id = await lab.submit({ retry: { maxRetries: 2 } });
    await lab.until(lab.tasks.waitForTask(id));
    await lab.clock.advance(0);
    expect(told(heard)).toEqual([[id, 'flaky', 'failed']]);
    expect(heard[0]?.task).toMatchObject({ status: 'failed', failures: 3, error: { message: 'no 3' } });
  });

  it('of each refusal, and of who took the task then', async () => {
    await using lab = new Lab();
    const refuse = (id: string): Agent => ({ id, run: (_task, context) => context.refuse(`${id} cannot`) });
    const { heard } = await withWorker(lab, [refuse('anna'), refuse('bert'), { id: 'cleo', run: () => 'done' }]);
    const id = await lab.submit();
    await lab.until(lab.tasks.waitForTask(id));
    await lab.clock.advance(0);
    expect(told(heard)).toEqual([
      [id, 'anna', 'refused'],
      [id, 'bert', 'refused'],
      [id, 'cleo', 'completed'],
    ]);
    expect(heard[0]?.result).toEqual({ status: 'refused', reason: 'anna cannot' });
  });

  it('nothing of a task that was cancelled, pinned by its creator, or executed by hand', async () => {
    await using lab = new Lab();
    const waiting = new Waiting('anna');
    const { heard, router } = await withWorker(lab, [waiting.agent]);
    const cancelled = await lab.submit();
    await lab.until(() => waiting.started === 1);
    await lab.tasks.cancelTask(cancelled);
    await lab.until(lab.tasks.waitForTask(cancelled));
    waiting.go();
    const pinned = await lab.submit({ agentId: 'anna' });
    await lab.until(lab.tasks.waitForTask(pinned));
    await lab.until(lab.executor({ router }).executeTask(await lab.create(), { id: 'bert', run: () => 'done' }));
    await lab.clock.advance(5_000);
    expect(told(heard)).toEqual([]);
  });

  it('in the process that ran the task, also where another one routed it', async () => {
    await using lab = new Lab();
    const anna: Agent = { id: 'anna', run: () => 'done' };
    const bert: Agent = { id: 'bert', run: () => 'done' };
    await lab.store.commit({
      groups: [anna, bert].map(({ id }) => [
        {
          type: 'registerAgent',
          config: { id, name: id, role: '', description: '', capabilities: [], examples: [], limits: {}, cost: null },
        },
      ]),
    });
    const heardBy: string[] = [];
    for (const agent of [anna, bert]) {
      const strategy: RoutingStrategy = {
        name: 'curious',
        rank: () => [{ agentId: 'bert', score: 1, reasons: ['always'] }],
        outcome: () => void heardBy.push(agent.id),
      };
      const router = new TaskRouter({ agents: [anna, bert], strategy, clock: lab.clock });
      await lab.executor({ router }).startWorker({ agents: [agent] });
    }
    for (let count = 0; count < 8; count++) await lab.submit();
    await lab.until(() => heardBy.length === 8);
    expect(new Set(heardBy)).toEqual(new Set(['bert']));
  });
});

describe('a strategy that hears of outcomes', () => {
  it('neither holds a worker up nor harms its tasks, whatever it does', async () => {
    await using lab = new Lab();
    let calls = 0;
    await withWorker(lab, [{ id: 'anna', run: () => 'done' }], () => {
      calls++;
      if (calls % 2 === 0) throw new Error('broken');
      return new Promise(() => undefined);
    });
    const before = lab.clock.monotonic();
    const ids = await Promise.all(Array.from({ length: 20 }, () => lab.submit()));
    const tasks = await lab.until(Promise.all(ids.map((id) => lab.tasks.waitForTask(id))));
    expect(tasks.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
    expect(lab.clock.monotonic() - before).toBeLessThan(1_000);
    await lab.until(() => calls === 20);
    await lab.clock.advance(2_000);
    expect(lab.complaints).toEqual(['a strategy did not take the outcome of a task']);
  });
});
