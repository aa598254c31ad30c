import {
  decisionCandidates,
  defaults,
  seededRandom,
  silentLogger,
  strategyApiVersion,
  SymphonyError,
  systemClock,
  type AgentConfig,
  type Candidates,
  type JsonValue,
  type Ranked,
  type RankRequest,
  type RoutingDecision,
  type RoutingOutcome,
  type RoutingStrategy,
  type StrategyPlugin,
  type StrategyServices,
  type StrategyState,
  type Task,
} from '@symphony/core';
import assert from 'node:assert/strict';
import { newAgentConfig } from './builders.ts';
import type { TestRunner } from './test-runner.ts';
import { VirtualClock } from './virtual-clock.ts';

/** What {@link testStrategy} is told about the strategy. */
export interface StrategyUnderTest {
  readonly plugin: StrategyPlugin;
  /** Options to create it with. Default: none. */
  readonly options?: unknown;
  /** Options that it must refuse, beside unknown ones. */
  readonly invalidOptions?: readonly unknown[];
  /** Agents that suit it, so that it has something to rank. Default: six agents with capabilities, examples and costs. */
  readonly agents?: readonly AgentConfig[];
  /** Tasks that suit it. Default: four tasks, of which three suit the default agents. */
  readonly tasks?: readonly Partial<Task>[];
  /**
   * What it is created with. Default: those of {@link newStrategyServices}. Its `clock` also gives the requests their
   * `now`; one that moves by itself makes answers differ that depend on the time.
   */
  readonly services?: Partial<StrategyServices>;
  /** Strategies that it may wrap by their names, as an application's `strategies`. */
  readonly strategies?: readonly StrategyPlugin[];
  /** How long an answer may take, in milliseconds of real time. Default: the router's time limit. */
  readonly patienceMs?: number;
}

/**
 * Declares the tests that every routing strategy passes: the contract of `RoutingStrategy` and `StrategyPlugin`.
 *
 * @example
 * import { describe, it } from 'vitest';
 * import { testStrategy } from '@symphony/testing';
 * import nearest from './index.ts';
 *
 * testStrategy({ describe, it }, { plugin: nearest, options: { limit: 3 }, invalidOptions: [{ limit: -1 }] });
 */
