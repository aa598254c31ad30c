import { SymphonyError, type Agent, type AgentContext, type StepOptions } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { Lab, StoppableClock } from '../test/lab.ts';

/** An agent that takes its steps and then fails, until the attempt that is to succeed. */
function stepping(work: (context: AgentContext, attempt: number) => Promise<unknown>, failures = 1): Agent {
  return {
    id: 'ada',
    run: async (task, context: AgentContext) => {
      const result = await work(context, task.attempt);
      if (task.attempt <= failures) throw new Error('after the steps');
      return result;
    },
  };
}

async function identities(lab: Lab, id: string, agentId = 'ada'): Promise<readonly string[]> {
  return (await lab.inner.steps(id, agentId)).map(({ identity }) => identity);
}

const soon = { retry: { initialDelayMs: 1, maxRetries: 5 } };

describe('a step', () => {
  it('that was recorded is not run again by the next attempt, which gets its result', async () => {
    await using lab = new Lab();
    const ran: string[] = [];
    const id = await lab.create(soon);
    const work = async (context: AgentContext, attempt: number): Promise<unknown> => {
      const first = await context.step('first', () => (ran.push(`first ${attempt}`), { attempt }));
      const second = await context.step('second', () => (ran.push(`second ${attempt}`), attempt));
      return [first, second];
    };
    const task = await lab.until(lab.executor().executeTask(id, stepping(work, 2)));
    expect(task).toMatchObject({ status: 'completed', attempt: 3, output: [{ attempt: 1 }, 1] });
    expect(ran).toEqual(['first 1', 'second 1']);
    expect(await identities(lab, id)).toEqual(['first#1', 'second#1']);
  });

  it('that failed is not recorded, and runs again', async () => {
    await using lab = new Lab();
    const ran: number[] = [];
    const work = (context: AgentContext, attempt: number): Promise<unknown> =>
      context.step('pay', () => {
        ran.push(attempt);
        if (attempt < 3) throw new Error('no');
        return attempt;
      });
    const task = await lab.until(lab.executor().executeTask(await lab.create(soon), stepping(work, 0)));
    expect(task).toMatchObject({ status: 'completed', attempt: 3, output: 3 });
    expect(ran).toEqual([1, 2, 3]);
  });

  it('resolves after its result is stored', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    let stored: readonly string[] = [];
    const work = async (context: AgentContext): Promise<void> => {
      await context.step('pay', () => 1);
      stored = await identities(lab, id);
    };
    await lab.executor().executeTask(id, stepping(work, 0));
    expect(stored).toEqual(['pay#1']);
  });

  it('shows what a replay will show: the value after its way through JSON, each time a copy', async () => {
    await using lab = new Lab();
    const seen: unknown[] = [];
    const work = async (context: AgentContext): Promise<void> => {
      const value = await context.step('odd', (): unknown => ({ at: new Date(0), gone: undefined, list: [1] }));
      seen.push(structuredClone(value));
      (value as { list: number[] }).list.push(2);
      seen.push(await context.step('nothing', () => undefined));
    };
    await lab.until(lab.executor().executeTask(await lab.create(soon), stepping(work)));
    const value = { at: '1970-01-01T00:00:00.000Z', list: [1] };
    expect(seen).toEqual([value, null, value, null]);
  });

  it('whose result is no JSON value fails the attempt for good; that of too much as well', async () => {
    await using lab = new Lab();
    for (const [value, code] of [
      [1n, 'RESULT_NOT_SERIALIZABLE'],
      ['x'.repeat(5 * 1024 * 1024), 'RESULT_TOO_LARGE'],
    ] as const) {
      const work = (context: AgentContext): Promise<unknown> => context.step('odd', (): unknown => value);
      const task = await lab.executor().executeTask(await lab.create(soon), stepping(work, 0));
      expect(task).toMatchObject({ status: 'failed', attempt: 1, error: { code } });
      expect(task.error?.message).toContain('the result of step "odd"');
    }
  });

  it('that nobody waited for is not recorded after the end of the attempt', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    const slow = Promise.withResolvers<number>();
    let outcome: unknown;
    const agent: Agent = {
      id: 'ada',
      run: (_task, context) => {
        context.step('late', () => slow.promise).catch((error: unknown) => (outcome = error));
        return 'done';
      },
    };
    expect(await lab.executor().executeTask(id, agent)).toMatchObject({ status: 'completed' });
    slow.resolve(1);
    await lab.clock.advance(0);
    expect(await identities(lab, id)).toEqual([]);
    expect(outcome).toMatchObject({ code: 'LEASE_LOST' });
  });

  it('is not begun once the signal has aborted', async () => {
    await using lab = new Lab();
    const id = await lab.create({ timeouts: { startToCloseMs: 100 } });
    const ran: string[] = [];
    const work = async (context: AgentContext): Promise<void> => {
      await context.step('slow', () => new Promise<void>((resolve) => void lab.clock.setTimer(resolve, 200)));
      ran.push('between');
      await context.step('next', () => ran.push('next'));
    };
    await lab.until(lab.executor().executeTask(id, stepping(work, 0)));
    expect(ran).toEqual(['between']);
    expect(await identities(lab, id)).toEqual(['slow#1']); // what was paid for is kept
  });
});

