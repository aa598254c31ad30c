import { spawn } from 'node:child_process';
import { root } from './workspace.ts';

/** Runs a command from the root folder and answers with its output; a failing command rejects with that output. */
export function run(command: string, parameters: readonly string[], folder = root): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, {
      cwd: folder,
      env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
      shell: process.platform === 'win32',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk: Buffer) => void (output += chunk.toString());
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${[command, ...parameters].join(' ')} ended with ${signal ?? code}\n${output}`));
    });
  });
}
