import { createHash } from 'node:crypto';
import { SymphonyError, type Agent, type Store } from '@symphony/core';
import { MemoryStore } from '@symphony/persistence-memory';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { ServiceRegistry } from '@symphony/registry';
import {
  defaultFaults,
  explainSimulation,
  simulate,
  type SimulatedProcess,
  type SimulateOptions,
  type SimulationReport,
} from '@symphony/testing';
import { describe, expect, test } from 'vitest';
import { plantedBugs, type PlantedBug } from './simulation/planted-bugs.ts';
import { play } from './simulation/play.ts';
import { replaced } from './simulation/replaced.ts';

const parts: Pick<SimulateOptions<ServiceRegistry>, 'store' | 'open'> = {
  store: (clock) => new MemoryStore({ clock }),
  open: (options) => ServiceRegistry.open(options),
};

/** Says in three sentences what it does, with a pause after each. */
const speaker = ({ sleep }: SimulatedProcess): Agent => ({
  id: 'speaker',
  async run(_task, { step, signal }) {
    for (const key of ['one', 'two', 'three']) {
      await step('say', () => sleep(3_000, signal), { key });
    }
    return 'said';
  },
});

const speeches = {
  ...parts,
  agents: (process: SimulatedProcess) => [speaker(process)],
  workload: async (symphony: ServiceRegistry): Promise<void> => {
    const handles = await Promise.all(
      Array.from({ length: 6 }, (_, index) => symphony.submit({ name: `speech ${index}`, retry: { maxCrashes: 50 } })),
    );
    for (const handle of handles) await handle.result();
  },
};

