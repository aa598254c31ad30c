import { SymphonyError, type AgentLike, type Task } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { Lab, StoppableClock, Waiting } from '../test/lab.ts';

const echo = { id: 'echo', run: (task: Task) => task.input };

describe('executeTask', () => {
  it('answers with the finished task, and all of its life is in the log', async () => {
    await using lab = new Lab();
    const id = await lab.create({ input: { n: 1 } });
    const task = await lab.executor().executeTask(id, echo);
    expect(task).toMatchObject({ status: 'completed', output: { n: 1 }, attempt: 1, agentId: 'echo' });
    expect(await lab.task(id)).toEqual(task);
    expect(await lab.facts(id)).toEqual(['task.created', 'task.claimed', 'task.completed']);
  });

  it('takes a named async function for an agent', async () => {
    await using lab = new Lab();
    async function summarise(): Promise<string> {
      return 'short';
    }
    expect(await lab.executor().executeTask(await lab.create(), summarise)).toMatchObject({
      output: 'short',
      agentId: 'summarise',
    });
  });

  it('of a failing agent gives a failed task with its error, not an exception, and tries it once', async () => {
    await using lab = new Lab();
    let runs = 0;
    const agent = { id: 'bad', run: () => Promise.reject(new TypeError(`no ${++runs}`)) };
    const task = await lab.executor().executeTask(await lab.create(), agent);
    expect(task).toMatchObject({ status: 'failed', failures: 1, output: undefined });
    expect(task.error).toMatchObject({ name: 'TypeError', message: 'no 1', code: 'AGENT_ERROR', attempt: 1 });
    expect(runs).toBe(1);
  });

  it('hands the agent a copy of the context as context.data', async () => {
    await using lab = new Lab();
    const context = { budget: [1] };
    const agent = { id: 'spender', run: (_task: Task, { data }: { data: typeof context }) => void data.budget.push(2) };
    const executor = lab.executor();
    await executor.executeTask(await lab.create(), agent as AgentLike, { context });
    expect(context).toEqual({ budget: [1] });
    const reader = { id: 'reader', run: (_task: Task, { data }: { data: unknown }) => data };
    expect(await executor.executeTask(await lab.create(), reader as AgentLike, { context })).toMatchObject({
      output: { budget: [1] },
    });
    expect(await executor.executeTask(await lab.create(), reader as AgentLike)).toMatchObject({ output: null });
  });

  it('adds the task to the workflow that is named, in the commit that starts it', async () => {
    await using lab = new Lab();
    const workflow = await lab.workflows.createWorkflow({ name: 'flow' });
    const id = await lab.create();
    await lab.executor().executeTask(id, echo, { workflowId: workflow.id });
    expect(await lab.workflows.getWorkflow(workflow.id)).toMatchObject({ status: 'completed', settled: true });
    expect(await lab.facts(id)).toEqual(['task.created', 'task.added_to_workflow', 'task.claimed', 'task.completed']);
  });

  it('pins the task: after retryTask it goes to no other agent', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    const executor = lab.executor();
    await executor.executeTask(id, { id: 'bad', run: () => Promise.reject(new Error('no')) });
    await lab.tasks.retryTask(id);
    await executor.startWorker({ agents: [echo] });
    await lab.clock.advance(5_000);
    expect(await lab.task(id)).toMatchObject({ status: 'pending', agentId: 'bad' });
  });

  it('of an unknown task throws TASK_NOT_FOUND', async () => {
    await using lab = new Lab();
    await expect(lab.executor().executeTask('tsk_none', echo)).rejects.toMatchObject({
      code: 'TASK_NOT_FOUND',
      message: 'There is no task tsk_none.',
    });
  });

  it.each(['completed', 'failed', 'cancelled'] as const)('of a %s task throws TASK_FINISHED', async (status) => {
    await using lab = new Lab();
    const id = await lab.create();
    const executor = lab.executor();
    if (status === 'cancelled') await lab.tasks.cancelTask(id);
    else
      await executor.executeTask(
        id,
        status === 'failed' ? { id: 'bad', run: () => Promise.reject(new Error()) } : echo,
      );
    const written = await lab.written();
    await expect(executor.executeTask(id, echo)).rejects.toMatchObject({
      code: 'TASK_FINISHED',
      message: `Task ${id} is ${status}. Use retryTask to start it anew.`,
    });
    expect(await lab.written()).toEqual(written);
  });

  it('of a task of another workflow throws TASK_IN_OTHER_WORKFLOW and starts nothing', async () => {
    await using lab = new Lab();
    const [first, second] = [
      await lab.workflows.createWorkflow({ name: 'first' }),
      await lab.workflows.createWorkflow({ name: 'second' }),
    ];
    const id = await lab.create({ workflowId: first.id });
    await expect(lab.executor().executeTask(id, echo, { workflowId: second.id })).rejects.toMatchObject({
      code: 'TASK_IN_OTHER_WORKFLOW',
    });
    expect(await lab.task(id)).toMatchObject({ status: 'pending', attempt: 0 });
  });

  it('of a task of a paused workflow throws TASK_BLOCKED and starts nothing', async () => {
    await using lab = new Lab();
    const { id: workflowId } = await lab.workflows.createWorkflow({ name: 'flow' });
    const id = await lab.create({ workflowId });
    await lab.workflows.pause(workflowId);
    await expect(lab.executor().executeTask(id, echo)).rejects.toMatchObject({
      code: 'TASK_BLOCKED',
      details: { taskId: id, workflowId },
    });
    expect(await lab.task(id)).toMatchObject({ status: 'pending', attempt: 0 });
  });

  it('of a task that runs in this very process throws TASK_NOT_CLAIMABLE at once', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const executor = lab.executor();
    const id = await lab.create();
    const first = executor.executeTask(id, waiting.agent);
    await lab.until(() => waiting.started === 1);
    const before = lab.clock.now();
    await expect(executor.executeTask(id, echo)).rejects.toMatchObject({ code: 'TASK_NOT_CLAIMABLE' });
    expect(lab.clock.now()).toBe(before);
    waiting.go();
    expect(await first).toMatchObject({ status: 'completed', attempt: 1 });
  });
});

