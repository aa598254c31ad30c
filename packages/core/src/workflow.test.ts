import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newWorkflow, workflowRow } from '../test/builders.ts';
import {
  addCounters,
  contribution,
  counterDelta,
  isSettled,
  taskStatuses,
  toWorkflow,
  workflowStatus,
  workflowStatuses,
  type TaskRow,
  type WorkflowCounters,
  type WorkflowStatus,
} from './index.ts';

type Counted = Pick<TaskRow, 'status' | 'attempt'>;

const none: WorkflowCounters = { total: 0, open: 0, failed: 0, cancelled: 0, started: 0 };
const status = (overrides: Parameters<typeof workflowRow>[0]): WorkflowStatus => workflowStatus(workflowRow(overrides));
const count = (tasks: readonly Counted[]): WorkflowCounters =>
  tasks.map(contribution).reduce((sum, task) => addCounters(sum, task), none);

describe('the status of a workflow is a function of its tasks', () => {
  const open = { total: 2, open: 1 };
  it.each<[string, WorkflowStatus, Parameters<typeof workflowRow>[0]]>([
    ['without tasks it is pending', 'pending', {}],
    ['without tasks it is paused if paused', 'paused', { paused: true }],
    ['without tasks it is cancelled if that was asked for', 'cancelled', { cancelRequested: true }],
    ['one task failed for good makes it failed, at once', 'failed', { ...open, failed: 1, started: 2 }],
    ['a failed task outweighs a pause', 'failed', { ...open, failed: 1, paused: true }],
    ['a failed task outweighs a cancellation', 'failed', { total: 2, failed: 1, cancelled: 1, cancelRequested: true }],
    ['with open tasks it is paused if paused', 'paused', { ...open, started: 1, paused: true }],
    ['with open tasks none of which has started it is pending', 'pending', { ...open, started: 0 }],
    ['with open tasks and one started it is running', 'running', { ...open, started: 1 }],
    [
      'with open tasks it is running until a cancellation has ended them',
      'running',
      { ...open, started: 1, cancelRequested: true },
    ],
    ['with all tasks ended it is completed', 'completed', { total: 2, started: 2 }],
    [
      'with some tasks cancelled and the others completed it is completed',
      'completed',
      { total: 2, cancelled: 1, started: 1 },
    ],
    ['with all tasks cancelled it is cancelled', 'cancelled', { total: 2, cancelled: 2 }],
    [
      'with all tasks ended it is cancelled if that was asked for',
      'cancelled',
      { total: 2, cancelled: 1, cancelRequested: true },
    ],
    ['with all tasks ended a pause does not matter', 'completed', { total: 2, started: 2, paused: true }],
  ])('%s', (_sentence, expected, row) => {
    expect(status(row)).toBe(expected);
  });

  it('every status is reached by some counters', () => {
    const counted = fc.record({
      total: fc.nat(2),
      open: fc.nat(2),
      failed: fc.nat(1),
      cancelled: fc.nat(2),
      started: fc.nat(1),
      paused: fc.boolean(),
      cancelRequested: fc.boolean(),
    });
    const reached = new Set(fc.sample(counted, { numRuns: 500, seed: 1 }).map((row) => workflowStatus(row)));
    expect(reached).toEqual(new Set(workflowStatuses));
  });
});

describe('the counters of a workflow', () => {
  const task = fc.record({ status: fc.constantFrom(...taskStatuses), attempt: fc.nat(2) });

  it('a task counts as open until it ends, and as started from its first claim on', () => {
    expect(contribution({ status: 'waiting', attempt: 1 })).toEqual({
      total: 1,
      open: 1,
      failed: 0,
      cancelled: 0,
      started: 1,
    });
    expect(contribution({ status: 'pending', attempt: 0 })).toEqual({
      total: 1,
      open: 1,
      failed: 0,
      cancelled: 0,
      started: 0,
    });
    expect(contribution({ status: 'failed', attempt: 2 })).toEqual({
      total: 1,
      open: 0,
      failed: 1,
      cancelled: 0,
      started: 1,
    });
    expect(contribution({ status: 'cancelled', attempt: 0 })).toEqual({
      total: 1,
      open: 0,
      failed: 0,
      cancelled: 1,
      started: 0,
    });
    expect(contribution({ status: 'completed', attempt: 1 })).toEqual({
      total: 1,
      open: 0,
      failed: 0,
      cancelled: 0,
      started: 1,
    });
  });

  it('the counters before a change plus its delta are the counters after it', () => {
    fc.assert(
      fc.property(fc.array(task, { minLength: 1 }), fc.nat(), task, (tasks, position, after) => {
        const index = position % tasks.length;
        const delta = counterDelta(tasks[index], after) ?? none;
        expect(addCounters(count(tasks), delta)).toEqual(count(tasks.with(index, after)));
      }),
    );
  });

  it('a task that joins adds all that it is', () => {
    fc.assert(
      fc.property(fc.array(task), task, (tasks, joined) => {
        expect(addCounters(count(tasks), counterDelta(undefined, joined) ?? none)).toEqual(count([...tasks, joined]));
      }),
    );
  });

  it('a change that counts nothing is no delta, so that it writes no workflow row', () => {
    expect(counterDelta({ status: 'running', attempt: 1 }, { status: 'pending', attempt: 1 })).toBeUndefined();
    expect(counterDelta({ status: 'pending', attempt: 1 }, { status: 'running', attempt: 2 })).toBeUndefined();
    expect(counterDelta({ status: 'pending', attempt: 0 }, { status: 'running', attempt: 1 })).toEqual({
      ...none,
      started: 1,
    });
  });

  it('a workflow has settled when it has tasks and none is open, or was cancelled without any', () => {
    const row = { ...none, cancelRequested: false };
    expect(isSettled(row)).toBe(false);
    expect(isSettled({ ...row, total: 2, open: 1 })).toBe(false);
    expect(isSettled({ ...row, total: 2 })).toBe(true);
    expect(isSettled({ ...row, cancelRequested: true })).toBe(true);
    expect(isSettled({ ...row, total: 2, open: 1, cancelRequested: true })).toBe(false);
  });
});

describe('a workflow as the API shows it', () => {
  it('has its status computed, its metadata decoded and its completed tasks counted', () => {
    const row = workflowRow({
      ...newWorkflow('wf_1', { metadata: '{"a":1}' }),
      total: 5,
      open: 1,
      failed: 1,
      cancelled: 1,
      started: 4,
    });
    expect(toWorkflow(row)).toMatchObject({
      id: 'wf_1',
      name: 'workflow',
      status: 'failed',
      settled: false,
      metadata: { a: 1 },
      tasks: { total: 5, open: 1, failed: 1, cancelled: 1, started: 4, completed: 2 },
      idempotencyKey: undefined,
      settledAt: undefined,
    });
  });

  it('shows its key and when it settled', () => {
    const row = workflowRow({ idempotencyKey: 'key', total: 1, started: 1, settledAt: 9 });
    expect(toWorkflow(row)).toMatchObject({ status: 'completed', settled: true, idempotencyKey: 'key', settledAt: 9 });
  });
});
