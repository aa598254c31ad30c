import { seededRandom, taskStatuses, type Clock, type Store, type TaskRecord, type TaskStatus } from '@symphony/core';
import { createIdSequence } from '../id-sequence.ts';
import { checkInvariants } from '../store-suite/invariants.ts';
import { noFaults, type FaultKind } from './faults.ts';
import { Fleet } from './fleet.ts';
import { Network } from './network.ts';
import { checkSetting, type Setting, type SimulateOptions } from './options.ts';
import { Referee } from './referee.ts';
import type { SimulationReport, SimulationViolation } from './report.ts';
import { scenario } from './scenario.ts';
import { settle } from './settle.ts';
import type { SimulatedRegistry } from './simulated-registry.ts';
import { Timeline } from './timeline.ts';
import { Trace } from './trace.ts';
import { Violation } from './violation.ts';
import { startOfTime, VirtualProcess } from './virtual-process.ts';

/**
 * Plays a program, its workers and what befalls them, on virtual time and by a seed: real registries over one store, each a
 * process of its own that may crash, stand still, be cut off or hear late. After every step it is checked that nothing
 * that Symphony promises is broken; when faults strike no more, all that was submitted must come to its end.
 *
 * Whatever an agent waits for must be waited for on `process.clock` or with `process.sleep`; what waits for the machine
 * itself, such as `setTimeout` or `fetch`, is not part of the simulation and makes it unrepeatable. Simulations that are begun
 * at once take turns.
 *
 * @example
 * const report = await simulate({
 *   seed: 7,
 *   store: (clock) => new MemoryStore({ clock }),
 *   open: (options) => ServiceRegistry.open(options),
 *   agents: (process) => [makeClerk(process)],
 *   workload: async (symphony) => void (await symphony.submit({ name: 'errand', agentId: 'clerk' })),
 * });
 * assert.equal(report.verdict, 'valid', explainSimulation(report));
 *
 * @throws SymphonyError `INVALID_ARGUMENT`, and whatever `agents`, `store` and `open` throw that the simulation has not brought
 * about itself. What `workload` and `check` throw is a violation instead.
 */
export async function simulate<Registry extends SimulatedRegistry>(
  options: SimulateOptions<Registry>,
): Promise<SimulationReport> {
  const simulation = new Simulation(checkSetting(options, scenario), options);
  const turn = lastTurn.then(() => simulation.play());
  lastTurn = turn.catch(() => undefined);
  return turn;
}

/** A step is over when nothing is under way in the thread, so simulations of one thread take turns. */
let lastTurn: Promise<unknown> = Promise.resolve();

class Simulation<Registry extends SimulatedRegistry> {
  readonly #setting: Setting<Registry>;
  readonly #options: SimulateOptions<Registry>;
  readonly #timeline = new Timeline<VirtualProcess>();
  readonly #trace: Trace;
  readonly #struck = { ...noFaults };
  #steps = 0;
  /** The position of the log when the caller's check was last called. */
  #checkedAt = 0;

  constructor(setting: Setting<Registry>, options: SimulateOptions<Registry>) {
    this.#setting = setting;
    this.#options = options;
    this.#trace = new Trace(setting.onTrace);
  }

