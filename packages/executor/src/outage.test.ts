import { SymphonyError, type Agent, type Command, type CommitRequest, type Store } from '@symphony/core';
import { TaskRouter } from '@symphony/router';
import { describe, expect, it } from 'vitest';
import { Lab } from '../test/lab.ts';

type Commit = Store['commit'];

const away = (): Promise<never> => Promise.reject(new SymphonyError('STORE_FAILED', 'The connection is gone.'));

/** Fails the first `times` commits that hold such a command: before they are carried out, or after. */
function failing(types: readonly Command['type'][], when: 'before' | 'after', times = 1): (real: Commit) => Commit {
  let left = times;
  return (real) => async (request) => {
    if (!holds(request, types) || left-- <= 0) return real(request);
    if (when === 'after') await real(request);
    return away();
  };
}

function holds({ groups }: CommitRequest, types: readonly Command['type'][]): boolean {
  return groups.some((group) => group.some(({ type }) => types.includes(type)));
}

/** An agent that counts its runs and the runs of its step. */
function counting(): { readonly agent: Agent; readonly runs: () => number; readonly steps: () => number } {
  let runs = 0;
  let steps = 0;
  const agent: Agent = {
    id: 'ada',
    run: async (_task, context) => {
      runs++;
      return context.step('pay', () => ++steps);
    },
  };
  return { agent, runs: () => runs, steps: () => steps };
}

describe.each(['before', 'after'] as const)('a commit that fails %s it was carried out', (when) => {
  it.each<[string, Command['type']]>([
    ['a result', 'report'],
    ['a step', 'recordStep'],
  ])('and held %s is sent again; the agent is not run again because of it', async (_name, type) => {
    await using lab = new Lab();
    const { agent, runs, steps } = counting();
    const id = await lab.create();
    lab.break('commit', failing([type], when, 3));
    const task = await lab.until(lab.executor().executeWithRetry(id, agent));
    expect(task).toMatchObject({ status: 'completed', output: 1, attempt: 1, failures: 0, crashes: 0 });
    expect([runs(), steps()]).toEqual([1, 1]);
    expect(await lab.facts(id)).toEqual(['task.created', 'task.claimed', 'task.completed']);
    expect(await lab.inner.steps(id, 'ada')).toHaveLength(1);
  });

  it('and held a failure costs one failure, not two', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    lab.break('commit', failing(['report'], when));
    let runs = 0;
    const agent: Agent = {
      id: 'ada',
      run: () => {
        if (++runs === 1) throw new Error('no');
        return runs;
      },
    };
    const task = await lab.until(lab.executor().executeWithRetry(id, agent, { retryDelay: 10 }));
    expect(task).toMatchObject({ status: 'completed', output: 2, attempt: 2, failures: 1 });
  });

  it('and held the result of a worker is sent again', async () => {
    await using lab = new Lab();
    const { agent, runs } = counting();
    lab.break('commit', failing(['report'], when, 2));
    const posted: string[] = [];
    const hooks = { postExecution: (task: { status: string }) => void posted.push(task.status) };
    await lab.executor({ hooks }).startWorker({ agents: [agent] });
    const id = await lab.submit({ agentId: 'ada' });
    expect(await lab.until(lab.tasks.handle(id).result())).toBe(1);
    await lab.clock.advance(20_000);
    expect(runs()).toBe(1);
    expect(posted).toEqual(['completed']);
    expect(await lab.task(id)).toMatchObject({ attempt: 1, failures: 0, crashes: 0 });
  });

  it('and held a claim by id is sent again, and the agent runs once', async () => {
    await using lab = new Lab();
    const { agent, runs } = counting();
    const executor = lab.executor();
    const id = await lab.create();
    lab.break('commit', failing(['claimTask'], when));
    const done = await lab.until(executor.executeTask(id, agent));
    expect(done).toMatchObject({ status: 'completed', attempt: 1, failures: 0, crashes: 0 });
    expect(runs()).toBe(1);
  });

  it('and held a claim for work is made again; what it took comes back within two renewals, at no cost', async () => {
    await using lab = new Lab();
    const { agent, runs } = counting();
    const id = await lab.submit({ agentId: 'ada' });
    let failed = false;
    lab.break('commit', (real) => async (request) => {
      if (failed || request.claim === undefined) return real(request);
      failed = true;
      if (when === 'after') await real(request);
      return away();
    });
    await lab.executor().startWorker({ agents: [agent] });
    const startedAt = lab.clock.now();
    expect(await lab.until(lab.tasks.waitForTask(id))).toMatchObject({ status: 'completed', failures: 0, crashes: 0 });
    expect(lab.clock.now() - startedAt).toBeLessThanOrEqual(when === 'before' ? 1_000 : 7_000);
    expect(runs()).toBe(1);
    expect(await lab.facts(id)).toEqual(
      when === 'before'
        ? ['task.created', 'task.claimed', 'task.completed']
        : ['task.created', 'task.claimed', 'task.released', 'task.claimed', 'task.completed'],
    );
  });

  it('and held a route is repeated by whoever meets the task next', async () => {
    await using lab = new Lab();
    const { agent, runs } = counting();
    lab.break('commit', failing(['route'], when));
    await lab
      .executor({ router: new TaskRouter({ agents: [agent], clock: lab.clock }) })
      .startWorker({ agents: [agent] });
    const id = await lab.submit();
    expect(await lab.until(lab.tasks.waitForTask(id))).toMatchObject({ status: 'completed', failures: 0, crashes: 0 });
    expect(runs()).toBe(1);
  });
});

