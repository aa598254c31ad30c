import { isAmong, type Problem } from '../desk/problems.ts';
import type { RunResult } from '../run.ts';
import { isRepaired, type Story } from './story.ts';

/** One thing that needs a human, and why. */
export interface ForPeople {
  readonly problem: Problem;
  readonly why: readonly string[];
}

/** What is left for people: errors that nobody could repair, that came back, or that the repairs brought to light. */
export function leftForPeople({ outcomes, stories }: Pick<RunResult, 'outcomes' | 'stories'>): readonly ForPeople[] {
  return outcomes.flatMap(({ job, left }) => {
    const own = stories.filter(({ problem }) => problem.package === job.unit.name);
    const unrepaired = own.filter((story) => !isRepaired(story));
    return left.map((problem) => ({ problem, why: whyOf(problem, unrepaired, own) }));
  });
}

function whyOf(problem: Problem, unrepaired: readonly Story[], all: readonly Story[]): string[] {
  const story = unrepaired.find((each) => isAmong(each.problem, [problem]));
  if (story !== undefined) return reasons(story);
  const repaired = all.some((each) => isAmong(each.problem, [problem]));
  return [repaired ? 'was repaired, and is back' : 'came to light when something else was repaired'];
}

function reasons({ refusals, failure }: Story): string[] {
  if (failure !== undefined) return [failure];
  const tried = refusals.filter(({ reason }) => !reason.startsWith('not the kind'));
  if (tried.length === 0) return ['no agent knows about this kind of problem'];
  return tried.map(({ agent, reason }) => `${agent}: ${reason}`);
}
