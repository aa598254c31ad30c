import { seededRandom, SymphonyError, type AgentLike, type Logger, type MakeId, type Random } from '@symphony/core';
import { noFaults, type FaultKind, type FaultRates } from './faults.ts';
import type { Network } from './network.ts';
import { observedAgent } from './observed-agent.ts';
import type { Setting } from './options.ts';
import type { Referee } from './referee.ts';
import type { SimulatedRegistry } from './simulated-registry.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';
import { demand, Violation } from './violation.ts';
import { VirtualProcess } from './virtual-process.ts';

/** What the fleet is made of. */
export interface FleetParts<Registry extends SimulatedRegistry> {
  readonly setting: Setting<Registry>;
  readonly timeline: Timeline<VirtualProcess>;
  readonly trace: Trace;
  readonly network: Network;
  readonly referee: Referee;
  readonly makeId: MakeId;
  readonly order: Random;
  readonly chance: Random;
  readonly strike: (kind: FaultKind) => void;
}

/** What happens to a process by itself, and not at a call. */
const troubles = ['kill', 'partition', 'pause', 'skew', 'silence', 'drain'] as const satisfies readonly FaultKind[];

type Trouble = (typeof troubles)[number];

const minuteMs = 60_000;

/** A wall clock is off by so much at most. */
const longestSkewMs = 3_600_000;

/** How often it is looked whether what is left of a closed process has gone, and within how many leases it must have. */
const lingering = { lookMs: 2_000, leases: 3 };

/** The processes: who starts them, what befalls them, and who starts others in their place. */
export class Fleet<Registry extends SimulatedRegistry> {
  readonly #parts: FleetParts<Registry>;
  readonly #lives = new Map<string, number>();
  readonly #up = new Map<VirtualProcess, Registry | undefined>();
  /** What no restart can mend. */
  failure: unknown;
  /** Whether the program that submits has come to its end. */
  isDone = false;
  #isTroubled = true;
  #isClosing = false;

  constructor(parts: FleetParts<Registry>) {
    this.#parts = parts;
  }

  /** The rates that hold for a process now. */
  ratesFor(process: VirtualProcess): FaultRates {
    const { faults, unreliableClient } = this.#parts.setting;
    return this.#isTroubled && (process.role === 'worker' || unreliableClient) ? faults : noFaults;
  }

  start(): void {
    const { setting, timeline, order } = this.#parts;
    this.#startClient();
    for (let worker = 1; worker <= setting.workers; worker++) {
      timeline.add(timeline.now + 1_000 * order(), () => this.#startWorker(worker));
    }
  }

  /** Whoever is well hears nothing of it; everybody else gets well. */
  heal(): void {
    const { timeline, trace } = this.#parts;
    this.#isTroubled = false;
    trace.add(timeline.now, 'all', 'faults strike no more');
    for (const process of this.#up.keys()) {
      process.cutUntil = Math.min(process.cutUntil, timeline.now);
      process.pausedUntil = Math.min(process.pausedUntil, timeline.now);
      process.goOn();
    }
  }

  /** Stops every process in good order; the workers' leases are given back, and no timer is left. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([...this.#up.keys()].map((process) => this.#close(process, {})));
  }

  kill(process: VirtualProcess, why: string): void {
    if (!process.isAlive) return;
    const { order, setting } = this.#parts;
    this.#end(process, `is gone: ${why}`, setting.lease.leaseMs * (0.05 + 1.2 * order()));
  }

  /** It is no more; another takes its place after a while. */
  #end(process: VirtualProcess, how: string, againMs: number): void {
    const { timeline, trace } = this.#parts;
    trace.add(timeline.now, process.name, how);
    this.#up.delete(process);
    process.die();
    this.#startAgain(process, againMs);
  }

