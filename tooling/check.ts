// Everything that must hold before a change lands, except the tests: one line per stage, one verdict, first failure ends it.
import { makeApiReference } from './api-reference.ts';
import { checkApi } from './api-report.ts';
import { installAlone } from './install-alone.ts';
import { packAll, lintTarballs } from './pack.ts';
import { checkPublishedTypes } from './published-types.ts';
import { run } from './run.ts';
import { checkSizes } from './size.ts';
import { checkSnippets } from './snippets.ts';

const stages: Record<string, () => Promise<unknown>> = {
  format: () => run('prettier', ['--check', '--log-level', 'warn', '.']),
  lint: () => run('eslint', ['--max-warnings', '0', '.']),
  types: () => run('tsc', ['--project', '.']),
  'dependency rules': () =>
    run('depcruise', ['--config', 'tooling/dependency-cruiser.cjs', '--output-type', 'err', 'packages', 'examples']),
  'nothing unused': () =>
    run('knip', ['--config', 'tooling/knip.ts', '--treat-config-hints-as-errors', '--no-progress']),
  build: () => run('turbo', ['run', 'build', '--output-logs', 'errors-only', '--filter', './packages/**']),
  'public API': () => checkApi(),
  'API reference': () => makeApiReference({ write: false }),
  'packed packages': async () => lintTarballs(await packAll()),
  'published types': async () => checkPublishedTypes(await packAll()),
  'installed alone': async () => installAlone(await packAll()),
  size: async () => checkSizes(await packAll()),
  snippets: () => checkSnippets(),
  // A small run of each lane, see docs/reliability.md.
  chaos: () => run('pnpm', ['chaos', '--all']),
  examples: () =>
    run('pnpm', ['--recursive', '--workspace-concurrency', '1', '--filter', './examples/*', 'run', 'check']),
};

const started = performance.now();
const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

for (const [stage, act] of Object.entries(stages)) {
  const before = performance.now();
  try {
    await act();
  } catch (error) {
    console.log(`✗ ${stage.padEnd(20)} ${seconds(before)}\n`);
    console.log(error instanceof Error ? error.message : error);
    console.log(`\ncheck: ${stage} failed after ${seconds(started)}`);
    process.exit(1);
  }
  console.log(`✓ ${stage.padEnd(20)} ${seconds(before)}`);
}
console.log(`check: all good in ${seconds(started)}`);
