import type { SymphonyEvent, Task } from '@symphony/registry';
import { describe, expect, test } from 'vitest';
import { addUp, isFirstChoiceRight, reasonFor, tellStory } from './story.ts';

const decision = (agentId: string, score: number) => ({
  type: 'task.routed',
  data: { agentId, strategy: 'content-match', candidates: [{ agentId, score, reasons: [`like ${agentId}`] }] },
});
const event = (type: string, data: object = {}) => ({ type, data });
const events = [
  decision('first', 0.5),
  event('task.claimed', { attempt: 1 }),
  event('task.refused', { agentId: 'first', reason: 'no idea' }),
  decision('second', 0.25),
  event('task.claimed', { attempt: 2 }),
  event('task.completed'),
] as unknown as SymphonyEvent[];

const task = (output: object): Task =>
  ({ id: 't', status: 'completed', input: { package: 'p' }, output }) as unknown as Task;

describe('the story of a task', () => {
  const story = tellStory(task({ repaired: true, by: 'second', how: 'x', before: 2, after: 1 }), events);

  test('tells who had it, who refused and how often it was tried', () => {
    expect(story).toMatchObject({ agent: 'second', attempts: 2, completions: 1, crashes: 0 });
    expect(story.refusals).toEqual([{ agent: 'first', reason: 'no idea' }]);
  });

  test('tells why the agent was chosen', () => {
    expect(reasonFor(story)).toBe('score 0.25, like second');
  });

  test('the first choice is right only if it is the one that completed the repair', () => {
    expect(isFirstChoiceRight(story)).toBe(false);
    expect(isFirstChoiceRight(tellStory(task({ repaired: true, by: 'first' }), events.slice(0, 2)))).toBe(true);
    expect(isFirstChoiceRight(tellStory(task({ repaired: false, note: '' }), events.slice(0, 2)))).toBe(false);
  });

  test('stories add up', () => {
    const left = tellStory(task({ repaired: false, note: '' }), events);
    expect(addUp([story, left])).toEqual({
      tasks: 2,
      attempts: 4,
      refusals: 2,
      retries: 0,
      repaired: 1,
      human: 1,
      firstRight: 0,
    });
  });

  test('each attempt is told with who had it, when, and how it ended', () => {
    const log = [
      { ...decision('first', 0.5), at: 1 },
      { ...event('task.claimed', { attempt: 1, workerId: 'w1', agentId: 'first' }), at: 2 },
      { ...event('task.retry_scheduled', { attempt: 1, error: { message: 'a.js has changed' } }), at: 5 },
      { ...event('task.claimed', { attempt: 2, workerId: 'w1', agentId: 'first' }), at: 6 },
      { ...event('task.crashed', { attempt: 2, workerId: 'w1' }), at: 9 },
      { ...event('task.claimed', { attempt: 3, workerId: 'w2', agentId: 'first' }), at: 10 },
    ] as unknown as SymphonyEvent[];
    const { tries, retries, crashes } = tellStory(task({ repaired: true, by: 'first' }), log);
    expect(tries.map(({ worker, from, to, end, why }) => [worker, from, to, end, why])).toEqual([
      ['w1', 2, 5, 'tried again', 'a.js has changed'],
      ['w1', 6, 9, 'crashed', 'its worker died'],
      ['w2', 10, undefined, 'open', ''],
    ]);
    expect([retries, crashes]).toEqual([1, 1]);
  });
});