describe('executeTask on a task that another process runs', () => {
  it('throws TASK_NOT_CLAIMABLE as soon as the lease of the holder has moved', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const id = await lab.create();
    const first = lab.executor().executeTask(id, waiting.agent);
    await lab.until(() => waiting.started === 1);
    const startedAt = lab.clock.now();
    const second = lab.executor().executeTask(id, echo);
    await expect(lab.until(second)).rejects.toMatchObject({ code: 'TASK_NOT_CLAIMABLE' });
    expect(lab.clock.now() - startedAt).toBeLessThanOrEqual(3_000 + 250);
    waiting.go();
    expect(await lab.until(first)).toMatchObject({ status: 'completed', attempt: 1 });
  });

  it('waits for the lease of a holder that has died, as it first read it, and starts attempt n + 1', async () => {
    await using lab = new Lab();
    const dead = new StoppableClock(lab.clock);
    const waiting = new Waiting();
    const id = await lab.create();
    const first = lab.executor({ clock: dead }).executeTask(id, waiting.agent);
    await lab.until(() => waiting.started === 1);
    await lab.clock.advance(1_000);
    dead.stop();
    const startedAt = lab.clock.now();
    const second = lab.executor().executeTask(id, echo);
    await lab.clock.advance(8_990);
    expect(await lab.task(id)).toMatchObject({ status: 'running', attempt: 1 });
    expect(await lab.until(second)).toMatchObject({ status: 'completed', attempt: 2, crashes: 1, failures: 0 });
    expect(lab.clock.now() - startedAt).toBeLessThan(9_500);
    expect(await lab.facts(id)).toEqual([
      'task.created',
      'task.claimed',
      'task.crashed',
      'task.claimed',
      'task.completed',
    ]);

    // The first process comes back, and learns that it lost.
    dead.continue();
    await expect(lab.until(first)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(waiting.context.signal.reason).toMatchObject({ code: 'LEASE_LOST' });
    expect(await lab.task(id)).toMatchObject({ status: 'completed', attempt: 2, output: null });
  });

  it('does not spin while it may not judge the holder', async () => {
    await using lab = new Lab();
    const dead = new StoppableClock(lab.clock);
    const waiting = new Waiting();
    const id = await lab.create();
    void lab
      .executor({ clock: dead })
      .executeTask(id, waiting.agent)
      .catch(() => undefined);
    await lab.until(() => waiting.started === 1);
    dead.stop();
    let commits = 0;
    lab.break('commit', (commit) => (request) => (commits++, commit(request)));
    lab.break('sweep', (sweep) => (request) => sweep({ ...request, markDead: false }));
    const second = lab.executor().executeTask(id, echo);
    await lab.clock.advance(30_000);
    expect(commits).toBeLessThan(200);
    lab.mend();
    expect(await lab.until(second)).toMatchObject({ status: 'completed', attempt: 2 });
    dead.continue();
  });
});

