import {
  seededRandom,
  SymphonyError,
  type AgentConfig,
  type Candidates,
  type Clock,
  type NoRoute,
  type Ranked,
  type RankRequest,
  type RoutingDecision,
  type RoutingStrategy,
  type Task,
} from '@symphony/core';
import { checkAnswer } from './answer.ts';
import type { StrategySlot } from './strategy-slot.ts';
import { withinLimit } from './time-limit.ts';

/** What a strategy is asked with. */
export interface Question {
  readonly task: Task;
  readonly candidates: Candidates;
  /** All agents of the catalogue that the candidates come from. */
  readonly agents: readonly AgentConfig[];
  readonly previous: readonly RoutingDecision[];
  readonly load: RankRequest['load'];
  readonly clock: Clock;
  readonly limitMs: number;
  /** Told what goes wrong while the strategy hears of the agents. */
  readonly untold: (error: unknown) => void;
}

/** What became of the question. */
export type Reply =
  | { readonly ranked: readonly Ranked[]; readonly version: string | undefined }
  | { readonly code: Exclude<NoRoute['code'], 'NO_ROUTE'>; readonly error: unknown };

/** Asks a strategy and checks its answer. Never throws for what the strategy does. */
export async function askStrategy(slot: StrategySlot, question: Question): Promise<Reply> {
  const { candidates, clock, limitMs } = question;
  const controller = new AbortController();
  const expire = (): SymphonyError => {
    const error = new SymphonyError(
      'STRATEGY_TIMEOUT',
      `Strategy "${slot.name}" did not answer within ${limitMs} ms. Make it faster, or raise rankTimeoutMs.`,
      { details: { strategy: slot.name, limitMs } },
    );
    controller.abort(error);
    return error;
  };

  try {
    const work = slot.use(async (strategy) => {
      tellAgents(slot, strategy, question);
      const request = makeRequest(question, slot, controller.signal);
      const answer: unknown = await strategy.rank(request);
      slot.readsLoads ??= false;
      return { ranked: checkAnswer(answer, candidates, slot.name), version: strategy.version };
    });
    return await withinLimit(work, limitMs, clock, expire);
  } catch (error) {
    return { code: codeOf(error), error };
  }
}

/** Tells a strategy which agents there are, if it wants to know and they are others than when it was last told. */
function tellAgents(slot: StrategySlot, strategy: RoutingStrategy, { agents, untold }: Question): void {
  const told = slot.toldAgents;
  if (strategy.agentsChanged === undefined || told === agents) return;
  slot.toldAgents = agents;
  if (told?.length === agents.length && told.every((agent, index) => agent === agents[index])) return;
  callStrategy(() => strategy.agentsChanged?.(agents)).catch(untold);
}

/** Calls a strategy now; what it throws is a rejection as well. */
async function callStrategy(call: () => void | Promise<void>): Promise<void> {
  await call();
}

function makeRequest(
  { task, candidates, previous, load, clock }: Question,
  slot: StrategySlot,
  signal: AbortSignal,
): RankRequest {
  return Object.freeze({
    task: protectedCopy(task),
    candidates,
    load: (agentId: string) => {
      slot.readsLoads = true;
      return load(agentId);
    },
    previous: structuredClone(previous),
    random: seededRandom(`${task.id}:${task.attempt}`),
    now: clock.now(),
    signal,
  });
}

/** A copy of the task that a strategy may do anything to. Large members are copied only if it looks at them. */
export function protectedCopy(task: Task): Task {
  const copy = { ...task };
  for (const key of Object.keys(task) as (keyof Task)[]) {
    const value: unknown = task[key];
    if (typeof value !== 'object' || value === null) continue;
    let own: unknown;
    Object.defineProperty(copy, key, { enumerable: true, get: () => (own ??= structuredClone(value)) });
  }
  return Object.freeze(copy);
}

function codeOf(error: unknown): Exclude<NoRoute['code'], 'NO_ROUTE'> {
  if (SymphonyError.is(error, 'STRATEGY_TIMEOUT')) return 'STRATEGY_TIMEOUT';
  if (SymphonyError.is(error, 'STRATEGY_INVALID_ANSWER')) return 'STRATEGY_INVALID_ANSWER';
  return 'STRATEGY_FAILED';
}
