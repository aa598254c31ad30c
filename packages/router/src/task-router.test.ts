import {
  defineStrategy,
  SymphonyError,
  type AgentDirectory,
  type AgentEntry,
  type AgentLoad,
  type Logger,
  type Ranked,
  type RankRequest,
  type RouteAnswer,
  type RoutingStrategy,
  type Task,
} from '@symphony/core';
import { roundRobin, capabilityMatch, custom, loadBalanced } from '@symphony/strategies';
import { contentMatch } from '@symphony/strategy-content-match';
import { newAgentConfig, newRankRequest, VirtualClock } from '@symphony/testing';
import { describe, expect, it, vi } from 'vitest';
import { TaskRouter, type TaskRouterOptions } from './index.ts';

const agents = [
  { id: 'anna', capabilities: ['code'], description: 'repairs programs' },
  { id: 'bert', capabilities: ['code', 'law'] },
  { id: 'cleo', description: 'pays invoices' },
  { id: 'human' },
];

const task: Task = newRankRequest({ task: { id: 'task-1', name: 'job', attempt: 1 } }).task;

describe('a router alone, without any store', () => {
  it('answers routeTask with the id of an agent', async () => {
    const router = new TaskRouter({ agents, strategy: contentMatch });
    expect(await router.routeTask({ name: 'pay the invoice' })).toBe('cleo');
  });

  it('explains a decision: candidates, scores, reasons, strategy and version', async () => {
    const clock = new VirtualClock();
    const router = new TaskRouter({
      agents,
      strategy: 'capability-match',
      strategies: [capabilityMatch],
      fallback: 'human',
      clock,
    });
    expect(await router.explain({ name: 'job', tags: ['law', 'code'] })).toEqual({
      agentId: 'bert',
      strategy: 'capability-match',
      strategyVersion: '1',
      candidates: [
        { agentId: 'bert', score: 1, reasons: ['has 2 of 2 wished capabilities: law, code', 'does nothing else'] },
        { agentId: 'anna', score: 0.5, reasons: ['has 1 of 2 wished capabilities: code', 'does nothing else'] },
      ],
      considered: 3,
      excluded: { fallback: 1 },
      decidedAt: clock.now(),
    });
  });

  it('takes a whole task too, and leaves it as it was', async () => {
    const router = new TaskRouter({ agents });
    const before = structuredClone(task);
    await router.routeTask(task);
    expect(task).toEqual(before);
  });

  it('takes the first candidate by id when it was given no strategy', async () => {
    expect(await new TaskRouter({ agents }).explain({ name: 'job' })).toMatchObject({
      agentId: 'anna',
      strategy: 'first',
    });
  });

  it('takes agents as objects that run, as functions and as configurations', async () => {
    const run = (): string => 'done';
    async function writer(): Promise<void> {}
    const router = new TaskRouter({
      agents: [{ id: 'runner', run }, writer, newAgentConfig('stored')],
      strategy: roundRobin,
    });
    const chosen = [
      await router.routeTask({ name: 'a' }),
      await router.routeTask({ name: 'b' }),
      await router.routeTask({ name: 'c' }),
    ];
    expect(chosen).toEqual(['runner', 'stored', 'writer']);
  });

  it('counts the tasks it gave to an agent as its load', async () => {
    const router = new TaskRouter({ agents, strategy: loadBalanced });
    const chosen = [];
    for (let index = 0; index < agents.length; index++) chosen.push(await router.routeTask({ name: 'job' }));
    expect(chosen.sort()).toEqual(agents.map(({ id }) => id));
  });

  it.each<[string, object, string]>([
    ['neither agents nor a directory', {}, 'INVALID_ARGUMENT'],
    ['agents and a directory', { agents, directory: directoryOf([]) }, 'INVALID_ARGUMENT'],
    ['an unknown option', { agents, stratgy: 'round-robin' }, 'INVALID_ARGUMENT'],
    ['two agents of one id', { agents: [...agents, { id: 'anna' }] }, 'DUPLICATE_AGENT'],
    ['an agent without an id', { agents: [{ name: 'anna' }] }, 'INVALID_NAME'],
    ['a fallback that is not among the agents', { agents, fallback: 'nobody' }, 'AGENT_NOT_FOUND'],
    ['a time limit of 0', { agents, rankTimeoutMs: 0 }, 'INVALID_ARGUMENT'],
    ['a strategy nobody knows', { agents, strategy: 'bandit' }, 'STRATEGY_NOT_FOUND'],
    ['two strategies of one name', { agents, strategies: [roundRobin, { ...roundRobin }] }, 'STRATEGY_INVALID'],
  ])('refuses to be made with %s', (_what, options, code) => {
    expect(codeOf(() => new TaskRouter(options as TaskRouterOptions))).toBe(code);
  });

  it.each<[string, object, string]>([
    ['no task', null as never, 'INVALID_ARGUMENT'],
    ['a task without a name', {}, 'INVALID_NAME'],
    ['an input that is no JSON value', { name: 'x', input: { at: new Map() } }, 'INVALID_JSON'],
    ['an input that is too large', { name: 'x', input: 'x'.repeat(2 ** 21) }, 'PAYLOAD_TOO_LARGE'],
    ['tags that are no array', { name: 'x', tags: 'law' }, 'INVALID_ARGUMENT'],
    ['a description that is no text', { name: 'x', description: 7 }, 'INVALID_ARGUMENT'],
  ])('refuses to route %s', async (_what, given, code) => {
    await expect(new TaskRouter({ agents }).routeTask(given as Task)).rejects.toMatchObject({ code });
  });
});