export function testStrategy({ describe, it }: TestRunner, subject: StrategyUnderTest): void {
  const { plugin, options, invalidOptions = [], patienceMs = defaults.rankMs } = subject;
  const tasks = subject.tasks ?? sampleTasks;
  const { clock } = newStrategyServices(subject.services);
  const newRequest = (parts: RankRequestParts): RankRequest => newRankRequest({ now: clock.now(), ...parts });
  const newEndedTask = (task: Task): Task => ({ ...task, startedAt: clock.now(), finishedAt: clock.now() });

  const create = (): Promise<RoutingStrategy> =>
    plugin.create(options, newStrategyServices(subject.services, subject.strategies));
  // As a router does, so that a strategy may rely on having been told of its candidates.
  const tellAgents = async (strategy: RoutingStrategy, agents: readonly AgentConfig[]): Promise<void> => {
    await within(patienceMs, async () => strategy.agentsChanged?.(agents));
  };
  const rank = async (strategy: RoutingStrategy, request: RankRequest): Promise<readonly Ranked[]> => {
    await tellAgents(strategy, [...request.candidates]);
    const answer = await within(patienceMs, async () => strategy.rank(request));
    checkAnswer(answer, request.candidates);
    return answer;
  };
  // Every test has agents of its own, so that a strategy which changes them is found out where that is tested.
  const newAgents = (): AgentConfig[] => structuredClone([...(subject.agents ?? sampleAgents)]);
  const test = (name: string, body: (strategy: RoutingStrategy, agents: AgentConfig[]) => Promise<void>): void => {
    it(name, async () => {
      const strategy = await create();
      try {
        await body(strategy, newAgents());
      } finally {
        await strategy.close?.();
      }
    });
  };

  describe(`the strategy ${plugin.name} keeps the contract`, () => {
    it('is a plugin for this version of the contract', async () => {
      assert.equal(plugin.apiVersion, strategyApiVersion, 'apiVersion');
      assert.ok(typeof plugin.name === 'string' && plugin.name !== '', 'a plugin has a name');
      const strategy = await create();
      assert.equal(typeof strategy.rank, 'function', 'create returns { rank }');
      await strategy.close?.();
    });

    test('ranks only candidates, each once, with finite scores and reasons', async (strategy, agents) => {
      for (const task of tasks) await rank(strategy, newRequest({ task, agents }));
    });

    it('answers the same requests alike when it starts anew', async () => {
      const answers = [];
      for (let run = 0; run < 2; run++) {
        const strategy = await create();
        const agents = newAgents();
        const answered = [];
        for (const task of [...tasks, ...tasks]) answered.push(await rank(strategy, newRequest({ task, agents })));
        await strategy.close?.();
        answers.push(answered);
      }
      assert.deepEqual(answers[1], answers[0], 'draw from request.random, and read the time from request.now');
    });

    test('leaves the request as it was', async (strategy, agents) => {
      for (const task of tasks) {
        const request = newRequest({ task, agents });
        const before = structuredClone([request.task, [...request.candidates], request.previous]);
        await rank(strategy, request);
        assert.deepEqual(
          [request.task, [...request.candidates], request.previous],
          before,
          'a strategy changes nothing it is handed',
        );
      }
    });

    test('answers with nobody when there are no candidates', async (strategy) => {
      for (const task of tasks) assert.deepEqual(await rank(strategy, newRequest({ task, agents: [] })), []);
    });

    test('copes with a single candidate', async (strategy, agents) => {
      for (const agent of agents) await rank(strategy, newRequest({ task: tasks[0] ?? {}, agents: [agent] }));
    });

    test('copes with 1,000 candidates', async (strategy, agents) => {
      const many = Array.from({ length: 1_000 }, (_, index) => {
        const pattern = agents[index % agents.length] ?? newAgentConfig('agent');
        return { ...pattern, id: `${pattern.id}-${index}` };
      });
      for (const task of tasks) await rank(strategy, newRequest({ task, agents: many }));
    });

    test('copes with candidates that come and go between requests', async (strategy, agents) => {
      for (let left = 0; left < agents.length; left++) {
        const others = agents.filter((_, index) => index !== left);
        for (const task of tasks) await rank(strategy, newRequest({ task, agents: others }));
      }
    });

    for (const [what, text] of Object.entries(oddTexts)) {
      test(`copes with ${what}`, async (strategy, agents) => {
        const odd = newAgentConfig('odd', { name: 'odd', role: text, description: text, examples: [text, ''] });
        for (const input of [text, [text, { [text]: text }], null, 0, {}]) {
          await rank(strategy, newRequest({ task: { description: text, input }, agents: [...agents, odd] }));
        }
      });
    }

    test('can be asked several things at once', async (strategy, agents) => {
      await Promise.all(tasks.map((task) => rank(strategy, newRequest({ task, agents }))));
    });

    test('settles soon after its signal aborts', async (strategy, agents) => {
      const controller = new AbortController();
      const request = newRequest({ task: tasks[0] ?? {}, agents, signal: controller.signal });
      const ranking = within(patienceMs, async () => strategy.rank(request)).catch((error: unknown) => {
        if (error instanceof TooLate) throw error; // any other rejection is an answer to an abort
      });
      controller.abort(new SymphonyError('STRATEGY_TIMEOUT', 'the time limit is over'));
      await ranking;
    });

    test('takes every kind of outcome, also of tasks and agents that it has not seen', async (strategy, agents) => {
      for (const task of tasks) {
        const whole = newEndedTask(newRequest({ task }).task);
        for (const { id } of [...agents, newAgentConfig('stranger')]) {
          for (const result of outcomes) {
            const news = [
              whole,
              newDecision(plugin.name, [{ agentId: id, score: 1, reasons: ['x'] }]),
              result,
            ] as const;
            const before = structuredClone(news);
            await within(patienceMs, async () => strategy.outcome?.(...news));
            assert.deepEqual(news, before, 'a strategy changes nothing it is handed');
          }
        }
        await rank(strategy, newRequest({ task, agents }));
      }
    });

    it('answers alike when it starts anew and hears of the same outcomes', async () => {
      const answers = [];
      for (let run = 0; run < 2; run++) {
        const strategy = await create();
        const agents = newAgents();
        const answered = [];
        for (const task of [...tasks, ...tasks]) {
          const request = newRequest({ task, agents });
          const answer = await rank(strategy, request);
          answered.push(answer);
          const result = outcomes[answered.length % outcomes.length] as RoutingOutcome; // within the list
          if (answer.length > 0) {
            await within(patienceMs, async () =>
              strategy.outcome?.(newEndedTask(request.task), newDecision(plugin.name, answer), result),
            );
          }
        }
        await strategy.close?.();
        answers.push(answered);
      }
      assert.deepEqual(
        answers[1],
        answers[0],
        'draw from request.random; read the time from request.now in rank, and in outcome from services.clock or task.finishedAt',
      );
    });

    test('hears of agents that it is not asked about, and of nobody', async (strategy, agents) => {
      for (const known of [agents, [], agents]) {
        const told = structuredClone(known);
        await tellAgents(strategy, told);
        assert.deepEqual(told, known, 'a strategy changes nothing it is handed');
        const candidates = newRequest({ agents: known.slice(1) });
        const request = newRequest({ task: tasks[0] ?? {}, agents: known.slice(1) });
        checkAnswer(await within(patienceMs, async () => strategy.rank(request)), candidates.candidates);
      }
    });

    it('passes the agents, the outcomes and its end on to what it wraps', async () => {
      const wrapped: Recorder[] = [];
      const services = newStrategyServices(subject.services, subject.strategies);
      const strategy = await plugin.create(options, {
        ...services,
        async create(...inner) {
          const recorder = new Recorder(await services.create(...inner));
          wrapped.push(recorder);
          return recorder;
        },
      });
      const agents = newAgents();
      for (const task of tasks) {
        const request = newRequest({ task, agents });
        const answer = await rank(strategy, request);
        if (answer.length === 0) continue;
        await strategy.outcome?.(newEndedTask(request.task), newDecision(plugin.name, answer), { status: 'completed' });
      }
      await strategy.close?.();
      for (const { name, calls } of wrapped) {
        assert.ok(calls.has('close'), `it closes "${name}", which it wraps`);
        if (calls.has('rank')) assert.ok(calls.has('agentsChanged'), `it passes agentsChanged on to "${name}"`);
      }
      const asked = wrapped.filter(({ calls }) => calls.has('rank'));
      assert.ok(
        asked.length === 0 || asked.some(({ calls }) => calls.has('outcome')),
        'it passes outcome on to one of those that it wraps',
      );
    });

    it('may be closed twice', async () => {
      const strategy = await create();
      await strategy.close?.();
      await strategy.close?.();
    });

    it('refuses options that it does not know', async () => {
      await refuses(subject, { ...(options as object | undefined), [unknownOption]: true });
    });

    for (const [index, invalid] of invalidOptions.entries()) {
      it(`refuses invalid options, number ${index + 1}`, () => refuses(subject, invalid));
    }
  });
}