describe('executeTask of a task that others end meanwhile', () => {
  it('answers with the task as they ended it', async () => {
    await using lab = new Lab();
    const deaf = new Waiting('deaf', { heeds: false });
    const id = await lab.create();
    const run = lab.executor().executeTask(id, deaf.agent);
    await lab.until(() => deaf.started === 1);
    await lab.store.commit({ groups: [[{ type: 'cancelTask', id, graceMs: 0 }]] });
    await lab.store.sweep({ markDead: true });
    expect(await lab.until(run)).toMatchObject({ id, status: 'cancelled', attempt: 1 });
  });
});

describe('the signal of executeTask', () => {
  it('cancels the running task and answers with it', async () => {
    await using lab = new Lab();
    const waiting = new Waiting();
    const id = await lab.create();
    const controller = new AbortController();
    const run = lab.executor().executeTask(id, waiting.agent, { signal: controller.signal });
    await lab.until(() => waiting.started === 1);
    controller.abort();
    expect(await lab.until(run)).toMatchObject({ id, status: 'cancelled', attempt: 1 });
    expect(waiting.context.signal.reason).toMatchObject({ code: 'TASK_CANCELLED' });
    expect(await lab.data(id, 'task.cancel_requested')).toMatchObject([{ reason: 'its caller aborted' }]);
  });

  it('that has aborted before leaves the task as it is', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    const reason = new Error('changed my mind');
    await expect(lab.executor().executeTask(id, echo, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(await lab.facts(id)).toEqual(['task.created']);
  });

  it('cancels also what another process runs, and answers once that has ended', async () => {
    await using lab = new Lab();
    const waiting = new Waiting('ada', { heeds: false });
    const id = await lab.create();
    const first = lab.executor().executeTask(id, waiting.agent);
    await lab.until(() => waiting.started === 1);
    const controller = new AbortController();
    const second = lab.executor().executeTask(id, echo, { signal: controller.signal });
    await lab.clock.advance(100);
    controller.abort();
    expect(await lab.until(second)).toMatchObject({ status: 'cancelled', attempt: 1 });
    expect(await lab.until(first)).toMatchObject({ status: 'cancelled', attempt: 1 });
  });

  it('reaches the task even while the store is away', async () => {
    await using lab = new Lab();
    const waiting = new Waiting('ada', { heeds: false });
    const id = await lab.create();
    const controller = new AbortController();
    const run = lab.executor().executeTask(id, waiting.agent, { signal: controller.signal });
    await lab.until(() => waiting.started === 1);
    lab.break('commit', () => () => Promise.reject(new SymphonyError('STORE_FAILED', 'away')));
    controller.abort();
    await lab.clock.advance(2_000);
    lab.mend();
    expect(await lab.until(run)).toMatchObject({ status: 'cancelled' });
  });
});