describe('eligibility', () => {
  it('leaves out, and counts by reason, who is disabled, not hosted, not capable or has refused', async () => {
    const directory = directoryOf([
      entry('able', { capabilities: ['law'] }),
      entry('asleep', { capabilities: ['law'] }, { hosted: false }),
      entry('human'),
      entry('off', { capabilities: ['law'] }, { enabled: false, hosted: false }),
      entry('refuser', { capabilities: ['law', 'code'] }),
      entry('unable', { capabilities: ['code'] }),
    ]);
    const router = new TaskRouter({ directory, fallback: 'human' });
    const { decision } = decisionOf(
      await router.decide({ ...task, requirements: { capabilities: ['law'] }, refusedBy: [no('refuser'), no('gone')] }),
    );
    expect(decision).toMatchObject({
      agentId: 'able',
      considered: 1,
      excluded: { disabled: 1, 'not hosted': 1, 'lacks a capability': 1, refused: 1, fallback: 1 },
    });
  });

  it('requires all capabilities, spelled exactly', async () => {
    const router = new TaskRouter({ agents });
    expect(await router.routeTask({ name: 'x', requirements: { capabilities: ['law', 'code'] } })).toBe('bert');
    await expect(router.routeTask({ name: 'x', requirements: { capabilities: ['Law'] } })).rejects.toMatchObject({
      code: 'NO_ROUTE',
      message:
        'Task "x": None of 4 agents can take the task (lacks a capability: 4). It requires "Law". There is no fallback agent.',
    });
  });

  it('hands the strategy candidates in the order of their ids, and nobody else', async () => {
    const seen: string[] = [];
    const router = new TaskRouter({ agents: [...agents].reverse(), fallback: 'human' });
    router.setCustomRouter((_task, candidates) => {
      seen.push(...Array.from(candidates, ({ id }) => id));
      expect([candidates.size, candidates.has('human'), candidates.get('human'), candidates.has('anna')]).toEqual([
        3,
        false,
        undefined,
        true,
      ]);
      return 'cleo';
    });
    await router.routeTask({ name: 'x' });
    expect(seen).toEqual(['anna', 'bert', 'cleo']);
  });

  it('hands the strategy the same set as long as nothing has changed', async () => {
    const clock = new VirtualClock();
    const entries = [entry('a'), entry('b')];
    const sets = new Set<unknown>();
    const configs = new Set<unknown>();
    const router = new TaskRouter({
      directory: directoryOf(entries),
      clock,
      strategy: {
        name: 'watch',
        rank({ candidates }) {
          sets.add(candidates);
          for (const config of candidates) configs.add(config);
          return [];
        },
      },
    });
    for (let times = 0; times < 3; times++) {
      await router.decide(task);
      await clock.advance(300);
    }
    expect([sets.size, configs.size]).toEqual([1, 2]);
    entries[1] = entry('b', { role: 'changed' });
    await router.decide(task);
    expect([sets.size, configs.size]).toEqual([2, 3]);
  });

  it('knows no route when no agent is known', async () => {
    const router = new TaskRouter({ directory: directoryOf([]) });
    expect(await router.decide(task)).toEqual({
      noRoute: { code: 'NO_ROUTE', reason: 'No agent is known. There is no fallback agent.', final: false },
    });
  });
});

