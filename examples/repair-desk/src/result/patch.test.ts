import { applyPatch } from 'diff';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { countLines, makePatch } from './patch.ts';

const before = Array.from({ length: 30 }, (_, line) => `line ${line}`).join('\n');
const after = before.replace('line 2\n', '/** new */\nline 2\n').replace('line 20', 'line twenty');

describe('patches', () => {
  test('git takes a patch, also of a file without an end of line', () => {
    const folder = mkdtempSync(join(tmpdir(), 'patch-'));
    try {
      writeFileSync(join(folder, 'a.js'), before);
      writeFileSync(join(folder, 'p.patch'), makePatch([{ file: 'a.js', before, after }]));
      const { status, stderr } = spawnSync('git', ['apply', 'p.patch'], { cwd: folder, encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, '']);
      expect(readFileSync(join(folder, 'a.js'), 'utf8')).toBe(after);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a file that did not change is left out', () => {
    expect(makePatch([{ file: 'a.js', before, after: before }])).toBe('');
  });

  test('lines are counted without the headings', () => {
    const patch = makePatch([{ file: 'a.js', before, after }]);
    expect(countLines(patch)).toEqual({ added: 2, removed: 1 });
    expect(applyPatch(before, patch)).toBe(after);
  });
});
