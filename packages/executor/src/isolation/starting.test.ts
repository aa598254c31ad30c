import { describe, expect, it } from 'vitest';
import { eventually, isolated, isolations, moduleOf, Scratch } from '../../test/isolation-lab.ts';
import { Lab } from '../../test/lab.ts';

describe.each(isolations)('an agent in a %s', (isolation) => {
  it.each([
    ['waits', {}],
    ['keeps its thread busy', { BLOCKS: 'yes' }],
  ])('whose module %s while it is loaded is not run when its task was cancelled meanwhile', async (_how, env) => {
    await using lab = new Lab();
    using scratch = new Scratch();
    const given = { module: moduleOf('slow.ts'), env: { SCRATCH: scratch.folder, ...env } };
    const id = await lab.create({ name: 'a value' });
    const running = lab.executor().executeTask(id, isolated(isolation, given));
    await eventually(() => expect(scratch.has('loading')).toBe(true));
    await lab.tasks.cancelTask(id);
    await lab.clock.advance(1_000);
    scratch.write('loaded');
    // Time stands still: it ends of itself, before its grace is over.
    expect(await running).toMatchObject({ status: 'cancelled' });
    expect(scratch.has('running')).toBe(false);
  });

  it('whose module takes long to load runs then', async () => {
    await using lab = new Lab();
    using scratch = new Scratch();
    const given = { module: moduleOf('slow.ts'), env: { SCRATCH: scratch.folder } };
    const running = lab.executor().executeTask(await lab.create({ name: 'nothing' }), isolated(isolation, given));
    await eventually(() => expect(scratch.has('loading')).toBe(true));
    scratch.write('loaded');
    expect(await running).toMatchObject({ status: 'completed' });
    expect(scratch.has('running')).toBe(true);
  });

  it('may depend on more than a result can hold', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const big = { id: 'big', run: () => 'x'.repeat(4 * 1024 * 1024 - 2) };
    const keys = Array.from({ length: 13 }, (_, index) => `big ${index}`);
    const ids = await Promise.all(keys.map((name) => lab.submit({ name, agentId: 'big' })));
    for (const id of ids) await executor.runAttempt(id, [big]);
    const dependsOn = Object.fromEntries(keys.map((key, index) => [key, ids[index] as string]));
    const id = await lab.create({ name: 'size of the dependencies', dependsOn });
    const task = await executor.executeTask(id, isolated(isolation));
    expect(task).toMatchObject({ status: 'completed', error: undefined });
    expect(task.output).toBeGreaterThan(13 * (4 * 1024 * 1024 - 2));
  });
});
