import {
  defineStrategy,
  type AgentConfig,
  type Ranked,
  type RankRequest,
  type StrategyPlugin,
  type Task,
} from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { testStrategy, type StrategyUnderTest } from './strategy-suite.ts';

type Rank = (request: RankRequest) => readonly Ranked[] | Promise<readonly Ranked[]>;

const rankFirst = ({ candidates }: RankRequest): Ranked[] =>
  [...candidates].slice(0, 1).map(({ id }) => ({ agentId: id, score: 1, reasons: ['it is the first'] }));

const made = (rank: Rank): StrategyPlugin => defineStrategy({ name: 'made', create: () => ({ rank }) });

/** A strategy that answers as the first one does, with one thing changed. */
const changed = (change: (ranked: Ranked) => unknown): StrategyPlugin =>
  made((request) => rankFirst(request).map((ranked) => change(ranked) as Ranked));

testStrategy({ describe, it }, { plugin: made(rankFirst) });

describe('testStrategy', () => {
  it('passes a strategy that abstains', async () => {
    expect(await listFailures({ plugin: made(() => []) })).toEqual([]);
  });

  it('passes an asynchronous strategy that gives up when its signal aborts', async () => {
    const plugin = made((request) => {
      request.signal.throwIfAborted();
      return new Promise((resolve, reject) => {
        request.signal.addEventListener('abort', () => reject(request.signal.reason as Error));
        setImmediate(() => resolve(rankFirst(request)));
      });
    });
    expect(await listFailures({ plugin })).toEqual([]);
  });

  const ranks = 'ranks only candidates, each once, with finite scores and reasons';
  const broken: readonly [what: string, plugin: StrategyPlugin, failure: string][] = [
    [
      'that throws',
      made(() => {
        throw new Error('broken');
      }),
      ranks,
    ],
    ['that returns nothing', made(() => undefined as never), ranks],
    ['that returns an agent that does not exist', changed((ranked) => ({ ...ranked, agentId: 'nobody' })), ranks],
    ['that ranks an agent twice', made((request) => [...rankFirst(request), ...rankFirst(request)]), ranks],
    ['whose scores are NaN', changed((ranked) => ({ ...ranked, score: NaN })), ranks],
    ['whose confidence is no probability', changed((ranked) => ({ ...ranked, confidence: 7 })), ranks],
    ['that gives no reasons', changed((ranked) => ({ ...ranked, reasons: [] })), ranks],
    ['that gives empty reasons', changed((ranked) => ({ ...ranked, reasons: [''] })), ranks],
    ['that hangs', made(() => new Promise(() => undefined)), 'settles soon after its signal aborts'],
    [
      'that draws from its own randomness',
      defineStrategy({
        name: 'random',
        create() {
          const draw = Math.random();
          return { rank: (request) => rankFirst(request).map((ranked) => ({ ...ranked, score: draw })) };
        },
      }),
      'answers the same requests alike when it starts anew',
    ],
    [
      'that changes the task',
      made((request) => {
        (request.task as { -readonly [key in keyof Task]: Task[key] }).name = 'renamed';
        return rankFirst(request);
      }),
      'leaves the request as it was',
    ],
    [
      'that changes an agent',
      made((request) => {
        for (const agent of request.candidates)
          (agent as { -readonly [key in keyof AgentConfig]: AgentConfig[key] }).role = 'x';
        return rankFirst(request);
      }),
      'leaves the request as it was',
    ],
    [
      'that remembers agents that are gone',
      defineStrategy({
        name: 'memory',
        create() {
          let first: string | undefined;
          return {
            rank: ({ candidates }) =>
              [...candidates]
                .slice(0, 1)
                .map(({ id }) => ({ agentId: (first ??= id), score: 1, reasons: ['as before'] })),
          };
        },
      }),
      'copes with candidates that come and go between requests',
    ],
    [
      'that needs a candidate',
      made(({ candidates }) => [{ agentId: [...candidates][0]!.id, score: 1, reasons: ['first'] }]),
      'answers with nobody when there are no candidates',
    ],
    [
      'that chokes on texts',
      made((request) => {
        if (encodeURIComponent(request.task.description) === '') return [];
        return rankFirst(request);
      }),
      'copes with half a surrogate pair',
    ],
    [
      'that cannot be closed twice',
      defineStrategy({
        name: 'once',
        create() {
          let open = true;
          return {
            rank: rankFirst,
            close() {
              if (!open) throw new Error('closed already');
              open = false;
            },
          };
        },
      }),
      'may be closed twice',
    ],
    [
      'that takes any options',
      { ...made(rankFirst), create: () => made(rankFirst).create(undefined, undefined as never) },
      'refuses options that it does not know',
    ],
    [
      'for another version of the contract',
      { ...made(rankFirst), apiVersion: 99 },
      'is a plugin for this version of the contract',
    ],
  ];
  it.each(broken)('fails a strategy %s', async (_what, plugin, failure) => {
    expect(await listFailures({ plugin, patienceMs: 20 })).toContain(failure);
  });

  it('fails a strategy that accepts options which are said to be invalid', async () => {
    const plugin = { ...made(rankFirst), create: () => made(rankFirst).create(undefined, undefined as never) };
    expect(await listFailures({ plugin, invalidOptions: [{ limit: -1 }] })).toContain(
      'refuses invalid options, number 1',
    );
  });
});

/** Runs the suite with a runner of its own and answers with the names of the tests that fail. */
async function listFailures(subject: StrategyUnderTest): Promise<string[]> {
  const tests: { readonly name: string; readonly body: () => Promise<void> }[] = [];
  const add = (name: string, body: () => Promise<void>): void => void tests.push({ name, body });
  testStrategy({ describe: (_name, body) => body(), it: Object.assign(add, { skip: () => undefined }) }, subject);
  const failures = await Promise.all(
    tests.map(({ name, body }) =>
      body().then(
        () => [],
        () => [name],
      ),
    ),
  );
  return failures.flat();
}
