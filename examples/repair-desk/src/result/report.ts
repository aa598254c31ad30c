import type { Job, Outcome } from '../job.ts';
import { isAmong, type Problem } from '../desk/problems.ts';
import { countLines } from './patch.ts';
import type { Check } from './proof.ts';
import { addUp, isFirstChoiceRight, isRepaired, reasonFor, type Story } from './story.ts';
import { markdownTable, type Column } from './table.ts';

/** An agent as the report names it. */
export interface Colleague {
  readonly id: string;
  readonly name: string;
  readonly role: string;
}

/** Everything the report tells. */
export interface ReportInput {
  readonly outcomes: readonly Outcome[];
  readonly stories: readonly Story[];
  readonly colleagues: readonly Colleague[];
  readonly checks: readonly Check[];
  /** What happened to the worker, in a sentence. */
  readonly crash: string;
  readonly seconds: number;
}

/** Writes the report, in Markdown: numbers, who repaired what and why that agent, what needs a human. */
export function writeReport(input: ReportInput): string {
  return [
    '# Repair desk',
    summary(input),
    '## Packages',
    packageTable(input),
    '## Agents',
    agentTable(input),
    '## What was repaired, by whom, and why that agent',
    ...input.colleagues.map((colleague) => repairsOf(colleague, input.stories)).filter((part) => part !== ''),
    '## What needs a human',
    ...input.outcomes.map((outcome) => leftFor(outcome, input.stories)),
    '## What the repairs brought to light',
    broughtToLight(input),
    '## How this was checked',
    checked(input),
  ]
    .join('\n\n')
    .concat('\n');
}

function summary({ outcomes, stories, seconds }: ReportInput): string {
  const before = outcomes.reduce((sum, { job }) => sum + job.errors, 0);
  const after = outcomes.reduce((sum, { left }) => sum + left.length, 0);
  const { tasks, repaired, human } = addUp(stories);
  const names = outcomes.map(({ job }) => `${job.name} ${job.version}`).join(' and ');
  const lines = outcomes.map(({ patch }) => countLines(patch));
  const added = lines.reduce((sum, each) => sum + each.added, 0);
  const removed = lines.reduce((sum, each) => sum + each.removed, 0);
  return (
    `Type errors in ${names}, as TypeScript sees them in strict mode: **${before} before, ${after} after**. ` +
    `Of ${tasks} tasks ${repaired} were repaired and ${human} need a human. The patches add ${added} lines and change or remove ${removed}; ` +
    `${vagueness(outcomes)} It took ${seconds.toFixed(0)} s.`
  );
}

