import { setMaxListeners } from 'node:events';
import { SymphonyError, type Agent, type Task } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import type { BatchOptions } from './index.ts';
import { Lab, Waiting } from '../test/lab.ts';

const echo: Agent = { id: 'echo', run: (task: Task) => task.input };
const bad: Agent = { id: 'bad', run: () => Promise.reject(new Error('no')) };

/** An agent that takes as many milliseconds as its input says, and notes how many of it run at once. */
function slow(lab: Lab): Agent & { readonly most: () => number } {
  let running = 0;
  let most = 0;
  return {
    id: 'slow',
    most: () => most,
    async run({ input }) {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => void lab.clock.setTimer(resolve, input as number));
      running--;
      return input as number;
    },
  };
}

describe('batchExecute', () => {
  it('answers with the tasks in input order, whatever order they end in', async () => {
    await using lab = new Lab();
    const agent = slow(lab);
    const inputs = [500, 10, 300, 40, 20];
    const ids = await Promise.all(inputs.map((input) => lab.create({ input })));
    const tasks = await lab.until(lab.executor().batchExecute(ids.map((id) => [id, agent])));
    expect(tasks.map(({ id, output, status }) => [id, output, status])).toEqual(
      ids.map((id, index) => [id, inputs[index], 'completed']),
    );
  });

  it.each([1, 3, 10, 50])(
    'never runs more than maxConcurrent %i at once, and as many as it may',
    async (maxConcurrent) => {
      await using lab = new Lab();
      const agent = slow(lab);
      const ids = await Promise.all(
        Array.from({ length: 30 }, (_, index) => lab.create({ input: 10 + ((index * 7) % 40) })),
      );
      await lab.until(
        lab.executor().batchExecute(
          ids.map((id) => [id, agent]),
          { maxConcurrent },
        ),
      );
      expect(agent.most()).toBe(Math.min(30, maxConcurrent));
    },
  );

  it('runs ten at once where nobody said how many', async () => {
    await using lab = new Lab();
    const agent = slow(lab);
    const ids = await Promise.all(Array.from({ length: 25 }, () => lab.create({ input: 10 })));
    await lab.until(lab.executor().batchExecute(ids.map((id) => [id, agent])));
    expect(agent.most()).toBe(10);
  });

  it('is not stopped by one failure, nor by one task that cannot be executed at all', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const ids = [await lab.create(), await lab.create(), await lab.create()];
    await lab.tasks.cancelTask(ids[1] as string);
    const told: (string | undefined)[] = [];
    const tasks = await executor.batchExecute(
      ids.map((id, index) => [id, index === 0 ? bad : echo]),
      { onProgress: ({ error }) => told.push(SymphonyError.is(error) ? error.code : undefined), maxConcurrent: 1 },
    );
    expect(tasks.map(({ status }) => status)).toEqual(['failed', 'cancelled', 'completed']);
    expect(told).toEqual([undefined, 'TASK_FINISHED', undefined]);
  });

  it('tries each task once, unless the task itself says otherwise', async () => {
    await using lab = new Lab();
    const ids = [await lab.create(), await lab.create({ retry: { maxRetries: 2, initialDelayMs: 1 } })];
    const tasks = await lab.until(lab.executor().batchExecute(ids.map((id) => [id, bad])));
    expect(tasks.map(({ attempt }) => attempt)).toEqual([1, 3]);
  });

  it('puts the tasks into the workflow that is named', async () => {
    await using lab = new Lab();
    const { id: workflowId } = await lab.workflows.createWorkflow({ name: 'flow' });
    const ids = [await lab.create(), await lab.create()];
    await lab.executor().batchExecute(
      ids.map((id) => [id, echo]),
      { workflowId },
    );
    expect(await lab.workflows.getWorkflow(workflowId)).toMatchObject({ status: 'completed', tasks: { total: 2 } });
  });

  it('tells onProgress of each task when it is through, and is not stopped by what that throws', async () => {
    await using lab = new Lab();
    const ids = [await lab.create(), await lab.create(), await lab.create()];
    const told: unknown[] = [];
    const onProgress: BatchOptions['onProgress'] = ({ done, total, task }) => {
      told.push([done, total, task.id, task.status]);
      if (done === 2) throw new Error('the bar is broken');
    };
    await lab.executor().batchExecute(
      ids.map((id) => [id, echo]),
      { maxConcurrent: 1, onProgress },
    );
    expect(told).toEqual(ids.map((id, index) => [index + 1, 3, id, 'completed']));
    expect(lab.complaints).toEqual(['onProgress threw; the batch goes on.']);
  });

  it('of nothing is nothing', async () => {
    await using lab = new Lab();
    expect(await lab.executor().batchExecute([])).toEqual([]);
  });

  it('checks ids, duplicates, agents and the workflow before anything starts', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const id = await lab.create();
    let ran = 0;
    const agent = { id: 'eager', run: () => void ran++ };
    const written = await lab.written();
    const refused = async (pairs: unknown, options: BatchOptions = {}): Promise<unknown> =>
      executor.batchExecute(pairs as never, options).then(
        () => 'accepted',
        ({ code, message }: SymphonyError) => [code, message],
      );
    expect(
      await refused([
        [id, agent],
        ['tsk_none', agent],
      ]),
    ).toEqual(['TASK_NOT_FOUND', 'There is no task tsk_none.']);
    expect(
      await refused([
        [id, agent],
        [id, agent],
      ]),
    ).toEqual(['DUPLICATE_TASK', `Task ${id} occurs twice in the batch. Leave one of them out.`]);
    expect(
      await refused([
        [id, agent],
        ['', agent],
      ]),
    ).toEqual(['INVALID_NAME', 'pairs[1] task id must not be empty.']);
    expect(await refused([[id, { id: 'lame' }]])).toEqual(['AGENT_INVALID', 'Agent "lame" has no run(task, context).']);
    expect(await refused([[id, agent], id])).toMatchObject([
      'INVALID_ARGUMENT',
      expect.stringContaining('pairs[1] must be [taskId, agent]'),
    ]);
    expect(await refused([, [id, agent]])).toMatchObject([
      'INVALID_ARGUMENT',
      expect.stringContaining('pairs[0] must be'),
    ]);
    expect(await refused(new Map([[id, agent]]))).toMatchObject([
      'INVALID_ARGUMENT',
      expect.stringContaining('an array of [taskId, agent] pairs'),
    ]);
    expect(await refused([[id, agent]], { workflowId: 'wf_none' })).toEqual([
      'WORKFLOW_NOT_FOUND',
      'There is no workflow wf_none.',
    ]);
    expect(await refused([[id, agent]], { maxConcurrent: 0 })).toEqual([
      'INVALID_ARGUMENT',
      'maxConcurrent must be a whole number from 1 up, got 0.',
    ]);
    expect(ran).toBe(0);
    expect(await lab.written()).toEqual(written);
  });
});

