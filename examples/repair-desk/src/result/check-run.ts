import { titleOf } from '../job.ts';
import type { RunResult } from '../run.ts';
import { prove, replayedSteps, type Check } from './proof.ts';

/** Checks everything that a run promises, and tells what became of the worker. */
export function checkRun({ kill, stories, evidence, outcomes }: RunResult): {
  /** Empty if no worker died. */
  readonly crash: string;
  readonly checks: readonly Check[];
} {
  const taken = stories.filter(({ crashes }) => crashes > 0);
  const checks = [
    ...prove(evidence),
    {
      claim: outcomes.every(({ job }) => job.unit.isOwned)
        ? 'nothing has more errors than before'
        : 'every package has fewer errors than before',
      broken: outcomes
        .filter(
          ({ job, left, adopted }) => adopted.length === 0 && left.length > job.errors - (job.unit.isOwned ? 0 : 1),
        )
        .map(({ job }) => titleOf(job.unit)),
    },
  ];
  if (kill === undefined) return { crash: '', checks };
  const { processId, done, total, agent, step } = kill;
  const crash =
    `After ${done} of ${total} tasks worker process ${processId} was killed with SIGKILL in the middle of ${agent}'s step "${step}". ` +
    `Another took over: ${count(taken.length, 'task')} went on in a new attempt, ${count(replayedSteps(evidence), 'finished step')} came from the journal.`;
  const claim = 'the tasks that the killed worker had in hand went on in a new attempt';
  return { crash, checks: [...checks, { claim, broken: taken.length > 0 ? [] : ['it had none'] }] };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