  async play(): Promise<SimulationReport> {
    const { seed, lease } = this.#setting;
    const timeline = this.#timeline;
    const agents = this.#setting.agents(this.#nobody().forAgents);
    const store = await this.#setting.store(this.#storeClock());
    const order = seededRandom(`${seed}/order`);
    const chance = seededRandom(`${seed}/chance`);
    const strike = (kind: FaultKind): void => void this.#struck[kind]++;
    const referee = new Referee(store, timeline, { times: lease, agents });
    const network: Network = new Network({
      store,
      timeline,
      trace: this.#trace,
      observer: referee,
      order,
      chance,
      strike,
      leaseMs: lease.leaseMs,
      ratesFor: (process) => fleet.ratesFor(process),
      kill: (process, why) => fleet.kill(process, why),
    });
    const parts = { setting: this.#setting, timeline, trace: this.#trace, network, referee, order, chance, strike };
    const fleet: Fleet<Registry> = new Fleet({ ...parts, makeId: createIdSequence() });
    try {
      const violation = await this.#judge(() => this.#playAll(fleet, referee, store));
      return { ...(await this.#report(store, referee, network)), ...violation };
    } finally {
      network.close();
      await store.close();
    }
  }

  /** What it has come by: `violation` where a promise was broken. */
  async #judge(play: () => Promise<void>): Promise<Pick<SimulationReport, 'verdict' | 'violation'>> {
    try {
      await play();
      return { verdict: 'valid' };
    } catch (error) {
      if (error instanceof Violation) return { verdict: 'invalid', violation: this.#describe(error) };
      throw error;
    }
  }

  async #report(store: Store, referee: Referee, network: Network): Promise<Omit<SimulationReport, 'verdict'>> {
    return {
      seed: this.#setting.seed,
      virtualMs: this.#timeline.now,
      steps: this.#steps,
      struck: this.#struck,
      tasks: await countTasks(store),
      ...referee.figures,
      unknownCommits: network.figures.unknownCommits,
    };
  }

  async #playAll(fleet: Fleet<Registry>, referee: Referee, store: Store): Promise<void> {
    const { faultsMs, virtualLimitMs } = this.#setting;
    const step = (until: number): Promise<boolean> => this.#step(until, fleet, referee, store);
    const hasEnded = (): boolean => fleet.isDone && !referee.hasOpenTasks;
    fleet.start();
    await settle();
    while (!hasEnded() && (await step(faultsMs)));
    fleet.heal();
    while (!hasEnded() && !this.#isAtRest(fleet, referee)) {
      if (!(await step(virtualLimitMs))) throw new Violation(this.#whatIsLeft(fleet, referee));
    }
    let isClosed = false;
    const closing = fleet.close().then(() => (isClosed = true));
    closing.catch((error: unknown) => (fleet.failure ??= error));
    while (!isClosed) {
      await settle();
      if (fleet.failure !== undefined) throw fleet.failure as Error;
      if (!isClosed && !(await step(virtualLimitMs + closingMs)))
        throw new Violation('the processes do not close (I31)');
    }
    await referee.checkEnd();
    await checkInvariants(store).catch((error: unknown) => {
      throw new Violation(error instanceof Error ? error.message : String(error));
    });
    await this.#check(referee, store, true);
  }

  /** Lets the next thing happen, and judges it; false when there is none up to that time. */
  async #step(until: number, fleet: Fleet<Registry>, referee: Referee, store: Store): Promise<boolean> {
    const occurrence = this.#timeline.next(until);
    if (occurrence === undefined) return false;
    const { owner, kind } = occurrence;
    if (owner?.isAlive === false) return true;
    if (owner?.isPaused === true) {
      owner.postpone(occurrence);
      return true;
    }
    this.#steps++;
    if (this.#trace.isHeard) this.#trace.whisper(this.#timeline.now, owner?.name ?? 'world', kind);
    await occurrence.happen();
    await settle();
    if (referee.violation !== undefined) throw referee.violation;
    if (fleet.failure !== undefined) throw fleet.failure as Error;
    await this.#check(referee, store, false);
    return true;
  }

  /** Whether nothing of what is left will happen by itself: it waits for somebody outside, or for a time beyond the limit. */
  #isAtRest(fleet: Fleet<Registry>, referee: Referee): boolean {
    if (!fleet.isDone || this.#steps % 100 !== 0) return false;
    const limit = startOfTime + this.#setting.virtualLimitMs;
    const waits = ({ status, dueAt, held, openDependencies, unroutable }: TaskRecord): boolean =>
      status === 'waiting' ||
      (status === 'pending' && (dueAt === null || dueAt > limit || held || openDependencies > 0 || unroutable));
    return referee.openTasks.every(waits);
  }

  #whatIsLeft(fleet: Fleet<Registry>, referee: Referee): string {
    const open = referee.openTasks.map(
      ({ id, name, status, attempt }) => `${id} "${name}" (${status}, attempt ${attempt})`,
    );
    const parts = [...(fleet.isDone ? [] : ['the workload']), ...open];
    return `faults strike no more, and these have not ended (I13, I23): ${parts.join(', ')}`;
  }

  async #check({ position }: Referee, store: Store, isEnd: boolean): Promise<void> {
    const { check } = this.#setting;
    if (check === undefined || (!isEnd && position === this.#checkedAt)) return;
    this.#checkedAt = position;
    try {
      await check({ at: this.#timeline.now, isEnd, store });
    } catch (error) {
      throw new Violation(`the check has failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #describe({ message }: Violation): SimulationViolation {
    const trace = this.#trace.last;
    return { message, at: this.#timeline.now, step: this.#steps, trace, repeat: repeatCall(this.#options) };
  }

  #storeClock(): Clock {
    const timeline = this.#timeline;
    return {
      now: () => Math.floor(startOfTime + timeline.now),
      monotonic: () => timeline.now,
      setTimer: (callback, delayMs) => {
        const timer = timeline.add(timeline.now + Math.max(0, delayMs), callback, { kind: 'timer' });
        return () => void (timer.cancelled = true);
      },
    };
  }

  /** A process that does nothing, to ask for the agents that others host. */
  #nobody(): VirtualProcess {
    const order = seededRandom('nobody');
    return new VirtualProcess('nobody', 'worker', order, { timeline: this.#timeline, order });
  }
}

/** What closing may take beyond the limit. */
const closingMs = 120_000;

async function countTasks(store: Store): Promise<Record<TaskStatus, number>> {
  const stats = await store.stats().catch(() => undefined);
  return stats?.tasks ?? (Object.fromEntries(taskStatuses.map((status) => [status, 0])) as Record<TaskStatus, number>);
}

/** The call that repeats a run, as far as it can be written down. */
function repeatCall<Registry extends SimulatedRegistry>(options: SimulateOptions<Registry>): string {
  const parts = Object.entries(options).map(([name, value]) =>
    typeof value === 'function' || name === 'agents' ? name : `${name}: ${JSON.stringify(value)}`,
  );
  return `simulate({ ${parts.join(', ')} })`;
}
