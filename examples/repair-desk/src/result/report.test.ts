import { describe, expect, test } from 'vitest';
import type { Problem } from '../desk/problems.ts';
import { writeReport, type ReportInput } from './report.ts';
import type { Story } from './story.ts';

const problem: Problem = {
  package: 'pkg',
  file: 'a.js',
  line: 7,
  message: "'m' is possibly 'null'.",
  span: 'm',
  code: 'm.x',
  ordinal: 0,
};
const fresh: Problem = { ...problem, line: 9, message: "'n' is possibly 'null'." };
const choice = (agentId: string) => ({
  agentId,
  strategy: 'content-match',
  candidates: [{ agentId, score: 0.5, reasons: ['words in common: possibly'] }],
  considered: 2,
  excluded: {},
  decidedAt: 0,
});
const story: Story = {
  id: '1',
  problem,
  choices: [choice('null-safety')],
  attempts: 1,
  refusals: [],
  crashes: 0,
  completions: 1,
  agent: 'null-safety',
  result: { repaired: true, by: 'null-safety', how: 'm?.', before: 2, after: 1 },
};
const left: Story = {
  ...story,
  problem: { ...problem, line: 8 },
  choices: [choice('null-safety'), choice('needs-a-human')],
  agent: 'needs-a-human',
  refusals: [
    { agent: 'null-safety', reason: 'no idea' },
    { agent: 'calls', reason: 'not the kind of problem it knows about' },
  ],
  result: { repaired: false, note: '' },
};
const patch = '--- a/a.js\n+++ b/a.js\n+/** @type {unknown} */\n-m.x\n+m?.x\n';
const input: ReportInput = {
  outcomes: [
    {
      job: {
        name: 'pkg',
        version: '1.0.0',
        files: ['a.js'],
        lines: 10,
        errors: 2,
        tasks: [{ name: '', description: '', input: problem }],
      },
      left: [fresh],
      patch,
      sameBehaviour: true,
    },
  ],
  stories: [story, left],
  colleagues: [{ id: 'null-safety', name: 'Null safety', role: 'Guards' }],
  checks: [
    { claim: 'all is well', broken: [] },
    { claim: 'nothing is ill', broken: ['t'] },
  ],
  crash: 'The worker was left alone.',
  seconds: 1.2,
};

describe('the report', () => {
  const report = writeReport(input);

  test('begins with the numbers before and after', () => {
    expect(report).toContain('**2 before, 1 after**. Of 2 tasks 1 were repaired and 1 need a human.');
    expect(report).toContain('of 1 lines with types, 1 say `unknown` somewhere and 0 `any`');
  });

  test('tells who repaired what, and why that agent', () => {
    expect(report).toContain(
      "- a.js:7: 'm' is possibly 'null'. — `m?.`, 2 → 1 errors *(score 0.50, words in common: possibly)*",
    );
  });

  test('tells what needs a human and who tried, without those whose trade it is not', () => {
    expect(report).toContain("- a.js:8: 'm' is possibly 'null'. `m.x`\n  - null-safety: no idea\n");
  });

  test('tells of errors that were not there before', () => {
    expect(report).toContain("- pkg/a.js:9: 'n' is possibly 'null'. `m.x`");
  });

  test('does not hide a claim that does not hold', () => {
    expect(report).toContain('- all is well\n- **not so: nothing is ill**: t');
  });
});