describe('a simulation', () => {
  test('repeats itself to the last step: the same seed gives the same trace', { timeout: 60_000 }, async () => {
    const trace = async (seed: number): Promise<string> => {
      const hash = createHash('sha256');
      const report = await simulate({ ...parts, seed, onTrace: (line) => hash.update(line) });
      return `${hash.digest('hex')} ${JSON.stringify(report)}`;
    };
    const seeds = Array.from({ length: 50 }, (_, index) => index + 1);
    const hashes: string[] = [];
    for (const seed of seeds) hashes.push(await trace(seed));
    expect(new Set(hashes).size).toBe(seeds.length);
    for (const [index, seed] of seeds.entries()) expect(await trace(seed), `seed ${seed}`).toBe(hashes[index]);
  });

  test('finds nothing wrong with agents that do nothing wrong, whatever befalls their workers', async () => {
    const reports: SimulationReport[] = [];
    for (let seed = 1; seed <= 10; seed++) reports.push(await simulate({ ...speeches, seed, faults: defaultFaults }));
    for (const report of reports) expect(report.verdict, explainSimulation(report)).toBe('valid');
    const sum = (figure: (report: SimulationReport) => number): number =>
      reports.reduce((total, report) => total + figure(report), 0);
    expect(sum(({ tasks }) => tasks.completed)).toBe(60);
    expect(sum(({ takeovers }) => takeovers)).toBeGreaterThan(0);
    expect(sum(({ struck }) => struck.crashBefore + struck.crashAfter + struck.kill)).toBeGreaterThan(0);
  });

  test('takes its turn: one that is begun beside it does not disturb it', async () => {
    const alone = await simulate({ ...parts, seed: 2 });
    const together = await Promise.all([1, 2, 3].map((seed) => simulate({ ...parts, seed })));
    expect(together[1]).toEqual(alone);
  });

  test('plays on any store, SQLite for one', async () => {
    const store: SimulateOptions['store'] = (clock) => SqliteStore.open({ path: ':memory:', clock });
    const report = await simulate({ ...speeches, store, seed: 1, faults: defaultFaults });
    expect(report.verdict, explainSimulation(report)).toBe('valid');
    expect(report.tasks.completed).toBe(6);
  });

  test('without faults nothing strikes, and each task needs one attempt', async () => {
    const report = await simulate({ ...speeches, seed: 'calm', faults: {} });
    expect(report.verdict, explainSimulation(report)).toBe('valid');
    expect(Object.values(report.struck).every((count) => count === 0)).toBe(true);
    expect([report.attempts, report.takeovers, report.staleWrites]).toEqual([6, 0, 0]);
  });

  test('tells of a check that fails: what, when, and the call that repeats it', async () => {
    const report = await simulate({
      ...speeches,
      seed: 'check',
      faults: {},
      check: async ({ store }) => {
        const done = (await store.listTasks({ status: ['completed'], limit: 100 })).length;
        if (done > 3) throw new Error('more than three speeches');
      },
    });
    expect(report.verdict).toBe('invalid');
    expect(report.violation?.message).toBe('the check has failed: more than three speeches');
    expect(report.violation?.at).toBeGreaterThan(9_000);
    expect(report.violation?.repeat).toBe(
      'simulate({ store, open, agents, workload, seed: "check", faults: {}, check })',
    );
    expect(report.violation?.trace.at(-1)).toMatch(/complete tsk_00000\d#1/);
    expect(explainSimulation(report)).toContain('Seed check: the check has failed: more than three speeches');
  });

  test('tells of a program that fails, and of one that never ends', async () => {
    const failing = await simulate({
      ...speeches,
      seed: 1,
      faults: {},
      workload: () => Promise.reject(new Error('oh')),
    });
    expect(failing.violation?.message).toMatch(/^the workload has failed: Error: oh/);
    const endless = await simulate({ ...speeches, seed: 1, faults: {}, workload: () => new Promise(() => undefined) });
    expect(endless.violation?.message).toMatch(/these have not ended .*the workload/);
  });

  test.each(['agents', 'store', 'open'] as const)(
    'passes on what `%s` throws: that is no matter of the simulation',
    async (name) => {
      const mistake = new Error(`my ${name}`);
      const given = {
        [name]: () => {
          throw mistake;
        },
      };
      for (const unreliableClient of [false, true])
        await expect(simulate({ ...speeches, unreliableClient, seed: 1, ...given })).rejects.toBe(mistake);
    },
  );

  test('passes on what `open` throws in a worker, or when a program is started again', async () => {
    const mistake = new Error('my open');
    for (const [openings, faults] of [
      [1, {}],
      [8, { kill: 20 }],
    ] as const) {
      let opened = 0;
      const open: typeof parts.open = async (options) => {
        if (opened++ === openings) throw mistake;
        return ServiceRegistry.open(options);
      };
      await expect(simulate({ ...speeches, open, seed: 1, faults })).rejects.toBe(mistake);
    }
  });

  test('starts a program again whose `open` has lost the store', async () => {
    let lost = 0;
    const open: typeof parts.open = async (options) => {
      await options.persistence.stats().catch((error: unknown) => {
        lost++;
        throw error;
      });
      return ServiceRegistry.open(options);
    };
    for (let seed = 1; seed <= 5; seed++) {
      const report = await simulate({
        ...parts,
        open,
        seed,
        faults: { answerLost: 0.1, kill: 5 },
        unreliableClient: true,
      });
      expect(report.verdict, explainSimulation(report)).toBe('valid');
    }
    expect(lost).toBeGreaterThan(0);
  });

  test('keeps the shortest lease that it takes, and one that is renewed as rarely as may be', async () => {
    for (const lease of [{ leaseMs: 20 }, { leaseMs: 10_000, renewMs: 5_000 }]) {
      const report = await simulate({ ...speeches, seed: 1, faults: {}, lease });
      expect(report.verdict, explainSimulation(report)).toBe('valid');
      expect(report.takeovers).toBe(0);
    }
  });

  test('a program that is killed is run again, and finds what it submitted by its keys', async () => {
    let runs = 0;
    const report = await simulate({
      ...speeches,
      seed: 4,
      faults: { kill: 20 },
      unreliableClient: true,
      workload: async (symphony) => {
        runs++;
        const task = { name: 'speech', idempotencyKey: 'speech', retry: { maxCrashes: 50 } };
        await (await symphony.submit(task)).result();
      },
    });
    expect(report.verdict, explainSimulation(report)).toBe('valid');
    expect(runs).toBeGreaterThan(1);
    expect(report.tasks).toMatchObject({ completed: 1, pending: 0, running: 0 });
  });

  test('a worker that is stopped again while it stops ends once, and one takes its place', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const running = new Set<string>();
      let most = 0;
      const onTrace = (line: string): void => {
        const [, name = '', what] = /(worker \d\.\d+) +(starts|has ended)$/.exec(line) ?? [];
        if (what === 'starts') running.add(name);
        if (what === 'has ended') running.delete(name);
        most = Math.max(most, running.size);
      };
      const report = await simulate({ ...speeches, seed, faults: { drain: 30 }, onTrace });
      expect(report.verdict, explainSimulation(report)).toBe('valid');
      expect(report.struck.drain).toBeGreaterThan(0);
      expect(most).toBe(3);
    }
  });

  test('its program sees its workflows through when the pause of an earlier run arrives after its own resume', async () => {
    let latePauses = 0;
    /** A store that is told to pause each workflow once more, as soon as it has been resumed. */
    const pausingLate = (store: Store, paused: Set<string>): Store =>
      replaced(store, {
        commit: async (request) => {
          const response = await store.commit(request);
          for (const command of request.groups.flat()) {
            if (command.type !== 'resumeWorkflow' || paused.has(command.id)) continue;
            paused.add(command.id);
            latePauses++;
            await store.commit({ groups: [[{ type: 'pauseWorkflow', id: command.id }]] });
          }
          return response;
        },
      });
    for (let seed = 1; seed <= 10; seed++) {
      const paused = new Set<string>();
      const report = await simulate({
        ...parts,
        open: (options) => ServiceRegistry.open({ ...options, persistence: pausingLate(options.persistence, paused) }),
        seed,
        faults: {},
      });
      expect(report.verdict, explainSimulation(report)).toBe('valid');
    }
    expect(latePauses).toBeGreaterThan(0);
  });

  test.each([10_067, 13_406, 17_705])('seed %i, which was once invalid, is valid', async (seed) => {
    const report = await play(seed);
    expect(report.verdict, explainSimulation(report)).toBe('valid');
  });

  test.each<[string, object, string]>([
    ['no seed', { seed: undefined }, 'simulate.seed must be a text or a number, got undefined.'],
    ['no store', { store: undefined }, 'simulate.store must be a function, got undefined.'],
    ['agents alone', { workload: undefined }, 'simulate takes agents and a workload together'],
    ['a rate above 1', { faults: { slow: 2 } }, 'simulate.faults.slow must be a number from 0 to 1, got 2.'],
    ['an unknown fault', { faults: { flood: 1 } }, 'simulate.faults has no option "flood".'],
    ['no worker', { workers: 0 }, 'simulate.workers must be a whole number from 1 to 32, got 0.'],
    ['an unknown option', { sed: 1 }, 'simulate has no option "sed".'],
    ['a text for a flag', { unreliableClient: 'no' }, 'simulate.unreliableClient must be true or false, got "no".'],
    ['null for times', { lease: null }, 'simulate.lease takes an object with leaseMs, '],
    ['null for rates', { faults: null }, 'simulate.faults takes an object with crashBefore, '],
    ['null for a rate', { faults: { kill: null } }, 'simulate.faults.kill must be a number from 0 to 600, got null.'],
    ['null for a number', { workers: null }, 'simulate.workers must be a whole number from 1 to 32, got null.'],
    ['null for agents', { agents: null }, 'simulate.agents must be an array or a function, got null.'],
    ...['10000', 0.5, NaN, 1e12, -5, 19, null].map((leaseMs): [string, object, string] => [
      `a lease of ${String(leaseMs)}`,
      { lease: { leaseMs } },
      'simulate.lease.leaseMs must be a whole number from 20 to 86400000, got ',
    ]),
    [
      'renewals that come too late',
      { lease: { leaseMs: 1_000, renewMs: 5_000 } },
      'simulate.lease.renewMs must be at most half of simulate.lease.leaseMs, ',
    ],
    ['a look that is no number', { lease: { pollMs: 'often' } }, 'simulate.lease.pollMs must be a whole number'],
    ['no agents', { agents: () => undefined }, 'simulate.agents must return an array of agents, got undefined.'],
    ['agents later', { agents: async () => [] }, 'simulate.agents must return an array of agents, got a promise.'],
    ['no store in the end', { store: () => undefined }, 'simulate.store must return a store, got undefined.'],
    ['what is no store', { store: () => ({}) }, 'simulate.store must return a store, got an object.'],
    [
      'half a store',
      { store: () => replaced(new MemoryStore(), { prune: undefined as never }) },
      'simulate.store must return a store, got one without prune.',
    ],
    ['what is no registry', { open: () => undefined }, 'simulate.open must return a registry, got undefined.'],
    [
      'an agent in a thread of its own',
      { agents: [{ id: 'apart', module: new URL('file:///apart.ts'), isolation: 'thread' }] },
      'Agent "apart" runs in a thread or process of its own, where time is real.',
    ],
  ])('refuses %s', async (_what, given, message) => {
    const refused = simulate({ ...speeches, seed: 1, ...given });
    await expect(refused).rejects.toSatisfy(
      (error: unknown) => SymphonyError.is(error, 'INVALID_ARGUMENT') && error.message.includes(message),
    );
  });
});

describe('a simulation finds that', () => {
  /** The first seed that finds a bug. */
  async function find(bug: PlantedBug): Promise<number | undefined> {
    for (let seed = 1; seed <= 200; seed++) {
      const { violation } = await play(seed, bug);
      if (violation !== undefined && bug.complaint.test(violation.message)) return seed;
    }
    return undefined;
  }

  test.each(plantedBugs)('$bug', { timeout: 60_000 }, async (bug) => {
    expect(await find(bug)).toBeDefined();
  });
});
