import { spawnSync } from 'node:child_process';
import {
  chmodSync,
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
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { atRisk, writeBack } from './write-back.ts';

let folder: string;
const at = (name: string): string => join(folder, name);
const git = (...args: string[]): void => {
  const { status, stderr } = spawnSync('git', args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
};

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'write-back-')));
  writeFileSync(at('a.ts'), 'old\n');
  chmodSync(at('a.ts'), 0o755);
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('writing back', () => {
  test('replaces a file, keeps its mode and leaves nothing beside it', () => {
    expect(writeBack([{ file: at('a.ts'), before: 'old\n', after: 'new\n' }], { force: false })).toEqual({
      written: [at('a.ts')],
      left: [],
    });
    expect(readFileSync(at('a.ts'), 'utf8')).toBe('new\n');
    expect(statSync(at('a.ts')).mode & 0o777).toBe(0o755);
    expect(readdirSync(folder)).toEqual(['a.ts']);
  });

  test('leaves a file alone that has changed in the meantime, also by force', () => {
    const { left } = writeBack([{ file: at('a.ts'), before: 'older\n', after: 'new\n' }], { force: true });
    expect(left).toEqual([{ file: at('a.ts'), why: 'it has changed in the meantime' }]);
    expect(readFileSync(at('a.ts'), 'utf8')).toBe('old\n');
    expect(readdirSync(folder)).toEqual(['a.ts']);
  });

  test('does not bring back a file that is gone', () => {
    const { left } = writeBack([{ file: at('b.ts'), before: '', after: 'new\n' }], { force: true });
    expect(left[0]?.why).toBe('it is no longer there');
    expect(readdirSync(folder)).toEqual(['a.ts']);
  });

  test('leaves a file alone that git could not bring back, unless forced', () => {
    git('init', '-q');
    git('add', '.');
    git('-c', 'user.name=t', '-c', 'user.email=t@example.org', 'commit', '-q', '-m', 'x');
    expect(atRisk([at('a.ts')])).toEqual([]);
    writeFileSync(at('a.ts'), 'mine\n');
    writeFileSync(at('b c ü.ts'), 'never added\n');
    expect(atRisk([at('a.ts'), at('b c ü.ts')])).toEqual([at('a.ts'), at('b c ü.ts')]);
    const replacement = { file: at('a.ts'), before: 'mine\n', after: 'new\n' };
    expect(writeBack([replacement], { force: false }).left).toEqual([
      { file: at('a.ts'), why: 'it has uncommitted changes' },
    ]);
    expect(readFileSync(at('a.ts'), 'utf8')).toBe('mine\n');
    expect(writeBack([replacement], { force: true }).written).toEqual([at('a.ts')]);
  });
});
