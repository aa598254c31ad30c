import {
  defineStrategy,
  systemClock,
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

  it('passes a strategy that counts on having been told of its candidates', async () => {
    const plugin = defineStrategy({
      name: 'index',
      create() {
        let index = new Map<string, AgentConfig>();
        return {
          rank: (request) => rankFirst(request).filter(({ agentId }) => index.get(agentId)!.id === agentId),
          agentsChanged: (agents) => void (index = new Map(agents.map((agent) => [agent.id, agent]))),
        };
      },
    });
    expect(await listFailures({ plugin })).toEqual([]);
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

  describe('a strategy that reads the time', () => {
    /** The one of the guide: it keeps off agents which have just failed. */
    const cautious = defineStrategy({
      name: 'cautious',
      create(_options, { clock }) {
        const failedAt = new Map<string, number>();
        return {
          rank: ({ candidates }) =>
            Array.from(candidates, ({ id }) => {
              const ago = clock.now() - (failedAt.get(id) ?? -Infinity);
              const reason = ago < 60_000 ? 'has just failed' : 'is well';
              return { agentId: id, score: Math.min(ago, 60_000), reasons: [reason] };
            }),
          outcome(_task, { agentId }, { status }) {
            if (status === 'failed') failedAt.set(agentId, clock.now());
          },
        };
      },
    });
    /** Reads the same time from what it is handed. */
    const handed = defineStrategy({
      name: 'handed',
      create() {
        const failedAt = new Map<string, number>();
        return {
          rank: ({ candidates, now }) =>
            Array.from(candidates, ({ id }) => {
              const ago = now - (failedAt.get(id) ?? 0);
              return { agentId: id, score: ago, reasons: [`failed ${ago} ms ago`] };
            }),
          outcome(task, { agentId }, { status }) {
            if (status === 'failed') failedAt.set(agentId, task.finishedAt!);
          },
        };
      },
    });

    it.each([cautious, handed])('passes, however much real time goes by: $name', async (plugin) => {
      for (let run = 0; run < 5; run++) expect(await listFailures({ plugin })).toEqual([]);
    });

    it('fails on a clock that moves by itself', async () => {
      const real = systemClock.monotonic();
      let reads = 0;
      const clock = { ...systemClock, now: () => Math.floor(real) + 7 * reads++ };
      expect(await listFailures({ plugin: cautious, services: { clock } })).toContain(
        'answers alike when it starts anew and hears of the same outcomes',
      );
    });
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
      'that takes no refusals',
      defineStrategy({
        name: 'proud',
        create: () => ({
          rank: rankFirst,
          outcome(_task, _decision, { status }) {
            if (status === 'refused') throw new Error('impossible');
          },
        }),
      }),
      'takes every kind of outcome, also of tasks and agents that it has not seen',
    ],
    [
      'that knows nobody of whom it has not decided',
      defineStrategy({
        name: 'closed',
        create() {
          const scores = new Map<string, number>();
          return {
            rank(request) {
              for (const { id } of request.candidates) scores.set(id, 0);
              return rankFirst(request);
            },
            outcome(_task, { agentId }) {
              if (!scores.has(agentId)) throw new Error(`${agentId}?`);
            },
          };
        },
      }),
      'takes every kind of outcome, also of tasks and agents that it has not seen',
    ],
    [
      'that changes the task it hears of',
      defineStrategy({
        name: 'editor',
        create: () => ({
          rank: rankFirst,
          outcome(task) {
            (task as { -readonly [key in keyof Task]: Task[key] }).name = 'renamed';
          },
        }),
      }),
      'takes every kind of outcome, also of tasks and agents that it has not seen',
    ],
    [
      'that learns by chance',
      defineStrategy({
        name: 'dice',
        create() {
          let score = 0;
          return {
            rank: (request) => rankFirst(request).map((ranked) => ({ ...ranked, score })),
            outcome: () => void (score = Math.random()),
          };
        },
      }),
      'answers alike when it starts anew and hears of the same outcomes',
    ],
    [
      'that ranks everybody it has heard of',
      defineStrategy({
        name: 'gossip',
        create() {
          let known: readonly AgentConfig[] = [];
          return {
            rank: () => known.slice(0, 1).map(({ id }) => ({ agentId: id, score: 1, reasons: ['it is the first'] })),
            agentsChanged: (agents) => void (known = agents),
          };
        },
      }),
      'hears of agents that it is not asked about, and of nobody',
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

  /** Wraps another strategy, and passes on to it what `passed` says. */
  const wrapper = (...passed: readonly ('outcome' | 'agentsChanged' | 'close')[]): StrategyPlugin =>
    defineStrategy({
      name: 'wrapper',
      async create(_options, services) {
        const inner = await services.create('made');
        return {
          rank: (request) => inner.rank(request),
          ...Object.fromEntries(
            passed.map((name) => [name, (...news: never[]) => (inner[name] as (...news: never[]) => void)?.(...news)]),
          ),
        };
      },
    });
  const strategies = [made(rankFirst)];

  it('passes a strategy that wraps another and passes everything on', async () => {
    const plugin = wrapper('outcome', 'agentsChanged', 'close');
    expect(await listFailures({ plugin, strategies })).toEqual([]);
  });

  it.each([
    ['its end', wrapper('outcome', 'agentsChanged')],
    ['the agents', wrapper('outcome', 'close')],
    ['the outcomes', wrapper('agentsChanged', 'close')],
  ])('fails a strategy that does not pass %s on to what it wraps', async (_what, plugin) => {
    expect(await listFailures({ plugin, strategies })).toEqual([
      'passes the agents, the outcomes and its end on to what it wraps',
    ]);
  });

  it('fails a strategy that wraps what is not there', async () => {
    expect(await listFailures({ plugin: wrapper('close') })).toContain('is a plugin for this version of the contract');
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