describe('a claim whose answer was lost', () => {
  it('is handed back also by a worker that never stops claiming', async () => {
    await using lab = new Lab();
    // Tasks and answers take their time, each another, so that there is always a claim under way.
    const agent: Agent = { id: 'busy', run: ({ input }) => wait(lab, 100 + (((input as number) * 97) % 400)) };
    const lost = await lab.submit({ agentId: 'busy', priority: 100, input: 0 });
    let failed = false;
    let open = 0;
    const openAtRenewals: number[] = [];
    lab.break('commit', (real) => async (request) => {
      if (request.claim !== undefined) open++;
      const response = await real(request);
      await wait(lab, 400);
      if (request.claim !== undefined) open--;
      if (failed || response.claimed.length === 0) return response;
      failed = true;
      return away();
    });
    lab.break('renew', (real) => (worker) => (openAtRenewals.push(open), real(worker)));
    for (let index = 0; index < 400; index++) await lab.submit({ agentId: 'busy', input: index });
    await lab.executor().startWorker({ agents: [agent], concurrency: 8 });
    await lab.until(lab.tasks.waitForTask(lost), 15_000);
    expect(await lab.task(lost)).toMatchObject({ status: 'completed', attempt: 2, failures: 0, crashes: 0 });
    expect(Math.min(...openAtRenewals.slice(1))).toBeGreaterThan(0);
  });

  it('is not handed back while its answer may still come', async () => {
    await using lab = new Lab();
    const { agent, runs } = counting();
    const id = await lab.submit({ agentId: 'ada' });
    lab.break('commit', (real) => async (request) => {
      const response = await real(request);
      if (request.claim !== undefined) await new Promise<void>((resolve) => void lab.clock.setTimer(resolve, 30_000));
      return response;
    });
    await lab.executor().startWorker({ agents: [agent], concurrency: 1 });
    await lab.until(() => runs() > 0);
    lab.mend();
    await lab.until(lab.tasks.waitForTask(id));
    expect(await lab.facts(id)).toEqual(['task.created', 'task.claimed', 'task.completed']);
  });
});

describe('a store that is away for longer than a lease', () => {
  it('costs an attempt that is running its lease and nothing else', async () => {
    await using lab = new Lab();
    const { agent, runs } = counting();
    const id = await lab.submit({ agentId: 'ada' });
    const executor = lab.executor();
    await executor.startWorker({ agents: [agent] });
    // It is away for everything from the moment that the step is to be recorded.
    lab.break('commit', (real) => (request) => (holds(request, ['recordStep']) ? away() : real(request)));
    await lab.until(() => runs() === 1);
    for (const method of ['renew', 'sweep', 'holding', 'getTask'] as const) lab.break(method, () => away);
    lab.break('commit', () => away);
    await lab.clock.advance(60_000);
    lab.mend();
    await lab.until(lab.tasks.waitForTask(id));
    expect(await lab.task(id)).toMatchObject({ status: 'completed', failures: 0, crashes: 0 });
  });

  it('is waited for by a result that is already there', async () => {
    await using lab = new Lab();
    const { agent, runs } = counting();
    const id = await lab.create();
    const run = lab.executor().executeTask(id, agent);
    lab.break('commit', (real) => (request) => (holds(request, ['report']) ? away() : real(request)));
    await lab.clock.advance(60_000);
    lab.mend();
    expect(await lab.until(run)).toMatchObject({ status: 'completed', attempt: 1 });
    expect(runs()).toBe(1);
  });

  it('and closed meanwhile rejects with STORE_CLOSED', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    const agent: Agent = {
      id: 'ada',
      run: () => lab.break('commit', () => () => Promise.reject(new SymphonyError('STORE_CLOSED', 'closed'))),
    };
    await expect(lab.executor().executeTask(id, agent)).rejects.toMatchObject({ code: 'STORE_CLOSED' });
  });
});

describe('a store that is closed under a running worker', () => {
  it('stops the worker, which says so once, and keeps nothing waiting', async () => {
    await using lab = new Lab();
    const executor = lab.executor();
    const worker = await executor.startWorker({ agents: [counting().agent] });
    const stopped = worker.stopOnSignals([]);
    lab.break('commit', () => () => Promise.reject(new SymphonyError('STORE_CLOSED', 'The store has been closed.')));
    await lab.submit();
    await lab.until(stopped);
    await lab.clock.advance(60_000);
    expect(lab.complaints).toEqual(['The store was closed under a running worker, which stops.']);
    expect(executor.workerCount).toBe(0);
  });
});

describe('a report that the store refuses for itself', () => {
  it('is replaced by a failure that says so: the task is never left running', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    lab.break('commit', (real) => async (request) => {
      const isResult = request.groups.some((group) =>
        group.some((c) => c.type === 'report' && c.command.type === 'complete'),
      );
      if (!isResult) return real(request);
      return { results: [{ status: 'error', code: 'STORE_FAILED', message: 'too odd', details: {} }], claimed: [] };
    });
    const task = await lab.executor().executeTask(id, { id: 'ada', run: () => 'odd' });
    expect(task).toMatchObject({ status: 'failed', error: { code: 'STORE_FAILED', message: 'too odd' } });
  });
});

function wait(lab: Lab, ms: number): Promise<void> {
  return new Promise((resolve) => void lab.clock.setTimer(resolve, ms));
}
