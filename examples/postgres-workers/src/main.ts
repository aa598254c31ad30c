// Several worker processes on one PostgreSQL, and what may happen to them: the server is pulled from under all of them, one
// is killed, two are added, an agent is stopped from another process, and a worker is sent away.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Logbook } from './logbook.ts';
import { orders } from './orders.ts';
import { Processes } from './processes.ts';
import { openSteps, prove, seconds, type Incidents } from './proof.ts';
import { startServer, useServer } from './server.ts';
import { openSymphony } from './symphony.ts';

const folder = mkdtempSync(join(tmpdir(), 'postgres-workers-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());

const startedAt = performance.now();
const logbook = new Logbook(join(folder, 'logbook'));
const processes = new Processes(logbook.path);
const given = process.env['SYMPHONY_POSTGRES_URL'];
const server = given === undefined || given === '' ? await startServer(folder) : useServer(given);
try {
  process.env['SYMPHONY_POSTGRES_URL'] = server.url; // for the processes that are started from here
  say(server.restart === undefined ? 'your PostgreSQL; it is not restarted' : 'PostgreSQL started');
  await run();
} catch (error) {
  if (!interruption.signal.aborted) throw error;
  process.exitCode = 130;
} finally {
  await processes.close();
  await server.close();
}

async function run(): Promise<void> {
  await using symphony = await openSymphony();
  const workers: ChildProcess[] = [];
  const addWorkers = (count: number): void => {
    for (let added = 0; added < count; added++) workers.push(processes.start('worker'));
    say(`+ workers ${workers.slice(-count).map(nameOf).join(', ')}`);
  };
  let incidents: Incidents = { killedAt: 0, interrupted: [], cancelledAt: 0 };

  const kill = async (): Promise<void> => {
    const worker = await until(() => {
      const lines = logbook.read();
      const inHand = (each: ChildProcess) => openSteps(lines, each.pid).length;
      const busiest = workers.reduce((most, other) => (inHand(other) > inHand(most) ? other : most));
      return inHand(busiest) > 1 ? busiest : undefined;
    });
    const killedAt = Date.now();
    await processes.end(worker, 'SIGKILL');
    workers.splice(workers.indexOf(worker), 1);
    incidents = { ...incidents, killedAt, interrupted: openSteps(logbook.read(), worker.pid) };
    say(`✗ worker ${nameOf(worker)} killed with SIGKILL in the middle of ${incidents.interrupted.length} tasks`);
  };
  const restart = async (): Promise<void> => {
    if (server.restart === undefined) return say('  no restart: the server is yours');
    const restartedAt = performance.now();
    say('✗ PostgreSQL killed with SIGQUIT under all of them');
    await server.restart();
    say(`✓ PostgreSQL is back after ${seconds(performance.now() - restartedAt)}; the processes are the same`);
  };
  const cancel = async (): Promise<void> => {
    // The worker that was killed may have been the one to watch, and then it takes a moment until another does.
    const { task } = await until(() => {
      const lines = logbook.read();
      return workers.flatMap(({ pid }) => openSteps(lines, pid)).find((step) => step.of === 'watch');
    });
    incidents = { ...incidents, cancelledAt: Date.now() };
    await symphony.getTaskManager().cancelTask(task, { reason: 'we have seen enough' });
    say('✗ the endless task is cancelled from here; its agent runs in another process');
  };
  const drain = async (): Promise<void> => {
    const worker = workers.shift()!;
    const drainedAt = performance.now();
    const code = await processes.end(worker, 'SIGTERM');
    say(
      `✓ worker ${nameOf(worker)} drained in ${seconds(performance.now() - drainedAt)} after SIGTERM, exit code ${code}`,
    );
  };

  addWorkers(3);
  processes.start('submitter');
  /** What happens, and after which part of the orders is done. */
  const plan = [
    { after: 0.2, happen: restart },
    { after: 0.5, happen: kill },
    { after: 0.6, happen: async () => addWorkers(2) },
    { after: 0.7, happen: cancel },
    { after: 0.8, happen: drain },
  ];
  let shown = { at: 0, text: '' };
  for (let done = 0; done < orders.length;) {
    await wait(50, undefined, { signal: interruption.signal });
    processes.check();
    const { tasks } = await symphony.stats();
    done = tasks.completed + tasks.failed + tasks.cancelled;
    const text = `  ${done} of ${orders.length} done, ${tasks.running} running, ${tasks.pending} waiting`;
    if (text !== shown.text && (performance.now() - shown.at > 1_000 || done === orders.length)) {
      shown = { at: performance.now(), text };
      say(text);
    }
    if (done >= (plan[0]?.after ?? Infinity) * orders.length) await plan.shift()?.happen();
    if (performance.now() - startedAt > 120_000) throw new Error('Not everything is done after two minutes.');
  }

  const findings = await prove(symphony, logbook.read(), incidents);
  console.log();
  for (const { what, found, holds } of findings) console.log(`${holds ? '✓' : '✗'} ${what.padEnd(46)} ${found}`);
  if (!findings.every(({ holds }) => holds)) process.exitCode = 1;
}

/** Waits until there is something. */
async function until<T>(find: () => T | undefined): Promise<T> {
  for (;;) {
    const found = find();
    if (found !== undefined) return found;
    await wait(20, undefined, { signal: interruption.signal });
    processes.check();
  }
}

function say(text: string): void {
  console.log(`${seconds(performance.now() - startedAt).padStart(7)}  ${text}`);
}

function nameOf({ pid }: ChildProcess): string {
  return String(pid);
}
