import { expect, it } from 'vitest';
import { newTask } from '../test/builders.ts';
import { weighRequest, type Command } from './index.ts';

it.each<[string, number, Command]>([
  [
    'a task by its input and metadata',
    8,
    { type: 'createTask', submit: true, task: newTask('t', { input: '"four"' }) },
  ],
  ['a spawned task too', 8, { type: 'spawn', id: 'p', attempt: 1, key: 'k', task: newTask('t', { input: '"four"' }) }],
  [
    'a step by its output',
    3,
    {
      type: 'recordStep',
      step: { taskId: 't', agentId: 'a', identity: 's#1', attempt: 1, output: '"x"', inputHash: null, at: 1 },
    },
  ],
  ['a result by its length', 4, { type: 'report', id: 't', attempt: 1, command: { type: 'complete', output: 'true' } }],
  [
    'the end of an attempt without one by nothing',
    0,
    { type: 'report', id: 't', attempt: 1, command: { type: 'suspend' } },
  ],
  ['everything else by nothing', 0, { type: 'retryTask', id: 't' }],
])('a commit weighs %s', (_, weight, command) => {
  expect(weighRequest({ groups: [[command], []] })).toBe(weight);
});
