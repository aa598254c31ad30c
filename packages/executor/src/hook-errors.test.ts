import { SymphonyError, type CommitRequest } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { flaky, Lab, Waiting } from '../test/lab.ts';

const throws = (): Promise<never> => Promise.reject(new Error('no permit'));
const away = (): Promise<never> => Promise.reject(new SymphonyError('STORE_FAILED', 'away'));

function isNote({ groups }: CommitRequest): boolean {
  return groups.some((group) => group.some(({ type }) => type === 'note'));
}

/** A pre-execution hook that throws when it is told to. */
function gated(): { readonly hook: () => Promise<void>; readonly open: () => void } {
  const gate = Promise.withResolvers<undefined>();
  return {
    hook: async () => {
      await gate.promise;
      await throws();
    },
    open: () => gate.resolve(undefined),
  };
}

describe('the error of a post-execution hook', () => {
  it.each(['before', 'after'] as const)(
    'is recorded once though a commit fails %s it was carried out',
    async (when) => {
      await using lab = new Lab();
      const id = await lab.create();
      let left = 3;
      lab.break('commit', (commit) => async (request) => {
        if (!isNote(request) || left-- === 0) return commit(request);
        if (when === 'after') await commit(request);
        return away();
      });
      const task = await lab.until(lab.executor().executeTask(id, flaky(0), { postExecutionHook: throws }));
      expect(task).toMatchObject({ status: 'completed' });
      expect(await lab.data(id, 'task.hook_failed')).toMatchObject([
        { attempt: 1, phase: 'post', error: { code: 'HOOK_FAILED' } },
      ]);
    },
  );

  it('is said in the log of the process where the store stays away for longer than a lease', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    lab.break('commit', (commit) => (request) => (isNote(request) ? away() : commit(request)));
    const startedAt = lab.clock.now();
    await lab.until(lab.executor().executeTask(id, flaky(0), { postExecutionHook: throws }));
    expect(lab.clock.now() - startedAt).toBeLessThanOrEqual(12_000);
    expect(lab.complaints).toEqual(['A note could not be recorded.']);
  });
});

describe('the error of a pre-execution hook', () => {
  it('is recorded though the task was cancelled meanwhile', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    // Before its signal has told the attempt: the hook throws, and the report finds the task cancelled.
    lab.isSilent = true;
    const { hook, open } = gated();
    const run = lab.executor().executeTask(id, new Waiting().agent, { preExecutionHook: hook });
    await lab.clock.advance(10);
    await lab.tasks.cancelTask(id);
    open();
    expect(await lab.until(run)).toMatchObject({ status: 'cancelled', attempt: 1, failures: 0 });
    expect(await lab.data(id, 'task.hook_failed')).toMatchObject([
      { attempt: 1, phase: 'pre', error: { code: 'HOOK_FAILED', attempt: 1 } },
    ]);
  });

  it('is not recorded a second time where the failure of the attempt tells it', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    await lab.until(
      lab.executor().executeWithRetry(id, flaky(0), { preExecutionHook: throws, maxRetries: 1, retryDelay: 1 }),
    );
    expect(await lab.facts(id)).toEqual([
      'task.created',
      'task.claimed',
      'task.retry_scheduled',
      'task.claimed',
      'task.failed',
    ]);
  });
});
