// Runs the tour and compares what it prints with what it should.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';

const program = new URL('./main.ts', import.meta.url).pathname;
const output = execFileSync(process.execPath, ['--conditions=@symphony/source', program], { encoding: 'utf8' });
const said = new Map(
  output
    .split('\n')
    .filter((line) => line.startsWith('  '))
    .map((line): [string, string] => [line.slice(2, 20).trim(), line.slice(20)]),
);

const expected: Record<string, string> = {
  before: 'pending',
  'pre-hook': 'researcher starts research',
  'post-hook': 'research gave "facts about solar power"',
  executeTask: 'completed: "facts about solar power"',
  'half-way': 'running',
  'at the end': 'completed',
  executeWithRetry: 'completed: "worked at try 3", after 2 failures',
  TerminalError: 'failed after 1 attempt: WRONG_KEY',
  batchExecute: '1 4 9 failed 25 36',
  'at most at once': '2',
  'round-robin': 'coder, researcher, writer',
  'capability-match': 'coder, writer, researcher',
  'content-match': 'coder, writer, researcher',
  custom: 'researcher, writer, writer',
  nobody: 'NO_ROUTE',
};
for (const [what, text] of Object.entries(expected)) assert.equal(said.get(what), text, what);
assert.match(said.get('load-balanced') ?? '', /^(\w+), (\w+), (\w+)$/);
assert.match(said.get('explain') ?? '', /^coder: /);
console.log(`The tour said what it should: ${said.size} lines.`);
