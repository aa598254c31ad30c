import { callers, hosted, special, wait } from './agents.ts';
import { Chance } from './chance.ts';
import type { Lease, ProcessConfig } from './host.ts';
import type { Plan } from './plans.ts';
import type { SharedStore } from './shared-store.ts';
import { Supervisor, type Place, type Running } from './supervisor.ts';
import { WatchedAttempts } from './watched-attempts.ts';

/** Of what a fleet consists. */
export interface FleetOptions {
  /** What is submitted, and whom the fault strikes, are functions of it. */
  readonly seed: number;
  readonly workers: number;
  /** Attempts of one worker at once. */
  readonly concurrency: number;
  /** Undefined: the product's own. */
  readonly lease?: Lease;
  /** What each of the submitters submits. */
  readonly plans: readonly Plan[];
  /** Which workers do not hear that their lease is lost: every other one, all, or none. */
  readonly oblivious: 'half' | 'all' | 'none';
  /** Which workers end as the product does when a signal asks them to; the others end at once. Default none. */
  readonly patient?: 'half' | 'none';
  /** Whether the store may be away for a while. */
  readonly outages?: boolean;
  /** How long the processes that are left have to bring everything to its end. Default 30 s. */
  readonly quietMs?: number;
}

/**
 * Short leases, so that a second holds many takeovers. Whoever waits longer than a renewal for an answer judges nobody, so
 * where an answer comes from another process they are a little longer.
 */
export const shortLeases = {
  sqlite: { leaseMs: 400, renewMs: 120, sweepMs: 100, pollMs: 100 },
  postgres: { leaseMs: 1_500, renewMs: 600, sweepMs: 200, pollMs: 200 },
} as const satisfies Readonly<Record<SharedStore['kind'], Lease>>;

/** How long the half of the workers may take to start, the server's restart included. */
const startMs = 60_000;

/** Workers and submitters on one store, all of them processes, and each place filled again when its process is gone. */
export class Fleet {
  readonly options: FleetOptions;
  readonly store: SharedStore;
  readonly supervisor: Supervisor;
  readonly chance: Chance;
  readonly attempts: WatchedAttempts;
  readonly #sampler: NodeJS.Timeout;
  readonly #leases = new Map<string, number>();
  readonly #looking = new Set<Promise<void>>();
  #sampling = false;
  #finishing = false;