/** Parts of a {@link RankRequest} for {@link newRankRequest}. */
export interface RankRequestParts extends Partial<Omit<RankRequest, 'task' | 'candidates'>> {
  readonly task?: Partial<Task>;
  readonly agents?: readonly AgentConfig[];
}

/** What a strategy is asked, as a router asks it: by default for a task without an input, among nobody, with idle agents. */
export function newRankRequest({ task = {}, agents = [], ...rest }: RankRequestParts = {}): RankRequest {
  const whole: Task = { ...emptyTask, ...task };
  return {
    task: whole,
    candidates: newCandidates(agents),
    load: () => ({ running: 0, queued: 0 }),
    previous: [],
    random: seededRandom(`${whole.id}:${whole.attempt}`),
    now: Date.UTC(2026, 0, 1),
    signal: new AbortController().signal,
    ...rest,
  };
}

/**
 * What a strategy is created with: a {@link VirtualClock} that stands where requests of {@link newRankRequest} are made,
 * no logging, state in memory.
 *
 * @param strategies what it may wrap by name
 */
export function newStrategyServices(
  overrides: Partial<StrategyServices> = {},
  strategies: readonly StrategyPlugin[] = [],
): StrategyServices {
  const services: StrategyServices = {
    clock: new VirtualClock(),
    logger: silentLogger,
    state: newStrategyState(),
    async create(strategy, options) {
      if (typeof strategy !== 'string') return strategy.create(options, { ...services, state: newStrategyState() });
      const plugin = strategies.find(({ name }) => name === strategy);
      if (plugin !== undefined) return services.create(plugin, options);
      throw new SymphonyError('STRATEGY_NOT_FOUND', `No strategy "${strategy}" was passed in \`strategies\`.`);
    },
    ...overrides,
  };
  return services;
}

