// Writes what may happen to a task into docs/architecture.md, from core's transition table: `node tooling/transition-docs.ts`.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isTerminal, taskStatuses, type TaskStatus } from '../packages/core/src/task.ts';
import { transitionTable, type TaskCommandType } from '../packages/core/src/transition.ts';
import { root } from './workspace.ts';

/** The page that holds the section. */
export const page = join(root, 'docs/architecture.md');

const begin = '<!-- transitions: made by tooling/transition-docs.ts -->';
const end = '<!-- /transitions -->';

/** What each command means, in the words of the page. A new command does not compile until it is described. */
const meanings: Readonly<Record<TaskCommandType, string>> = {
  submit: 'makes a created task due',
  bind: 'gives it to one worker, which decides on its route',
  unbind: 'takes it back from that worker',
  assign: 'writes its route; the agent is hosted elsewhere',
  defer: 'notes that nobody can take it now',
  reject: 'ends it: every agent that could take it has refused it',
  unassign: 'takes the assignment away: nobody hosts the agent any more',
  hold: 'holds it back, or lets it go, with its workflow',
  claim: 'starts attempt n+1',
  complete: 'reports the output',
  fail: 'reports an error',
  refuse: 'the agent does not want it',
  release: 'hands the attempt back, at no cost',
  crash: 'takes it from a worker that died',
  suspend: 'lets it wait for something outside; a seam, no call leads here yet',
  resume: 'ends that wait; a seam as well',
  unblock: 'a task that it waits for completes',
  cancel: 'ends it; a running attempt is asked to stop first',
  expire: 'does what a time that has passed asks for: a time limit, or the grace of a cancellation',
  retry: 'starts it anew, by hand',
  addToWorkflow: 'makes it part of a workflow',
};

/** The section as the table has it now. */
export function renderTransitions(): string {
  return [begin, '', ...diagram(), '', ...table(), '', end].join('\n');
}

/** The section as the page has it. */
export function readTransitions(text = readFileSync(page, 'utf8')): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/architecture.md has no section between ${begin} and ${end}`);
  return text.slice(from, to + end.length);
}

function diagram(): string[] {
  const labels = new Map<string, TaskCommandType[]>();
  for (const [command, cells] of entries()) {
    for (const from of taskStatuses) {
      // What stays where it is stands in the table.
      for (const to of cells[from] ?? []) {
        if (to === from) continue;
        const arrow = `${from} --> ${to}`;
        labels.set(arrow, [...(labels.get(arrow) ?? []), command]);
      }
    }
  }
  return [
    '```mermaid',
    'stateDiagram-v2',
    '  [*] --> pending: createTask',
    ...[...labels].map(([arrow, commands]) => `  ${arrow}: ${commands.join(', ')}`),
    ...taskStatuses.filter(isTerminal).map((status) => `  ${status} --> [*]`),
    '```',
  ];
}

function table(): string[] {
  const rows = entries().map(([command, cells]) => `| \`${command}\` | ${meanings[command]} | ${moves(cells)} |`);
  return ['| command | what it does | in → leads to |', '| --- | --- | --- |', ...rows];
}

/** `pending, waiting → cancelled; running → running`: statuses that lead to the same share an arrow. */
function moves(cells: Cells): string {
  const known = taskStatuses.filter((from) => cells[from] !== undefined);
  if (known.length === taskStatuses.length && known.every((from) => String(cells[from]) === from))
    return 'any → the same';
  const arrows = new Map<string, TaskStatus[]>();
  for (const from of known) {
    const to = either.format(cells[from] ?? []);
    arrows.set(to, [...(arrows.get(to) ?? []), from]);
  }
  return [...arrows].map(([to, from]) => `${from.join(', ')} → ${to}`).join('; ');
}

const either = new Intl.ListFormat('en-GB', { type: 'disjunction' });

type Cells = Readonly<Partial<Record<TaskStatus, readonly TaskStatus[]>>>;

function entries(): [TaskCommandType, Cells][] {
  return (Object.keys(transitionTable) as TaskCommandType[]).map((command) => [command, transitionTable[command]]);
}

if (import.meta.main) {
  const text = readFileSync(page, 'utf8');
  writeFileSync(
    page,
    text.replace(readTransitions(text), () => renderTransitions()),
  );
}