/** `unknown` is honest but says little; `any` would be neither. */
function vagueness(outcomes: readonly Outcome[]): string {
  const added = outcomes.flatMap(({ patch }) => patch.split('\n').filter((line) => line.startsWith('+')));
  const notes = added.filter((line) => /@(param|type|returns|this) \{/.test(line));
  const vague = notes.filter((line) => /\bunknown\b/.test(line)).length;
  const loose = notes.filter((line) => /\bany\b/.test(line)).length;
  return `of ${notes.length} lines with types, ${vague} say \`unknown\` somewhere and ${loose} \`any\`.`;
}

function packageTable({ outcomes, stories }: ReportInput): string {
  const columns: Column[] = [
    { title: 'package', align: 'left' },
    { title: 'files' },
    { title: 'lines' },
    { title: 'errors before' },
    { title: 'errors after' },
    { title: 'tasks' },
    { title: 'repaired' },
    { title: 'needs a human' },
    { title: 'answers samples as before' },
  ];
  const rows = outcomes.map(({ job, left, sameBehaviour }) => {
    const totals = addUp(storiesOf(job, stories));
    return [
      `${job.name} ${job.version}`,
      job.files.length,
      job.lines,
      job.errors,
      left.length,
      totals.tasks,
      totals.repaired,
      totals.human,
      sameBehaviour ? 'yes' : 'no',
    ];
  });
  return markdownTable(columns, rows);
}

function agentTable({ stories, colleagues }: ReportInput): string {
  const columns: Column[] = [
    { title: 'agent', align: 'left' },
    { title: 'first choice for' },
    { title: 'refused' },
    { title: 'repaired' },
    { title: 'found repaired already' },
  ];
  const rows = colleagues.map(({ id, name }) => {
    const own = stories.filter((story) => isRepaired(story) && story.agent === id);
    const gone = own.filter(isGone).length;
    return [
      name,
      stories.filter(({ choices }) => choices[0]?.agentId === id).length,
      refusalsBy(id, stories),
      own.length - gone,
      gone,
    ];
  });
  const repaired = stories.filter(isRepaired);
  const right = repaired.filter(isFirstChoiceRight).length;
  return `${markdownTable(columns, rows)}\n\nThe router's first choice completed ${right} of the ${repaired.length} repaired tasks.`;
}

function repairsOf({ id, name, role }: Colleague, stories: readonly Story[]): string {
  const own = stories.filter((story) => isRepaired(story) && story.agent === id);
  if (own.length === 0) return '';
  const items = own.map((story) => {
    const { result } = story;
    const how =
      result !== undefined && 'how' in result
        ? `${code(result.how)}, ${result.before} → ${result.after} errors`
        : 'gone already, by an earlier repair';
    const others = story.refusals.map(({ agent }) => agent).join(', ');
    const after = others === '' ? '' : `; after ${others}`;
    return `- ${where(story.problem)}: ${headline(story.problem)} — ${how} *(${reasonFor(story)}${after})*`;
  });
  return `### ${name}\n\n${role}.\n\n${items.join('\n')}`;
}

function leftFor({ job, left }: Outcome, stories: readonly Story[]): string {
  const handed = storiesOf(job, stories).filter(({ result }) => result?.repaired === false);
  const items = handed.map((story) => {
    const tried = story.refusals.filter(({ reason }) => !reason.startsWith('not the kind'));
    const why =
      tried.length === 0
        ? 'nobody knows about this kind of problem'
        : tried.map(({ agent, reason }) => `${agent}: ${reason}`).join('; ');
    const gone = isAmong(story.problem, left) ? '' : '\n  - a later repair has made it go away';
    const { problem } = story;
    return `- ${where(problem)}: ${headline(problem)} ${code(problem.code.slice(0, 100))}\n  - ${why}${gone}`;
  });
  return `### ${job.name}\n\n${items.length === 0 ? 'Nothing.' : items.join('\n')}`;
}

/** Errors that nobody saw before: a type that was written down made the compiler look where it had not looked. */
function broughtToLight({ outcomes }: ReportInput): string {
  const fresh = outcomes.flatMap(({ job, left }) => {
    const known = new Map<string, number>();
    for (const { input } of job.tasks) known.set(sameness(input), (known.get(sameness(input)) ?? 0) + 1);
    return left.filter((problem) => {
      const count = known.get(sameness(problem)) ?? 0;
      known.set(sameness(problem), count - 1);
      return count <= 0;
    });
  });
  if (fresh.length === 0) return 'Nothing.';
  return fresh
    .map(
      (problem) => `- ${problem.package}/${where(problem)}: ${headline(problem)} ${code(problem.code.slice(0, 100))}`,
    )
    .join('\n');
}

function checked({ checks, crash }: ReportInput): string {
  const lines = checks.map(({ claim, broken }) =>
    broken.length === 0 ? `- ${claim}` : `- **not so: ${claim}**: ${broken.slice(0, 5).join(', ')}`,
  );
  return `${crash}\n\n${lines.join('\n')}`;
}

function storiesOf(job: Job, stories: readonly Story[]): Story[] {
  return stories.filter(({ problem }) => problem.package === job.name);
}

function refusalsBy(id: string, stories: readonly Story[]): number {
  return stories.reduce((sum, { refusals }) => sum + refusals.filter(({ agent }) => agent === id).length, 0);
}

function isGone({ result }: Story): boolean {
  return result !== undefined && !('how' in result);
}

function sameness({ file, message }: Problem): string {
  return `${file}\0${message}`;
}

function where({ file, line }: Problem): string {
  return `${file}:${line}`;
}

function headline({ message }: Problem): string {
  return message.split('\n', 1)[0]!;
}

function code(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}