  #startAgain({ role, name }: VirtualProcess, afterMs: number): void {
    if (this.#isClosing) return;
    const { timeline } = this.#parts;
    const worker = Number(/\d+/.exec(name)?.[0]);
    timeline.add(timeline.now + afterMs, () => {
      if (this.#isClosing) return;
      if (role === 'worker') this.#startWorker(worker);
      else if (!this.isDone) this.#startClient();
    });
  }

  #startWorker(worker: number): void {
    const process = this.#makeProcess(`worker ${worker}`, 'worker');
    this.#run(process, async (registry) => {
      await registry.startWorker({ concurrency: this.#parts.setting.concurrency });
    });
  }

  #startClient(): void {
    const { setting } = this.#parts;
    const process = this.#makeProcess('client', 'client');
    // The program draws the same each time that it is run.
    const random = seededRandom(`${setting.seed}/workload`);
    this.#run(process, async (registry) => {
      try {
        await setting.workload(registry, { ...process.forAgents, random });
      } catch (error) {
        throw this.#isOutage(error, process) ? error : workloadFailed(error);
      }
      this.isDone = true;
    });
  }

  #makeProcess(name: string, role: VirtualProcess['role']): VirtualProcess {
    const { setting, timeline, order, trace } = this.#parts;
    const life = (this.#lives.get(name) ?? 0) + 1;
    this.#lives.set(name, life);
    const fullName = `${name}.${life}`;
    const process = new VirtualProcess(fullName, role, seededRandom(`${setting.seed}/${fullName}`), {
      timeline,
      order,
    });
    trace.add(timeline.now, fullName, 'starts');
    this.#up.set(process, undefined);
    for (const trouble of troubles) this.#expect(trouble, process);
    return process;
  }

  /** Runs the program of a process: one that fails because of the store is started again, as by an operator. */
  #run(process: VirtualProcess, program: (registry: Registry) => Promise<void>): void {
    const { setting, network, makeId, trace } = this.#parts;
    const { lease } = setting;
    const { clock, random } = process;
    const logger = this.#logger(process);
    const agents = process.role === 'worker' ? this.#agentsFor(process) : [];
    const whole = async (): Promise<void> => {
      const persistence = network.link(process);
      const registry = await setting.open({ persistence, agents, clock, random, makeId, logger, lease });
      this.#up.set(process, registry);
      await program(registry);
    };
    whole().catch((error: unknown) => {
      if (this.#isOutage(error, process)) this.kill(process, `its program failed with ${error.code}`);
      else this.failure ??= error;
    });
    if (trace.isHeard) trace.whisper(this.#parts.timeline.now, process.name, 'program');
  }

  /** Whether it is what the simulation itself has brought about: the program had no store, or was being stopped. */
  #isOutage(error: unknown, { role }: VirtualProcess): error is SymphonyError {
    if (role === 'client' && !this.#parts.setting.unreliableClient) return false;
    return SymphonyError.is(error, 'STORE_FAILED') || SymphonyError.is(error, 'SHUTDOWN');
  }

  #agentsFor(process: VirtualProcess): readonly AgentLike[] {
    const { setting, referee } = this.#parts;
    return setting.agents(process.forAgents).map((agent) => observedAgent(agent, process, referee));
  }

  #logger(process: VirtualProcess): Logger {
    const { timeline, trace } = this.#parts;
    const log = (details: object, message: string): void => {
      const { error } = details as { readonly error?: unknown };
      trace.add(timeline.now, process.name, `says: ${message}`);
      if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError) {
        this.failure ??= new Violation(`the engine has a mistake: ${error.stack ?? error.message}`);
      }
    };
    return { debug: () => undefined, info: () => undefined, warn: log, error: log };
  }

  /** Waits for the next trouble of a kind. */
  #expect(trouble: Trouble, process: VirtualProcess): void {
    const { timeline, chance, setting } = this.#parts;
    const rate = this.ratesFor(process)[trouble];
    if (rate === 0 || (trouble === 'drain' && process.role === 'client')) return;
    const at = timeline.now + (-Math.log(1 - chance()) * minuteMs) / rate;
    if (at > setting.faultsMs) return;
    timeline.add(at, () => {
      if (!process.isAlive || !this.#isTroubled) return;
      this.#parts.strike(trouble);
      this.#befall(trouble, process);
      this.#expect(trouble, process);
    });
  }

  #befall(trouble: Trouble, process: VirtualProcess): void {
    const { timeline, trace, chance, setting } = this.#parts;
    const { leaseMs } = setting.lease;
    const { now } = timeline;
    const tell = (what: string): void => trace.add(now, process.name, what);
    // Half of them are over before the lease is.
    const spellMs = leaseMs * (chance() < 0.5 ? 0.1 + 0.7 * chance() : 1.1 + 1.5 * chance());
    switch (trouble) {
      case 'kill':
        this.kill(process, 'killed');
        break;
      case 'partition':
        process.cutUntil = Math.max(process.cutUntil, now + spellMs);
        process.suffersUntil(process.cutUntil);
        tell(`cannot reach the store for ${Math.round(spellMs)} ms`);
        break;
      case 'pause':
        process.pause(spellMs);
        tell(`stands still for ${Math.round(spellMs)} ms`);
        break;
      case 'skew':
        process.skewMs = Math.round((2 * chance() - 1) * longestSkewMs);
        tell(`has a wall clock that is off by ${process.skewMs} ms`);
        break;
      case 'silence':
        // A doorbell may stay silent for ever: whoever listens polls as well.
        process.silentUntil = chance() < 0.5 ? Infinity : now + 2 * spellMs;
        tell(
          process.silentUntil === Infinity
            ? 'hears no doorbell any more'
            : `hears no doorbell for ${Math.round(2 * spellMs)} ms`,
        );
        break;
      case 'drain':
        tell('is stopped in good order');
        this.#close(process, { timeoutMs: chance() < 0.3 ? 0 : Math.round(leaseMs * chance()) }).catch(
          (error: unknown) => (this.failure ??= error),
        );
        break;
    }
  }

  /** Asks it to stop in good order, and waits for its end. It may be asked again while it stops. */
  async #close(process: VirtualProcess, options: { readonly timeoutMs?: number }): Promise<void> {
    process.stops++;
    // One that is killed meanwhile answers nobody.
    await Promise.race([this.#stop(process, options), process.end]);
  }

  async #stop(process: VirtualProcess, options: { readonly timeoutMs?: number }): Promise<void> {
    const isClean = await this.#closeRegistry(process, options);
    process.stops--;
    // Everybody who asked must be answered: the last of them sees it end.
    if (process.stops > 0) return process.end;
    if (!process.isAlive) return;
    if (isClean) await this.#checkClosed(process);
    this.#end(process, 'has ended', 1_000 * this.#parts.order());
  }

  /** Whether it has a registry, and could close it. */
  async #closeRegistry(process: VirtualProcess, options: { readonly timeoutMs?: number }): Promise<boolean> {
    const registry = this.#up.get(process);
    if (registry === undefined) return false;
    try {
      await registry.close(options);
      await this.#linger(process);
      return true;
    } catch (error) {
      // It ends all the same; what it held is released when its lease is over.
      if (SymphonyError.is(error, 'STORE_FAILED')) return false;
      throw error;
    }
  }

  /** A write that nobody waits for any more, such as a note, is sent again for a lease. */
  async #linger(process: VirtualProcess): Promise<void> {
    const { clock, forAgents } = process;
    const until = clock.monotonic() + lingering.leases * this.#parts.setting.lease.leaseMs;
    while (process.timers > 0 && clock.monotonic() < until) await forAgents.sleep(lingering.lookMs);
  }

  async #checkClosed(process: VirtualProcess): Promise<void> {
    const { name, timers } = process;
    demand(timers === 0, () => `${name} was closed, and ${timers} of its timers are left (I37)`);
    await this.#parts.referee.checkClosed(process);
  }
}

function workloadFailed(error: unknown): unknown {
  if (error instanceof Violation) return error;
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new Violation(`the workload has failed: ${message}`);
}
