import {
  defineStrategy,
  type AgentConfig,
  type Logger,
  type RoutingDecision,
  type RoutingOutcome,
  type RoutingStrategy,
  type StrategyPlugin,
  type Task,
} from '@symphony/core';
import { newAgentConfig, newRankRequest, VirtualClock } from '@symphony/testing';
import { describe, expect, it, vi } from 'vitest';
import { TaskRouter } from './index.ts';

const agents = [newAgentConfig('anna'), newAgentConfig('bert')];
const task: Task = newRankRequest({ task: { id: 'task-1', name: 'job', output: { pages: [1] } } }).task;
const completed: RoutingOutcome = { status: 'completed' };

const rank: RoutingStrategy['rank'] = ({ candidates }) =>
  Array.from(candidates, ({ id }) => ({ agentId: id, score: 1, reasons: ['it is there'] }));

/** A strategy that only notes what it hears. */
function listener(outcome: NonNullable<RoutingStrategy['outcome']> = () => undefined) {
  const heard = vi.fn<NonNullable<RoutingStrategy['outcome']>>(outcome);
  return { heard, strategy: { name: 'listener', rank, outcome: heard } satisfies RoutingStrategy };
}

function logger() {
  const ignore = (): void => undefined;
  return { debug: vi.fn(), info: ignore, warn: vi.fn(), error: ignore } satisfies Logger;
}

async function decide(router: TaskRouter, about = task): Promise<RoutingDecision> {
  const answer = await router.decide(about);
  if ('noRoute' in answer) throw new Error(answer.noRoute.reason);
  return answer.decision;
}

describe('outcome', () => {
  it('tells the strategy the task, its own decision and the result', async () => {
    const { heard, strategy } = listener();
    const router = new TaskRouter({ agents, strategy });
    const decision = await decide(router);
    const result: RoutingOutcome = { status: 'refused', reason: 'not mine' };
    router.report(task, result, async () => decision);
    await router.close();
    expect(heard.mock.calls).toEqual([[task, decision, result]]);
  });

  it('tells it in a process that has decided nothing itself', async () => {
    const { heard, strategy } = listener();
    const decision = await decide(new TaskRouter({ agents, strategy }));
    const other = new TaskRouter({ agents, strategy });
    other.report(task, completed, async () => decision);
    await other.close();
    expect(heard).toHaveBeenCalledOnce();
  });

  it('hands over copies that the strategy may do anything to', async () => {
    const { strategy } = listener((told) => void (told.output as { pages: number[] }).pages.push(2));
    const router = new TaskRouter({ agents, strategy });
    const decision = await decide(router);
    router.report(task, completed, async () => decision);
    await router.close();
    expect(task.output).toEqual({ pages: [1] });
  });

  it.each<[string, Partial<RoutingDecision> | undefined]>([
    ['another strategy decided', { strategy: 'other' }],
    ['the fallback agent was taken', { fallback: { reason: 'nobody suits' } }],
    ['nobody decided', undefined],
  ])('says nothing where %s', async (_what, change) => {
    const { heard, strategy } = listener();
    const router = new TaskRouter({ agents, strategy });
    const decision = await decide(router);
    router.report(task, completed, async () => (change === undefined ? undefined : { ...decision, ...change }));
    await router.close();
    expect(heard).not.toHaveBeenCalled();
  });

  it('says nothing to a strategy that has been replaced', async () => {
    const { heard, strategy } = listener();
    const router = new TaskRouter({ agents, strategy });
    const decision = await decide(router);
    router.setStrategy({ name: 'next', rank, outcome: () => undefined });
    router.report(task, completed, async () => decision);
    await router.close();
    expect(heard).not.toHaveBeenCalled();
  });

  it('costs nothing where the strategy does not want to know', async () => {
    const router = new TaskRouter({ agents, strategy: { name: 'deaf', rank } });
    const decision = await decide(router);
    const read = vi.fn(async () => decision);
    router.report(task, completed, read);
    await router.close();
    expect(read).not.toHaveBeenCalled();
  });

  it('returns at once, also where the strategy takes its time or throws', async () => {
    const clock = new VirtualClock();
    const warnings = logger();
    const { heard, strategy } = listener(() => new Promise(() => undefined));
    const router = new TaskRouter({ agents, strategy, clock, logger: warnings });
    const decision = await decide(router);
    expect(router.report(task, completed, async () => decision)).toBeUndefined();
    expect(heard).not.toHaveBeenCalled();
    await clock.advance(999);
    expect(heard).toHaveBeenCalledOnce();
    expect(warnings.warn).not.toHaveBeenCalled();
    await clock.advance(1);
    expect(warnings.warn.mock.calls).toMatchObject([
      [{ strategy: 'listener', error: { code: 'STRATEGY_TIMEOUT' } }, /outcome/],
    ]);
    expect(await decide(router)).toMatchObject({ agentId: 'anna' });
  });

  it('logs the first failure of a strategy as a warning, and the others only for debugging', async () => {
    const log = logger();
    const { strategy } = listener(() => {
      throw new Error('broken');
    });
    const router = new TaskRouter({ agents, strategy, logger: log });
    const decision = await decide(router);
    for (let count = 0; count < 50; count++) router.report(task, completed, async () => decision);
    await router.close();
    expect([log.warn.mock.calls.length, log.debug.mock.calls.length]).toEqual([1, 49]);
  });

  it('survives a decision that cannot be read', async () => {
    const log = logger();
    const { heard, strategy } = listener();
    const router = new TaskRouter({ agents, strategy, logger: log });
    router.report(task, completed, () => Promise.reject(new Error('the store is away')));
    await router.close();
    expect([heard.mock.calls.length, log.warn.mock.calls.length]).toEqual([0, 1]);
  });

  it('leaves out what comes while 1,000 are under way', async () => {
    const clock = new VirtualClock();
    const log = logger();
    const { heard, strategy } = listener(() => new Promise((resolve) => void clock.setTimer(resolve, 500)));
    const router = new TaskRouter({ agents, strategy, clock, logger: log });
    const decision = await decide(router);
    for (let count = 0; count < 1_001; count++) router.report(task, completed, async () => decision);
    await clock.advance(1_000);
    expect([heard.mock.calls.length, log.warn.mock.calls.length]).toEqual([1_000, 1]);
    router.report(task, completed, async () => decision);
    await clock.advance(1_000);
    expect(heard).toHaveBeenCalledTimes(1_001);
  });

  it('is finished before the strategy is closed, and not begun afterwards', async () => {
    const said: string[] = [];
    const plugin = defineStrategy({
      name: 'orderly',
      create: () => ({
        rank,
        outcome: () => void said.push('outcome'),
        close: () => void said.push('close'),
      }),
    });
    const router = new TaskRouter({ agents, strategy: plugin });
    const decision = await decide(router);
    router.report(task, completed, async () => decision);
    await router.close();
    router.report(task, completed, async () => decision);
    expect(said).toEqual(['outcome', 'close']);
  });
});