function newCandidates(agents: readonly AgentConfig[]): Candidates {
  const byId = new Map([...agents].sort((a, b) => (a.id < b.id ? -1 : 1)).map((agent) => [agent.id, agent]));
  return {
    size: byId.size,
    has: (agentId) => byId.has(agentId),
    get: (agentId) => byId.get(agentId),
    [Symbol.iterator]: () => byId.values(),
  };
}

const outcomes: readonly RoutingOutcome[] = [
  { status: 'completed' },
  { status: 'failed' },
  { status: 'refused', reason: 'not mine' },
];

/** A decision as a router makes it of an answer. */
function newDecision(strategy: string, ranked: readonly Ranked[]): RoutingDecision {
  const candidates = ranked.slice(0, decisionCandidates);
  const agentId = candidates[0]?.agentId ?? '';
  const considered = ranked.length;
  return { agentId, strategy, candidates, considered, excluded: {}, decidedAt: Date.UTC(2026, 0, 1) };
}

/** A strategy that notes which of its members its wrapper calls. */
class Recorder implements RoutingStrategy {
  readonly name: string;
  readonly calls = new Set<keyof RoutingStrategy>();
  readonly #strategy: RoutingStrategy;

  constructor(strategy: RoutingStrategy) {
    this.name = strategy.name;
    this.#strategy = strategy;
  }

  rank(request: RankRequest): readonly Ranked[] | Promise<readonly Ranked[]> {
    this.calls.add('rank');
    return this.#strategy.rank(request);
  }

  outcome(task: Task, decision: RoutingDecision, result: RoutingOutcome): void | Promise<void> {
    this.calls.add('outcome');
    return this.#strategy.outcome?.(task, decision, result);
  }

  agentsChanged(agents: readonly AgentConfig[]): void | Promise<void> {
    this.calls.add('agentsChanged');
    return this.#strategy.agentsChanged?.(agents);
  }

  close(): void | Promise<void> {
    this.calls.add('close');
    return this.#strategy.close?.();
  }
}

const unknownOption = 'no such option';

async function refuses({ plugin, services, strategies }: StrategyUnderTest, options: unknown): Promise<void> {
  await assert.rejects(
    async () => plugin.create(options, newStrategyServices(services, strategies)),
    (error) => SymphonyError.is(error, 'STRATEGY_OPTIONS_INVALID'),
    `these options should have been refused with STRATEGY_OPTIONS_INVALID: ${JSON.stringify(options)}`,
  );
}

