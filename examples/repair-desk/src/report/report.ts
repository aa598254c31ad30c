import { createHash } from 'node:crypto';
import { titleOf } from '../job.ts';
import { leftForPeople } from '../result/left-for-people.ts';
import type { Check } from '../result/proof.ts';
import { addUp } from '../result/story.ts';
import type { RunResult } from '../run.ts';
import { html, Html, nothing } from './html.ts';
import { agentTable, comparison, packageTable, tiles, type Colleague } from './numbers.ts';
import { Palette } from './palette.ts';
import { chip, headline, repairs } from './repairs.ts';
import { style } from './style.ts';
import { timeline } from './timeline.ts';

/** Everything that the report tells. */
export interface ReportInput {
  /** The run; and those that it is compared with. */
  readonly runs: readonly RunResult[];
  readonly checks: readonly Check[];
  /** What happened to the worker, in a sentence; empty if nothing did. */
  readonly crash: string;
  readonly colleagues: readonly Colleague[];
}

/**
 * Writes the report of a run: one page that needs nothing else, and runs nothing. A function of what the store has recorded
 * and of the texts before and after.
 */
export function makeReport(input: ReportInput): string {
  const run = input.runs[0]!;
  const palette = new Palette(run.stories);
  const names = run.outcomes.map(({ job }) => titleOf(job.unit)).join(', ');
  const { tasks, retries } = addUp(run.stories);
  const people = leftForPeople(run);
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src '${hashOf(style)}'; base-uri 'none'; form-action 'none'"
        />
        <title>Repair desk: ${names}</title>
        <style>
          ${new Html(style)}
        </style>
      </head>
      <body>
        <header>
          <h1>Repair desk</h1>
          <p class="lead">Type errors in ${names}, on ${dayOf(run.jobs.startAt)}</p>
          ${tiles(run)}
          <nav aria-label="Contents">
            <ul>
              <li><a href="#when">When</a></li>
              <li><a href="#repaired">What was repaired</a></li>
              <li><a href="#people">What needs a human (${people.length})</a></li>
              ${input.runs.length > 1 ? html`<li><a href="#compared">Compared</a></li>` : nothing}
              <li><a href="#agents">Agents</a></li>
              <li><a href="#checked">How it was checked</a></li>
            </ul>
          </nav>
        </header>
        <main>
          <section id="when">
            <h2>When it happened</h2>
            ${timeline(run.stories, palette)}
            <ul class="legend">
              ${palette.agents.map((agent) => html`<li>${chip(agent, palette)}</li>`)}
              <li><span class="chip cx">others</span></li>
            </ul>
            <p class="quiet">
              Each bar is an attempt at one of ${tasks} tasks, waiting for a place at the desk included; the pale ones
              were
              declined.${retries > 0 ? html` Hollow ones (${retries}) came too late: the file had changed since the repair was worked out, and the task was tried again.` : nothing}
            </p>
            ${input.crash === '' ? nothing : html`<p>${input.crash}</p>`}
          </section>
          <section id="repaired">
            <h2>What was repaired, by whom, and why that agent</h2>
            <p class="quiet">
              Under each change: the agent, and why the router chose it. The compiler accepted every one: the error
              went, and
              ${run.plan.units.some(({ mayReveal }) => mayReveal) ? 'fewer were left in all' : 'no other came'}.
            </p>
            ${repairs(run, palette)}
          </section>
          <section id="people">
            <h2>What needs a human</h2>
            ${peopleOf(people, run)}
          </section>
          ${
            input.runs.length > 1
              ? html`<section id="compared">
                  <h2>The same tasks, routed otherwise</h2>
                  <p class="quiet">One after the other on the same machine, each from the same sources.</p>
                  ${comparison(input.runs)}
                </section>`
              : nothing
          }
          <section id="agents">
            <h2>Packages and agents</h2>
            ${packageTable(run)}
            <p></p>
            ${agentTable(run.stories, input.colleagues, palette)}
          </section>
          <section id="checked">
            <h2>How it was checked</h2>
            <p class="quiet">
              The store's log was held against what the agents wrote down themselves, and a compiler that had seen none
              of the work looked at the result.
            </p>
            <ul class="checks">
              ${input.checks.map(checkOf)}
            </ul>
          </section>
        </main>
        <footer>Made by the repair desk of Symphony from the ${tasks} tasks and the log in its store.</footer>
      </body>
    </html> `;
  // No text in it has lines of its own, so that the indentation of the templates can go.
  return page.text.replace(/\n\s+/g, '\n');
}

function peopleOf(people: ReturnType<typeof leftForPeople>, { outcomes }: RunResult): Html {
  if (people.length === 0) return html`<p>Nothing.</p>`;
  return html`${outcomes.flatMap(({ job }) => {
    const own = people.filter(({ problem }) => problem.package === job.unit.name);
    if (own.length === 0) return [];
    const byFile = [...Map.groupBy(own, ({ problem }) => problem.file)];
    return byFile.map(
      ([file, some]) =>
        html`<h3>${titleOf(job.unit)} <code>${file}</code></h3>
          <ol class="people">
            ${some.map(
              ({ problem, why }) =>
                html`<li>
                  <p class="message"><span class="line">${problem.line}</span> ${headline(problem.message)}</p>
                  <code>${problem.code.slice(0, 160)}</code>
                  <p class="why">${why.map((each, index) => html`${index > 0 ? '; ' : ''}${each}`)}</p>
                </li>`,
            )}
          </ol>`,
    );
  })}`;
}

function checkOf({ claim, broken }: Check): Html {
  if (broken.length === 0) return html`<li>✓ ${claim}</li>`;
  return html`<li class="broken">✗ not so: ${claim}: ${broken.slice(0, 5).join(', ')}</li>`;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 16).replace('T', ' ').concat(' UTC');
}
