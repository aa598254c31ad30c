import assert from 'node:assert/strict';
import { isTerminal, type Agent, type Store } from '@symphony/core';
import { checkInvariants, faultPoints, type Fault, type FaultPoint, type VirtualClock } from '@symphony/testing';
import type { Program } from './programs.ts';
import { Ledger, SimulatedProcess } from './simulated-process.ts';

/** Points that come again and again by the clock, so that the first few stand for all. */
const periodic: ReadonlySet<FaultPoint> = new Set(['renew', 'sweep', 'commit:claim']);

/** Longest that a run may take, in virtual time: leases, backoffs and everything. */
const limitMs = 600_000;

/** What one run of a program came by, and what it shows. */
export interface Run {
  readonly calls: ReadonlyMap<FaultPoint, number>;
  /** Whether the crash happened. */
  readonly crashed: boolean;
}

/** What may come after a crash: the same program once more, or only another worker for the same agents. */
export const sequels = ['the program again', 'another worker'] as const;

/** What comes after a crash. */
export type Sequel = (typeof sequels)[number];

/** A crash of the first process, and what comes after it. */
export interface Crash {
  readonly fault: Fault;
  readonly sequel: Sequel;
}

/**
 * Runs a program on an empty store; if its process crashes, another goes on over the same store. In the end everything must
 * be right. The store is closed.
 *
 * @throws Error what is not right
 */
export async function play(program: Program, kept: Store, clock: VirtualClock, crash?: Crash): Promise<Run> {
  const ledger = new Ledger();
  const faults = [...(program.faults ?? []), ...(crash === undefined ? [] : [crash.fault])];
  const first = new SimulatedProcess(kept, clock, ledger, faults);
  let isDone = false;
  const run = program.run(first, program.agents(first)).then(() => (isDone = true));
  run.catch(() => undefined); // told below, where it is waited for
  await Promise.race([clock.advanceUntil(() => isDone || first.crashed, { limitMs }), run]);
  if (first.crashed) {
    const second = new SimulatedProcess(kept, clock, ledger);
    const agents = program.agents(second);
    const end = crash?.sequel === 'another worker' ? work(second, agents) : program.run(second, agents);
    await clock.advanceUntil(end, { limitMs });
  }
  await checkStore(kept, clock);
  checkEffects(program, ledger);
  if (!first.crashed || crash?.sequel !== 'another worker') await checkTasks(program, kept);
  await kept.close();
  return { calls: first.store.calls, crashed: first.crashed };
}

/** All crashes that a program can suffer: at each of its writes, before and after, with either sequel. */
export function crashesOf({ calls }: Run): Crash[] {
  return faultPoints.writes.flatMap((at) => {
    const count = Math.min(calls.get(at) ?? 0, periodic.has(at) ? 2 : 4);
    return Array.from({ length: count }, (_, index) => index + 1).flatMap((nth) =>
      (['before', 'after'] as const).flatMap((when) =>
        sequels.map((sequel): Crash => ({ fault: { at, nth, when, fault: 'crash' }, sequel })),
      ),
    );
  });
}

/** A crash in words. */
export function describeCrash({ fault, sequel }: Crash): string {
  return `crash ${fault.when} ${fault.at}, number ${fault.nth ?? 1}, then ${sequel}`;
}

/** Works off what is due, for longer than any lease, backoff and timeout of the programs. */
async function work(process: SimulatedProcess, agents: readonly Agent[]): Promise<void> {
  const symphony = await process.open(agents, { routing: { strategy: 'round-robin' } });
  await symphony.startWorker();
  await process.sleep(75_000);
  await symphony.close();
}

/** What holds however far the program got: the log tells the rows, nobody holds anything, and what was due has ended. */
async function checkStore(kept: Store, clock: VirtualClock): Promise<void> {
  assert.deepEqual([clock.pendingTimers, clock.pendingBackgroundTimers], [0, 0], 'timers are left');
  await clock.advance(60_000);
  await kept.sweep({ markDead: true });
  const { tasks } = await checkInvariants(kept);
  for (const { id, status, dueAt, workflowId, held } of tasks) {
    const workflow = workflowId === null ? undefined : await kept.getWorkflow(workflowId);
    const isPaused = workflow?.paused === true;
    const mayBeOpen = workflow?.cancelRequested !== true && status === 'pending' && (dueAt === null || isPaused);
    assert.ok(isTerminal(status) || mayBeOpen, `${id} is ${status}: what is due has ended`);
    assert.equal(held, !isTerminal(status) && isPaused, `${id}: held where its workflow is paused`);
    const events = await kept.events({ subject: id, limit: 1_000 });
    const count = (type: string): number => events.filter((event) => event.type === type).length;
    const ends = count('task.completed') + count('task.failed') + count('task.cancelled');
    assert.ok(ends - count('task.retried') <= 1, `${id} has ended more than once`);
  }
  assert.equal((await kept.stats()).workers, 0, 'workers are left');
}

function checkEffects(program: Program, ledger: Ledger): void {
  assert.deepEqual(ledger.repeated, [], 'recorded steps that ran again');
  for (const [effect, count] of ledger.effects) {
    assert.ok(program.effects.includes(effect), `effects that nobody wanted: ${effect}`);
    assert.ok(count <= 2, `"${effect}" came about ${count} times`);
  }
}

async function checkTasks(program: Program, kept: Store): Promise<void> {
  const statuses = (await kept.listTasks({ limit: 100 })).map(({ name, status }) => [name, status]);
  const expected = Object.entries(program.expected).sort();
  assert.deepEqual(statuses.sort(), expected, 'nothing lost, nothing doubled, everything ended');
}
