import { expect, it } from 'vitest';
import { isTerminal, terminalTaskEvents, toEvent, transitionTable } from './index.ts';

it('an event is its row with the data decoded', () => {
  const row = {
    position: 7,
    subject: 'tsk_1',
    seq: 2,
    workflowId: 'wf_1',
    type: 'task.submitted',
    at: 5,
    data: '{"dueAt":9}',
  } as const;
  expect(toEvent(row)).toEqual({ ...row, data: { dueAt: 9 } });
});

it('an event outside any workflow has no workflow', () => {
  const event = toEvent({
    position: 1,
    subject: 'agent:a',
    seq: 1,
    workflowId: null,
    type: 'agent.changed',
    at: 5,
    data: '{"agentId":"a"}',
  });
  expect(event.workflowId).toBeUndefined();
});

it('there is one terminal event for each status that a task can end in', () => {
  const ends = new Set(
    Object.values(transitionTable)
      .flatMap((cells) => Object.values(cells).flat())
      .filter(isTerminal),
  );
  expect(new Set(terminalTaskEvents)).toEqual(new Set([...ends].map((status) => `task.${status}`)));
});