describe('refusals', () => {
  const able = entry('able', { capabilities: ['law'] });
  const also = entry('also', { capabilities: ['law'] });
  const unable = entry('unable');
  const law = { ...task, requirements: { capabilities: ['law'] } };

  it('send the task to the next agent, then to the fallback, then nowhere for good', async () => {
    const router = new TaskRouter({ directory: directoryOf([able, also, unable]), fallback: 'unable' });
    expect(await router.decide({ ...law, refusedBy: [no('able')] })).toMatchObject({ decision: { agentId: 'also' } });
    expect(await router.decide({ ...law, refusedBy: [no('able'), no('also')] })).toMatchObject({
      decision: { agentId: 'unable', fallback: { reason: 'None of 2 agents can take the task (refused: 2).' } },
    });
    expect(await router.decide({ ...law, refusedBy: [no('able'), no('also'), no('unable')] })).toEqual({
      noRoute: {
        code: 'NO_ROUTE',
        final: true,
        reason:
          'None of 2 agents can take the task (refused: 2). The fallback agent "unable" has refused it too. ' +
          'Refused by "able": able will not; "also": also will not; "unable": unable will not.',
      },
    });
  });

  it('are not final while a capable agent that has not refused may be hosted again', async () => {
    const asleep = { ...also, hosted: false };
    const router = new TaskRouter({ directory: directoryOf([able, asleep]) });
    expect(await router.decide({ ...law, refusedBy: [no('able')] })).toMatchObject({ noRoute: { final: false } });
  });

  it('are final when whoever is left is disabled or not capable', async () => {
    const router = new TaskRouter({ directory: directoryOf([able, { ...also, enabled: false }, unable]) });
    expect(await router.decide({ ...law, refusedBy: [no('able')] })).toMatchObject({ noRoute: { final: true } });
  });
});

describe('the fallback agent', () => {
  it('takes what the strategy abstains from, and need not be capable', async () => {
    const router = new TaskRouter({ agents, strategy: contentMatch, fallback: 'human' });
    const decision = await router.explain({ name: 'gardening', requirements: { capabilities: ['law'] } });
    expect(decision).toMatchObject({
      agentId: 'human',
      strategy: 'content-match',
      candidates: [],
      fallback: { reason: 'Strategy "content-match" found none of 1 candidates suitable.' },
    });
    expect(decision.fallback).not.toHaveProperty('code');
  });

  it.each<[string, AgentEntry[], string]>([
    ['disabled', [entry('human', {}, { enabled: false })], 'The fallback agent "human" is disabled.'],
    ['not hosted', [entry('human', {}, { hosted: false })], 'The fallback agent "human" is not hosted.'],
    ['not registered', [], 'The fallback agent "human" is not registered.'],
  ])('takes nothing while it is %s', async (_what, humans, hindrance) => {
    const router = new TaskRouter({
      directory: directoryOf([entry('a'), ...humans]),
      fallback: 'human',
      strategy: abstaining,
    });
    expect(await router.decide(task)).toEqual({
      noRoute: {
        code: 'NO_ROUTE',
        final: false,
        reason: `Strategy "abstain" found none of 1 candidates suitable. ${hindrance}`,
      },
    });
  });

  it('takes everything when it is the only agent', async () => {
    const router = new TaskRouter({ agents: [{ id: 'human' }], fallback: 'human' });
    expect(await router.explain({ name: 'x' })).toMatchObject({
      agentId: 'human',
      fallback: { reason: 'No agent beside the fallback agent is known.' },
    });
  });
});

