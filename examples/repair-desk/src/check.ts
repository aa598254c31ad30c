// Runs the whole demonstration with the crash, and asserts that it says what it should and ends with exit code 0.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const out = mkdtempSync(join(tmpdir(), 'repair-desk-out-'));
const main = join(import.meta.dirname, 'main.ts');
const { status, stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, main, '--out', out], {
  encoding: 'utf8',
});

assert.equal(status, 0, `${stdout}\n${stderr}`);
assert.match(stdout, /killed with SIGKILL/);
assert.match(stdout, /✓ no finished step ran again/);
assert.doesNotMatch(stdout, /✗ not so/);
const [, before, after] = /together .* (\d+) → (\d+)$/m.exec(stdout)!.map(Number) as [number, number, number];
assert.ok(after <= before / 2, `the error count is at least halved: ${before} → ${after}`);
const report = readFileSync(join(out, 'report.html'), 'utf8');
assert.match(report, new RegExp(`${before} → ${after}`));
assert.match(report, /✗ worker \d dies with \d+ tasks? in hand/);
for (const name of ['commander', 'minimatch'])
  assert.match(readFileSync(join(out, `${name}.patch`), 'utf8'), /^diff --git/);
rmSync(out, { recursive: true });
console.log(`repair-desk: as expected, ${before} → ${after} errors`);
