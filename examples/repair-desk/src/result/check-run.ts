import type { Outcome } from '../job.ts';
import type { Kill } from '../watch-over.ts';
import { prove, replayedSteps, type Check, type Evidence } from './proof.ts';
import type { Story } from './story.ts';

/** What a run left behind. */
export interface Run {
  readonly kill: Kill | undefined;
  readonly stories: readonly Story[];
  readonly evidence: Evidence;
  readonly outcomes: readonly Outcome[];
}

/** Checks everything that a run promises, and tells what became of the worker. */
export function checkRun({ kill, stories, evidence, outcomes }: Run): {
  readonly crash: string;
  readonly checks: readonly Check[];
} {
  const taken = stories.filter(({ crashes }) => crashes > 0);
  const checks = [
    ...prove(evidence),
    {
      claim: 'the repaired packages answer samples as before',
      broken: outcomes.filter(({ sameBehaviour }) => !sameBehaviour).map(({ job }) => job.name),
    },
    {
      claim: 'every package has fewer errors than before',
      broken: outcomes.filter(({ job, left }) => left.length >= job.errors).map(({ job }) => job.name),
    },
  ];
  if (kill === undefined) return { crash: 'The worker was left alone.', checks };
  const { processId, done, total, agent, step } = kill;
  const crash =
    `After ${done} of ${total} tasks worker process ${processId} was killed with SIGKILL in the middle of ${agent}'s step "${step}". ` +
    `Another took over: ${taken.length} tasks went on in a new attempt, ${replayedSteps(evidence)} finished steps came from the journal.`;
  const claim = 'the tasks that the killed worker had in hand went on in a new attempt';
  return { crash, checks: [...checks, { claim, broken: taken.length > 0 ? [] : ['it had none'] }] };
}