describe('a bad strategy', () => {
  const good: Ranked = { agentId: 'anna', score: 1, reasons: ['good'] };
  const invalid = 'STRATEGY_INVALID_ANSWER';
  const cases: readonly [what: string, rank: (request: RankRequest) => unknown, code: string, says: RegExp][] = [
    [
      'that throws',
      () => {
        throw new Error('out of luck');
      },
      'STRATEGY_FAILED',
      /"bad" failed: out of luck/,
    ],
    [
      'that throws null',
      () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- strangers do
        throw null;
      },
      'STRATEGY_FAILED',
      /"bad" failed: .*null/,
    ],
    ['that rejects', () => Promise.reject(new Error('no network')), 'STRATEGY_FAILED', /no network/],
    ['that hangs', () => new Promise(() => undefined), 'STRATEGY_TIMEOUT', /"bad" did not answer within 1000 ms/],
    ['that returns no list', () => undefined, invalid, /answered undefined/],
    ['that returns null', () => null, invalid, /answered null/],
    ['that returns a list of nothing', () => [null], invalid, /\[0\] is null/],
    ['that returns a list with holes', () => new Array<Ranked>(3), invalid, /\[0\] is undefined/],
    [
      'that returns an agent that does not exist',
      () => [{ ...good, agentId: 'nobody' }],
      invalid,
      /"nobody", which is no candidate/,
    ],
    ['that returns an id that is no text', () => [{ ...good, agentId: 7 }], invalid, /agentId is 7/],
    ['that ranks an agent twice', () => [good, good], invalid, /"anna" twice/],
    ['whose score is NaN', () => [{ ...good, score: NaN }], invalid, /score of agent "anna" is NaN/],
    ['whose score is infinite', () => [{ ...good, score: Infinity }], invalid, /Infinity/],
    [
      'whose score is missing',
      () => [{ agentId: 'anna', reasons: ['x'] }],
      invalid,
      /score of agent "anna" is undefined/,
    ],
    [
      'whose confidence is no probability',
      () => [{ ...good, confidence: 1.5 }],
      invalid,
      /confidence of agent "anna" is 1.5/,
    ],
    ['that gives no reason', () => [{ ...good, reasons: [] }], invalid, /reasons of agent "anna"/],
    ['that gives an empty reason', () => [{ ...good, reasons: [''] }], invalid, /reasons of agent "anna"/],
    ['that gives reasons as a text', () => [{ ...good, reasons: 'because' }], invalid, /reasons of agent "anna"/],
    [
      'whose answer throws when it is read',
      () => [
        {
          ...good,
          get score() {
            throw new Error('trap');
          },
        },
      ],
      'STRATEGY_FAILED',
      /trap/,
    ],
  ];

  it.each(cases)(
    '%s gives the task to the fallback agent, and the decision says why',
    async (_what, rank, code, says) => {
      const { answer, warnings } = await ask(rank, 'human');
      const { decision } = decisionOf(answer);
      expect(decision).toMatchObject({ agentId: 'human', strategy: 'bad', candidates: [], fallback: { code } });
      expect(decision.fallback?.reason).toMatch(says);
      expect(warnings).toMatchObject([{ strategy: 'bad', code, taskId: 'task-1' }]);
    },
  );

  it.each(cases)('%s means no route when there is no fallback agent', async (_what, rank, code, says) => {
    const { answer } = await ask(rank);
    expect(answer).toMatchObject({ noRoute: { code, final: false, reason: expect.stringMatching(says) as string } });
  });

  it('cannot choose the fallback agent, which is no candidate', async () => {
    const { answer } = await ask(() => [{ ...good, agentId: 'human' }], 'human');
    expect(answer).toMatchObject({ decision: { agentId: 'human', fallback: { code: invalid } } });
  });

  it('that returns nobody abstains', async () => {
    expect((await ask(() => [], 'human')).answer).toMatchObject({ decision: { agentId: 'human' } });
    expect((await ask(() => [])).answer).toMatchObject({ noRoute: { code: 'NO_ROUTE', final: false } });
  });

  it('makes routeTask and explain throw under its code', async () => {
    const router = new TaskRouter({
      agents,
      strategy: {
        name: 'bad',
        rank: () => {
          throw new Error('out of luck');
        },
      },
    });
    await expect(router.routeTask({ name: 'job', id: 'job-1' })).rejects.toMatchObject({
      code: 'STRATEGY_FAILED',
      message: 'Task "job": Strategy "bad" failed: out of luck. There is no fallback agent.',
      details: { taskId: 'job-1' },
    });
  });

  it('is told by its signal when its time is over, and its late answer changes nothing', async () => {
    const clock = new VirtualClock();
    let signal: AbortSignal | undefined;
    let answerLate = (_ranked: Ranked[]): void => undefined;
    const router = new TaskRouter({
      agents,
      clock,
      rankTimeoutMs: 50,
      strategy: {
        name: 'slow',
        rank: (request) => ((signal = request.signal), new Promise((resolve) => (answerLate = resolve))),
      },
    });
    const answer = router.decide(task);
    await clock.advance(49);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(signal?.reason).toMatchObject({ code: 'STRATEGY_TIMEOUT' });
    answerLate([good]);
    expect(await answer).toMatchObject({ noRoute: { code: 'STRATEGY_TIMEOUT' } });
    expect(clock.pendingTimers).toBe(0);
  });

  it('cannot change the task, the agents or earlier decisions for anybody else', async () => {
    const vandal: RoutingStrategy = {
      name: 'vandal',
      rank({ task, candidates, previous }) {
        const attempts = [
          () => ((task as { name: string }).name = 'hacked'),
          () => ((task.input as { amount: number }).amount = 0),
          () => (task.tags as string[]).push('hacked'),
          () => ((candidates.get('anna') as { role: string }).role = 'hacked'),
          () => (candidates.get('anna')!.capabilities as string[]).push('law'),
          () => ((candidates as { size: number }).size = 0),
          () => ((previous[0] as { agentId: string }).agentId = 'hacked'),
        ];
        for (const attempt of attempts) {
          try {
            attempt();
          } catch {
            // frozen: just as good
          }
        }
        return [good];
      },
    };
    const given = { ...task, input: { amount: 7 }, tags: ['a'] };
    const previous = [decisionOf(await new TaskRouter({ agents }).decide(task)).decision];
    const before = structuredClone({ given, previous, agents });
    const router = new TaskRouter({ agents, strategy: vandal });
    await router.decide(given, previous);
    expect({ given, previous, agents }).toEqual(before);
    router.setCustomRouter((seen, candidates, context) => {
      expect([seen.name, seen.input, candidates.size, context.previous[0]?.agentId]).toEqual([
        'job',
        { amount: 7 },
        4,
        'anna',
      ]);
      expect(candidates.get('anna')).toMatchObject({ role: '', capabilities: ['code'] });
      return 'bert';
    });
    expect(await router.decide(given, previous)).toMatchObject({ decision: { agentId: 'bert' } });
  });

  it('cannot fill the log: reasons are cut', async () => {
    const { answer } = await ask(() => [{ ...good, reasons: Array.from({ length: 100 }, () => 'x'.repeat(10_000)) }]);
    expect(JSON.stringify(answer).length).toBeLessThan(4_000);
  });

  async function ask(rank: (request: RankRequest) => unknown, fallback?: string) {
    const clock = new VirtualClock();
    const warnings: object[] = [];
    const router = new TaskRouter({
      agents,
      clock,
      logger: { ...quiet, warn: (details) => warnings.push(details) },
      strategy: { name: 'bad', rank: rank as RoutingStrategy['rank'] },
      ...(fallback !== undefined && { fallback }),
    });
    const answer = router.decide(task);
    await clock.advance(1_000);
    return { answer: await answer, warnings };
  }
});

