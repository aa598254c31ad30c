import type { Agent } from '@symphony/core';
import { TaskRouter } from '@symphony/router';
import { describe, expect, it } from 'vitest';
import { Lab } from '../test/lab.ts';

function refusing(id: string, journal: string[] = []): Agent {
  return {
    id,
    run: async (_task, context) => {
      await context.step('look', () => journal.push(id));
      context.refuse(`${id} cannot`);
    },
  };
}

/** Workers of all these agents, and a router that prefers them in the order of their ids. */
async function withWorker(lab: Lab, agents: readonly Agent[], fallback?: string): Promise<void> {
  const router = new TaskRouter({ agents, clock: lab.clock, ...(fallback === undefined ? {} : { fallback }) });
  await lab.executor({ router }).startWorker({ agents });
}

describe('context.refuse', () => {
  it('hands the task to the next agent, at no cost, with an empty journal', async () => {
    await using lab = new Lab();
    const journal: string[] = [];
    const taking: Agent = { id: 'cleo', run: (_task, context) => context.step('look', () => journal.push('cleo')) };
    await withWorker(lab, [refusing('anna', journal), refusing('bert', journal), taking]);
    const id = await lab.submit();
    await lab.until(lab.tasks.waitForTask(id));
    expect(await lab.task(id)).toMatchObject({
      status: 'completed',
      agentId: 'cleo',
      attempt: 3,
      failures: 0,
      crashes: 0,
      refusedBy: [
        { agentId: 'anna', reason: 'anna cannot' },
        { agentId: 'bert', reason: 'bert cannot' },
      ],
    });
    expect(journal).toEqual(['anna', 'bert', 'cleo']);
    expect(await lab.data(id, 'task.refused')).toEqual([
      { attempt: 1, agentId: 'anna', reason: 'anna cannot' },
      { attempt: 2, agentId: 'bert', reason: 'bert cannot' },
    ]);
  });

  it('by everybody hands the task to the fallback agent', async () => {
    await using lab = new Lab();
    const human: Agent = { id: 'human', run: () => 'by hand' };
    await withWorker(lab, [refusing('anna'), refusing('bert'), human], 'human');
    const id = await lab.submit();
    expect(await lab.until(lab.tasks.handle(id).result())).toBe('by hand');
    expect((await lab.data(id, 'task.routed')).at(-1)).toMatchObject({ agentId: 'human', fallback: {} });
  });

  it('by everybody, the fallback agent included, fails the task with NO_ROUTE and each reason', async () => {
    await using lab = new Lab();
    await withWorker(lab, [refusing('anna'), refusing('bert'), refusing('human')], 'human');
    const id = await lab.submit();
    const task = await lab.until(lab.tasks.waitForTask(id));
    expect(task).toMatchObject({ status: 'failed', attempt: 3, failures: 0, error: { code: 'NO_ROUTE' } });
    for (const agent of ['anna', 'bert', 'human']) expect(task.error?.message).toContain(`"${agent}": ${agent} cannot`);
  });

  it('of an agent that the task is pinned to fails it with REFUSED', async () => {
    await using lab = new Lab();
    await withWorker(lab, [refusing('anna'), { id: 'bert', run: () => 'done' }]);
    const id = await lab.submit({ agentId: 'anna' });
    const task = await lab.until(lab.tasks.waitForTask(id));
    expect(task).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'REFUSED' } });
    expect(task.error?.message).toBe('Agent "anna" refused the task: anna cannot');
    const byHand = await lab.executor().executeWithRetry(await lab.create(), refusing('anna'));
    expect(byHand).toMatchObject({ status: 'failed', attempt: 1, failures: 0, error: { code: 'REFUSED' } });
  });

  it('is forgotten by retryTask: the agent is asked again', async () => {
    await using lab = new Lab();
    let willing = false;
    const moody: Agent = { id: 'anna', run: (_task, context) => (willing ? 'done' : context.refuse('not today')) };
    await withWorker(lab, [moody]);
    const id = await lab.submit();
    expect(await lab.until(lab.tasks.waitForTask(id))).toMatchObject({ status: 'failed', error: { code: 'NO_ROUTE' } });
    willing = true;
    await lab.tasks.retryTask(id);
    expect(await lab.until(lab.tasks.handle(id).result())).toBe('done');
    expect((await lab.task(id)).refusedBy).toEqual([]);
  });

  it('that the agent catches itself is no refusal', async () => {
    await using lab = new Lab();
    const agent: Agent = {
      id: 'anna',
      run: (_task, context) => {
        try {
          context.refuse('on second thought');
        } catch {
          return 'done';
        }
      },
    };
    expect(await lab.executor().executeTask(await lab.create(), agent)).toMatchObject({ status: 'completed' });
  });

  it('waits for an agent that may still come rather than fail', async () => {
    await using lab = new Lab();
    let hosted = false;
    const router = new TaskRouter({
      clock: lab.clock,
      directory: {
        list: async () =>
          ['anna', 'bert'].map((id) => ({
            config: { id, name: id, role: '', description: '', capabilities: [], examples: [], limits: {}, cost: null },
            enabled: true,
            hosted: id === 'anna' || hosted,
          })),
        loads: async () => new Map(),
      },
    });
    await lab.executor({ router }).startWorker({ agents: [refusing('anna'), { id: 'bert', run: () => 'done' }] });
    const id = await lab.submit();
    await lab.clock.advance(10_000);
    expect(await lab.task(id)).toMatchObject({ status: 'pending', refusedBy: [{ agentId: 'anna' }] });
    hosted = true;
    expect(await lab.until(lab.tasks.handle(id).result())).toBe('done');
  });
});
