import { expect, it } from 'vitest';
import { newTask, runningRow, taskRow } from '../test/builders.ts';
import { isTerminal, taskStatuses, toTask, type TaskRecord } from './index.ts';

const fresh: TaskRecord = {
  ...taskRow(),
  ...newTask('tsk_1'),
  dueAt: null,
  parentId: null,
  output: null,
  error: null,
  progress: null,
};

it('a task has ended when it is completed, failed or cancelled', () => {
  expect(taskStatuses.filter(isTerminal)).toEqual(['completed', 'failed', 'cancelled']);
});

it('a fresh task has its JSON decoded, and undefined where nothing is known yet', () => {
  const task = toTask({ ...fresh, input: '{"query":"x"}', metadata: '{"team":"a"}' });
  expect(task).toMatchObject({ id: 'tsk_1', status: 'pending', input: { query: 'x' }, metadata: { team: 'a' } });
  const unknown = [
    'output',
    'error',
    'progress',
    'agentId',
    'workflowId',
    'dueAt',
    'idempotencyKey',
    'startedAt',
    'finishedAt',
  ] as const;
  expect(unknown.filter((key) => task[key] !== undefined)).toEqual([]);
});

it('a task that has lived shows all that is recorded of it', () => {
  const record: TaskRecord = {
    ...fresh,
    ...runningRow({
      dueAt: 7,
      workflowId: 'wf_1',
      finishedAt: 9,
      failures: 1,
      crashes: 2,
      refusedBy: [{ agentId: 'bob', reason: 'no' }],
    }),
    output: '[1]',
    error: { name: 'Error', message: 'no luck', attempt: 1 },
    progress: '0.5',
    idempotencyKey: 'key',
  };
  expect(toTask(record)).toMatchObject({
    output: [1],
    error: { message: 'no luck', attempt: 1 },
    progress: 0.5,
    agentId: 'ada',
    workflowId: 'wf_1',
    dueAt: 7,
    idempotencyKey: 'key',
    startedAt: 2,
    finishedAt: 9,
    attempt: 1,
    failures: 1,
    crashes: 2,
    refusedBy: [{ agentId: 'bob', reason: 'no' }],
    version: 2,
  });
});

it('a task shows neither its worker nor anything else that only the store needs', () => {
  const shown = Object.keys(toTask(fresh));
  for (const hidden of ['workerId', 'boundTo', 'claimKey', 'lastSeq', 'bodyHash', 'held', 'cancelAt'])
    expect(shown).not.toContain(hidden);
});