describe('agentsChanged', () => {
  function directoryOf(configs: readonly AgentConfig[]) {
    const entries = configs.map((config) => ({ config, enabled: true, hosted: true }));
    return { entries, list: async () => structuredClone(entries), loads: async () => new Map() };
  }

  it('tells all agents before the first rank, and again before the first after a change', async () => {
    const clock = new VirtualClock();
    const said: string[] = [];
    const directory = directoryOf(agents);
    const strategy: RoutingStrategy = {
      name: 'index',
      rank(request) {
        said.push('rank');
        return rank(request);
      },
      agentsChanged: (list) => void said.push(list.map(({ id, role }) => `${id}${role}`).join()),
    };
    const router = new TaskRouter({ directory, clock, strategy });
    await decide(router);
    await clock.advance(1_000);
    await decide(router);
    directory.entries.push({
      config: newAgentConfig('aaron', { capabilities: ['law'] }),
      enabled: false,
      hosted: false,
    });
    await clock.advance(1_000);
    await decide(router);
    directory.entries[0] = { config: newAgentConfig('anna', { role: '!' }), enabled: true, hosted: true };
    await clock.advance(1_000);
    await decide(router);
    expect(said).toEqual(['anna,bert', 'rank', 'rank', 'aaron,anna,bert', 'rank', 'aaron,anna!,bert', 'rank']);
  });

  it('says nothing when an agent only comes to be hosted, or not', async () => {
    const clock = new VirtualClock();
    const directory = directoryOf(agents);
    const agentsChanged = vi.fn();
    const router = new TaskRouter({ directory, clock, strategy: { name: 'index', rank, agentsChanged } });
    await decide(router);
    directory.entries[0] = { config: newAgentConfig('anna'), enabled: true, hosted: false };
    await clock.advance(1_000);
    expect((await decide(router)).agentId).toBe('bert');
    expect(agentsChanged).toHaveBeenCalledOnce();
  });

  it.each<[string, NonNullable<RoutingStrategy['agentsChanged']>, number]>([
    ['throws', () => { throw new Error('broken'); }, 1], // prettier-ignore
    ['rejects', () => Promise.reject(new Error('broken')), 1],
    ['never settles', () => new Promise(() => undefined), 0],
  ])('does not hold up a decision when it %s', async (_what, agentsChanged, warnings) => {
    const log = logger();
    const router = new TaskRouter({ agents, strategy: { name: 'index', rank, agentsChanged }, logger: log });
    expect((await decide(router)).agentId).toBe('anna');
    await decide(router);
    expect(log.warn).toHaveBeenCalledTimes(warnings);
    await router.close();
  });

  it('tells a strategy that is set later on its own first rank', async () => {
    const agentsChanged = vi.fn();
    const router = new TaskRouter({ agents });
    await decide(router);
    router.setStrategy({ name: 'index', rank, agentsChanged });
    await decide(router);
    expect(agentsChanged).toHaveBeenCalledOnce();
  });

  it.each(['outcome', 'agentsChanged', 'close'])('must be a function, as must all hooks: %s', (key) => {
    const strategy = { name: 'odd', rank, [key]: 7 } as unknown as RoutingStrategy;
    expect(() => new TaskRouter({ agents, strategy })).toThrow(
      expect.objectContaining({ code: 'STRATEGY_INVALID', message: expect.stringContaining(key) }),
    );
  });
});

