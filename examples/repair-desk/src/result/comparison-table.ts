import type { RunResult } from '../run.ts';
import { addUp } from './story.ts';
import type { Column } from './table.ts';

/** The columns of the comparison. */
export const comparisonColumns: readonly Column[] = [
  { title: 'routing', align: 'left' },
  { title: 'first choice right' },
  { title: 'attempts' },
  { title: 'refusals' },
  { title: 'retries' },
  { title: 'repaired' },
  { title: 'errors left' },
  { title: 'seconds' },
];

/** One row for each way of choosing agents. */
export function comparisonRows(runs: readonly RunResult[]): readonly (readonly (string | number)[])[] {
  return runs.map(({ plan, stories, outcomes, seconds }) => {
    const { attempts, refusals, retries, repaired, firstRight } = addUp(stories);
    const left = outcomes.reduce((sum, outcome) => sum + outcome.left.length, 0);
    const { strategy, seed } = plan.routing;
    return [
      strategy === 'random' ? `random (seed ${seed})` : strategy,
      percent(firstRight, repaired),
      attempts,
      refusals,
      retries,
      repaired,
      left,
      seconds.toFixed(1),
    ];
  });
}

/** A share in words for a table. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? '–' : `${Math.round((part / whole) * 100)} %`;
}
