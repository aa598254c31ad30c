import type { RunResult } from '../run.ts';
import { titleOf } from '../job.ts';
import { isRepaired, reasonFor, type Story } from '../result/story.ts';
import { html, nothing, type Html } from './html.ts';
import type { Palette } from './palette.ts';

/** Files with more repairs than this are folded up at first. */
const mostOpen = 12;

/** What was repaired, by package and file: by whom, what it changed, and why that agent. */
export function repairs({ outcomes, stories }: RunResult, palette: Palette): Html {
  const repaired = stories.filter(isRepaired);
  if (repaired.length === 0) return html`<p>Nothing.</p>`;
  const byUnit = Map.groupBy(repaired, ({ problem }) => problem.package);
  return html`${outcomes.map(({ job, dropped }) => {
    const own = byUnit.get(job.unit.name);
    if (own === undefined) return nothing;
    const byFile = [...Map.groupBy(own, ({ problem }) => problem.file)].sort(([a], [b]) => (a < b ? -1 : 1));
    return html`<h3>${titleOf(job.unit)}</h3>
      ${byFile.map(([file, some]) => fileOf(file, some, palette, dropped.includes(file)))}`;
  })}`;
}

function fileOf(file: string, stories: readonly Story[], palette: Palette, isDropped: boolean): Html {
  const made = stories.filter(({ result }) => result !== undefined && 'how' in result);
  const alongside = stories.length - made.length;
  const count = `${made.length} ${made.length === 1 ? 'repair' : 'repairs'}${alongside === 0 ? '' : `, ${alongside} more gone with them`}`;
  const agents = [...new Set(made.map(({ agent }) => agent))];
  return html`<details class="file" ${made.length <= mostOpen ? html` open` : nothing}>
    <summary>
      <code class="path">${file}</code> <span class="count">${count}</span>
      <span class="chips">${agents.map((agent) => chip(agent, palette))}</span>
    </summary>
    ${isDropped ? html`<p class="warning">This file was edited in the meantime in the same places: the repairs gave way to the edit.</p>` : nothing}
    <ol>
      ${stories.map((story) => repairOf(story, palette))}
    </ol>
  </details>`;
}

function repairOf(story: Story, palette: Palette): Html {
  const { problem, result, refusals, retries, crashes, agent } = story;
  const isOwn = result !== undefined && 'how' in result;
  const before = refusals.map((refused) => refused.agent);
  const notes = [
    ...(before.length === 0 ? [] : [`after ${before.join(', ')} had declined`]),
    ...(retries === 0 ? [] : [`tried again ${times(retries)}, as the file had changed meanwhile`]),
    ...(crashes === 0 ? [] : ['taken over from a worker that died']),
  ];
  return html`<li class="${isOwn ? 'repair' : 'repair gone'}">
    <p class="message"><span class="line">${problem.line}</span> ${headline(problem.message)}</p>
    ${isOwn ? html`<pre class="diff">${result.diff.map(diffLine)}</pre>` : nothing}
    <p class="why">
      ${isOwn ? chip(agent, palette) : html`<span class="quiet">gone with an earlier repair; found so by</span> ${chip(agent, palette)}`}
      <span>${reasonFor(story)}${notes.map((note) => html`; ${note}`)}</span>
    </p>
  </li>`;
}

function diffLine(line: string): Html {
  if (line.startsWith('@@')) return html`<span class="at">${line.slice(3)}</span>`;
  if (line.startsWith('+')) return html`<ins>${line}</ins>`;
  return line.startsWith('-') ? html`<del>${line}</del>` : html`<span>${line}</span>`;
}

/** An agent's name beside its colour. */
export function chip(agent: string, palette: Palette): Html {
  return html`<span class="chip ${palette.of(agent)}">${agent}</span>`;
}

/** The first line of a message, which is the one that says it. */
export function headline(message: string): string {
  return message.split('\n', 1)[0]!;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
