import type { Store } from '@symphony/core';
import { MemoryStore } from '@symphony/persistence-memory';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { faultPoints, VirtualClock, type Fault, type FaultPoint } from '@symphony/testing';
import { describe, expect, test } from 'vitest';
import { crashesOf, describeCrash, play, type Crash, type Run } from '../test/crash-points/play.ts';
import { programs, type Program } from '../test/crash-points/programs.ts';

type OpenStore = (clock: VirtualClock) => Store | Promise<Store>;

const stores: Readonly<Record<string, OpenStore>> = {
  'the memory store': (clock) => new MemoryStore({ clock }),
  SQLite: (clock) => SqliteStore.open({ path: ':memory:', clock }),
};

async function playOn(open: OpenStore, program: Program, crash?: Crash): Promise<Run> {
  const clock = new VirtualClock();
  return play(program, await open(clock), clock, crash);
}

describe.each(Object.entries(stores))('on %s, wherever a process crashes, the run ends right:', (_store, open) => {
  const seen = new Set<FaultPoint>();

  test.each(Object.entries(programs))(
    '%s',
    async (_program, program) => {
      const whole = await playOn(open, program);
      const crashes = crashesOf(whole);
      expect(crashes.length).toBeGreaterThan(20);
      for (const crash of crashes) {
        const { crashed } = await playOn(open, program, crash).catch((cause: unknown) => {
          throw new Error(`${describeCrash(crash)}: ${(cause as Error).message}`, { cause });
        });
        expect(crashed, `${describeCrash(crash)} was not come by`).toBe(true);
        seen.add(crash.fault.at);
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
  ])('%s', async (_what, fault, open, complaint) => {
    await expect(playOn(open, routed, { fault, sequel: 'the program again' })).rejects.toThrow(complaint);
  });
});