describe('the signal of batchExecute', () => {
  it('cancels what runs and leaves the rest pending', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const controller = new AbortController();
    const ids = await Promise.all(Array.from({ length: 6 }, () => lab.create()));
    const run = lab.executor().batchExecute(
      ids.map((id, index) => [id, index === 0 ? echo : waiting.agent]),
      { maxConcurrent: 2, signal: controller.signal },
    );
    await lab.until(() => waiting.started === 2);
    controller.abort();
    const tasks = await lab.until(run);
    expect(tasks.map(({ status }) => status)).toEqual([
      'completed',
      'cancelled',
      'cancelled',
      'pending',
      'pending',
      'pending',
    ]);
    expect(waiting.started).toBe(2);
    expect(await lab.facts(ids[3] as string)).toEqual(['task.created']);
  });

  it('may be listened to by many at once without a warning', async () => {
    await using lab = new Lab();
    const agent: Agent = { id: 'ada', run: (_task, { signal }) => listenOften(signal) };
    const ids = await Promise.all(Array.from({ length: 40 }, () => lab.create()));
    const { signal } = new AbortController();
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    setDefaultLimit(signal);
    await lab.executor().batchExecute(
      ids.map((id) => [id, agent]),
      { signal, maxConcurrent: 40 },
    );
    await lab.clock.advance(10);
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  it('that aborts while a claim is under way leaves that task pending or cancels it, and starts nothing', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const controller = new AbortController();
    const id = await lab.create();
    const run = lab.executor().batchExecute([[id, waiting.agent]], { signal: controller.signal });
    controller.abort();
    expect((await lab.until(run)).map(({ status, attempt }) => [status, attempt])).toEqual([['pending', 0]]);
    expect(waiting.started).toBe(0);
  });

  it('does not cancel what another process runs', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const controller = new AbortController();
    const id = await lab.create();
    const other = lab.executor().executeTask(id, waiting.agent);
    await lab.until(() => waiting.started === 1);
    const run = lab.executor().batchExecute([[id, echo]], { signal: controller.signal });
    await lab.clock.advance(100);
    controller.abort();
    expect((await lab.until(run)).map(({ status }) => status)).toEqual(['running']);
    waiting.go();
    expect(await lab.until(other)).toMatchObject({ status: 'completed' });
  });

  it('cancels what waits for its next try', async () => {
    await using lab = new Lab();
    const controller = new AbortController();
    const id = await lab.create({ retry: { maxRetries: 3, initialDelayMs: 60_000 } });
    const run = lab.executor().batchExecute([[id, bad]], { signal: controller.signal });
    await lab.clock.advance(1_000);
    controller.abort();
    expect((await lab.until(run)).map(({ status }) => status)).toEqual(['cancelled']);
  });
});