describe('a strategy that wraps another', () => {
  /** Ranks as another strategy does, backwards. */
  const reversed = (inner: string | StrategyPlugin, options?: unknown): StrategyPlugin =>
    defineStrategy({
      name: 'reversed',
      async create(_options, services) {
        await services.state.set('mine', 'outer', 0);
        const wrapped = await services.create(inner, options);
        return {
          async rank(request) {
            const ranked = await wrapped.rank(request);
            return ranked.map((each) => ({ ...each, score: -each.score, reasons: ['the last is the first'] }));
          },
          outcome: (...news) => wrapped.outcome?.(...news),
          agentsChanged: (list) => wrapped.agentsChanged?.(list),
          close: () => wrapped.close?.(),
        };
      },
    });

  const calls: string[] = [];
  const inner = defineStrategy<{ readonly limit: number }>({
    name: 'inner',
    options: {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) =>
          (value as { limit?: number }).limit === 2
            ? { value: { limit: 2 } }
            : { issues: [{ message: 'must be 2', path: ['limit'] }] },
      },
    },
    async create(_options, { state }) {
      calls.push(`state ${JSON.stringify(await state.get('mine'))}`);
      return {
        rank: ({ candidates }) =>
          Array.from(candidates, ({ id }, index) => ({ agentId: id, score: 0 - index, reasons: ['x'] })),
        outcome: (_task, { agentId }, { status }) => void calls.push(`${agentId} ${status}`),
        agentsChanged: (list) => void calls.push(`${list.length} agents`),
        close: () => void calls.push('closed'),
      };
    },
  });

  it('makes it by name, with its options and a state of its own, and passes on what it hears', async () => {
    calls.length = 0;
    const router = new TaskRouter({ agents, strategies: [inner], strategy: reversed('inner', { limit: 2 }) });
    const decision = await decide(router);
    expect(decision).toMatchObject({ agentId: 'bert', strategy: 'reversed' });
    router.report(task, completed, async () => decision);
    await router.close();
    expect(calls).toEqual(['state undefined', '2 agents', 'bert completed', 'closed']);
  });

  it.each<[string, StrategyPlugin, string]>([
    ['a name that nothing is known by', reversed('innner'), 'STRATEGY_NOT_FOUND'],
    ['options that the wrapped one refuses', reversed(inner, { limit: 3 }), 'STRATEGY_OPTIONS_INVALID'],
    ['what is no plugin', reversed({} as StrategyPlugin), 'STRATEGY_INVALID'],
    [
      'a plugin that creates no strategy',
      reversed({ ...inner, create: async () => ({}) as never }),
      'STRATEGY_INVALID',
    ],
    ['a plugin of another age', reversed({ ...inner, apiVersion: 2 }), 'STRATEGY_API_VERSION'],
  ])('is not made with %s', async (_what, strategy, code) => {
    const router = new TaskRouter({ agents, strategies: [inner], strategy });
    await expect(router.prepare()).rejects.toMatchObject({ code });
    await router.close();
  });

  it('is not made if it wraps itself', async () => {
    const endless: StrategyPlugin = reversed('reversed');
    const router = new TaskRouter({ agents, strategies: [endless], strategy: 'reversed' });
    await expect(router.prepare()).rejects.toMatchObject({ code: 'STRATEGY_INVALID', message: /wraps itself/ });
    await router.close();
  });
});
