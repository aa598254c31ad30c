import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Problem } from '../desk/problems.ts';
import type { Unit } from '../desk/unit.ts';
import type { RepairResult } from '../agents/repair-agent.ts';
import type { Story, Try } from '../result/story.ts';
import type { RunResult } from '../run.ts';
import { layOutLanes } from './lanes.ts';
import { makeReport, type ReportInput } from './report.ts';

const evil = '</code><script src="https://example.org/x.js"></script>';
const problem: Problem = {
  package: 'pkg',
  file: `src/${evil}.ts`,
  line: 7,
  message: `'${evil}' is possibly 'null'.\nand more`,
  span: 'm',
  code: `m.x // ${evil}`,
  ordinal: 0,
};
const unit: Unit = {
  name: 'pkg',
  version: '1.0.0',
  root: '/p',
  files: [problem.file],
  others: [],
  settings: {},
  mayReveal: false,
  isOwned: true,
};
const choice = (agentId: string) => ({
  agentId,
  strategy: 'content-match',
  candidates: [{ agentId, score: 0.5, reasons: [`words in common: possibly ${evil}`] }],
  considered: 2,
  excluded: {},
  decidedAt: 0,
});
const attempt = (of: Partial<Try>): Try => ({
  attempt: 1,
  worker: 'w1',
  agent: 'null-safety',
  from: 1_000,
  to: 2_000,
  end: 'completed',
  why: '',
  ...of,
});
const result: RepairResult = {
  repaired: true,
  by: 'null-safety',
  how: 'm?.',
  diff: ['@@ 7', `-m.x ${evil}`, '+m?.x'],
  before: 2,
  after: 1,
};
const story: Story = {
  id: '1',
  problem,
  choices: [choice('null-safety')],
  attempts: 3,
  tries: [
    attempt({ end: 'tried again', to: 1_500, why: 'a.ts has changed' }),
    attempt({ attempt: 2, from: 1_600, to: 5_000, end: 'crashed' }),
    attempt({ attempt: 3, worker: 'w2', from: 5_100, to: 6_000 }),
  ],
  refusals: [],
  retries: 1,
  crashes: 1,
  completions: 1,
  agent: 'null-safety',
  result,
  failure: undefined,
};
const left: Story = {
  ...story,
  id: '2',
  retries: 0,
  crashes: 0,
  problem: { ...problem, line: 8, message: "'q' is possibly 'null'." },
  choices: [choice('null-safety'), choice('needs-a-human')],
  tries: [
    attempt({ from: 2_000, to: 2_100, end: 'refused' }),
    attempt({ agent: 'needs-a-human', from: 2_100, to: 2_200 }),
  ],
  agent: 'needs-a-human',
  refusals: [
    { agent: 'null-safety', reason: `no idea ${evil}` },
    { agent: 'calls', reason: 'not the kind of problem it knows about' },
  ],
  result: { repaired: false, note: '' },
};
const run = {
  plan: { project: '/p', units: [unit], database: '', seats: 2, routing: { strategy: 'content-match', seed: 1 } },
  jobs: { startAt: 0, jobs: [] },
  outcomes: [
    {
      job: { unit, lines: 10, errors: 2, tasks: [] },
      left: [left.problem, { ...problem, line: 9, message: 'quite new' }],
      pairs: [],
      adopted: [],
      dropped: [],
    },
  ],
  stories: [story, left],
  seconds: 5,
} as unknown as RunResult;
const input: ReportInput = {
  runs: [run, { ...run, plan: { ...run.plan, routing: { strategy: 'random', seed: 3 } } }],
  checks: [
    { claim: 'all is well', broken: [] },
    { claim: 'nothing is ill', broken: ['t'] },
  ],
  crash: 'A worker was killed.',
  colleagues: [{ id: 'null-safety', name: 'Null safety', role: 'Guards' }],
};
const page = makeReport(input);
const text = page
  .replace(/<style>[^]*<\/style>/, '')
  .replace(/<[^>]+>/g, ' ')
  .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
  .replace(/\s+/g, ' ');

describe('the report', () => {
  test('runs nothing, fetches nothing, and lets nothing of the project be markup', () => {
    expect(page).not.toContain('<script');
    expect(page).not.toMatch(/(?:src|href)="(?!#)/);
    expect(page).not.toMatch(/url\(|@import|\son\w+=|\sstyle=/);
    const [, style] = /<style>([^]*)<\/style>/.exec(page)!;
    const hash = createHash('sha256').update(style!).digest('base64');
    expect(page).toContain(
      `content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'"`,
    );
    expect(text).toContain(evil);
  });

  test('begins with the figures', () => {
    expect(text).toMatch(/2 → 2\s*type errors\s*1\s*repaired\s*1\s*needs a human\s*100 %/);
    expect(text).toContain(', 1 tried again');
  });

  test('tells who repaired what, how, and why that agent', () => {
    expect(page).toContain('<ins>+m?.x</ins>');
    expect(page).toContain('<del>-m.x');
    expect(text).toMatch(
      /null-safety score 0\.50, words in common: possibly .*; tried again once, as the file had changed/,
    );
    expect(text).toContain('taken over from a worker that died');
  });

  test('tells what needs a human and who tried, without those whose trade it is not', () => {
    expect(text).toContain(`null-safety: no idea ${evil}`);
    expect(text).not.toContain('calls: not the kind');
    expect(text).toMatch(/quite new[^]*came to light when something else was repaired/);
  });

  test('marks the death of a worker on the timeline, and who took over', () => {
    expect(text).toContain('✗ worker 1 dies with 1 task in hand; taken over 2.8 s later');
    expect(page).toContain('aria-label="2 workers in 5.0 seconds, 1 of which died"');
    expect(page.match(/<rect\s+class="(done|again|crashed|refused) /g)).toHaveLength(5);
  });

  test('sets the runs beside each other', () => {
    expect(text).toMatch(/content-match 100 %/);
    expect(text).toMatch(/random \(seed 3\) 100 %/);
  });

  test('does not hide a claim that does not hold', () => {
    expect(text).toContain('✓ all is well');
    expect(page).toContain('<li class="broken">✗ not so: nothing is ill: t</li>');
  });
});

describe('lanes', () => {
  test('are the workers in the order in which they began, and no bars of one lie on each other', () => {
    const { lanes, length } = layOutLanes([story, left]);
    expect(length).toBe(5_000);
    expect(lanes.map(({ number, rows }) => [number, rows])).toEqual([
      [1, 2],
      [2, 1],
    ]);
    for (const { bars } of lanes) {
      for (const a of bars)
        for (const b of bars) if (a !== b && a.row === b.row) expect(a.to <= b.from || b.to <= a.from).toBe(true);
    }
  });

  test('know the last sign of life of a worker that died', () => {
    expect(layOutLanes([story, left]).lanes[0]?.death).toEqual({ at: 1_200, takenOverAt: 4_000, tasks: 1 });
  });

  test('are none where nothing was done', () => {
    expect(layOutLanes([])).toEqual({ lanes: [], length: 1 });
  });
});