describe('a ranking', () => {
  it('goes by score; the order of the list decides ties', async () => {
    const scores = { anna: 1, bert: 3, cleo: 3, human: 2 };
    const rank = () => Object.entries(scores).map(([agentId, score]) => ({ agentId, score, reasons: ['so'] }));
    const router = new TaskRouter({ agents, strategy: { name: 'made', rank } });
    const { candidates } = await router.explain({ name: 'x' });
    expect(candidates.map(({ agentId }) => agentId)).toEqual(['bert', 'cleo', 'human', 'anna']);
  });

  it('is recorded with the five best', async () => {
    const many = Array.from({ length: 20 }, (_, index) => ({ id: `agent-${index}` }));
    const rank = () => many.map(({ id }, index) => ({ agentId: id, score: index, confidence: 0.5, reasons: ['so'] }));
    const decision = await new TaskRouter({ agents: many, strategy: { name: 'made', rank } }).explain({ name: 'x' });
    expect(decision.candidates.map(({ score }) => score)).toEqual([19, 18, 17, 16, 15]);
    expect(decision.candidates[0]).toEqual({ agentId: 'agent-19', score: 19, confidence: 0.5, reasons: ['so'] });
    expect(decision.considered).toBe(20);
  });

  it('is repeatable: what is random is seeded by the task and its attempt', async () => {
    const draw = async (given: Task): Promise<number> => {
      let drawn = NaN;
      const router = new TaskRouter({ agents });
      router.setCustomRouter((_task, _candidates, { random }) => void (drawn = random()));
      await router.decide(given);
      return drawn;
    };
    expect(await draw(task)).toBe(await draw(task));
    expect(await draw(task)).not.toBe(await draw({ ...task, attempt: 2 }));
    expect(await draw(task)).not.toBe(await draw({ ...task, id: 'task-2' }));
  });

  it('knows the time and the earlier decisions', async () => {
    const clock = new VirtualClock();
    const router = new TaskRouter({ agents, clock });
    const { decision } = decisionOf(await router.decide(task));
    router.setCustomRouter((_task, _candidates, { now, previous }) => {
      expect([now, previous]).toEqual([clock.now(), [decision]]);
      return 'bert';
    });
    expect(await router.decide(task, [decision])).toMatchObject({ decision: { agentId: 'bert' } });
  });
});