  /**
   * @param folder where diaries go
   * @param programs where the built programs are
   */
  constructor(store: SharedStore, folder: string, programs: string, options: FleetOptions) {
    this.options = options;
    this.store = store;
    this.chance = new Chance('supervisor', options.seed);
    this.supervisor = new Supervisor(folder, programs, (label) => this.#track(this.#notePresent(label)));
    this.attempts = new WatchedAttempts(folder);
    this.#sampler = setInterval(() => this.#track(this.#sampleLeases()), 20);
    for (let slot = 0; slot < options.workers; slot++) this.supervisor.start(this.#workerPlace(slot));
    for (const [slot, plan] of options.plans.entries()) this.supervisor.start(this.#submitterPlace(slot, plan));
  }

  /** Processes of a kind that run, and are about to do nothing else. */
  ready(program: Place['program']): readonly Running[] {
    return [...this.supervisor.running].filter(
      ({ place, ready, stopped, leaving }) => place.program === program && ready && !stopped && !leaving,
    );
  }

  /**
   * Waits until so many workers have started, half of them by default: on a machine that is slow to start processes, faults
   * would otherwise hit nothing but starts.
   *
   * @throws Error if they do not start at all
   */
  async untilReady(least = this.options.workers / 2): Promise<void> {
    const isReady = ({ place, ready, leaving }: Running): boolean => place.program === 'worker' && ready && !leaving;
    const end = performance.now() + startMs;
    while ([...this.supervisor.running].filter(isReady).length < least) {
      if (performance.now() > end)
        throw new Error(`The workers do not start; see ${this.supervisor.folder}/output.log.`);
      await wait(5);
    }
  }

  /** Waits for a random time whose mean is given. */
  async pause(meanMs: number): Promise<void> {
    await wait(this.chance.between(5, Math.max(5, 2 * meanMs - 5)));
  }

  /** One wait, after the last fault: submitters bring to an end what they began, workers do what is left. */
  async waitForQuiet(): Promise<boolean> {
    this.#finishing = true;
    for (const { place, child } of this.supervisor.running)
      if (place.program === 'submitter') child.send('finish', () => undefined);
    const end = performance.now() + (this.options.quietMs ?? 30_000);
    while (performance.now() < end) {
      if (!this.#isSubmitting() && (await this.store.countOpen()) === 0) return true;
      await wait(20);
    }
    return false;
  }

  /** Asks the workers to drain; they leave no row behind. */
  async leave(): Promise<void> {
    for (const worker of [...this.supervisor.running].filter(({ place }) => place.program === 'worker'))
      this.supervisor.terminate(worker);
    const end = performance.now() + 12_000;
    while (this.supervisor.running.size > 0 && performance.now() < end) await wait(10);
    // Whoever is left now is in the way of a judgement, and is one of its grounds.
    await this.close();
  }

  async close(): Promise<void> {
    clearInterval(this.#sampler);
    await this.supervisor.close();
    await Promise.all(this.#looking);
  }

  #workerPlace(slot: number): Place {
    const { concurrency, oblivious, patient = 'none' } = this.options;
    const name = `worker-${slot}`;
    const isOdd = slot % 2 === 1;
    return {
      name,
      program: 'worker',
      next: () =>
        this.#finishing && !this.#isSubmitting()
          ? undefined
          : {
              ...this.#config(name, slot),
              hosts: isOdd ? hosted : { ...hosted, ...special },
              concurrency,
              oblivious: oblivious === 'all' || (oblivious === 'half' && isOdd),
              leave: patient === 'half' && isOdd ? 'signals' : 'close',
            },
    };
  }

  #submitterPlace(slot: number, plan: Plan): Place {
    const name = `submitter-${slot}`;
    return {
      name,
      program: 'submitter',
      next: (lastCode) => {
        // One that has brought its plan to an end has no successor.
        if (this.#finishing && lastCode === 0) return undefined;
        const finish = this.#finishing;
        return { ...this.#config(name, slot), plan, hosts: { ...hosted, ...callers }, concurrency: 4, finish };
      },
    };
  }

  #config(place: string, slot: number): Omit<ProcessConfig, 'folder' | 'label' | 'hosts' | 'concurrency'> {
    const { seed, lease, outages = false } = this.options;
    return {
      ...(lease === undefined ? {} : { lease }),
      ...{ store: this.store.address(place), outages, slot, seed },
      ...{ plan: 'mixed', oblivious: false, leave: 'close', finish: false },
    };
  }

  #isSubmitting(): boolean {
    const { running, waiting } = this.supervisor;
    return [...[...running].map(({ place }) => place), ...waiting].some(({ program }) => program === 'submitter');
  }

  #track(look: Promise<void>): void {
    const tracked = look.finally(() => this.#looking.delete(tracked));
    this.#looking.add(tracked);
  }

  /** Leases as they stand in the store: nobody may be taken for dead before the last one that was seen. */
  async #sampleLeases(): Promise<void> {
    if (this.#sampling) return;
    this.#sampling = true;
    try {
      for (const { worker, until } of await this.store.leases()) {
        // What comes from another clock moves a little without having been renewed.
        if (Math.abs((this.#leases.get(worker) ?? 0) - until) < 2) continue;
        this.#leases.set(worker, until);
        this.supervisor.diary.write({ kind: 'lease', worker, until });
      }
    } finally {
      this.#sampling = false;
    }
  }

  async #notePresent(process: string): Promise<void> {
    const workers = (await this.store.leases()).map(({ worker }) => worker);
    this.supervisor.diary.write({ kind: 'present', process, workers });
  }
}
