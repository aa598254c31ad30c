import { silentLogger, type Agent, type AgentContext, type Clock, type Store, type Task } from '@symphony/core';
import { ServiceRegistry, type OpenOptions } from '@symphony/registry';
import { faultyStore, type Fault, type FaultyStore, type VirtualClock } from '@symphony/testing';

/** What the agents of all processes have done to the world outside the store. */
export class Ledger {
  readonly #effects = new Map<string, number>();
  /** Effects that came about although the store had the step already. */
  readonly repeated: string[] = [];

  /** How often each effect has come about. */
  get effects(): ReadonlyMap<string, number> {
    return this.#effects;
  }

  enter(effect: string, isRecorded: boolean): void {
    this.#effects.set(effect, (this.#effects.get(effect) ?? 0) + 1);
    if (isRecorded) this.repeated.push(effect);
  }
}

/**
 * A process as far as Symphony can tell: a registry over a store that may crash. Once it has crashed no timer of it fires,
 * no call of it is answered and no agent of it does anything.
 */
export class SimulatedProcess {
  readonly store: FaultyStore;
  readonly clock: MortalClock;
  readonly #kept: Store;
  readonly #ledger: Ledger;

  constructor(kept: Store, clock: VirtualClock, ledger: Ledger, faults: readonly Fault[] = []) {
    this.clock = new MortalClock(clock);
    this.#kept = kept;
    this.#ledger = ledger;
    this.store = faultyStore(kept, { faults, clock: this.clock, crash: () => this.clock.die() });
  }

  get crashed(): boolean {
    return this.store.crashed;
  }

  open(agents: readonly Agent[], options: OpenOptions = {}): Promise<ServiceRegistry> {
    return ServiceRegistry.open({
      persistence: this.store,
      agents,
      clock: this.clock,
      logger: silentLogger,
      ...options,
    });
  }

  /** Time passes for this process, unless it dies meanwhile. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.setTimer(resolve, ms));
  }

  /** A step that does something to the world outside the store. */
  async act(
    task: Pick<Task, 'id' | 'name' | 'agentId'>,
    { step }: Pick<AgentContext, 'step'>,
    name: string,
  ): Promise<void> {
    await step(name, async () => {
      const recorded = await this.#kept.steps(task.id, task.agentId ?? '');
      if (this.crashed) await new Promise(() => undefined); // nobody is there any more
      const isRecorded = recorded.some(({ identity }) => identity === `${name}#1`);
      this.#ledger.enter(`${task.name}: ${name}`, isRecorded);
    });
  }
}

/** A clock whose timers end with their process. */
class MortalClock implements Clock {
  readonly #clock: Clock;
  readonly #cancels = new Set<() => void>();
  #dead = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  setTimer(callback: () => void, delayMs: number, options?: { readonly background?: boolean }): () => void {
    if (this.#dead) return () => undefined;
    const fire = (): void => {
      this.#cancels.delete(cancel);
      callback();
    };
    const stop = this.#clock.setTimer(fire, delayMs, options);
    const cancel = (): void => {
      this.#cancels.delete(cancel);
      stop();
    };
    this.#cancels.add(cancel);
    return cancel;
  }

  die(): void {
    this.#dead = true;
    for (const cancel of this.#cancels) cancel();
  }
}
