import {
  SymphonyError,
  systemClock,
  type AgentEntry,
  type AgentLoad,
  type Clock,
  type CommitRequest,
  type CommitResponse,
  type EventQuery,
  type Holding,
  type PruneRequest,
  type PruneResult,
  type Renewal,
  type StepRow,
  type Store,
  type StoreStats,
  type StoreTraits,
  type StrategyState,
  type SweepRequest,
  type SweepResult,
  type SymphonyEvent,
  type TaskQuery,
  type TaskRecord,
  type WorkflowQuery,
  type WorkflowRow,
} from '@symphony/core';
import type { Fault, FaultPoint } from './fault-plan.ts';

/** Options of {@link faultyStore}. */
export interface FaultyStoreOptions {
  /** What goes wrong, and where. Default: nothing. */
  readonly faults?: readonly Fault[];
  /**
   * What a crash does besides: `() => process.kill(process.pid, 'SIGKILL')` in a process of its own. Whatever it does,
   * the store is dead afterwards: no call of it, also of those under way, ever settles, and it rings no more. What is
   * stored stays stored.
   */
  readonly crash?: () => void;
  /** Where delays pass. Default: the machine's clock. */
  readonly clock?: Clock;
}

/**
 * Wraps a store so that it fails, crashes or is slow where a plan says so, before or after a call is carried out. Without
 * a fault in the way it is the store that it wraps.
 *
 * @example
 * const store = faultyStore(new MemoryStore(), { faults: [{ at: 'commit:report', when: 'after', fault: 'fail' }] });
 */
export function faultyStore(store: Store, options: FaultyStoreOptions = {}): FaultyStore {
  return new FaultyStore(store, options);
}

/** A store with faults, made by {@link faultyStore}. */
export class FaultyStore implements Store {
  readonly traits: StoreTraits;
  readonly state: StrategyState;
  readonly #store: Store;
  readonly #faults: readonly Fault[];
  readonly #hits: number[];
  readonly #calls = new Map<FaultPoint, number>();
  readonly #crash: () => void;
  readonly #clock: Clock;
  readonly #stops = new Set<() => void>();
  #crashed = false;

  /** @internal Use {@link faultyStore}. */
  constructor(store: Store, { faults = [], crash = () => undefined, clock = systemClock }: FaultyStoreOptions) {
    this.traits = store.traits;
    this.#store = store;
    this.#faults = [...faults];
    this.#hits = this.#faults.map(() => 0);
    this.#crash = crash;
    this.#clock = clock;
    this.state = {
      get: (key) => this.#call(['state.get'], () => store.state.get(key)),
      set: (key, value, version) => this.#call(['state.set'], () => store.state.set(key, value, version)),
    };
  }

  /** Whether a crash has happened. */
  get crashed(): boolean {
    return this.#crashed;
  }

