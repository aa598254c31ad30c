import assert from 'node:assert/strict';
import type { Command, GroupResult } from '@symphony/core';
import { failure } from './lab.ts';
import type { Suite } from './suite.ts';

const rivals = ['complete', 'time out', 'hand back', 'cancel', 'retry'] as const;

type Rival = (typeof rivals)[number];

/** Several who want something else of one running attempt, at the same moment. */
export function races({ group, test }: Suite): void {
  group('a result, a timeout, a hand-back, a cancellation and a retry by hand', () => {
    test('that come together have one winner, and each caller is told what became of the task', async (lab) => {
      for (const [index, sent] of orders(rivals).entries()) {
        const id = `tsk_${index}`;
        await lab.running(id);
        const answers = await Promise.all(sent.map(async (rival) => told(await lab.answer(wish(rival, id)))));
        const { status, output } = await lab.task(id);
        const found = JSON.stringify([Object.fromEntries(sent.map((rival, at) => [rival, answers[at]])), status]);
        const history = orders(rivals).find((order) => {
          const { answers: expected, end } = play(order);
          return end === status && sent.every((rival, at) => expected[rival] === answers[at]);
        });
        assert.ok(history !== undefined, `no order of the five explains ${found}`);
        const won = sent.filter((rival, at) => isReport(rival) && answers[at] !== 'stale');
        assert.equal(won.length <= 1, true, `an attempt ended twice: ${found}`);
        assert.equal(output !== null, status === 'completed', found);
      }
    });
  });
}

function isReport(rival: Rival): boolean {
  return rival !== 'cancel' && rival !== 'retry';
}

function wish(rival: Rival, id: string): Command {
  switch (rival) {
    case 'complete':
      return { type: 'report', id, attempt: 1, command: { type: 'complete', output: '1' } };
    case 'time out':
      return { type: 'report', id, attempt: 1, command: failure({ defaultMaxRetries: 0 }) };
    case 'hand back':
      return { type: 'report', id, attempt: 1, command: { type: 'release', reason: 'the worker is stopping' } };
    case 'cancel':
      return { type: 'cancelTask', id, graceMs: 5_000 };
    case 'retry':
      return { type: 'retryTask', id };
  }
}

function told(result: GroupResult): string | undefined {
  if (result.status === 'ok') return result.value.task?.status;
  return result.status === 'error' ? result.code : result.status;
}

/** What each is told if they come one after the other, and the status in the end: the specification, not the code. */
function play(order: readonly Rival[]): { readonly answers: Partial<Record<Rival, string>>; readonly end: string } {
  const ends = { complete: 'completed', 'time out': 'failed', 'hand back': 'pending' } as const;
  const answers: Partial<Record<Rival, string>> = {};
  let status = 'running';
  let cancelling = false;
  for (const rival of order) {
    if (rival === 'cancel') {
      if (status === 'pending') status = 'cancelled';
      cancelling ||= status === 'running';
      answers[rival] = status;
    } else if (rival === 'retry') {
      const isPossible = status === 'failed' || status === 'cancelled';
      if (isPossible) status = 'pending';
      answers[rival] = isPossible ? 'pending' : 'TASK_INVALID_TRANSITION';
    } else if (status === 'running') {
      status = cancelling ? 'cancelled' : ends[rival];
      answers[rival] = status;
    } else {
      answers[rival] = 'stale';
    }
  }
  return { answers, end: status };
}

function orders<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((first) => orders(items.filter((item) => item !== first)).map((rest) => [first, ...rest]));
}
