import { EnhancedExecutor } from '@symphony/executor';
import { MemoryStore } from '@symphony/persistence-memory';
import { TaskManager } from '@symphony/tracker';
import { describe, expect, it } from 'vitest';
import { eventually, isolated, isolations, moduleOf, Scratch, stepOf } from '../../test/isolation-lab.ts';
import { Lab } from '../../test/lab.ts';

describe.each(isolations)('the idle limit of an agent in a %s', (isolation) => {
  it('begins with its run, however long its module takes to load', async () => {
    await using lab = new Lab();
    using scratch = new Scratch();
    const agent = isolated(isolation, { module: moduleOf('slow.ts'), env: { SCRATCH: scratch.folder } });
    const id = await lab.create({ name: 'wait for the signal', timeouts: { idleMs: 1_000 } });
    const running = lab.executor().executeTask(id, agent);
    await eventually(() => expect(scratch.has('loading')).toBe(true));
    await lab.clock.advance(1_500);
    scratch.write('loaded');
    await stepOf(lab, id);
    await lab.clock.advance(999);
    expect(await lab.task(id)).toMatchObject({ status: 'running' });
    await lab.clock.advance(1);
    expect(await running).toMatchObject({ status: 'failed', error: { code: 'IDLE_TIMEOUT' } });
  });

  it('leaves the loading of its module to the limit of the attempt', async () => {
    await using lab = new Lab();
    using scratch = new Scratch();
    const agent = isolated(isolation, { module: moduleOf('slow.ts'), env: { SCRATCH: scratch.folder } });
    const id = await lab.create({ name: 'a value', timeouts: { idleMs: 1_000, startToCloseMs: 2_000 } });
    const running = lab.executor().executeTask(id, agent);
    await eventually(() => expect(scratch.has('loading')).toBe(true));
    await lab.clock.advance(7_000);
    expect(await running).toMatchObject({ status: 'failed', error: { code: 'START_TO_CLOSE_TIMEOUT' } });
  });

  // A machine that stands still for a moment makes the agent idle, so it may try again.
  it('counts each sign of progress, however short it is', { retry: 4 }, async () => {
    const store = new MemoryStore();
    await using executor = new EnhancedExecutor({ store });
    const { id } = await new TaskManager({ store }).createTask({
      name: 'tell progress every 5 ms, for half a second',
      timeouts: { idleMs: 80 },
    });
    expect(await executor.executeTask(id, isolated(isolation))).toMatchObject({
      status: 'completed',
      error: undefined,
    });
  });
});
