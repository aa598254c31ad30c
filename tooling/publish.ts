// `pnpm release:publish`, which only the release workflow runs: builds, and publishes what npm does not have yet.
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from './run.ts';
import { listPublicPackages, root } from './workspace.ts';

const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env;
if (server === undefined || repository === undefined) {
  throw new Error('Packages are published by the release workflow, whose provenance names the repository and the run.');
}

// npm takes provenance only for a package that names the repository it is built in. A fork names itself.
for (const { folder, manifest } of listPublicPackages()) {
  const directory = relative(root, folder);
  const stamped = { ...manifest, repository: { type: 'git', url: `git+${server}/${repository}.git`, directory } };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(stamped, null, 2)}\n`);
}

console.log(await run('turbo', ['run', 'build', '--output-logs', 'errors-only', '--filter', './packages/**']));
console.log(await run('changeset', ['publish']));