describe('a batch', () => {
  it('whose executor closes starts nothing more and is rejected with SHUTDOWN; what ran is handed back at no cost', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const executor = lab.executor();
    const ids = [await lab.create(), await lab.create()];
    const run = executor.batchExecute(
      ids.map((id) => [id, waiting.agent]),
      { maxConcurrent: 1 },
    );
    const rejection = expect(run).rejects.toMatchObject({ code: 'SHUTDOWN' });
    await lab.until(() => waiting.started === 1);
    await lab.until(executor.close({ timeoutMs: 0 }));
    await rejection;
    expect(waiting.started).toBe(1);
    expect(await lab.task(ids[0] as string)).toMatchObject({ status: 'pending', failures: 0, crashes: 0 });
    expect(await lab.task(ids[1] as string)).toMatchObject({ status: 'pending', attempt: 0 });
  });

  it('that cannot reach the store is rejected with what the store said, and nothing runs on', async () => {
    await using lab = new Lab();
    const ids = [await lab.create(), await lab.create(), await lab.create()];
    const run = lab.executor().batchExecute(
      ids.map((id) => [
        id,
        {
          id: 'breaker',
          run: () =>
            lab.break('commit', (real) => (request) => {
              const claims = request.groups.flat().some(({ type }) => type === 'claimTask');
              return claims ? Promise.reject(new SymphonyError('STORE_CLOSED', 'gone')) : real(request);
            }),
        },
      ]),
      { maxConcurrent: 1 },
    );
    await expect(lab.until(run)).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    lab.mend();
    expect((await Promise.all(ids.map((id) => lab.task(id)))).map(({ status }) => status)).toEqual([
      'completed',
      'pending',
      'pending',
    ]);
  });
});

function listenOften(signal: AbortSignal): void {
  for (let index = 0; index < 20; index++) signal.addEventListener('abort', () => undefined);
}

/** Node 24 does not warn of many listeners of a signal unless it is told to, as older versions do by themselves. */
function setDefaultLimit(signal: AbortSignal): void {
  setMaxListeners(10, signal);
}