describe('setStrategy', () => {
  const known = { agents, strategies: [roundRobin, capabilityMatch, contentMatch, loadBalanced, custom] };

  it.each(['round-robin', 'capability-match', 'content-match', 'load-balanced'])('takes the name %s', async (name) => {
    const router = new TaskRouter(known);
    router.setStrategy(name);
    expect(await router.explain({ name: 'repair a program', tags: ['code'] })).toMatchObject({ strategy: name });
  });

  it('takes a pair of a name and options, a pair of a plugin and options, a plugin, and a strategy object', async () => {
    const router = new TaskRouter(known);
    const route = (): string => 'bert';
    router.setStrategy(['custom', { route }]);
    expect(await router.routeTask({ name: 'x' })).toBe('bert');
    router.setStrategy([contentMatch, { minScore: 1 }]);
    await expect(router.routeTask({ name: 'invoices and something else' })).rejects.toMatchObject({ code: 'NO_ROUTE' });
    router.setStrategy(contentMatch);
    expect(await router.routeTask({ name: 'invoices and something else' })).toBe('cleo');
    router.setStrategy({ name: 'mine', version: '7', rank: () => [{ agentId: 'human', score: 0, reasons: ['mine'] }] });
    expect(await router.explain({ name: 'x' })).toMatchObject({
      agentId: 'human',
      strategy: 'mine',
      strategyVersion: '7',
    });
  });

  it('finds strategies by the names of a map', async () => {
    const router = new TaskRouter({ agents, strategies: new Map([['turns', roundRobin]]), strategy: 'turns' });
    expect(await router.explain({ name: 'x' })).toMatchObject({ strategy: 'round-robin' });
  });

  it('throws STRATEGY_NOT_FOUND at once for an unknown name, with the nearest known one, and keeps the old strategy', async () => {
    const router = new TaskRouter({ ...known, strategy: 'content-match' });
    expect(() => router.setStrategy('round-robbin')).toThrow(
      expect.objectContaining({
        code: 'STRATEGY_NOT_FOUND',
        details: { strategy: 'round-robbin', nearest: 'round-robin' },
      }),
    );
    expect(() => router.setStrategy('round-robbin')).toThrow(
      /Did you mean "round-robin"\? Known are round-robin, capability-match/,
    );
    expect(await router.explain({ name: 'invoice' })).toMatchObject({ strategy: 'content-match' });
  });

  it('says where a strategy of Symphony lives that the router does not know', () => {
    const router = new TaskRouter({ agents });
    expect(() => router.setStrategy('content-match')).toThrow(
      /default export of @symphony\/strategy-content-match: pass it in `strategies`/,
    );
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'STRATEGY_INVALID'],
    ['null', null, 'STRATEGY_INVALID'],
    ['a number', 7, 'STRATEGY_INVALID'],
    ['a function', () => 'anna', 'STRATEGY_INVALID'],
    ['an empty list', [], 'STRATEGY_INVALID'],
    ['an object that ranks nothing', { name: 'x' }, 'STRATEGY_INVALID'],
    ['a rank that is no function', { name: 'x', rank: 7 }, 'STRATEGY_INVALID'],
    ['a strategy without a name', { rank: () => [] }, 'STRATEGY_INVALID'],
    ['a plugin for another version', { ...roundRobin, apiVersion: 2 }, 'STRATEGY_API_VERSION'],
    ['custom, before there is a function', 'custom', 'STRATEGY_NOT_FOUND'],
  ])('refuses %s', (_what, strategy, code) => {
    const router = new TaskRouter({ agents });
    expect(codeOf(() => router.setStrategy(strategy as string))).toBe(code);
  });

  it('shows wrong options when the strategy is prepared or first used', async () => {
    const options = { minScore: 7 };
    const router = new TaskRouter({ ...known, strategy: ['content-match', options] });
    await expect(router.prepare()).rejects.toMatchObject({
      code: 'STRATEGY_OPTIONS_INVALID',
      message: /minScore: must be a number from 0 to 1/,
    });
    await expect(router.routeTask({ name: 'x' })).rejects.toMatchObject({ code: 'STRATEGY_OPTIONS_INVALID' });
    expect(await router.decide(task)).toMatchObject({ noRoute: { code: 'STRATEGY_FAILED', reason: /minScore/ } });
  });

  it('does not wait for ever for a strategy to be created', async () => {
    const clock = new VirtualClock();
    const hanging = defineStrategy({ name: 'hanging', create: () => new Promise<RoutingStrategy>(() => undefined) });
    const router = new TaskRouter({ agents, clock, strategy: hanging });
    const deciding = router.decide(task);
    await clock.advance(1_000);
    expect(await deciding).toMatchObject({ noRoute: { code: 'STRATEGY_TIMEOUT' } });
    await expect(clock.advanceUntil(router.routeTask({ name: 'x' }))).rejects.toMatchObject({
      code: 'STRATEGY_TIMEOUT',
    });
    await clock.advanceUntil(router.close());
  });

  it('tries again to create a strategy that could not be created', async () => {
    let tries = 0;
    const flaky = defineStrategy({
      name: 'flaky',
      create() {
        if (++tries === 1) throw new Error('not yet');
        return { rank: () => [{ agentId: 'anna', score: 1, reasons: ['now'] }] };
      },
    });
    const router = new TaskRouter({ agents, strategy: flaky });
    await expect(router.prepare()).rejects.toMatchObject({
      code: 'STRATEGY_FAILED',
      message: /"flaky" could not be created: not yet/,
    });
    expect(await router.routeTask({ name: 'x' })).toBe('anna');
  });

  it('creates a strategy once, with clock, logger and a state of its own', async () => {
    const clock = new VirtualClock();
    const created: unknown[] = [];
    const counting = (name: string) =>
      defineStrategy({
        name,
        create: (_options, services) => {
          created.push(services.clock === clock, services.logger === quiet);
          return {
            async rank() {
              const stored = await services.state.get('count');
              const count = Number(stored?.value ?? 0) + 1;
              expect(await services.state.set('count', count, stored?.version ?? 0)).toBe(true);
              expect(await services.state.set('count', count, stored?.version ?? 0)).toBe(false);
              return [{ agentId: 'anna', score: count, reasons: ['counted'] }];
            },
          };
        },
      });
    const router = new TaskRouter({ agents, clock, logger: quiet, strategy: counting('one') });
    expect((await router.explain({ name: 'x' })).candidates[0]?.score).toBe(1);
    expect((await router.explain({ name: 'x' })).candidates[0]?.score).toBe(2);
    expect(created).toEqual([true, true]);
    router.setStrategy(counting('two'));
    expect((await router.explain({ name: 'x' })).candidates[0]?.score).toBe(1);
  });
});