function checkAnswer(answer: unknown, candidates: Candidates): void {
  assert.ok(Array.isArray(answer), 'an answer is an array');
  const seen = new Set<unknown>();
  for (const { agentId, score, confidence, reasons } of answer as Partial<Ranked>[]) {
    assert.ok(typeof agentId === 'string' && candidates.has(agentId), `${String(agentId)} is no candidate`);
    assert.ok(!seen.has(agentId), `${agentId} is ranked twice`);
    seen.add(agentId);
    assert.ok(Number.isFinite(score), `the score of ${agentId} is ${String(score)}`);
    assert.ok(
      confidence === undefined || (confidence >= 0 && confidence <= 1),
      `the confidence of ${agentId} is ${String(confidence)}`,
    );
    assert.ok(
      Array.isArray(reasons) &&
        reasons.length > 0 &&
        reasons.every((reason) => typeof reason === 'string' && reason !== ''),
      `${agentId} is ranked without a reason`,
    );
  }
}

class TooLate extends Error {}

async function within<T>(limitMs: number, work: () => Promise<T>): Promise<T> {
  let cancel = (): void => undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    cancel = systemClock.setTimer(() => reject(new TooLate(`no answer within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([work(), limit]);
  } finally {
    cancel();
  }
}

function newStrategyState(): StrategyState {
  const values = new Map<string, { readonly value: JsonValue; readonly version: number }>();
  return {
    get: async (key) => values.get(key),
    async set(key, value, version) {
      if ((values.get(key)?.version ?? 0) !== version) return false;
      values.set(key, { value: structuredClone(value), version: version + 1 });
      return true;
    },
  };
}

const emptyTask: Task = {
  id: 'task-1',
  name: 'task',
  description: '',
  status: 'pending',
  input: null,
  output: undefined,
  error: undefined,
  progress: undefined,
  tags: [],
  priority: 0,
  requirements: {},
  agentId: undefined,
  workflowId: undefined,
  dependsOn: [],
  openDependencies: 0,
  parentId: undefined,
  attempt: 0,
  failures: 0,
  crashes: 0,
  retry: {},
  timeouts: {},
  dueAt: undefined,
  idempotencyKey: undefined,
  metadata: null,
  refusedBy: [],
  createdAt: 0,
  startedAt: undefined,
  finishedAt: undefined,
  version: 0,
};

const sampleAgents: readonly AgentConfig[] = [
  newAgentConfig('accountant', {
    role: 'bookkeeping',
    description: 'Checks invoices and explains bills',
    capabilities: ['finance', 'spreadsheets'],
    examples: ['why was I charged twice?', 'the invoice shows the wrong amount'],
    cost: 3,
  }),
  newAgentConfig('engineer', {
    description: 'Repairs programs',
    capabilities: ['code', 'sql'],
    examples: ["TypeError: Cannot read properties of undefined (reading 'userId')"],
    cost: { perTask: 7 },
  }),
  newAgentConfig('interpreter', { description: 'Translates letters', capabilities: ['german', 'french'], cost: 2 }),
  newAgentConfig('newcomer'),
  newAgentConfig('researcher', { role: 'library', description: 'Finds sources', capabilities: ['search', 'finance'] }),
  newAgentConfig('twin', { role: 'library', description: 'Finds sources', capabilities: ['search', 'finance'] }),
];

const sampleTasks: readonly Partial<Task>[] = [
  { id: 'bill', name: 'bill', input: { question: 'why is my invoice wrong?' }, tags: ['finance'] },
  { id: 'bug', name: 'repair', description: 'a TypeError in loadUser()', tags: ['code', 'urgent'], attempt: 2 },
  { id: 'sources', name: 'find sources', requirements: { capabilities: ['search'] }, metadata: { customer: 7 } },
  { id: 'nothing', name: 'x' },
];

const oddTexts: Readonly<Record<string, string>> = {
  'empty texts': '',
  'white space': ' \t\r\n\u00a0\u2003',
  'NUL and control characters': 'a\0b\u0007\u001b[31mred',
  emoji: '👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 ﬁ',
  'half a surrogate pair': 'before \ud83d after',
  'right-to-left and wide characters': 'مرحبا 你好 こんにちは',
  'names of object members': '__proto__ constructor toString hasOwnProperty',
  'text that looks like a pattern': '(.*)+$ [a-z]{3,} ^$',
  '100 kB of words': 'routing tasks to agents '.repeat(4_200),
  '100 kB without a space': 'x'.repeat(100_000),
};
