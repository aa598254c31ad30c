import { relative } from 'node:path';
import { defineConfig } from 'vitest/config';
import { listPackages, root, sourceCondition } from './tooling/workspace.ts';

const conditions = [sourceCondition, 'module', 'node', 'development|production'];
const withSources = `--conditions=${sourceCondition}`;

/** Core answers for every branch, but only when the whole suite runs. */
const wholeRun = process.argv.slice(2).every((argument) => ['run', '--coverage'].includes(argument));

const project = (folder: string, name: string) => ({
  extends: true as const,
  root: folder,
  test: { name, env: { SYMPHONY_COVERAGE: name === '@symphony/core' ? '1' : '' } },
});

export default defineConfig({
  // Tests see the sources of every package; so do the processes and threads that they start.
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    testTimeout: 15_000,
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    execArgv: [withSources],
    env: { NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} ${withSources}`.trim() },
    reporters: ['default', './tooling/vitest/count-reporter.ts'],
    projects: [
      {
        extends: true,
        root: `${root}/tooling`,
        test: { name: 'tooling', include: ['**/*.test.ts'] },
      },
      ...[...listPackages('packages'), ...listPackages('examples')].map(({ folder, manifest }) =>
        project(folder, manifest.name),
      ),
      project('chaos', '@symphony/chaos'),
    ],
    coverage: {
      provider: 'custom',
      customProviderModule: './tooling/vitest/core-coverage.ts',
      include: [`${relative(root, 'packages/core/src')}/**/*.ts`],
      exclude: ['**/*.test.ts', '**/*.test-d.ts'],
      reporter: [['text', { skipFull: true }]],
      ...(wholeRun && { thresholds: { branches: 100, lines: 100, functions: 100, statements: 100 } }),
    },
  },
});