describe('the identity of a step', () => {
  it('is its name and which call of the name it is', async () => {
    await using lab = new Lab();
    const id = await lab.create(soon);
    const ran: string[] = [];
    const work = async (context: AgentContext, attempt: number): Promise<unknown[]> => {
      const values: unknown[] = [];
      for (const item of ['a', 'b', 'c'])
        values.push(await context.step('item', () => (ran.push(item), `${item}${attempt}`)));
      return values;
    };
    const task = await lab.until(lab.executor().executeTask(id, stepping(work)));
    expect(task.output).toEqual(['a1', 'b1', 'c1']);
    expect(ran).toEqual(['a', 'b', 'c']);
    expect(await identities(lab, id)).toEqual(['item#1', 'item#2', 'item#3']);
  });

  it('is its name and key where one is given, so that loops may change their order', async () => {
    await using lab = new Lab();
    const id = await lab.create(soon);
    const work = async (context: AgentContext, attempt: number): Promise<unknown> => {
      const values: Record<string, unknown> = {};
      for (const key of attempt === 1 ? ['a', 'b'] : ['c', 'b', 'a']) {
        values[key] = await context.step('item', () => attempt, { key });
      }
      return values;
    };
    const task = await lab.until(lab.executor().executeTask(id, stepping(work)));
    expect(task.output).toEqual({ a: 1, b: 1, c: 2 });
    expect(await identities(lab, id)).toEqual(['item:a', 'item:b', 'item:c']);
  });

  it('does not confuse names and keys that look alike', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    const work = async (context: AgentContext): Promise<unknown> => [
      await context.step('a', () => 1, { key: 'b:c' }),
      await context.step('a:b', () => 2, { key: 'c' }),
      await context.step('a#1', () => 3),
      await context.step('a', () => 4),
      await context.step('a%231', () => 5),
      await context.step('__proto__', () => 6),
      await context.step('toString', () => 7, { key: 'constructor' }),
    ];
    const task = await lab.executor().executeTask(id, stepping(work, 0));
    expect(task.output).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(new Set(await identities(lab, id)).size).toBe(7);
  });

  it('used again in the same attempt finds the recorded result', async () => {
    await using lab = new Lab();
    const id = await lab.create(soon);
    const ran: string[] = [];
    const work = async (context: AgentContext): Promise<unknown> => [
      await context.step('pay', () => (ran.push('first'), 'first'), { key: 'k' }),
      await context.step('pay', () => (ran.push('second'), 'second'), { key: 'k' }),
    ];
    const task = await lab.until(lab.executor().executeTask(id, stepping(work)));
    expect(task.output).toEqual(['first', 'first']);
    expect(ran).toEqual(['first']);
  });

  it.each<[string, string, StepOptions | undefined, StepOptions | undefined, string]>([
    [
      'two of one name at once need keys',
      'STEP_KEY_REQUIRED',
      undefined,
      undefined,
      'Step "pay" is open already. Give each of the concurrent steps a key',
    ],
    [
      'one without a key beside one with a key as well',
      'STEP_KEY_REQUIRED',
      { key: 'a' },
      undefined,
      'step(name, fn, { key })',
    ],
    [
      'two under one key at once are refused',
      'STEP_CONCURRENT',
      { key: 'a' },
      { key: 'a' },
      'Step "pay" with key "a" is running already',
    ],
  ])('%s: %s', async (_name, code, first, second, message) => {
    await using lab = new Lab();
    const work = (context: AgentContext): Promise<unknown> =>
      Promise.all([context.step('pay', () => 1, first), context.step('pay', () => 2, second)]);
    const task = await lab.executor().executeTask(await lab.create(soon), stepping(work, 0));
    expect(task).toMatchObject({ status: 'failed', attempt: 1, error: { code } });
    expect(task.error?.message).toContain(message);
  });

  it('with keys of their own steps run at once', async () => {
    await using lab = new Lab();
    let open = 0;
    let most = 0;
    const work = (context: AgentContext): Promise<unknown> =>
      Promise.all(
        ['a', 'b', 'c'].map((key) =>
          context.step(
            'item',
            async () => {
              most = Math.max(most, ++open);
              await new Promise<void>((resolve) => void lab.clock.setTimer(resolve, 10));
              open--;
              return key;
            },
            { key },
          ),
        ),
      );
    const task = await lab.until(lab.executor().executeTask(await lab.create(soon), stepping(work)));
    expect(task.output).toEqual(['a', 'b', 'c']);
    expect(most).toBe(3);
  });

  it('is checked against the input where one is declared: another is STEP_MISMATCH', async () => {
    await using lab = new Lab();
    const work = (context: AgentContext, attempt: number): Promise<unknown> =>
      context.step('pay', () => attempt, { input: { to: 'bob', amount: attempt } });
    const task = await lab.until(lab.executor().executeTask(await lab.create(soon), stepping(work)));
    expect(task).toMatchObject({ status: 'failed', attempt: 2, error: { code: 'STEP_MISMATCH' } });
    expect(task.error?.message).toContain(
      'recorded in attempt 1 with another input. Give the step another name or key',
    );
  });

  it('takes an input that says the same in another order for the same', async () => {
    await using lab = new Lab();
    const work = (context: AgentContext, attempt: number): Promise<unknown> =>
      context.step('pay', () => attempt, { input: attempt === 1 ? { a: 1, b: [2] } : { b: [2], a: 1 } });
    const task = await lab.until(lab.executor().executeTask(await lab.create(soon), stepping(work)));
    expect(task).toMatchObject({ status: 'completed', output: 1 });
  });

  it.each([
    ['an empty name', '', undefined, 'INVALID_NAME', 'step name must not be empty'],
    ['a control character', 'a\nb', undefined, 'INVALID_NAME', 'step name holds a control character'],
    ['an empty key', 'a', { key: '' }, 'INVALID_NAME', 'step key must not be empty'],
    ['a misspelled option', 'a', { kee: 'x' }, 'INVALID_ARGUMENT', 'step has no option "kee". It takes key, input.'],
    ['an input that is no JSON value', 'a', { input: 1n }, 'INVALID_JSON', 'the input of step "a" is a bigint'],
  ])('refuses %s', async (_name, name, options, code, message) => {
    await using lab = new Lab();
    const work = (context: AgentContext): Promise<unknown> => context.step(name, () => 1, options as StepOptions);
    const task = await lab.executor().executeTask(await lab.create(), stepping(work, 0));
    expect(task).toMatchObject({ status: 'failed', error: { code } });
    expect(task.error?.message).toContain(message);
  });
});

