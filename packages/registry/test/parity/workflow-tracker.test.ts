import { describe, expect, it } from 'vitest';
import { echo, flaky, Lab, pause, stores } from '../lab.ts';

describe.each(stores)('workflowTracker on %s', (_name, persistence) => {
  describe('createWorkflow({ name, description?, metadata?, tasks?, onFailure? })', () => {
    it('resolves to a Workflow with status pending', async () => {
      await using lab = await Lab.open({ persistence });
      const workflow = await lab.workflowTracker.createWorkflow({
        name: 'report',
        description: 'for the board',
        metadata: { quarter: 3 },
        onFailure: 'continue',
      });
      expect(workflow).toMatchObject({
        name: 'report',
        description: 'for the board',
        metadata: { quarter: 3 },
        status: 'pending',
        sealed: false,
      });
      expect(await lab.workflowTracker.createWorkflow({ name: 'report' })).toMatchObject({ status: 'pending' });
    });

    it('with tasks stores and submits them, and takes no more', async () => {
      await using lab = await Lab.open({ persistence, agents: [echo] });
      const { id } = await lab.workflowTracker.createWorkflow({
        name: 'report',
        tasks: [
          { name: 'a', input: 1 },
          { name: 'b', input: 2 },
        ],
      });
      await expect(lab.workflowTracker.addTaskToWorkflow(id, await lab.create())).rejects.toMatchObject({
        code: 'WORKFLOW_SEALED',
      });
      await lab.symphony.startWorker();
      expect(await lab.until(lab.workflowTracker.waitForWorkflow(id))).toMatchObject({ status: 'completed' });
      expect((await lab.workflowTracker.getWorkflowTasks(id)).map(({ output }) => output)).toEqual([1, 2]);
    });
  });

  describe('addTaskToWorkflow(workflowId, taskId)', () => {
    it('adds a task', async () => {
      await using lab = await Lab.open({ persistence });
      const { id } = await lab.workflowTracker.createWorkflow({ name: 'report' });
      const task = await lab.create();
      await lab.workflowTracker.addTaskToWorkflow(id, task);
      expect(await lab.task(task)).toMatchObject({ workflowId: id });
      expect(await lab.facts(task)).toEqual(['task.created', 'task.added_to_workflow']);
    });

    it('with an unknown id is a coded error', async () => {
      await using lab = await Lab.open({ persistence });
      const { id } = await lab.workflowTracker.createWorkflow({ name: 'report' });
      const task = await lab.create();
      await expect(lab.workflowTracker.addTaskToWorkflow('wf_none', task)).rejects.toMatchObject({
        code: 'WORKFLOW_NOT_FOUND',
      });
      await expect(lab.workflowTracker.addTaskToWorkflow(id, 'tsk_none')).rejects.toMatchObject({
        code: 'TASK_NOT_FOUND',
      });
    });

    it('twice changes nothing', async () => {
      await using lab = await Lab.open({ persistence });
      const { id } = await lab.workflowTracker.createWorkflow({ name: 'report' });
      const task = await lab.create();
      await lab.workflowTracker.addTaskToWorkflow(id, task);
      const before = [await lab.task(task), await lab.workflowTracker.getWorkflow(id), await lab.facts(task)];
      await lab.workflowTracker.addTaskToWorkflow(id, task);
      expect([await lab.task(task), await lab.workflowTracker.getWorkflow(id), await lab.facts(task)]).toEqual(before);
    });

    it('keeps a task in at most one workflow', async () => {
      await using lab = await Lab.open({ persistence });
      const first = await lab.workflowTracker.createWorkflow({ name: 'first' });
      const second = await lab.workflowTracker.createWorkflow({ name: 'second' });
      const task = await lab.create();
      await lab.workflowTracker.addTaskToWorkflow(first.id, task);
      await expect(lab.workflowTracker.addTaskToWorkflow(second.id, task)).rejects.toMatchObject({
        code: 'TASK_IN_OTHER_WORKFLOW',
      });
      expect(await lab.workflowTracker.getWorkflowTasks(second.id)).toEqual([]);
    });
  });

  describe('computeWorkflowStatus(workflowId)', () => {
    it('is a function of the tasks: pending, running, completed', async () => {
      await using lab = await Lab.open({ persistence });
      const { id } = await lab.workflowTracker.createWorkflow({ name: 'report' });
      const statuses = [await lab.workflowTracker.computeWorkflowStatus(id)];
      const tasks = [await lab.create({ workflowId: id }), await lab.create({ workflowId: id })];
      statuses.push(await lab.workflowTracker.computeWorkflowStatus(id));
      for (const task of tasks) {
        await lab.executor.executeTask(task, echo);
        statuses.push(await lab.workflowTracker.computeWorkflowStatus(id));
      }
      expect(statuses).toEqual(['pending', 'pending', 'running', 'completed']);
    });

    it('is failed as soon as a task has failed for good, as in the original', async () => {
      await using lab = await Lab.open({ persistence });
      const { id } = await lab.workflowTracker.createWorkflow({ name: 'report' });
      const [first] = [await lab.create({ workflowId: id }), await lab.create({ workflowId: id })];
      await lab.executor.executeTask(first, flaky(9));
      expect(await lab.workflowTracker.computeWorkflowStatus(id)).toBe('failed');
      expect(await lab.workflowTracker.getWorkflow(id)).toMatchObject({ settled: false });
    });
  });

  describe('getWorkflowTasks(workflowId) and getWorkflow(id)', () => {
    it('list the tasks as they are, and a status that is always the computed one', async () => {
      await using lab = await Lab.open({ persistence });
      const { id } = await lab.workflowTracker.createWorkflow({ name: 'report' });
      const tasks = [await lab.create({ workflowId: id, input: 1 }), await lab.create({ workflowId: id })];
      await lab.executor.executeTask(tasks[0] as string, echo);
      expect((await lab.workflowTracker.getWorkflowTasks(id)).map((task) => [task.id, task.status])).toEqual([
        [tasks[0], 'completed'],
        [tasks[1], 'pending'],
      ]);
      expect((await lab.workflowTracker.getWorkflow(id))?.status).toBe(
        await lab.workflowTracker.computeWorkflowStatus(id),
      );
      expect(await lab.workflowTracker.getWorkflow('wf_none')).toBeUndefined();
    });
  });

  describe('pause, resume, cancel', () => {
    it('hold back, release and end the tasks of a workflow', async () => {
      await using lab = await Lab.open({ persistence });
      const slow = {
        id: 'slow',
        run: (_task: unknown, { signal }: { signal: AbortSignal }) => pause(lab, 5_000, signal),
      };
      await lab.symphony.startWorker({ agents: [slow], concurrency: 1 });
      const { id } = await lab.workflowTracker.createWorkflow({
        name: 'report',
        tasks: Array.from({ length: 3 }, () => ({ name: 'job', agentId: 'slow' })),
      });
      await lab.clock.advance(1_000);
      expect(await lab.workflowTracker.pause(id)).toMatchObject({ status: 'paused' });
      await lab.clock.advance(30_000);
      expect(await lab.workflowTracker.getWorkflow(id)).toMatchObject({
        status: 'paused',
        tasks: { completed: 1, open: 2, started: 1 },
      });
      expect(await lab.workflowTracker.resume(id)).toMatchObject({ status: 'running' });
      await lab.clock.advance(2_000);
      expect(await lab.workflowTracker.cancel(id)).toMatchObject({ status: 'running' });
      expect(await lab.until(lab.workflowTracker.waitForWorkflow(id))).toMatchObject({
        status: 'cancelled',
        settled: true,
        tasks: { completed: 1, cancelled: 2 },
      });
    });
  });
});
