// `pnpm example NAME [arguments]` runs one example; without a name it lists them.
import { spawnSync } from 'node:child_process';
import { basename } from 'node:path';
import { listPackages } from './workspace.ts';

const [name, ...rest] = process.argv.slice(2);
const examples = listPackages('examples');
const example = examples.find(({ folder }) => basename(folder) === name);

if (example === undefined) {
  console.log(`pnpm example NAME, one of: ${examples.map(({ folder }) => basename(folder)).join(', ')}`);
  process.exitCode = name === undefined ? 0 : 1;
} else {
  const { status } = spawnSync('pnpm', ['--silent', 'run', 'start', ...rest], {
    cwd: example.folder,
    shell: process.platform === 'win32',
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
}