describe('recorded steps that no longer occur', () => {
  it('are named in an event of the completing commit', async () => {
    await using lab = new Lab();
    const id = await lab.create(soon);
    const work = async (context: AgentContext, attempt: number): Promise<unknown> => {
      if (attempt === 1) {
        await context.step('old', () => 1);
        await context.step('item', () => 1, { key: 'x' });
      }
      return context.step('kept', () => attempt);
    };
    await lab.until(lab.executor().executeTask(id, stepping(work)));
    expect(await lab.data(id, 'task.steps_unused')).toEqual([{ attempt: 2, steps: ['old#1', 'item:x'] }]);
  });

  it('are not spoken of where all occur', async () => {
    await using lab = new Lab();
    const id = await lab.create(soon);
    await lab.until(
      lab.executor().executeTask(
        id,
        stepping((context) => context.step('kept', () => 1)),
      ),
    );
    expect(await lab.facts(id)).not.toContain('task.steps_unused');
  });
});

describe('a journal', () => {
  it('belongs to task and agent, as does the idempotency key', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    const keys: string[] = [];
    const agent = (agentId: string, fails: boolean): Agent => ({
      id: agentId,
      run: async (_task, context) => {
        keys.push(context.idempotencyKey);
        const by = await context.step('pay', () => agentId);
        if (fails) throw new Error('no');
        return by;
      },
    });
    const executor = lab.executor();
    await executor.executeTask(id, agent('ada', true));
    await lab.tasks.retryTask(id);
    expect(await executor.executeTask(id, agent('bob', true))).toMatchObject({ attempt: 2 });
    await lab.tasks.retryTask(id);
    expect(await executor.executeTask(id, agent('ada', false))).toMatchObject({ attempt: 3, output: 'ada' });
    expect([await identities(lab, id, 'ada'), await identities(lab, id, 'bob')]).toEqual([['pay#1'], ['pay#1']]);
    expect(keys).toEqual([`${id}:ada`, `${id}:bob`, `${id}:ada`]);
  });

  it('outlives the process: after a crash the next attempt replays it', async () => {
    await using lab = new Lab();
    const dead = new StoppableClock(lab.clock);
    const paid: string[] = [];
    const agent = (where: string): Agent => ({
      id: 'ada',
      run: async (_task, context) => {
        for (const key of ['1', '2', '3', '4']) {
          await context.step('pay', () => paid.push(`${where}${key}`), { key });
          if (where === 'first' && key === '2') {
            dead.stop();
            await new Promise(() => undefined);
          }
        }
        return paid.length;
      },
    });
    const id = await lab.create();
    void lab
      .executor({ clock: dead })
      .executeTask(id, agent('first'))
      .catch(() => undefined);
    await lab.clock.advance(10);
    const task = await lab.until(lab.executor().executeTask(id, agent('second')));
    expect(task).toMatchObject({ status: 'completed', attempt: 2, crashes: 0 });
    expect(paid).toEqual(['first1', 'first2', 'second3', 'second4']);
    expect(await lab.data(id, 'task.recovered')).toEqual([{ attempt: 2, crashes: 1 }]);
    dead.continue();
  });

  it('is read however long the store is away: an outage costs no failure', async () => {
    await using lab = new Lab();
    const id = await lab.create(soon);
    const work = (context: AgentContext): Promise<unknown> => context.step('pay', () => 1);
    lab.break('steps', () => () => Promise.reject(new SymphonyError('STORE_FAILED', 'away')));
    const run = lab.executor().executeTask(id, stepping(work));
    await lab.clock.advance(5_000);
    lab.mend();
    expect(await lab.until(run)).toMatchObject({ status: 'completed', attempt: 2, failures: 1 });
  });
});

