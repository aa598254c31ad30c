import { describe, expect, it } from 'vitest';
import { Lab } from '../test/lab.ts';

describe('listWorkflows', () => {
  it('narrows by status, which is the computed one, and by name and time', async () => {
    await using lab = new Lab();
    const create = async (name: string): Promise<string> =>
      (await lab.workflows.createWorkflow({ name, tasks: [{ name: 'job' }] })).id;
    const done = await create('nightly');
    await lab.run((await lab.workflows.getWorkflowTasks(done))[0]?.id as string);
    await lab.clock.advance(1_000);
    const later = lab.clock.now();
    const paused = await create('nightly');
    await lab.workflows.pause(paused);
    const pending = await create('hourly');
    const ids = async (query: Parameters<typeof lab.workflows.listWorkflows>[0]): Promise<readonly string[]> =>
      (await lab.workflows.listWorkflows(query)).map(({ id }) => id);
    expect(await ids({})).toEqual([done, paused, pending]);
    expect(await ids({ status: 'completed' })).toEqual([done]);
    expect(await ids({ status: ['paused', 'pending'] })).toEqual([paused, pending]);
    expect(await ids({ name: 'nightly' })).toEqual([done, paused]);
    expect(await ids({ createdFrom: later })).toEqual([paused, pending]);
    expect(await ids({ createdBefore: new Date(later) })).toEqual([done]);
    expect(await ids({ order: 'descending', limit: 2 })).toEqual([pending, paused]);
    expect(await ids({ order: 'descending', after: paused })).toEqual([done]);
    expect(await ids({ after: done, limit: 1 })).toEqual([paused]);
  });

  it.each([
    [{ status: 'done' as never }, 'status must be one of pending, running, paused, completed, failed, cancelled'],
    [{ order: 'newest' as never }, 'order must be one of ascending, descending'],
    [{ createdFrom: 'yesterday' as never }, 'createdFrom'],
    [{ limit: 1_001 }, 'limit'],
    [{ tag: 'x' } as never, 'listWorkflows has no option "tag"'],
  ])('refuses %j', async (query, message) => {
    await using lab = new Lab();
    await expect(lab.workflows.listWorkflows(query)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message) as string,
    });
  });
});

describe('listTasks', () => {
  it('narrows by name, tag and time, in either order', async () => {
    await using lab = new Lab();
    const create = async (name: string, tags: readonly string[]): Promise<string> =>
      (await lab.tasks.createTask({ name, tags })).id;
    const first = await create('read', ['slow', 'cheap']);
    await lab.clock.advance(1_000);
    const second = await create('read', ['cheap']);
    const third = await create('write', ['slow']);
    const ids = async (query: Parameters<typeof lab.tasks.listTasks>[0]): Promise<readonly string[]> =>
      (await lab.tasks.listTasks(query)).map(({ id }) => id);
    expect(await ids({ name: 'read' })).toEqual([first, second]);
    expect(await ids({ tag: 'slow' })).toEqual([first, third]);
    expect(await ids({ tag: 'slow', name: 'read' })).toEqual([first]);
    expect(await ids({ createdFrom: lab.clock.now() })).toEqual([second, third]);
    expect(await ids({ order: 'descending' })).toEqual([third, second, first]);
    expect(await ids({ order: 'descending', after: third, limit: 1 })).toEqual([second]);
  });
});