describe('setCustomRouter', () => {
  it('lets a function choose, synchronously or not', async () => {
    const router = new TaskRouter({ agents });
    router.setCustomRouter((given) => (given.tags.includes('law') ? 'bert' : 'anna'));
    expect(await router.explain({ name: 'x', tags: ['law'] })).toMatchObject({ agentId: 'bert', strategy: 'custom' });
    router.setCustomRouter(async () => 'cleo');
    expect(await router.routeTask({ name: 'x' })).toBe('cleo');
  });

  it('is what the strategy "custom" means from then on', async () => {
    const router = new TaskRouter({ agents, strategies: [roundRobin, custom] });
    router.setCustomRouter(() => 'cleo');
    router.setStrategy('round-robin');
    expect(await router.routeTask({ name: 'x' })).toBe('anna');
    router.setStrategy('custom');
    expect(await router.routeTask({ name: 'x' })).toBe('cleo');
  });

  it('abstains with undefined', async () => {
    const router = new TaskRouter({ agents, fallback: 'human' });
    router.setCustomRouter(() => undefined);
    expect(await router.routeTask({ name: 'x' })).toBe('human');
  });

  it('is held to the same rules as any strategy', async () => {
    const router = new TaskRouter({ agents });
    router.setCustomRouter(() => 'nobody');
    await expect(router.routeTask({ name: 'x' })).rejects.toMatchObject({ code: 'STRATEGY_INVALID_ANSWER' });
    expect(codeOf(() => router.setCustomRouter('anna' as never))).toBe('INVALID_ARGUMENT');
  });
});

