// The tool as its users run it: a process, on a project of their own.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Compiler } from './desk/compiler.ts';
import { fixture, writeFixture } from './project/fixture.ts';
import { openProject } from './project/open-project.ts';

const main = join(import.meta.dirname, 'main.ts');
const limit = 120_000;

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
const shop = (...names: string[]): string => at('shop', ...names);
const read = (file: string): string => readFileSync(file, 'utf8');

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'repair-tool-')));
  writeFixture(shop());
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const settings = () => ({ cwd: folder, encoding: 'utf8', env: { ...process.env, INIT_CWD: folder } }) as const;

function tool(...words: string[]): Ended {
  return spawnSync(process.execPath, [main, ...words], settings());
}

function git(...words: string[]): string {
  const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.org'];
  const { status, stdout, stderr } = spawnSync('git', [...who, ...words], { cwd: shop(), encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

function commit(): void {
  git('init', '-q');
  git('add', '.');
  git('commit', '-q', '-m', 'as it was');
}

/** Everything below a folder: names, modes, times of change and contents. */
function treeHash(of: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(of, { recursive: true, encoding: 'utf8' }).sort()) {
    const { mode, mtimeMs } = statSync(join(of, name));
    hash.update(`${name} ${mode} ${mtimeMs}\n`);
    if (statSync(join(of, name)).isFile()) hash.update(readFileSync(join(of, name)));
  }
  return hash.digest('hex');
}

const errorsIn = (path: string): number =>
  openProject(path).units.reduce((sum, unit) => sum + new Compiler(unit).check().length, 0);

describe('the tool', { timeout: limit }, () => {
  test('touches nothing without --write, and its patch is one that git takes', () => {
    commit();
    const before = treeHash(shop());
    const errors = errorsIn(shop());
    const { status, stdout, stderr } = tool(
      '--project',
      'shop',
      '--report',
      'report.html',
      '--crash',
      '--concurrency',
      '1',
    );
    expect([status, stderr]).toEqual([0, '']);
    expect(treeHash(shop())).toBe(before);
    expect(readdirSync(folder).sort()).toEqual(['repair-desk.patch', 'report.html', 'shop']);
    expect(stdout).toContain(`Repair desk: ${errors} type errors in shop 1.2.3`);
    expect(stdout).toContain('killed with SIGKILL');
    expect(stdout).toContain('Needs a human');

    git('apply', '../repair-desk.patch');
    const left = errorsIn(shop());
    expect(left).toBeLessThan(errors / 2);
    expect(stdout).toContain(`${errors} → ${left}`);
    expect(read(at('report.html'))).toContain(`${errors} → ${left}`);
    expect(read(shop('src', 'basket.ts'))).toContain('override label()');
  });

  test('writes with --write, but not over what git could not bring back', () => {
    commit();
    writeFileSync(shop('src', 'basket.ts'), `${fixture['src/basket.ts']}// mine\n`);
    const before = treeHash(shop());
    const refused = tool('--project', 'shop', '--write');
    expect([refused.status, refused.stdout]).toEqual([2, '']);
    expect(refused.stderr).toBe(
      'repair desk: shop/src/basket.ts has uncommitted changes. Commit them, leave out --write, or add --force.\n',
    );
    expect(treeHash(shop())).toBe(before);

    const { status, stdout } = tool('--project', 'shop', '--write', '--force');
    expect(status).toBe(0);
    expect(stdout).toContain('written  shop/src/basket.ts');
    expect(existsSync(at('repair-desk.patch'))).toBe(false);
    expect(read(shop('src', 'basket.ts'))).toMatch(/override label[^]*\/\/ mine\n$/);
    expect(git('status', '--porcelain').split('\n')).toEqual(
      expect.arrayContaining([' M src/basket.ts', ' M src/load.ts']),
    );
    expect(git('status', '--porcelain')).not.toContain('??');
  });

  test('takes over what the owner edits meanwhile, and goes on after it was killed', async () => {
    const words = [main, '--project', 'shop', '--database', 'desk.db', '--concurrency', '1'];
    const first = spawn(process.execPath, words, { ...settings(), stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    first.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    while (!/ [1-9]\d*\/\d+ ·/.test(said) && first.exitCode === null) await sleep(20);
    expect(first.exitCode).toBeNull();
    first.kill('SIGKILL');
    await once(first, 'close');
    writeFileSync(shop('src', 'load.ts'), `${fixture['src/load.ts']}\n\n// mine\n`);

    const { status, stdout } = tool(...words.slice(1));
    expect(stdout).toContain('edited meanwhile  shop/src/load.ts: your edit was taken over');
    expect(stdout).toMatch(/✓ no task was completed twice[^]*✓ no finished step ran again/);
    expect(status).toBe(0);
    // A patch is for the files as they are now.
    expect(read(at('repair-desk.patch'))).not.toContain('+// mine');
    git('init', '-q');
    git('apply', '../repair-desk.patch');
    expect(read(shop('src', 'load.ts'))).toMatch(/async function load[^]*\/\/ mine\n$/);

    const other = tool('--project', 'shop/src', '--database', 'desk.db');
    expect([other.status, other.stderr]).toEqual([
      2,
      `repair desk: ${at('desk.db')} belongs to another project: ${shop()}. Give this one a file of its own.\n`,
    ]);
  });

  test('compares with agents chosen in turn and by lot', () => {
    const { status, stdout } = tool('--project', 'shop', '--compare', '--seed', '7', '--report', 'report.html');
    expect(status).toBe(0);
    for (const row of ['content-match', 'round-robin', 'random (seed 7)']) {
      expect(stdout).toMatch(new RegExp(`^${row.replace(/[()]/g, '\\$&')} +\\d+ %`, 'm'));
      expect(read(at('report.html'))).toContain(`<th scope="row">${row}</th>`);
    }
  });

  test('says that there is nothing to do where there are no errors', () => {
    writeFixture(at('clean'), { 'a.ts': 'export const a = 1;\n' });
    const { status, stdout } = tool('--project', 'clean');
    expect(status).toBe(0);
    expect(stdout).toContain('no type errors in clean (1 files), nothing to do');
    expect(existsSync(at('repair-desk.patch'))).toBe(false);
  });

  test('says in a sentence what it cannot work with', () => {
    const complaint = (...words: string[]): readonly [number | null, string] => {
      const { status, stderr } = tool(...words);
      return [status, stderr];
    };
    expect(complaint('--project', 'nowhere')).toEqual([
      2,
      `repair desk: There is no file or folder ${at('nowhere')}.\n`,
    ]);
    expect(complaint('--projects', 'shop')).toEqual([2, "repair desk: Unknown option '--projects'. See --help.\n"]);
    writeFileSync(at('notes.db'), 'notes');
    expect(complaint('--project', 'shop', '--database', 'notes.db')).toEqual([
      2,
      `repair desk: ${at('notes.db')} is not a database of the repair desk: its folder ${at('notes.db.desk')} is missing.\n`,
    ]);
    expect(tool('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('--project PATH') });
  });
});
