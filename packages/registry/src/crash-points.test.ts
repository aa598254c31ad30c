import { isTerminal, type Agent, type Store } from '@symphony/core';
import { MemoryStore } from '@symphony/persistence-memory';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { checkInvariants, faultPoints, VirtualClock, type Fault, type FaultPoint } from '@symphony/testing';
import { describe, expect, test } from 'vitest';
import { programs, type Program } from '../test/crash-points/programs.ts';
import { Ledger, SimulatedProcess } from '../test/crash-points/simulated-process.ts';

type OpenStore = (clock: VirtualClock) => Store | Promise<Store>;

const stores: Readonly<Record<string, OpenStore>> = {
  'the memory store': (clock) => new MemoryStore({ clock }),
  SQLite: (clock) => SqliteStore.open({ path: ':memory:', clock }),
};

/** Points that come again and again by the clock, so that the first few stand for all. */
const periodic: ReadonlySet<FaultPoint> = new Set(['renew', 'sweep', 'commit:claim']);

/** Longest that a run may take, in virtual time: leases, backoffs and everything. */
const limitMs = 600_000;

/** What one run of a program came by, and what it shows. */
interface Run {
  readonly calls: ReadonlyMap<FaultPoint, number>;
  /** Whether the crash happened. */
  readonly crashed: boolean;
}

const sequels = ['the program again', 'another worker'] as const;

/** What comes after a crash: the same program once more, or only another worker for the same agents. */
type Sequel = (typeof sequels)[number];

/** Runs a program; if it crashes, another process goes on over the same store. In the end everything must be right. */
async function play(program: Program, open: OpenStore, crash?: Fault, sequel?: Sequel): Promise<Run> {
  const clock = new VirtualClock();
  const kept = await open(clock);
  const ledger = new Ledger();
  const faults = [...(program.faults ?? []), ...(crash === undefined ? [] : [crash])];
  const first = new SimulatedProcess(kept, clock, ledger, faults);
  let isDone = false;
  const run = program.run(first, program.agents(first)).then(() => (isDone = true));
  run.catch(() => undefined); // told below, where it is waited for
  await Promise.race([clock.advanceUntil(() => isDone || first.crashed, { limitMs }), run]);
  if (first.crashed) {
    const second = new SimulatedProcess(kept, clock, ledger);
    const agents = program.agents(second);
    const end = sequel === 'another worker' ? work(second, agents) : program.run(second, agents);
    await clock.advanceUntil(end, { limitMs });
  }
  await checkStore(kept, clock);
  checkEffects(program, ledger);
  if (!first.crashed || sequel !== 'another worker') await checkTasks(program, kept);
  await kept.close();
  return { calls: first.store.calls, crashed: first.crashed };
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
  expect([clock.pendingTimers, clock.pendingBackgroundTimers], 'timers are left').toEqual([0, 0]);
  await clock.advance(60_000);
  await kept.sweep({ markDead: true });
  const { tasks } = await checkInvariants(kept);
  for (const { id, status, dueAt, workflowId, held } of tasks) {
    const workflow = workflowId === null ? undefined : await kept.getWorkflow(workflowId);
    const isPaused = workflow?.paused === true;
    const mayBeOpen = workflow?.cancelRequested !== true && status === 'pending' && (dueAt === null || isPaused);
    expect([id, status, isTerminal(status) || mayBeOpen], 'what is due has ended').toEqual([id, status, true]);
    expect([id, held], 'held where its workflow is paused').toEqual([id, !isTerminal(status) && isPaused]);
    const events = await kept.events({ subject: id, limit: 1_000 });
    const count = (type: string): number => events.filter((event) => event.type === type).length;
    const ends = count('task.completed') + count('task.failed') + count('task.cancelled');
    expect(ends - count('task.retried'), `${id} has ended more than once`).toBeLessThanOrEqual(1);
  }
  expect((await kept.stats()).workers, 'workers are left').toBe(0);
}

function checkEffects(program: Program, ledger: Ledger): void {
  expect(ledger.repeated, 'recorded steps that ran again').toEqual([]);
  for (const [effect, count] of ledger.effects) {
    expect(program.effects, 'effects that nobody wanted').toContain(effect);
    expect(count, `how often "${effect}" came about`).toBeLessThanOrEqual(2);
  }
}

