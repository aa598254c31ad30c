import { SymphonyError, type Agent } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { Lab } from '../test/lab.ts';

const full = (): Promise<never> => Promise.reject(new SymphonyError('STORE_FULL', 'The disk is full.'));

/** Lets nothing be written any more; what is there can be read. */
function fill(lab: Lab): void {
  for (const method of ['commit', 'renew', 'sweep', 'openWorker', 'closeWorker'] as const)
    lab.break(method, () => full);
}

describe('a store whose disk is full', () => {
  it('keeps no result from being stored once there is space again, and the agent is not run again', async () => {
    await using lab = new Lab();
    let runs = 0;
    const agent: Agent = {
      id: 'ada',
      run: () => {
        fill(lab);
        return ++runs;
      },
    };
    const id = await lab.create();
    const run = lab.executor().executeTask(id, agent);
    await lab.clock.advance(5_000);
    lab.mend();
    expect(await lab.until(run)).toMatchObject({ status: 'completed', output: 1, attempt: 1 });
    expect(await lab.facts(id)).toEqual(['task.created', 'task.claimed', 'task.completed']);
  });

  it('for longer than a lease costs a running task nothing, and leaves none running', async () => {
    await using lab = new Lab();
    let runs = 0;
    const agent: Agent = {
      id: 'ada',
      run: async (_task, { step }) => {
        if (++runs === 3) fill(lab);
        return step('pay', () => runs);
      },
    };
    const ids = await Promise.all(Array.from({ length: 10 }, () => lab.submit({ agentId: 'ada' })));
    await lab.executor().startWorker({ agents: [agent], concurrency: 4 });
    await lab.clock.advance(60_000);
    lab.mend();
    const tasks = await lab.until(Promise.all(ids.map((id) => lab.tasks.waitForTask(id))));
    for (const task of tasks) expect(task).toMatchObject({ status: 'completed', failures: 0, crashes: 0 });
    // Whoever had not been told of its step by then has run again; nobody more.
    expect(runs).toBeLessThanOrEqual(ids.length + 4);
  });
});
