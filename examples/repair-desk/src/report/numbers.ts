import { titleOf } from '../job.ts';
import { comparisonColumns, comparisonRows, percent } from '../result/comparison-table.ts';
import { addUp, isFirstChoiceRight, isRepaired, type Story } from '../result/story.ts';
import type { Column } from '../result/table.ts';
import type { RunResult } from '../run.ts';
import { html, type Html } from './html.ts';
import type { Palette } from './palette.ts';

/** An agent as the report names it. */
export interface Colleague {
  readonly id: string;
  readonly name: string;
  readonly role: string;
}

/** The figures that a reader wants first. */
export function tiles({ outcomes, stories, seconds }: RunResult): Html {
  const { repaired, human, firstRight, retries, refusals, attempts } = addUp(stories);
  const before = outcomes.reduce((sum, { job }) => sum + job.errors, 0);
  const after = outcomes.reduce((sum, { left }) => sum + left.length, 0);
  const tile = (figure: string, words: string): Html => html`<li><b>${figure}</b> <span>${words}</span></li>`;
  return html`<ul class="tiles">
    <li class="main"><b>${before} → ${after}</b> <span>type errors</span></li>
    ${tile(String(repaired), 'repaired')}${tile(String(human), human === 1 ? 'needs a human' : 'need a human')}
    ${tile(percent(firstRight, repaired), 'went to the right agent at once')}
    ${tile(String(attempts), `attempts, ${refusals} declined${retries === 0 ? '' : `, ${retries} tried again`}`)}${tile(`${seconds.toFixed(1)} s`, 'from the first to the last')}
  </ul>`;
}

/** One row for each package. */
export function packageTable({ outcomes, stories }: RunResult): Html {
  const columns: Column[] = [
    { title: 'package', align: 'left' },
    { title: 'files' },
    { title: 'lines' },
    { title: 'errors before' },
    { title: 'errors after' },
    { title: 'repaired' },
    { title: 'for people' },
  ];
  const rows = outcomes.map(({ job, left }) => {
    const { repaired, human } = addUp(stories.filter(({ problem }) => problem.package === job.unit.name));
    return [titleOf(job.unit), job.unit.files.length, job.lines, job.errors, left.length, repaired, human];
  });
  return htmlTable(columns, rows);
}

/** One row for each agent that was asked at all. */
export function agentTable(stories: readonly Story[], colleagues: readonly Colleague[], palette: Palette): Html {
  const rows = colleagues.flatMap(({ id, name, role }) => {
    const first = stories.filter(({ choices }) => choices[0]?.agentId === id);
    const own = stories.filter((story) => isRepaired(story) && story.agent === id);
    const gone = own.filter(({ result }) => result !== undefined && !('how' in result)).length;
    const declined = stories.flatMap(({ refusals }) => refusals).filter(({ agent }) => agent === id).length;
    if (first.length + own.length + declined === 0) return [];
    const right = first.filter(isFirstChoiceRight).length;
    return [
      html`<tr>
        <th scope="row"><span class="chip ${palette.of(id)}">${id}</span> <small>${name}: ${role}</small></th>
        <td>${first.length}</td>
        <td>${right}</td>
        <td>${own.length - gone}</td>
        <td>${gone}</td>
        <td>${declined}</td>
      </tr>`,
    ];
  });
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Agents, scrolls sideways">
    <table>
      <thead>
        <tr>
          <th scope="col">agent</th>
          <th scope="col">first choice for</th>
          <th scope="col">of these right</th>
          <th scope="col">repaired</th>
          <th scope="col">found gone</th>
          <th scope="col">declined</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

/** The runs side by side. */
export function comparison(runs: readonly RunResult[]): Html {
  return htmlTable(comparisonColumns, comparisonRows(runs));
}

function htmlTable(columns: readonly Column[], rows: readonly (readonly (string | number)[])[]): Html {
  const heads = columns.map(({ title }) => html`<th scope="col">${title}</th>`);
  const body = rows.map(
    ([first, ...cells]) =>
      html`<tr>
        <th scope="row">${first!}</th>
        ${cells.map((cell) => html`<td>${cell}</td>`)}
      </tr>`,
  );
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Table, scrolls sideways">
    <table>
      <thead>
        <tr>
          ${heads}
        </tr>
      </thead>
      <tbody>
        ${body}
      </tbody>
    </table>
  </div>`;
}