  /** How often each fault was met, in the order of the plan. A fault that was not met has shown nothing. */
  get hits(): readonly number[] {
    return [...this.#hits];
  }

  /** The faults of the plan that were not met. */
  get missed(): readonly Fault[] {
    return this.#faults.filter((_, index) => this.#hits[index] === 0);
  }

  /** How often each point was called. */
  get calls(): ReadonlyMap<FaultPoint, number> {
    return new Map(this.#calls);
  }

  commit(request: CommitRequest): Promise<CommitResponse> {
    return this.#call(pointsOf(request), () => this.#store.commit(request));
  }

  getTask(id: string): Promise<TaskRecord | undefined> {
    return this.#call(['getTask'], () => this.#store.getTask(id));
  }

  listTasks(query: TaskQuery): Promise<readonly TaskRecord[]> {
    return this.#call(['listTasks'], () => this.#store.listTasks(query));
  }

  getWorkflow(id: string): Promise<WorkflowRow | undefined> {
    return this.#call(['getWorkflow'], () => this.#store.getWorkflow(id));
  }

  listWorkflows(query: WorkflowQuery): Promise<readonly WorkflowRow[]> {
    return this.#call(['listWorkflows'], () => this.#store.listWorkflows(query));
  }

  events(query: EventQuery): Promise<readonly SymphonyEvent[]> {
    return this.#call(['events'], () => this.#store.events(query));
  }

  lastPosition(): Promise<number> {
    return this.#call(['lastPosition'], () => this.#store.lastPosition());
  }

  steps(taskId: string, agentId: string): Promise<readonly StepRow[]> {
    return this.#call(['steps'], () => this.#store.steps(taskId, agentId));
  }

  agents(): Promise<readonly AgentEntry[]> {
    return this.#call(['agents'], () => this.#store.agents());
  }

  loads(): Promise<ReadonlyMap<string, AgentLoad>> {
    return this.#call(['loads'], () => this.#store.loads());
  }

  openWorker(worker: Parameters<Store['openWorker']>[0]): Promise<void> {
    return this.#call(['openWorker'], () => this.#store.openWorker(worker));
  }

  renew(worker: Parameters<Store['renew']>[0]): Promise<Renewal> {
    return this.#call(['renew'], () => this.#store.renew(worker));
  }

  holding(workerId: string): Promise<readonly Holding[]> {
    return this.#call(['holding'], () => this.#store.holding(workerId));
  }

  closeWorker(workerId: string): Promise<void> {
    return this.#call(['closeWorker'], () => this.#store.closeWorker(workerId));
  }

  worker(id: string): ReturnType<Store['worker']> {
    return this.#call(['worker'], () => this.#store.worker(id));
  }

  sweep(request: SweepRequest): Promise<SweepResult> {
    return this.#call(['sweep'], () => this.#store.sweep(request));
  }

  prune(request: PruneRequest): Promise<PruneResult> {
    return this.#call(['prune'], () => this.#store.prune(request));
  }

  stats(): Promise<StoreStats> {
    return this.#call(['stats'], () => this.#store.stats());
  }

  onChange(listener: () => void): () => void {
    if (this.#crashed) return () => undefined;
    const stop = this.#store.onChange(listener);
    this.#stops.add(stop);
    return () => {
      this.#stops.delete(stop);
      stop();
    };
  }

  close(): Promise<void> {
    return this.#call(['close'], () => this.#store.close());
  }

  async #call<T>(points: readonly FaultPoint[], carryOut: () => Promise<T>): Promise<T> {
    if (this.#crashed) return never();
    const met = this.#meet(points);
    await this.#suffer(met, 'before');
    // Another call may have ended the process while this one was held up.
    if (this.#crashed) return never();
    const settled = await settle(carryOut);
    if (this.#crashed) return never();
    await this.#suffer(met, 'after');
    if (this.#crashed) return never();
    if ('error' in settled) throw settled.error;
    return settled.value;
  }

  /** Counts a call at its points, and finds the faults in its way. */
  #meet(points: readonly FaultPoint[]): readonly Fault[] {
    for (const point of points) this.#calls.set(point, (this.#calls.get(point) ?? 0) + 1);
    return this.#faults.filter(({ at, nth = 1, times = 1 }, index) => {
      const count = this.#calls.get(at) ?? 0;
      const isMet = points.includes(at) && count >= nth && count < nth + times;
      if (isMet) (this.#hits[index] as number)++; // as long as the plan
      return isMet;
    });
  }

  async #suffer(met: readonly Fault[], when: Fault['when']): Promise<void> {
    const faults = met.filter((each) => each.when === when);
    // Who is gone does not fail.
    if (faults.some(({ fault }) => fault === 'crash')) return this.#die();
    for (const { fault, at } of faults) {
      if (fault === 'fail') throw failure(at, when);
      if (fault !== 'crash') await new Promise<void>((resolve) => void this.#clock.setTimer(resolve, fault.delayMs));
    }
  }

  #die(): Promise<never> {
    this.#crashed = true;
    for (const stop of this.#stops) stop();
    this.#stops.clear();
    this.#crash();
    return never();
  }
}

/** The points that a commit passes. */
function pointsOf({ groups, claim }: CommitRequest): readonly FaultPoint[] {
  const types = new Set(groups.flat().map(({ type }) => type));
  return [
    'commit',
    ...Array.from(types, (type) => `commit:${type}` as const),
    ...(claim ? ['commit:claim' as const] : []),
  ];
}

function failure(at: FaultPoint, when: Fault['when']): SymphonyError {
  const carriedOut = when === 'after' ? 'was carried out, and its answer lost' : 'was not carried out';
  return new SymphonyError('STORE_FAILED', `A planned fault: this call of ${at} ${carriedOut}.`, {
    details: { at, when },
  });
}

/** Of a process that is gone nothing is heard any more. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}

async function settle<T>(work: () => Promise<T>): Promise<{ readonly value: T } | { readonly error: unknown }> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error };
  }
}
