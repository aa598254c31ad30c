import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';

/** The top folder of the git work tree that a folder is in; undefined if it is in none, or there is no git. */
export function workTreeOf(folder: string): string | undefined {
  const top = git(folder, ['rev-parse', '--show-toplevel'])?.trimEnd();
  return top === undefined || top === '' ? undefined : realpathSync(top);
}

/** Which of these files git could not bring back as they are: changed and not committed, or never added. */
export function uncommitted(workTree: string, files: readonly string[]): string[] {
  const status = git(workTree, ['status', '--porcelain=v1', '-z', '--untracked-files=all', '--no-renames']) ?? '';
  const changed = new Set(status.split('\0').map((entry) => join(workTree, entry.slice(3))));
  return files.filter((file) => changed.has(file));
}

function git(folder: string, args: readonly string[]): string | undefined {
  // Not even the index is to be refreshed.
  const env = { ...process.env, GIT_OPTIONAL_LOCKS: '0' };
  const { status, stdout } = spawnSync('git', args, { cwd: folder, encoding: 'utf8', env, maxBuffer: 2 ** 28 });
  return status === 0 ? stdout : undefined;
}
