// Runs the example, and once more until Ctrl-C, and compares what it prints and leaves behind with what it should.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const scratch = mkdtempSync(join(tmpdir(), 'postgres-workers-check-'));
chmodSync(scratch, 0o755); // the server may run as another user
let output = '';

function start(): ChildProcess {
  output = '';
  const child = spawn(process.execPath, ['--conditions=@symphony/source', join(import.meta.dirname, 'main.ts')], {
    env: { ...process.env, SYMPHONY_POSTGRES_URL: '', TMPDIR: scratch },
  });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)));
  return child;
}

/** Nothing of a run is left: no folder, no worker. */
async function assertNothingIsLeft(): Promise<void> {
  assert.deepEqual(readdirSync(scratch), [], output);
  const pids = [...output.matchAll(/\+ workers (.*)/g)].flatMap(([, list = '']) => list.split(', ').map(Number));
  assert.notEqual(pids.length, 0, output);
  for (let tries = 0; pids.some(isAlive); tries++) {
    assert.ok(tries < 100, `processes are left:\n${output}`);
    await wait(50);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

try {
  const whole = start();
  const [code] = (await once(whole, 'close')) as [number | null];
  assert.equal(code, 0, output);
  const summary = [
    /killed with SIGQUIT[^]*is back after/,
    /killed with SIGKILL in the middle of [1-9]/,
    /drained in .* after SIGTERM, exit code 0/,
    /✓ tasks acknowledged by the store +101\n/,
    /✓ {3}lost, or invented +0\n/,
    /✓ {3}completed +100\n/,
    /✓ {3}completed twice +0\n/,
    /✓ recorded steps that ran again +0\n/,
    /✓ tasks taken over from the killed worker +[1-9]/,
    /✓ from the cancel to the end of the agent +\d/,
  ];
  for (const line of summary) assert.match(output, line);
  await assertNothingIsLeft();

  const interrupted = start();
  while (!output.includes('+ workers')) await wait(50);
  interrupted.kill('SIGINT');
  assert.deepEqual(await once(interrupted, 'close'), [130, null], output);
  await assertNothingIsLeft();
  console.log(
    'postgres-workers: 0 of 101 tasks lost, 0 completed twice, 0 recorded steps run again; nothing left behind',
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
