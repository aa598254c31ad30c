import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Task } from '@symphony/core';
import { ServiceRegistry } from '@symphony/registry';
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest';
import { wait } from './fleet/agents.ts';
import { buildPrograms } from './fleet/programs.ts';
import { scriptLease, scriptSteps, type Script } from './fleet/script.ts';

const folder = mkdtempSync(join(tmpdir(), 'symphony-killed-programs-'));
const programs = join(folder, 'programs');

beforeAll(() => buildPrograms(programs), 30_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.concurrent('a program that is killed and run again', () => {
  test('create, execute, SIGKILL, run the program again: it goes on after the last recorded step', async ({
    onTestFinished,
  }) => {
    const scene = new Scene('execute', onTestFinished);
    const first = scene.play({ part: 'execute', dieAfter: 3 });
    expect(await first.end()).toBe('SIGKILL');
    const second = scene.play({ part: 'execute' });
    expect(await second.message()).toMatchObject({
      status: 'completed',
      attempt: 2,
      output: 2,
      crashes: 0,
      failures: 0,
    });
    expect(await second.end()).toBe(0);
    const attempts = [1, 1, 1, 2, 2];
    expect(scene.ledger()).toEqual(attempts.map((attempt, index) => `report step ${index + 1} attempt ${attempt}`));
  }, 60_000);

  test('the same with retries, killed in the backoff: failures count on, and the delay is kept', async ({
    onTestFinished,
  }) => {
    const scene = new Scene('retry', onTestFinished);
    expect(await scene.play({ part: 'retry', dieAfter: 1 }).end()).toBe('SIGKILL');
    const second = scene.play({ part: 'retry' });
    expect(await second.message()).toMatchObject({
      status: 'completed',
      attempt: 2,
      output: 2,
      failures: 1,
      crashes: 0,
    });
    const [first, step, again, ...rest] = scene.ledger();
    expect([step, rest]).toEqual(['flaky step', []]);
    const times = [first, again].map((line) => Number(line?.split(' at ')[1]));
    expect((times[1] as number) - (times[0] as number)).toBeGreaterThanOrEqual(1_500);
  }, 60_000);

  test('a submitted task is taken over by another worker, which goes on after the last recorded step', async ({
    onTestFinished,
  }) => {
    const scene = new Scene('takeover', onTestFinished);
    const id = await scene.submit({ name: 'shared', agentId: 'steps' });
    expect(await scene.play({ part: 'work', dieAfter: 2 }).end()).toBe('SIGKILL');
    const other = scene.play({ part: 'work' });
    const task = await scene.ended(id);
    expect(task).toMatchObject({ status: 'completed', attempt: 2, crashes: 0 });
    expect(new Set(scene.ledger()).size).toBe(scriptSteps);
    other.terminate();
    expect(await other.end()).toBe(0);
  }, 60_000);

  test('a task that kills its process ends as POISON after three; its neighbours complete', async ({
    onTestFinished,
  }) => {
    const scene = new Scene('poison', onTestFinished);
    const neighbours = await Promise.all(
      Array.from({ length: 12 }, (_, index) => scene.submit({ name: `neighbour ${index}`, agentId: 'deadly' })),
    );
    const deadly = await scene.submit({ name: 'deadly', agentId: 'deadly', priority: 10 });
    const more = await Promise.all(
      Array.from({ length: 4 }, (_, index) => scene.submit({ name: `late ${index}`, agentId: 'deadly' })),
    );
    const killed = scene.keepWorking(2, 'deadly');
    expect(await scene.ended(deadly)).toMatchObject({
      status: 'failed',
      error: { code: 'POISON' },
      crashes: 3,
      attempt: 3,
    });
    for (const id of [...neighbours, ...more]) expect(await scene.ended(id)).toMatchObject({ status: 'completed' });
    expect(killed()).toBe(3);
    expect(scene.ledger().filter((line) => line.startsWith('deadly'))).toHaveLength(3);
  }, 60_000);

  test('an agent that blocks its main thread for three leases keeps its task', async ({ onTestFinished }) => {
    const scene = new Scene('busy', onTestFinished);
    const id = await scene.submit({ name: 'sum', agentId: 'busy' });
    const busy = scene.play({ part: 'work', agent: 'busy' });
    while (scene.ledger().length === 0) await wait(20);
    // Somebody who would take it over if he could.
    const other = scene.play({ part: 'work', agent: 'busy' });
    expect(await scene.ended(id)).toMatchObject({ status: 'completed', attempt: 1, crashes: 0 });
    expect(scene.events('task.crashed')).toBe(0);
    for (const worker of [busy, other]) worker.terminate();
    expect(await busy.end()).toBe(0);
  }, 60_000);

  test('drain on SIGTERM leaves no worker row and costs no attempt its budget', async ({ onTestFinished }) => {
    const scene = new Scene('drain', onTestFinished);
    const id = await scene.submit({ name: 'long', agentId: 'patient' });
    const worker = scene.play({ part: 'work', agent: 'patient' });
    await worker.message(); // from here on it listens to signals
    while (scene.ledger().length === 0) await wait(20);
    worker.terminate();
    await wait(100);
    // The first asks it to end in its own time, the second at once.
    worker.terminate();
    expect(await worker.end()).toBe(0);
    expect(await scene.task(id)).toMatchObject({ status: 'pending', attempt: 1, failures: 0, crashes: 0 });
    expect(scene.count('workers')).toBe(0);
    expect([scene.events('task.released'), scene.events('task.crashed')]).toEqual([1, 0]);
  }, 60_000);

  test('a process that is stopped inside a transaction costs nobody a crash', async ({ onTestFinished }) => {
    const scene = new Scene('held', onTestFinished);
    const ids = await Promise.all(
      ['first', 'second', 'third'].map((name) => scene.submit({ name, agentId: 'patient' })),
    );
    const workers = [1, 2, 3].map(() => scene.play({ part: 'work', agent: 'patient' }));
    await Promise.all(workers.map((worker) => worker.message()));
    while (scene.ledger().length < ids.length) await wait(20);
    const holder = new DatabaseSync(scene.database);
    holder.exec('PRAGMA busy_timeout = 5000');
    holder.exec('BEGIN IMMEDIATE');
    await wait(3 * scriptLease.leaseMs);
    holder.exec('COMMIT');
    holder.close();
    for (const id of ids) expect(await scene.ended(id)).toMatchObject({ status: 'completed', crashes: 0 });
    expect(scene.events('task.crashed')).toBe(0);
  }, 60_000);

  test('a machine that stands still for three leases costs nobody a crash', async ({ onTestFinished }) => {
    const scene = new Scene('still', onTestFinished);
    const ids = await Promise.all(
      ['first', 'second', 'third'].map((name) => scene.submit({ name, agentId: 'patient' })),
    );
    const workers = [1, 2, 3].map(() => scene.play({ part: 'work', agent: 'patient' }));
    await Promise.all(workers.map((worker) => worker.message()));
    while (scene.ledger().length < ids.length) await wait(20);
    for (const { child } of workers) child.kill('SIGSTOP');
    await wait(3 * scriptLease.leaseMs);
    for (const { child } of workers) child.kill('SIGCONT');
    for (const id of ids) expect(await scene.ended(id)).toMatchObject({ status: 'completed', crashes: 0 });
    expect(scene.events('task.crashed')).toBe(0);
  }, 60_000);
});

/** One store file and one ledger, and the processes that a test starts on them. */
class Scene {
  readonly database: string;
  readonly #ledger: string;
  readonly #registry: Promise<ServiceRegistry>;
  readonly #playing = new Set<Played>();
  #over = false;

  constructor(name: string, onTestFinished: TestContext['onTestFinished']) {
    this.database = join(folder, `${name}.db`);
    this.#ledger = join(folder, `${name}.ledger`);
    this.#registry = ServiceRegistry.open({ persistence: `sqlite:${this.database}` });
    onTestFinished(async () => {
      this.#over = true;
      for (const { child } of this.#playing) child.kill('SIGKILL');
      await (await this.#registry).close();
    });
  }

  play(script: Omit<Script, 'database' | 'ledger'>): Played {
    const played = new Played({ ...script, database: this.database, ledger: this.#ledger });
    this.#playing.add(played);
    return played;
  }

  /** Keeps so many workers going; answers how many have been killed so far. */
  keepWorking(count: number, agent: NonNullable<Script['agent']>): () => number {
    let killed = 0;
    const start = async (): Promise<void> => {
      while (!this.#over) if ((await this.play({ part: 'work', agent }).end()) === 'SIGKILL' && !this.#over) killed++;
    };
    for (let worker = 0; worker < count; worker++) void start();
    return () => killed;
  }

  ledger(): readonly string[] {
    return existsSync(this.#ledger) ? readFileSync(this.#ledger, 'utf8').split('\n').slice(0, -1) : [];
  }

  async submit(task: { readonly name: string; readonly agentId: string; readonly priority?: number }): Promise<string> {
    return (await (await this.#registry).submit(task)).id;
  }

  async task(id: string): Promise<Task | undefined> {
    return (await this.#registry).getTaskManager().getTask(id);
  }

  async ended(id: string): Promise<Task> {
    return (await this.#registry).getTaskManager().waitForTask(id, { timeoutMs: 40_000 });
  }

  events(type: string): number {
    const database = new DatabaseSync(this.database, { readOnly: true });
    const row = database.prepare('SELECT count(*) AS count FROM events WHERE type = ?').get(type);
    database.close();
    return row?.['count'] as number;
  }

  count(table: 'workers'): number {
    const database = new DatabaseSync(this.database, { readOnly: true });
    const row = database.prepare(`SELECT count(*) AS count FROM ${table}`).get();
    database.close();
    return row?.['count'] as number;
  }
}

/** A process that plays a script. */
class Played {
  readonly child: ChildProcess;
  readonly #end: Promise<number | NodeJS.Signals>;
  readonly #message: Promise<unknown>;

  constructor(script: Script) {
    this.child = spawn(process.execPath, [join(programs, 'script.js'), JSON.stringify(script)], {
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#message = once(this.child, 'message').then(([message]) => message as unknown);
    this.#end = once(this.child, 'exit').then(([code, signal]) => (signal ?? code) as number | NodeJS.Signals);
  }

  /** The first thing it says. */
  message(): Promise<unknown> {
    return this.#message;
  }

  /** Its exit code, or the signal that ended it. */
  end(): Promise<number | NodeJS.Signals> {
    return this.#end;
  }

  terminate(): void {
    this.child.kill('SIGTERM');
  }
}
