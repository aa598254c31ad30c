import { existsSync, globSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { KnipConfig } from 'knip';
import { listPackages, root, type Package } from './workspace.ts';

/** Programs and threads that tests and stores start by their path, which no import leads to. */
const startedByPath = ['test/**/*.ts', 'src/thread.ts', 'src/isolation/{thread,process,watchdog}.ts'];

const packages = Object.fromEntries(
  listPackages('packages').flatMap((pkg) => workspace(pkg, startedByPath, '{src,test}/**/*.ts')),
);
const examples = Object.fromEntries(listPackages('examples').flatMap((pkg) => workspace(pkg, ['src/*.ts'], '**/*.ts')));

/** What knip needs to be told; the rest it reads from `exports`, scripts and the configurations of the tools. */
const config: KnipConfig = {
  workspaces: {
    '.': {
      entry: ['tooling/**/*.{ts,cjs}'],
      project: ['*.ts', 'tooling/**/*.{ts,js,cjs}'],
      ignoreDependencies: ['@changesets/cli'], // run by name, by people and by the release
    },
    bench: { entry: ['src/*.ts'], project: ['src/**/*.ts'] },
    chaos: {
      // Programs that are bundled, or started by their paths.
      entry: [
        'src/fleet/{worker,submitter,script}.ts',
        'src/{changed-code,disk-full,poison}/worker.ts',
        'src/clocks/{process,skew}.ts',
        'src/power-loss/recorder.ts',
        'src/**/*.test.ts',
      ],
      project: ['src/**/*.ts'],
      ignoreBinaries: ['mount', 'umount', 'strace'], // of the machine; without them a lane is skipped
    },
    ...packages,
    ...examples,
    // Holds a package that is no part of the workspace: it is loaded by name, and uses what stands here.
    'examples/custom-strategy': {
      ...examples['examples/custom-strategy'],
      ignoreDependencies: ['symphony-strategy-cheapest', '@symphony/core', '@symphony/testing'],
    },
    // Its store is named by a URL, and loaded by that.
    'examples/postgres-workers': {
      ...examples['examples/postgres-workers'],
      ignoreDependencies: ['@symphony/persistence-postgres'],
    },
    // Takes the code of these, and repairs it; what the code does is tried in a process of its own.
    'examples/repair-desk': {
      entry: ['src/*.ts', 'src/demo/behaviour.ts'],
      project: ['**/*.ts'],
      ignoreDependencies: ['commander', 'minimatch'],
    },
  },
  // A strategy is exported by its name and, for those who load it, as the default.
  exclude: ['duplicates'],
};

export default config;

function workspace(
  { folder }: Package,
  entries: readonly string[],
  project: string,
): [string, { entry: string[]; project: string[] }][] {
  const entry = entries.filter((pattern) => globSync(pattern, { cwd: folder }).length > 0);
  return existsSync(join(folder, 'src')) ? [[relative(root, folder), { entry, project: [project] }]] : [];
}