async function checkTasks(program: Program, kept: Store): Promise<void> {
  const statuses = (await kept.listTasks({ limit: 100 })).map(({ name, status }) => [name, status]);
  expect(statuses.sort(), 'nothing lost, nothing doubled, everything ended').toEqual(
    Object.entries(program.expected).sort(),
  );
}

/** All places where a program can crash: each of its writes, before and after. */
function crashesOf({ calls }: Run): Fault[] {
  return faultPoints.writes.flatMap((at) => {
    const count = Math.min(calls.get(at) ?? 0, periodic.has(at) ? 2 : 4);
    return Array.from({ length: count }, (_, index) => index + 1).flatMap((nth) =>
      (['before', 'after'] as const).map((when): Fault => ({ at, nth, when, fault: 'crash' })),
    );
  });
}

describe.each(Object.entries(stores))('on %s, wherever a process crashes, the run ends right:', (_store, open) => {
  const seen = new Set<FaultPoint>();

  test.each(Object.entries(programs))(
    '%s',
    async (_program, program) => {
      const whole = await play(program, open);
      const crashes = crashesOf(whole);
      expect(crashes.length).toBeGreaterThan(10);
      for (const [crash, sequel] of crashes.flatMap((each) => sequels.map((next) => [each, next] as const))) {
        const where = `crash ${crash.when} ${crash.at}, number ${crash.nth}, then ${sequel}`;
        const { crashed } = await play(program, open, crash, sequel).catch((cause: unknown) => {
          throw new Error(`${where}: ${(cause as Error).message}`, { cause });
        });
        expect(crashed, `${where} was not come by`).toBe(true);
        seen.add(crash.at);
      }
    },
    60_000,
  );

  test('at every command and every other write of the port', () => {
    expect(faultPoints.writes.filter((point) => !seen.has(point))).toEqual([]);
  });
});

describe('a run that does not end right is found when', () => {
  const routed = programs['tasks that a worker routes and runs'] as Program;

  /** The memory store with some of its methods replaced. */
  const broken =
    (replace: (store: Store) => Partial<Store>): OpenStore =>
    (clock) => {
      const store = new MemoryStore({ clock });
      const instead = replace(store);
      return new Proxy<Store>(store, {
        get(_target, key: keyof Store) {
          const value: unknown = instead[key] ?? store[key];
          return typeof value === 'function' ? (value.bind(store) as unknown) : value;
        },
      });
    };

  test.each<[string, Fault, OpenStore, RegExp]>([
    [
      'journals are not read',
      { at: 'commit:progress', when: 'after', fault: 'crash' },
      broken((store) => {
        let reads = 0;
        // The checker reads them too, before each effect; only what the process asks for is kept from it.
        return { steps: async (...of) => (reads++ % 2 === 0 ? store.steps(...of) : []) };
      }),
      /ran again/,
    ],
    [
      'nobody is swept away',
      { at: 'commit:recordStep', when: 'after', fault: 'crash' },
      broken(() => ({ sweep: async () => ({ deadWorkers: 0, releasedTasks: 0, more: false }) })),
      /advanceUntil/,
    ],
    [
      'keys do not count',
      { at: 'commit:createTask', when: 'after', fault: 'crash' },
      broken((store) => ({
        commit: ({ groups, ...rest }) =>
          store.commit({
            ...rest,
            groups: groups.map((group) =>
              group.map((command) =>
                command.type === 'createTask'
                  ? { ...command, task: { ...command.task, idempotencyKey: null } }
                  : command,
              ),
            ),
          }),
      })),
      /nothing doubled/,
    ],
    [
      'what was acknowledged is not there',
      { at: 'commit:report', when: 'after', fault: 'crash' },
      broken((store) => ({
        commit: async (request) => {
          const isReport = request.groups.some((group) => group.some(({ type }) => type === 'report'));
          return isReport ? { results: [{ status: 'ok', value: {} }], claimed: [] } : store.commit(request);
        },
      })),
      /advanceUntil|ended/,
    ],
  ])('%s', async (_what, crash, open, complaint) => {
    await expect(play(routed, open, crash)).rejects.toThrow(complaint);
  });
});
