import { describe, expect, it, vi } from 'vitest';
import { Batcher } from './index.ts';

const limits = (maximum = 100, maximumWeight = 1_000) => ({
  maximum,
  maximumWeight,
  weigh: (request: number) => request,
});

/** A flush that a test ends by hand. */
function handFlush() {
  const calls: { readonly requests: readonly number[]; answer(): void; fail(error: unknown): void }[] = [];
  const flush = (requests: readonly number[]): Promise<readonly string[]> =>
    new Promise((resolve, reject) => {
      calls.push({ requests, answer: () => resolve(requests.map((request) => `answer ${request}`)), fail: reject });
    });
  return { calls, flush };
}

/** A flush that answers each request with itself, and remembers what went together. */
function echo() {
  const batches: (readonly number[])[] = [];
  const flush = async (requests: readonly number[]): Promise<readonly number[]> => {
    batches.push(requests);
    return requests;
  };
  return { batches, flush };
}

/** Lets the event loop turn until all that can happen without the test has happened. */
async function turn(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => void setImmediate(resolve));
}

describe('group commit', () => {
  it('what arrives in one turn of the event loop goes into one flush, and each request gets its own answer', async () => {
    const flush = vi.fn(async (requests: readonly number[]) => requests.map((request) => request * 2));
    const batcher = new Batcher(flush, limits());
    const answers = [batcher.add(1), batcher.add(2)];
    await Promise.resolve();
    answers.push(batcher.add(3));
    expect(await Promise.all(answers)).toEqual([2, 4, 6]);
    expect(flush.mock.calls).toEqual([[[1, 2, 3]]]);
  });

  it('a lone caller waits for no timer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval'] });
    try {
      expect(await new Batcher(echo().flush, limits()).add(1)).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it('one flush is under way at a time; what arrives meanwhile goes into the next', async () => {
    const { calls, flush } = handFlush();
    const batcher = new Batcher(flush, limits());
    const first = batcher.add(1);
    await turn();
    const later = [batcher.add(2), batcher.add(3)];
    await turn();
    expect(calls.map(({ requests }) => requests)).toEqual([[1]]);
    calls[0]?.answer();
    expect(await first).toBe('answer 1');
    await turn();
    expect(calls.map(({ requests }) => requests)).toEqual([[1], [2, 3]]);
    calls[1]?.answer();
    expect(await Promise.all(later)).toEqual(['answer 2', 'answer 3']);
  });
});

describe('the limits of a flush', () => {
  it('it holds no more requests than the maximum', async () => {
    const { batches, flush } = echo();
    const batcher = new Batcher(flush, limits(2));
    const numbers = [1, 2, 3, 4, 5];
    expect(await Promise.all(numbers.map((number) => batcher.add(number)))).toEqual(numbers);
    expect(batches).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('it weighs no more than the maximum, unless a single request does', async () => {
    const { batches, flush } = echo();
    const batcher = new Batcher(flush, limits(100, 10));
    const numbers = [4, 6, 1, 50, 1, 10];
    expect(await Promise.all(numbers.map((number) => batcher.add(number)))).toEqual(numbers);
    expect(batches).toEqual([[4, 6], [1], [50], [1], [10]]);
  });
});

describe('when a flush fails', () => {
  it('its error reaches all of its requests and no others, and later requests still run', async () => {
    const { calls, flush } = handFlush();
    const batcher = new Batcher(flush, limits(2));
    const settled = Promise.allSettled([batcher.add(1), batcher.add(2), batcher.add(3)]);
    await turn();
    const error = new Error('disk');
    calls[0]?.fail(error);
    await turn();
    calls[1]?.answer();
    expect(await settled).toEqual([
      { status: 'rejected', reason: error },
      { status: 'rejected', reason: error },
      { status: 'fulfilled', value: 'answer 3' },
    ]);
    const late = batcher.add(4);
    await turn();
    calls[2]?.answer();
    expect(await late).toBe('answer 4');
  });

  it('by throwing instead of rejecting, later requests still run too', async () => {
    let broken = true;
    const batcher = new Batcher((requests: readonly number[]) => {
      if (broken) throw new Error('at once');
      return Promise.resolve(requests);
    }, limits());
    await expect(batcher.add(1)).rejects.toThrow('at once');
    broken = false;
    expect(await batcher.add(2)).toBe(2);
  });
});

it('it is idle once nothing is queued or under way', async () => {
  const { calls, flush } = handFlush();
  const batcher = new Batcher(flush, limits(1));
  await batcher.idle();
  const answers = [batcher.add(1), batcher.add(2)];
  let idle = 0;
  const waits = [batcher.idle(), batcher.idle()].map((wait) => wait.then(() => void idle++));
  await turn();
  calls[0]?.answer();
  await turn();
  expect(idle).toBe(0);
  calls[1]?.answer();
  await Promise.all([...waits, ...answers]);
  expect(idle).toBe(2);
  await batcher.idle();
});
