// Runs the program twice, as the README says, and compares what it does with what it should.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'crash-and-resume-'));
const run = () =>
  spawnSync(process.execPath, ['--conditions=@symphony/source', join(import.meta.dirname, 'main.ts'), folder], {
    encoding: 'utf8',
  });
try {
  const first = run();
  assert.equal(first.signal, 'SIGKILL', first.stderr);
  assert.equal(readFileSync(join(folder, 'paid.log'), 'utf8'), 'question\nsources\nmethod\nfindings\nfigures\n');
  const second = run();
  assert.equal(second.status, 0, second.stderr);
  assert.equal(second.stdout.trimEnd().split('\n').at(-1), '5 replayed, 0 paid twice, 3 executed');
  console.log('crash-and-resume: 5 replayed, 0 paid twice, 3 executed');
} finally {
  rmSync(folder, { recursive: true });
}
