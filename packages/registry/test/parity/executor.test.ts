import { RetryAfterError, TerminalError, type Agent } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { echo, flaky, Lab, pause, stores } from '../lab.ts';

describe.each(stores)('executor on %s', (_name, persistence) => {
  describe('executeTask(taskId, agent, { workflowId?, preExecutionHook?, postExecutionHook?, context?, signal? })', () => {
    it('resolves to the finished Task', async () => {
      await using lab = await Lab.open({ persistence });
      const id = await lab.create({ input: { n: 1 } });
      const task = await lab.executor.executeTask(id, echo);
      expect(task).toMatchObject({ id, status: 'completed', output: { n: 1 }, attempt: 1 });
      expect(await lab.task(id)).toEqual(task);
    });

    it('with a failing agent gives a task that is failed with its error recorded, not an exception', async () => {
      await using lab = await Lab.open({ persistence });
      const task = await lab.executor.executeTask(await lab.create(), flaky(9));
      expect(task).toMatchObject({
        status: 'failed',
        attempt: 1,
        error: { name: 'Error', message: 'no 1', code: 'AGENT_ERROR', attempt: 1 },
      });
    });

    it('throws for an unknown task', async () => {
      await using lab = await Lab.open({ persistence });
      await expect(lab.executor.executeTask('tsk_none', echo)).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    });

    it('throws TASK_FINISHED, TASK_BLOCKED, TASK_NOT_CLAIMABLE otherwise', async () => {
      await using lab = await Lab.open({ persistence });
      const finished = await lab.create();
      await lab.executor.executeTask(finished, echo);
      await expect(lab.executor.executeTask(finished, echo)).rejects.toMatchObject({ code: 'TASK_FINISHED' });
      const { id: workflowId } = await lab.workflowTracker.createWorkflow({ name: 'flow' });
      const blocked = await lab.create({ workflowId });
      await lab.workflowTracker.pause(workflowId);
      await expect(lab.executor.executeTask(blocked, echo)).rejects.toMatchObject({ code: 'TASK_BLOCKED' });
      const held = await lab.create();
      const slow: Agent = { id: 'slow', run: () => pause(lab, 100) };
      const first = lab.executor.executeTask(held, slow);
      await lab.clock.advance(1);
      await expect(lab.executor.executeTask(held, echo)).rejects.toMatchObject({ code: 'TASK_NOT_CLAIMABLE' });
      expect(await lab.until(first)).toMatchObject({ status: 'completed' });
    });

    it('adds the task to workflowId', async () => {
      await using lab = await Lab.open({ persistence });
      const { id: workflowId } = await lab.workflowTracker.createWorkflow({ name: 'flow' });
      await lab.executor.executeTask(await lab.create(), echo, { workflowId });
      expect(await lab.workflowTracker.getWorkflow(workflowId)).toMatchObject({ status: 'completed' });
      const other = await lab.workflowTracker.createWorkflow({ name: 'other' });
      await expect(
        lab.executor.executeTask(await lab.create({ workflowId }), echo, { workflowId: other.id }),
      ).rejects.toMatchObject({ code: 'TASK_IN_OTHER_WORKFLOW' });
    });

    it('gives the agent context as context.data', async () => {
      await using lab = await Lab.open({ persistence });
      const agent: Agent = { id: 'reader', run: (_task, { data }) => data as unknown };
      const task = await lab.executor.executeTask(await lab.create(), agent, { context: { user: 'ada' } });
      expect(task.output).toEqual({ user: 'ada' });
    });

    it('calls hooks (task, agent) and (task, agent, result), which may be async', async () => {
      await using lab = await Lab.open({ persistence });
      const calls: unknown[] = [];
      await lab.executor.executeTask(await lab.create({ input: 7 }), echo, {
        preExecutionHook: async (task, agent) => void calls.push(['pre', task.status, agent.id]),
        postExecutionHook: async (task, agent, result) => void calls.push(['post', task.status, agent.id, result]),
      });
      expect(calls).toEqual([
        ['pre', 'running', 'echo'],
        ['post', 'completed', 'echo', 7],
      ]);
    });

    it('with a throwing pre-hook fails the attempt before the agent runs', async () => {
      await using lab = await Lab.open({ persistence });
      let ran = false;
      const agent: Agent = { id: 'ada', run: () => void (ran = true) };
      const task = await lab.executor.executeTask(await lab.create(), agent, {
        preExecutionHook: () => Promise.reject(new Error('no permit')),
      });
      expect(task).toMatchObject({ status: 'failed', error: { code: 'HOOK_FAILED' } });
      expect(ran).toBe(false);
    });

    it.each([
      ['throwing', () => Promise.reject(new Error('no mail')), 'HOOK_FAILED', 0],
      ['hanging (30 s)', () => new Promise<void>(() => undefined), 'HOOK_TIMEOUT', 30_000],
    ])(
      'with a %s post-hook never touches the committed result: it is recorded as an event',
      async (_what, postExecutionHook, code, ms) => {
        await using lab = await Lab.open({ persistence });
        const id = await lab.create({ input: 7 });
        const startedAt = lab.clock.now();
        const task = await lab.until(lab.executor.executeTask(id, echo, { postExecutionHook }));
        expect(lab.clock.now() - startedAt).toBe(ms);
        expect(task).toMatchObject({ status: 'completed', output: 7 });
        expect(await lab.task(id)).toEqual(task);
        expect(await lab.data(id, 'task.hook_failed')).toMatchObject([{ attempt: 1, phase: 'post', error: { code } }]);
      },
    );

    it('stops when its signal aborts', async () => {
      await using lab = await Lab.open({ persistence });
      const controller = new AbortController();
      const slow: Agent = { id: 'slow', run: (_task, { signal }) => pause(lab, 60_000, signal) };
      const run = lab.executor.executeTask(await lab.create(), slow, { signal: controller.signal });
      await lab.clock.advance(10);
      controller.abort();
      expect(await lab.until(run)).toMatchObject({ status: 'cancelled' });
    });

    it('is joined by open({ hooks }), which apply to workers too', async () => {
      const calls: string[] = [];
      const hooks = {
        preExecution: ({ name }: { name: string }) => void calls.push(`pre ${name}`),
        postExecution: ({ name }: { name: string }) => void calls.push(`post ${name}`),
      };
      await using lab = await Lab.open({ persistence, agents: [echo], hooks });
      await lab.executor.executeTask(await lab.create({ name: 'by hand' }), echo);
      await lab.symphony.startWorker();
      const handle = await lab.symphony.submit({ name: 'by a worker' });
      await lab.until(handle.result());
      await lab.clock.advance(10);
      expect(calls).toEqual(['pre by hand', 'post by hand', 'pre by a worker', 'post by a worker']);
    });
  });

  describe('executeWithRetry(taskId, agent, { maxRetries, retry?: RetryPolicy, … })', () => {
    it('with maxRetries: 3 is at most 4 tries, and every attempt is in the log', async () => {
      await using lab = await Lab.open({ persistence });
      const id = await lab.create();
      const task = await lab.until(lab.executor.executeWithRetry(id, flaky(99), { maxRetries: 3 }));
      expect(task).toMatchObject({ status: 'failed', attempt: 4, failures: 4 });
      expect((await lab.facts(id)).filter((type) => type === 'task.claimed')).toHaveLength(4);
      expect(await lab.data(id, 'task.retry_scheduled')).toMatchObject([
        { attempt: 1 },
        { attempt: 2 },
        { attempt: 3 },
      ]);
    });

    it('waits with exponential backoff and full jitter by default', async () => {
      await using lab = await Lab.open({ persistence });
      const longest = [1_000, 2_000, 4_000];
      const delays: number[][] = [];
      for (let run = 0; run < 20; run++) {
        const id = await lab.create();
        await lab.until(lab.executor.executeWithRetry(id, flaky(3)));
        const scheduled = (await lab.symphony.history(id)).filter((event) => event.type === 'task.retry_scheduled');
        delays.push(scheduled.map((event) => (event.data as { dueAt: number }).dueAt - event.at));
      }
      for (const run of delays) {
        for (const [index, delay] of run.entries()) {
          expect(delay).toBeGreaterThan(0);
          expect(delay).toBeLessThanOrEqual(longest[index] as number);
        }
      }
      expect(new Set(delays.flat()).size).toBeGreaterThan(30);
    });

    it('stops at once on a TerminalError', async () => {
      await using lab = await Lab.open({ persistence });
      const agent = flaky(99, () => new TerminalError('no such account'));
      expect(await lab.executor.executeWithRetry(await lab.create(), agent)).toMatchObject({
        status: 'failed',
        attempt: 1,
        error: { code: 'TERMINAL', message: 'no such account' },
      });
    });

    it('lets a RetryAfterError set the delay', async () => {
      await using lab = await Lab.open({ persistence });
      const startedAt = lab.clock.now();
      const agent = flaky(1, () => new RetryAfterError('busy', 77_000));
      expect(await lab.until(lab.executor.executeWithRetry(await lab.create(), agent))).toMatchObject({ attempt: 2 });
      expect(lab.clock.now() - startedAt).toBe(77_000);
    });

    it('stores the policy on the task', async () => {
      await using lab = await Lab.open({ persistence });
      const id = await lab.create({ retry: { factor: 5 } });
      await lab.executor.executeWithRetry(id, echo, { maxRetries: 2, retry: { initialDelayMs: 5, jitter: 'none' } });
      expect((await lab.task(id)).retry).toEqual({ maxRetries: 2, initialDelayMs: 5, jitter: 'none' });
    });
  });

  describe('batchExecute([[taskId, agent], …], { maxConcurrent, workflowId?, signal?, onProgress? })', () => {
    const inputs = [50, 10, 40, 20, 30, 10, 10];

    it('resolves to tasks in input order, never more than maxConcurrent at once', async () => {
      await using lab = await Lab.open({ persistence });
      let running = 0;
      let most = 0;
      const agent: Agent<number> = {
        id: 'slow',
        run: async ({ input }) => {
          most = Math.max(most, ++running);
          await pause(lab, input);
          running--;
          return input;
        },
      };
      const ids: string[] = [];
      for (const input of inputs) ids.push(await lab.create({ input }));
      const told: number[] = [];
      const tasks = await lab.until(
        lab.executor.batchExecute(
          ids.map((id) => [id, agent]),
          { maxConcurrent: 3, onProgress: ({ done, total }) => void told.push(done / total) },
        ),
      );
      expect(tasks.map(({ id, output }) => [id, output])).toEqual(ids.map((id, index) => [id, inputs[index]]));
      expect(most).toBe(3);
      expect(told).toEqual(inputs.map((_, index) => (index + 1) / inputs.length));
    });

    it('checks ids and duplicates before anything starts', async () => {
      await using lab = await Lab.open({ persistence });
      const id = await lab.create();
      for (const [pairs, code] of [
        [
          [
            [id, echo],
            [id, echo],
          ],
          'DUPLICATE_TASK',
        ],
        [
          [
            [id, echo],
            ['tsk_none', echo],
          ],
          'TASK_NOT_FOUND',
        ],
      ] as const) {
        await expect(lab.executor.batchExecute(pairs)).rejects.toMatchObject({ code });
      }
      expect(await lab.facts(id)).toEqual(['task.created']);
    });

    it('is not stopped by one failure', async () => {
      await using lab = await Lab.open({ persistence });
      const ids = [await lab.create(), await lab.create(), await lab.create()];
      const { id: workflowId } = await lab.workflowTracker.createWorkflow({ name: 'flow' });
      const bad = flaky(99);
      const tasks = await lab.executor.batchExecute(
        ids.map((id, index) => [id, index === 1 ? bad : echo]),
        { workflowId },
      );
      expect(tasks.map(({ status }) => status)).toEqual(['completed', 'failed', 'completed']);
      expect(await lab.workflowTracker.getWorkflow(workflowId)).toMatchObject({ status: 'failed', settled: true });
    });

    it('with an aborted signal cancels what runs and leaves the rest pending', async () => {
      await using lab = await Lab.open({ persistence });
      const controller = new AbortController();
      const slow: Agent = { id: 'slow', run: (_task, { signal }) => pause(lab, 60_000, signal) };
      const ids = [await lab.create(), await lab.create(), await lab.create()];
      const run = lab.executor.batchExecute(
        ids.map((id) => [id, slow]),
        { maxConcurrent: 2, signal: controller.signal },
      );
      await lab.clock.advance(100);
      controller.abort();
      expect((await lab.until(run)).map(({ status }) => status)).toEqual(['cancelled', 'cancelled', 'pending']);
      expect(await lab.facts(ids[2] as string)).toEqual(['task.created']);
    });
  });
});
