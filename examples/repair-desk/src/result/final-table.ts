import { titleOf, type Outcome } from '../job.ts';
import { addUp, type Story } from './story.ts';
import { table, type Column } from './table.ts';

const columns: readonly Column[] = [
  { title: '', align: 'left' },
  { title: 'tasks' },
  { title: 'attempts' },
  { title: 'refusals' },
  { title: 'retries' },
  { title: 'repaired' },
  { title: 'needs a human' },
  { title: 'first choice right' },
  { title: 'errors' },
];

/** The table that a run ends with: a row for each package, and one for all. */
export function finalTable(outcomes: readonly Outcome[], stories: readonly Story[]): string {
  const rows = outcomes.map(({ job, left }) => {
    const own = stories.filter(({ problem }) => problem.package === job.unit.name);
    return row(titleOf(job.unit), own, job.errors, left.length);
  });
  const before = outcomes.reduce((sum, { job }) => sum + job.errors, 0);
  const after = outcomes.reduce((sum, { left }) => sum + left.length, 0);
  const total = rows.length > 1;
  return table(columns, total ? [...rows, row('together', stories, before, after)] : rows, { total });
}

function row(title: string, stories: readonly Story[], before: number, after: number): readonly (string | number)[] {
  const { tasks, attempts, refusals, retries, repaired, human, firstRight } = addUp(stories);
  const share = repaired === 0 ? 0 : Math.round((firstRight / repaired) * 100);
  return [title, tasks, attempts, refusals, retries, repaired, human, `${share} %`, `${before} → ${after}`];
}
