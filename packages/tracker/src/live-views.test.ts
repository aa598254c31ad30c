import { SymphonyError, type Store, type SymphonyEvent } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { Lab } from '../test/lab.ts';

/** Reads a log to its end, beside whatever else happens. */
async function collect(
  log: AsyncIterable<SymphonyEvent>,
  into: SymphonyEvent[] = [],
): Promise<readonly SymphonyEvent[]> {
  for await (const event of log) into.push(event);
  return into;
}

const typesOf = (events: readonly SymphonyEvent[]): readonly string[] => events.map(({ type }) => type);

describe('handle.events()', () => {
  it('yields what is recorded while it is read, and ends after the last event', async () => {
    await using lab = new Lab();
    const handle = await lab.tasks.submit({ name: 'job' });
    const seen: SymphonyEvent[] = [];
    const reading = collect(handle.events(), seen);
    await lab.until(() => seen.length === 1);
    await lab.run(handle.id);
    expect(typesOf(await lab.until(reading))).toEqual(['task.created', 'task.claimed', 'task.completed']);
  });

  it('hears of other processes by polling, where the doorbell stays silent', async () => {
    await using lab = new Lab();
    const handle = await lab.tasks.submit({ name: 'job' });
    lab.isSilent = true;
    const reading = collect(handle.events());
    await lab.run(handle.id);
    expect(await lab.until(reading)).toHaveLength(3);
  });

  it('goes on behind the position that is known already', async () => {
    await using lab = new Lab();
    const handle = await lab.tasks.submit({ name: 'job' });
    await lab.run(handle.id);
    const all = await collect(handle.events());
    for (const [index, { position }] of all.entries()) {
      expect(await collect(handle.events({ after: position }))).toEqual(all.slice(index + 1));
    }
  });

  it('rides out a store that is away, and misses and repeats nothing', async () => {
    await using lab = new Lab();
    const handle = await lab.tasks.submit({ name: 'job' });
    let calls = 0;
    const events: Store['events'] = (query) => {
      calls++;
      if (calls % 3 !== 0) throw new SymphonyError('STORE_FAILED', 'away');
      return lab.inner.events({ ...query, limit: 1_000 });
    };
    lab.faults = { events };
    const reading = collect(handle.events());
    await lab.until(() => calls > 5);
    await lab.run(handle.id);
    expect((await lab.until(reading)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  it('waits for the rest where the row is ahead of the readable log', async () => {
    await using lab = new Lab();
    const handle = await lab.tasks.submit({ name: 'job' });
    await lab.run(handle.id);
    let isLate = true;
    lab.faults = {
      events: async (query) => {
        const page = await lab.inner.events(query);
        return isLate ? page.filter(({ seq }) => seq === 1) : page;
      },
    };
    const seen: SymphonyEvent[] = [];
    const reading = collect(handle.events(), seen);
    await lab.clock.advance(5_000);
    expect(seen).toHaveLength(1);
    isLate = false;
    expect(await lab.until(reading)).toHaveLength(3);
  });

  it('ends with the reason of its signal, and leaves nothing behind', async () => {
    await using lab = new Lab();
    const handle = await lab.tasks.submit({ name: 'job' });
    const controller = new AbortController();
    const reading = collect(handle.events({ signal: controller.signal }));
    const rejection = expect(reading).rejects.toThrow('enough');
    await lab.clock.advance(10);
    controller.abort(new Error('enough'));
    await lab.until(rejection);
  });

  it('leaves nothing behind where the reader stops early', async () => {
    await using lab = new Lab();
    const handle = await lab.tasks.submit({ name: 'job' });
    for await (const { type } of handle.events()) {
      expect(type).toBe('task.created');
      break;
    }
  });

  it('ends with STORE_CLOSED when the store is about to be closed', async () => {
    await using lab = new Lab();
    const handle = await lab.tasks.submit({ name: 'job' });
    const rejection = expect(collect(handle.events())).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    await lab.clock.advance(10);
    lab.follower.close();
    await lab.until(rejection);
  });

  it('that nobody reads on leaves nothing behind once the follower is closed', async () => {
    await using lab = new Lab();
    const handle = await lab.tasks.submit({ name: 'job' });
    const events = handle.events();
    expect((await events.next()).value).toMatchObject({ type: 'task.created' });
    lab.follower.close();
  });

  it('is left at once by a reader that waits for the next event', async () => {
    await using lab = new Lab();
    const handle = await lab.tasks.submit({ name: 'job' });
    const events = handle.events();
    await events.next();
    const waiting = events.next();
    await lab.clock.advance(1);
    await events.return(undefined);
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  it.each([
    ['a position that is none', { after: -1 }, 'after'],
    ['a signal that is none', { signal: {} as never }, 'signal'],
    ['a misspelled option', { from: 1 } as never, 'from'],
  ])('refuses %s', async (_, options, word) => {
    await using lab = new Lab();
    const handle = await lab.tasks.submit({ name: 'job' });
    expect(() => handle.events(options)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(word) as string,
      }) as Error,
    );
  });
});

describe('watch(workflowId)', () => {
  it('yields what is recorded of the workflow and of its tasks, in the order in which it happened', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({
      name: 'report',
      tasks: [
        { key: 'a', name: 'a' },
        { name: 'b', dependsOn: ['a'] },
      ],
    });
    const reading = collect(lab.workflows.watch(id));
    const [a, b] = (await lab.workflows.getWorkflowTasks(id)).map((task) => task.id) as [string, string];
    await lab.run(a);
    await lab.run(b);
    const events = await lab.until(reading);
    expect(events.at(-1)).toMatchObject({ type: 'workflow.settled', subject: id });
    expect(events.map(({ position }) => position)).toEqual(
      events.map(({ position }) => position).toSorted((first, second) => first - second),
    );
    expect(new Set(events.map(({ subject }) => subject))).toEqual(new Set([id, a, b]));
    const everything = await lab.inner.events({ limit: 1_000 });
    expect(events).toEqual(everything.filter(({ workflowId }) => workflowId === id));
  });

  it('goes on from any position to the same end', async () => {
    await using lab = new Lab();
    const { id } = await lab.workflows.createWorkflow({ name: 'one', tasks: [{ name: 'a' }] });
    await lab.run((await lab.workflows.getWorkflowTasks(id))[0]?.id as string);
    const all = await collect(lab.workflows.watch(id));
    for (const [index, { position }] of all.entries()) {
      expect(await collect(lab.workflows.watch(id, { after: position }))).toEqual(all.slice(index + 1));
    }
  });

  it('of an unknown workflow is WORKFLOW_NOT_FOUND', async () => {
    await using lab = new Lab();
    await expect(collect(lab.workflows.watch('wf_none'))).rejects.toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
  });
});