describe('a context', () => {
  it('may be taken apart', async () => {
    await using lab = new Lab();
    const agent: Agent = {
      id: 'ada',
      run: async (_task, { step, progress, refuse }) => {
        progress('half');
        await step('pay', () => 1);
        return refuse('enough');
      },
    };
    const id = await lab.create();
    expect(await lab.executor().executeTask(id, agent)).toMatchObject({ status: 'failed', error: { code: 'REFUSED' } });
    expect(await identities(lab, id)).toEqual(['pay#1']);
  });
});

describe('progress', () => {
  it('is written at most once a second, and the last value is the one that is kept', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    let writes = 0;
    lab.break('commit', (commit) => (request) => {
      if (request.groups.some((group) => group.some(({ type }) => type === 'progress'))) writes++;
      return commit(request);
    });
    const agent: Agent = {
      id: 'ada',
      run: async (_task, context) => {
        for (let percent = 0; percent <= 100; percent++) {
          context.progress({ percent });
          await new Promise<void>((resolve) => void lab.clock.setTimer(resolve, 50));
        }
        await new Promise<void>((resolve) => void lab.clock.setTimer(resolve, 1_000));
        return 'done';
      },
    };
    const startedAt = lab.clock.now();
    const run = lab.executor().executeTask(id, agent);
    await lab.clock.advance(10);
    expect((await lab.task(id)).progress).toEqual({ percent: 0 });
    await lab.clock.advance(2_500);
    expect((await lab.task(id)).progress).toEqual({ percent: 39 }); // as it was half a second ago
    expect(await lab.until(run)).toMatchObject({ progress: { percent: 100 } });
    expect(writes).toBeLessThanOrEqual(Math.ceil((lab.clock.now() - startedAt) / 1_000));
    expect(writes).toBeGreaterThan(4);
  });

  it('reported at the very end goes with the result, in one commit', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    let commits = 0;
    lab.break('commit', (commit) => (request) => (commits++, commit(request)));
    const agent: Agent = {
      id: 'ada',
      run: (_task, context) => {
        context.progress(50);
        context.progress(100);
        return 'done';
      },
    };
    expect(await lab.executor().executeTask(id, agent)).toMatchObject({ status: 'completed', progress: 100 });
    expect(commits).toBe(2);
  });

  it('raises neither version nor attempt, and appends no event', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    const agent: Agent = {
      id: 'ada',
      run: async (_task, context) => {
        const before = await lab.task(id);
        context.progress('half');
        await new Promise<void>((resolve) => void lab.clock.setTimer(resolve, 10));
        const after = await lab.task(id);
        expect(after).toEqual({ ...before, progress: 'half' });
        return 'done';
      },
    };
    expect(await lab.until(lab.executor().executeTask(id, agent))).toMatchObject({ status: 'completed' });
    expect(await lab.facts(id)).toEqual(['task.created', 'task.claimed', 'task.completed']);
  });

  it('that is no JSON value is refused where it is reported', async () => {
    await using lab = new Lab();
    const agent: Agent = { id: 'ada', run: (_task, context) => context.progress({ done: 1n }) };
    const task = await lab.executor().executeTask(await lab.create(), agent);
    expect(task.error).toMatchObject({
      code: 'INVALID_JSON',
      message: expect.stringContaining('progress.done is a bigint') as string,
    });
  });

  it('reported after the end is not written', async () => {
    await using lab = new Lab();
    const id = await lab.create();
    let late: (() => void) | undefined;
    const agent: Agent = {
      id: 'ada',
      run: (_task, context) => {
        late = () => context.progress('late');
      },
    };
    await lab.executor().executeTask(id, agent);
    late?.();
    await lab.clock.advance(5_000);
    expect((await lab.task(id)).progress).toBeUndefined();
  });
});
