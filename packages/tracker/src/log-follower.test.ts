import { SymphonyError } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { Lab } from '../test/lab.ts';

const away = (): Promise<never> => Promise.reject(new SymphonyError('STORE_FAILED', 'away'));

describe('waiting for a task', () => {
  it('that has ended costs no listening', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    await lab.run(id);
    expect(await lab.tasks.waitForTask(id)).toMatchObject({ status: 'completed' });
  });

  it('ends when the doorbell rings', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    const wait = lab.tasks.waitForTask(id);
    await lab.clock.advance(300);
    const endedAt = lab.clock.now();
    await lab.run(id);
    expect(await lab.until(wait)).toMatchObject({ status: 'completed' });
    expect(lab.clock.now()).toBe(endedAt);
  });

  it('ends within a second where the doorbell is silent', async () => {
    await using lab = new Lab();
    lab.isSilent = true;
    const id = await lab.create();
    const wait = lab.tasks.waitForTask(id);
    await lab.clock.advance(300);
    const endedAt = lab.clock.now();
    await lab.run(id);
    expect(await lab.until(wait)).toMatchObject({ status: 'completed' });
    expect(lab.clock.now() - endedAt).toBeLessThanOrEqual(1_000);
  });

  it('misses nothing, whenever the task ends: no wait is left behind in a storm', async () => {
    await using lab = new Lab();
    const ids = await Promise.all(Array.from({ length: 200 }, (_, index) => lab.create(`job ${index}`)));
    const waits = ids.map(async (id, index) => {
      if (index % 3 === 0) await lab.run(id);
      const wait = lab.tasks.waitForTask(id);
      if (index % 3 === 1) await lab.run(id);
      if (index % 3 === 2) setImmediate(() => void lab.run(id));
      return wait;
    });
    const tasks = await lab.until(Promise.all(waits), 2_000);
    expect(tasks.every(({ status }) => status === 'completed')).toBe(true);
  });

  it('misses nothing that happens while it finds out where the log ends', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    lab.faults.lastPosition = async () => {
      await new Promise<void>((resolve) => void lab.clock.setTimer(resolve, 50));
      return lab.inner.lastPosition();
    };
    const wait = lab.tasks.waitForTask(id);
    await lab.clock.advance(10);
    await lab.run(id);
    expect(await lab.until(wait, 2_000)).toMatchObject({ status: 'completed' });
  });

  it('may be done by many at once, on one task and on many', async () => {
    await using lab = new Lab();
    const [first, second] = [await lab.create(), await lab.create()];
    const waits = [first, first, second].map((id) => lab.tasks.waitForTask(id));
    await lab.clock.advance(10);
    expect(lab.listeners).toBe(1);
    await lab.run(second);
    await lab.until(waits[2] as Promise<unknown>);
    expect(lab.listeners).toBe(1);
    await lab.run(first);
    await lab.until(Promise.all(waits));
  });

  it('reads the log once per ring, however many wait', async () => {
    await using lab = new Lab();
    const ids = await Promise.all(Array.from({ length: 50 }, () => lab.create()));
    const waits = ids.map((id) => lab.tasks.waitForTask(id));
    await lab.clock.advance(10);
    let reads = 0;
    lab.faults.getTask = (id) => (reads++, lab.inner.getTask(id));
    lab.faults.events = (query) => (reads++, lab.inner.events(query));
    await lab.run(ids[0] as string);
    await lab.until(waits[0] as Promise<unknown>);
    expect(reads).toBeLessThan(10);
    for (const id of ids.slice(1)) await lab.run(id);
    await lab.until(Promise.all(waits));
  });

  it('ends with WAIT_TIMEOUT when its time is over; the task goes on', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    const startedAt = lab.clock.now();
    await expect(lab.until(lab.tasks.waitForTask(id, { timeoutMs: 700 }))).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
      message: `${id} has not ended within 700 ms; it goes on.`,
    });
    expect(lab.clock.now() - startedAt).toBe(700);
    expect(await lab.tasks.getTask(id)).toMatchObject({ status: 'pending' });
  });

  it('for no time at all asks whether it has ended', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    await expect(lab.until(lab.tasks.waitForTask(id, { timeoutMs: 0 }))).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
    });
    await lab.run(id);
    expect(await lab.tasks.waitForTask(id, { timeoutMs: 0 })).toMatchObject({ status: 'completed' });
  });

  it('ends with the reason of its signal', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    const controller = new AbortController();
    const reason = new Error('enough');
    const rejection = expect(lab.tasks.waitForTask(id, { signal: controller.signal })).rejects.toBe(reason);
    await lab.clock.advance(10);
    controller.abort(reason);
    await rejection;
    await expect(lab.tasks.waitForTask(id, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it.each<[string, object | null, string]>([
    ['a misspelled option', { timeout: 5 }, 'the wait has no option "timeout". It takes signal, timeoutMs.'],
    ['a negative time', { timeoutMs: -1 }, 'timeoutMs must be a whole number from 0'],
    ['a time in words', { timeoutMs: '5 mintues' }, 'timeoutMs must be a whole number from 0'],
    ['NaN', { timeoutMs: Number.NaN }, 'got NaN.'],
    ['a signal that is none', { signal: {} }, 'signal must be an AbortSignal, got an object.'],
    ['null', null, 'the wait takes an object with signal, timeoutMs, got null.'],
  ])('refuses %s', async (_name, options, message) => {
    await using lab = new Lab();
    const id = await lab.create();
    await expect(lab.tasks.handle(id).result(options as object)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message) as string,
    });
  });

  it('outlasts a store that is away', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    lab.faults.lastPosition = away;
    const wait = lab.tasks.waitForTask(id);
    await lab.clock.advance(3_000);
    lab.faults = { events: away };
    await lab.clock.advance(3_000);
    lab.faults = {};
    await lab.run(id);
    expect(await lab.until(wait)).toMatchObject({ status: 'completed' });
    // And the next one starts afresh.
    const next = await lab.create();
    const again = lab.tasks.waitForTask(next);
    await lab.run(next);
    expect(await lab.until(again)).toMatchObject({ status: 'completed' });
  });

  it('outlasts a store that cannot be read, and leaves nothing behind if it is given up meanwhile', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    lab.faults.getTask = away;
    const wait = lab.tasks.waitForTask(id);
    await expect(lab.until(lab.tasks.waitForTask(id, { timeoutMs: 2_500 }))).rejects.toMatchObject({
      code: 'WAIT_TIMEOUT',
    });
    lab.faults = {};
    await lab.run(id);
    expect(await lab.until(wait)).toMatchObject({ status: 'completed' });
  });

  it('keeps the process alive while it waits, and not longer', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    const wait = lab.tasks.waitForTask(id);
    await lab.clock.advance(5_000);
    expect(lab.clock.pendingTimers).toBeGreaterThan(0);
    await lab.run(id);
    await lab.until(wait);
    expect(lab.clock.pendingTimers).toBe(0);
  });

  it('ends with STORE_CLOSED when the store is closed', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    const rejection = expect(lab.tasks.waitForTask(id)).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    await lab.clock.advance(10);
    await lab.inner.close();
    await lab.until(rejection);
  });

  it('ends with STORE_CLOSED when the follower is closed, even if the store is closed later', async () => {
    await using lab = new Lab();
    const [open, ended] = [await lab.create(), await lab.create()];
    const rejection = expect(lab.tasks.waitForTask(open)).rejects.toMatchObject({
      code: 'STORE_CLOSED',
      message: `The store was closed while ${open} was waited for; it goes on where others work on it.`,
    });
    await lab.clock.advance(10);
    await lab.run(ended);
    lab.follower.close();
    await rejection;
    expect(await lab.tasks.waitForTask(ended)).toMatchObject({ status: 'completed' });
    await expect(lab.tasks.waitForTask(open)).rejects.toMatchObject({ code: 'STORE_CLOSED' });
  });
});
