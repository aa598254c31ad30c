// Everything that must hold before a change lands, except the tests: one line per stage, one verdict, first failure ends it.
import { packTest } from './pack-test/pack-test.ts';
import { packAll, lintTarballs } from './pack.ts';
import { run } from './run.ts';
import { checkSnippets } from './snippets.ts';

const stages: Record<string, () => Promise<unknown>> = {
  format: () => run('prettier', ['--check', '--log-level', 'warn', '.']),
  lint: () => run('eslint', ['--max-warnings', '0', '.']),
  types: () => run('tsc', ['--project', '.']),
  'dependency rules': () =>
    run('depcruise', ['--config', 'tooling/dependency-cruiser.cjs', '--output-type', 'err', 'packages', 'examples']),
  build: () => run('turbo', ['run', 'build', '--output-logs', 'errors-only', '--filter', './packages/**']),
  'packed packages': async () => lintTarballs(await packAll()),
  'packed and installed': async () => packTest(await packAll()),
  snippets: () => checkSnippets(),
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
