import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IsolatedAgent, Isolation, JsonValue } from '@symphony/core';
import { expect, vi } from 'vitest';
import type { Lab } from './lab.ts';

// Threads and processes of tests load sources; what Node makes of these is kept, or they would be slow to start.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../node_modules/.cache/isolated');

export const isolations: readonly Isolation[] = ['thread', 'process'];

/** An agent that does what its task is called: see `isolated/acts.ts`. */
export function isolated(isolation: Isolation, more: Partial<IsolatedAgent> = {}): IsolatedAgent {
  return { id: 'ada', module: new URL('./isolated/acts.ts', import.meta.url), isolation, ...more };
}

/** The module of an isolated agent, from `test/isolated`. */
export function moduleOf(file: string): URL {
  return new URL(`./isolated/${file}`, import.meta.url);
}

/** Waits in real time, as threads and processes do, until something holds. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 12_000, interval: 10 });
}

/** The recorded result of a step, as soon as it is there: how an agent tells a test of itself while it runs. */
export async function stepOf(lab: Lab, taskId: string, identity = 'here#1'): Promise<JsonValue> {
  const output = await eventually(async () => {
    const steps = await lab.inner.steps(taskId, 'ada');
    const step = steps.find((each) => each.identity === identity);
    expect(step, `step ${identity} of task ${taskId}`).toBeDefined();
    return step?.output;
  });
  return JSON.parse(output as string) as JsonValue;
}

/** Whether a process runs: one that has ended and waits for somebody to take note of it does not. */
export function isRunning(pid: number): boolean {
  try {
    const [, state] = /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}

/** A folder by which a test and an agent that is apart tell each other how far they are. */
export class Scratch implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'symphony-isolated-'));

  file(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text = ''): void {
    writeFileSync(this.file(name), text);
  }

  has(name: string): boolean {
    return existsSync(this.file(name));
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}
