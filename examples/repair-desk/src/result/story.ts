import type { RoutingDecision, SymphonyEvent, Task } from '@symphony/registry';
import type { RepairResult } from '../agents/repair-agent.ts';
import type { Problem } from '../desk/problems.ts';

/** One agent's no. */
export interface Refused {
  readonly agent: string;
  readonly reason: string;
}

/** What happened to one task, as its log tells it. */
export interface Story {
  readonly id: string;
  readonly problem: Problem;
  /** Every choice of an agent, in order. */
  readonly choices: readonly RoutingDecision[];
  readonly attempts: number;
  readonly refusals: readonly Refused[];
  /** Attempts whose worker died. */
  readonly crashes: number;
  /** How often it was completed, which had better be once. */
  readonly completions: number;
  /** The agent that had it at the end. */
  readonly agent: string;
  readonly result: RepairResult | undefined;
}

/** Tells the story of a task from its log. */
export function tellStory(task: Task, events: readonly SymphonyEvent[]): Story {
  const choices: RoutingDecision[] = [];
  const refusals: Refused[] = [];
  let attempts = 0;
  let crashes = 0;
  let completions = 0;
  for (const event of events) {
    if (event.type === 'task.routed') choices.push(event.data);
    else if (event.type === 'task.claimed') attempts++;
    else if (event.type === 'task.refused') refusals.push({ agent: event.data.agentId, reason: event.data.reason });
    else if (event.type === 'task.crashed') crashes++;
    else if (event.type === 'task.completed') completions++;
  }
  const problem = task.input as unknown as Problem;
  const result = task.status === 'completed' ? (task.output as unknown as RepairResult) : undefined;
  const agent = choices.at(-1)?.agentId ?? '';
  return { id: task.id, problem, choices, attempts, refusals, crashes, completions, agent, result };
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
    repaired: sum((story) => (isRepaired(story) ? 1 : 0)),
    human: sum(({ result }) => (result?.repaired === false ? 1 : 0)),
    firstRight: sum((story) => (isFirstChoiceRight(story) ? 1 : 0)),
  };
}