describe('a directory', () => {
  it('is asked for agents at most every 250 ms, or after a refresh', async () => {
    const clock = new VirtualClock();
    const entries = [entry('a')];
    const directory = directoryOf(entries);
    const router = new TaskRouter({ directory, clock });
    await Promise.all([router.decide(task), router.decide(task)]);
    entries.unshift(entry('Z'));
    await clock.advance(249);
    expect(await router.decide(task)).toMatchObject({ decision: { agentId: 'a' } });
    expect(directory.list).toHaveBeenCalledTimes(1);
    await clock.advance(1);
    expect(await router.decide(task)).toMatchObject({ decision: { agentId: 'Z' } });
    entries.unshift(entry('A'));
    router.refresh();
    expect(await router.decide(task)).toMatchObject({ decision: { agentId: 'A' } });
    expect(directory.list).toHaveBeenCalledTimes(3);
  });

  it('is asked for loads at most every 250 ms; own decisions count at once', async () => {
    const clock = new VirtualClock();
    const loads = new Map<string, AgentLoad>([['a', { running: 1, queued: 1 }]]);
    const directory = directoryOf([entry('a'), entry('b')], loads);
    const router = new TaskRouter({ directory, clock, strategy: loadBalanced });
    const chosen = [];
    for (let index = 0; index < 2; index++) chosen.push(decisionOf(await router.decide(task)).decision.agentId);
    expect(chosen).toEqual(['b', 'b']);
    expect(decisionOf(await router.decide(task)).decision.candidates.map(({ score }) => score)).toEqual([-2, -2]);
    expect(directory.loads).toHaveBeenCalledTimes(1);
    await clock.advance(250);
    expect(decisionOf(await router.decide(task)).decision).toMatchObject({
      agentId: 'b',
      candidates: [{ score: 0 }, { score: -2 }],
    });
    expect(directory.loads).toHaveBeenCalledTimes(2);
  });

  it('is not asked for loads again by a strategy that never looks at them', async () => {
    const clock = new VirtualClock();
    const directory = directoryOf([entry('a')]);
    const router = new TaskRouter({ directory, clock, strategy: roundRobin });
    for (let index = 0; index < 3; index++) {
      await router.decide(task);
      await clock.advance(1_000);
    }
    expect(directory.loads).toHaveBeenCalledTimes(1);
  });

  it('that fails makes decide reject, and is asked again', async () => {
    const directory = directoryOf([entry('a')]);
    directory.list.mockRejectedValueOnce(new SymphonyError('STORE_FAILED', 'the disk is gone'));
    const router = new TaskRouter({ directory });
    await expect(router.decide(task)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(await router.decide(task)).toMatchObject({ decision: { agentId: 'a' } });
  });
});

describe('closing', () => {
  const closable = (name: string, closed: string[], close = async (): Promise<void> => undefined) =>
    defineStrategy({
      name,
      create: () => ({
        rank: () => [{ agentId: 'anna', score: 1, reasons: ['x'] }],
        close() {
          closed.push(name);
          return close();
        },
      }),
    });

  it('closes the strategies that the router made, once', async () => {
    const closed: string[] = [];
    await using router = new TaskRouter({ agents, strategy: closable('one', closed) });
    await router.routeTask({ name: 'x' });
    await router.close();
    await router.close();
    expect(closed).toEqual(['one']);
  });

  it('leaves alone what was never made, and strategy objects of others', async () => {
    const closed: string[] = [];
    const object = await closable('object', closed).create(undefined, undefined as never);
    const router = new TaskRouter({ agents, strategy: closable('unused', closed) });
    router.setStrategy(object);
    await router.routeTask({ name: 'x' });
    await router.close();
    expect(closed).toEqual([]);
  });

  it('closes a replaced strategy when its last answer has been given', async () => {
    const closed: string[] = [];
    let answer = (_ranked: Ranked[]): void => undefined;
    const slow = defineStrategy({
      name: 'slow',
      create: () => ({
        rank: () => new Promise<Ranked[]>((resolve) => (answer = resolve)),
        close: () => void closed.push('slow'),
      }),
    });
    const clock = new VirtualClock();
    const router = new TaskRouter({ agents, clock, strategy: slow });
    const deciding = router.decide(task);
    await clock.advance(1);
    router.setStrategy(roundRobin);
    await clock.advance(1);
    expect(closed).toEqual([]);
    answer([{ agentId: 'cleo', score: 1, reasons: ['late'] }]);
    expect(await deciding).toMatchObject({ decision: { agentId: 'cleo', strategy: 'slow' } });
    await clock.advance(1);
    expect(closed).toEqual(['slow']);
  });

  it('reports a strategy that fails to close, and does not wait for one that hangs', async () => {
    const clock = new VirtualClock();
    const warn = vi.fn();
    const broken = closable('broken', [], () => Promise.reject(new Error('stuck')));
    const hanging = closable('hanging', [], () => new Promise(() => undefined));
    const router = new TaskRouter({ agents, clock, logger: { ...quiet, warn }, strategy: broken });
    await router.routeTask({ name: 'x' });
    router.setStrategy(hanging);
    await router.routeTask({ name: 'x' });
    await clock.advanceUntil(router.close());
    expect(warn.mock.calls.map(([details]) => (details as { strategy: string }).strategy)).toEqual([
      'broken',
      'hanging',
    ]);
  });

  it('leaves no route', async () => {
    const router = new TaskRouter({ agents });
    await router.close();
    await expect(router.routeTask({ name: 'x' })).rejects.toMatchObject({ code: 'NO_ROUTE', message: /closed/ });
  });
});

const abstaining: RoutingStrategy = { name: 'abstain', rank: () => [] };

const ignore = (): void => undefined;
const quiet: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function entry(
  id: string,
  config: Parameters<typeof newAgentConfig>[1] = {},
  state: Partial<AgentEntry> = {},
): AgentEntry {
  return { config: newAgentConfig(id, config), enabled: true, hosted: true, ...state };
}

function directoryOf(entries: readonly AgentEntry[], loads: ReadonlyMap<string, AgentLoad> = new Map()) {
  return {
    list: vi.fn<AgentDirectory['list']>(async () => structuredClone(entries)),
    loads: vi.fn<AgentDirectory['loads']>(async () => loads),
  };
}

function no(agentId: string) {
  return { agentId, reason: `${agentId} will not` };
}

function decisionOf(answer: RouteAnswer) {
  if (!('decision' in answer)) throw new Error(answer.noRoute.reason);
  return answer;
}

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return SymphonyError.is(error) ? error.code : String(error);
  }
}
