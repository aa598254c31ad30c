import type { RoutingDecision, SymphonyEvent, Task } from '@symphony/registry';
import type { RepairResult } from '../agents/repair-agent.ts';
import type { Problem } from '../desk/problems.ts';

/** One agent's no. */
interface Refused {
  readonly agent: string;
  readonly reason: string;
}

/** One attempt, as the log tells it. */
export interface Try {
  readonly attempt: number;
  readonly worker: string;
  readonly agent: string;
  /** Epoch milliseconds. */
  readonly from: number;
  /** Undefined if the log ends before it does. */
  readonly to: number | undefined;
  readonly end: 'completed' | 'failed' | 'refused' | 'tried again' | 'crashed' | 'released' | 'open';
  /** Why it ended so, where there is something to say. */
  readonly why: string;
}

/** What happened to one task, as its log tells it. */
export interface Story {
  readonly id: string;
  readonly problem: Problem;
  /** Every choice of an agent, in order. */
  readonly choices: readonly RoutingDecision[];
  readonly attempts: number;
  readonly tries: readonly Try[];
  readonly refusals: readonly Refused[];
  /** Attempts that failed and were followed by another, such as those that a changed file came in between. */
  readonly retries: number;
  /** Attempts whose worker died. */
  readonly crashes: number;
  /** How often it was completed, which had better be once. */
  readonly completions: number;
  /** The agent that had it at the end. */
  readonly agent: string;
  readonly result: RepairResult | undefined;
  /** Why it failed for good, if it did. */
  readonly failure: string | undefined;
}

/** Tells the story of a task from its log. */
export function tellStory(task: Task, events: readonly SymphonyEvent[]): Story {
  const choices: RoutingDecision[] = [];
  const refusals: Refused[] = [];
  const tries: Try[] = [];
  let completions = 0;
  for (const event of events) {
    if (event.type === 'task.routed') choices.push(event.data);
    else if (event.type === 'task.refused') refusals.push({ agent: event.data.agentId, reason: event.data.reason });
    else if (event.type === 'task.completed') completions++;
    if (event.type === 'task.claimed') {
      const { attempt, workerId: worker, agentId: agent } = event.data;
      tries.push({ attempt, worker, agent, from: event.at, to: undefined, end: 'open', why: '' });
    }
    const ended = endOf(event);
    const last = tries.at(-1);
    if (ended !== undefined && last?.end === 'open') tries[tries.length - 1] = { ...last, ...ended, to: event.at };
  }
  return {
    id: task.id,
    // Handed in by this program, and nothing else is.
    problem: task.input as unknown as Problem,
    choices,
    attempts: tries.length,
    tries,
    refusals,
    retries: tries.filter(({ end }) => end === 'tried again').length,
    crashes: tries.filter(({ end }) => end === 'crashed').length,
    completions,
    agent: choices.at(-1)?.agentId ?? '',
    result: task.status === 'completed' ? (task.output as unknown as RepairResult) : undefined,
    failure: task.status === 'failed' ? task.error?.message : undefined,
  };
}

function endOf(event: SymphonyEvent): Pick<Try, 'end' | 'why'> | undefined {
  switch (event.type) {
    case 'task.completed':
      return { end: 'completed', why: '' };
    case 'task.refused':
      return { end: 'refused', why: event.data.reason };
    case 'task.retry_scheduled':
      return { end: 'tried again', why: event.data.error.message };
    case 'task.failed':
      return { end: 'failed', why: event.data.error.message };
    case 'task.crashed':
      return { end: 'crashed', why: 'its worker died' };
    case 'task.released':
      return { end: 'released', why: event.data.reason };
    default:
      return undefined;
  }
}

/** Whether the problem is no more, by its own task or by another's. */
export function isRepaired({ result }: Story): boolean {
  return result?.repaired === true;
}

/** Whether the agent that the router thought of first is the one that completed the task. */
export function isFirstChoiceRight(story: Story): boolean {
  return isRepaired(story) && story.choices[0]?.agentId === story.agent;
}

/** Why an agent was chosen, in the words of the decision. */
export function reasonFor({ choices, agent }: Story): string {
  const decision = choices.findLast(({ agentId }) => agentId === agent);
  const ranked = decision?.candidates.find(({ agentId }) => agentId === agent);
  if (ranked !== undefined) return `score ${ranked.score.toFixed(2)}, ${ranked.reasons.join('; ')}`;
  return decision?.fallback?.reason ?? '';
}

/** The numbers of the final table. */
export interface Totals {
  readonly tasks: number;
  readonly attempts: number;
  readonly refusals: number;
  /** Attempts that failed and were tried again. */
  readonly retries: number;
  readonly repaired: number;
  readonly human: number;
  readonly firstRight: number;
}

/** Adds up stories. */
export function addUp(stories: readonly Story[]): Totals {
  const sum = (value: (story: Story) => number): number => stories.reduce((total, story) => total + value(story), 0);
  return {
    tasks: stories.length,
    attempts: sum(({ attempts }) => attempts),
    refusals: sum(({ refusals }) => refusals.length),
    retries: sum(({ retries }) => retries),
    repaired: sum((story) => (isRepaired(story) ? 1 : 0)),
    human: sum((story) => (isRepaired(story) ? 0 : 1)),
    firstRight: sum((story) => (isFirstChoiceRight(story) ? 1 : 0)),
  };
}
