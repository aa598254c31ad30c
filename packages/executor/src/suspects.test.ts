import { defaults, type Agent, type Command } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { Lab } from '../test/lab.ts';

/** Creates a task, and lets the process die that runs it: one more crash would make it poison. */
async function createSuspect(lab: Lab, name: string): Promise<string> {
  const id = await lab.create({ name, agentId: 'any', retry: { maxCrashes: 2 } });
  const workerId = `wrk_dead_${id}`;
  await lab.store.openWorker({ id: workerId, hosts: [], leaseMs: 100, renewMs: 50 });
  const claim: Command = { type: 'claimTask', id, workerId, agentId: 'any' };
  expect((await lab.store.commit({ groups: [[claim]] })).results).toMatchObject([{ status: 'ok' }]);
  await lab.clock.advance(100);
  await lab.store.sweep({ markDead: true });
  return id;
}

/** Spawns a child and waits for it. */
function waitingFor(lab: Lab): Agent {
  return {
    id: 'any',
    run: async ({ name }, context) => {
      if (name !== 'parent') return name;
      const id = await context.spawn('child', { name: 'child', agentId: 'any' });
      return (await lab.tasks.waitForTask(id)).output;
    },
  };
}

describe('a task that is one crash from POISON', () => {
  it('does not keep a task from its child for ever, which is due behind it on the same worker', async () => {
    await using lab = new Lab();
    const parent = await lab.submit({ name: 'parent', agentId: 'any' });
    const gate = Promise.withResolvers<void>();
    let hasStarted = false;
    const { run } = waitingFor(lab);
    const patient: Agent = {
      id: 'any',
      run: async (task, context) => {
        if (task.id === parent) {
          hasStarted = true;
          await gate.promise;
        }
        return run(task, context);
      },
    };
    await lab.executor().startWorker({ agents: [patient] });
    await lab.until(() => hasStarted);
    const suspect = await createSuspect(lab, 'suspect');
    gate.resolve();
    const done = await lab.until(lab.tasks.waitForTask(parent), 4 * defaults.aloneMs);
    expect(done).toMatchObject({ status: 'completed', output: 'child' });
    expect(await lab.task(suspect)).toMatchObject({ status: 'completed', output: 'suspect' });
  });

  it('may itself wait for a child', async () => {
    await using lab = new Lab();
    const parent = await createSuspect(lab, 'parent');
    await lab.executor().startWorker({ agents: [waitingFor(lab)] });
    const done = await lab.until(lab.tasks.waitForTask(parent), 2 * defaults.aloneMs);
    expect(done).toMatchObject({ status: 'completed', output: 'child' });
  });

  it('may itself run another by id, and so may what runs beside it', async () => {
    await using lab = new Lab();
    const names = ['outer', 'inner', 'innermost'];
    const [outer = '', ...others] = await Promise.all(names.map((name) => createSuspect(lab, name)));
    const executor = lab.executor();
    const agent: Agent = {
      id: 'any',
      run: async ({ name }) => {
        const inner = others.shift();
        return inner === undefined ? name : (await executor.executeTask(inner, agent)).output;
      },
    };
    const done = await lab.until(executor.executeTask(outer, agent), 4 * defaults.aloneMs);
    expect(done).toMatchObject({ status: 'completed', output: 'innermost' });
  });
});
