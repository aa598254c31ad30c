import { SymphonyError, type CommitResponse, type Random, type Store, type SweepResult } from '@symphony/core';
import type { FaultKind, FaultRates } from './faults.ts';
import { Link, type Call } from './link.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';
import type { VirtualProcess } from './virtual-process.ts';

/** What came of a call at the store. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Hears what has become of a call. */
type Asker = (outcome: Outcome) => void;

/** Whoever had asked has given up. */
const nobody: Asker = () => undefined;

/** Whoever watches what reaches the store. */
export interface Observer {
  /** It was carried out. Throws where that has broken something. */
  after(call: Call, from: VirtualProcess, outcome: Outcome): Promise<void>;
  /** The answer has reached who asked. */
  heard(call: Call, outcome: Outcome): void;
}

/** What the network is made of. */
export interface NetworkParts {
  readonly store: Store;
  readonly timeline: Timeline<VirtualProcess>;
  readonly trace: Trace;
  readonly observer: Observer;
  /** Draws latencies. */
  readonly order: Random;
  /** Draws faults. */
  readonly chance: Random;
  /** The rates that hold for a process now. */
  readonly ratesFor: (process: VirtualProcess) => FaultRates;
  readonly strike: (kind: FaultKind) => void;
  readonly kill: (process: VirtualProcess, why: string) => void;
  readonly leaseMs: number;
}

/** What has become of calls, beside what the faults count. */
export interface NetworkFigures {
  calls: number;
  /** Writes that were carried out and whose caller was told that they had failed. */
  unknownCommits: number;
}

/** One way takes so long, in milliseconds, when nothing is wrong. */
const latencyMs = { least: 0.1, most: 3 };

/** Between processes and their store: the one place where a call meets its fate. */
export class Network {
  readonly figures: NetworkFigures = { calls: 0, unknownCommits: 0 };
  readonly #parts: NetworkParts;
  readonly #listeners = new Map<VirtualProcess, Set<() => void>>();
  readonly #rung = new Set<VirtualProcess>();
  /** What the store has carried out last. */
  #method = '';
  readonly #stop: () => void;

  constructor(parts: NetworkParts) {
    this.#parts = parts;
    this.#stop = parts.store.onChange(() => this.#ring());
  }

  /** The store as a process sees it. */
  link(process: VirtualProcess): Store {
    return new Link(this.#parts.store.traits, {
      send: (call) => this.#send(process, call),
      listen: (listener) => this.#listen(process, listener),
    });
  }

  close(): void {
    this.#stop();
  }

  #listen(process: VirtualProcess, listener: () => void): () => void {
    const listeners = this.#listeners.get(process) ?? new Set();
    this.#listeners.set(process, listeners);
    const entry = (): void => listener();
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  #ring(): void {
    // That a worker lives is nothing that anybody waits for; stores may ring for it, and most do not.
    if (this.#method === 'renew' || this.#method === 'openWorker') return;
    const { timeline } = this.#parts;
    for (const [process, listeners] of this.#listeners) {
      if (!process.isAlive) this.#listeners.delete(process);
      if (!process.hearsBells || listeners.size === 0 || this.#rung.has(process)) continue;
      this.#rung.add(process);
      const ring = (): void => {
        this.#rung.delete(process);
        for (const listener of [...listeners]) listener();
      };
      timeline.add(timeline.now + this.#latency(), ring, { owner: process });
    }
  }

  #send(from: VirtualProcess, call: Call): Promise<unknown> {
    if (!from.isAlive) return never();
    this.figures.calls++;
    return new Promise((resolve, reject) => {
      const answer: Asker = (outcome) => {
        if ('error' in outcome) reject(toError(outcome.error));
        else resolve(outcome.value);
      };
      const { timeline } = this.#parts;
      const sentAt = timeline.now;
      timeline.add(sentAt + this.#latency() + this.#delay(from), () => this.#arrive(from, call, sentAt, answer));
    });
  }

  async #arrive(from: VirtualProcess, call: Call, sentAt: number, answer: Asker): Promise<void> {
    const { timeline, trace, chance, order } = this.#parts;
    // The last words of a process may reach the store after its death, or not.
    if (!from.isAlive && order() < 0.5) return;
    if (from.isCut) {
      this.#getStuck(from, call, sentAt, answer);
      return;
    }
    const rates = this.#parts.ratesFor(from);
    const isCommit = call.commit !== undefined;
    if (isCommit && from.isAlive && chance() < rates.crashBefore) {
      this.#parts.strike('crashBefore');
      this.#parts.kill(from, `before ${call.what}`);
      return;
    }
    const isLost = chance() < rates.answerLost;
    let outcome = await this.#carryOut(from, call, timeline.now - sentAt);
    if (isCommit && call.commit.groups.length > 0 && chance() < rates.duplicate) {
      this.#parts.strike('duplicate');
      trace.add(timeline.now, from.name, `(once more) ${call.what}`);
      const second = await this.#carryOut(from, call, timeline.now - sentAt);
      if (chance() < 0.5) outcome = second;
    }
    if (isCommit && from.isAlive && chance() < rates.crashAfter) {
      this.#parts.strike('crashAfter');
      this.#parts.kill(from, `after ${call.what}`);
      return;
    }
    if (isLost) this.#parts.strike('answerLost');
    const deliver = (): void => {
      if (!isLost && !from.isCut && answer !== nobody) {
        this.#parts.observer.heard(call, outcome);
        answer(outcome);
        return;
      }
      if (call.writes && 'value' in outcome) this.figures.unknownCommits++;
      from.suffersUntil(timeline.now);
      trace.add(timeline.now, from.name, `lost the answer to ${call.what}`);
      answer({ error: failure(call) });
    };
    timeline.add(timeline.now + this.#latency() + this.#delay(from), deliver, { owner: from });
  }

  async #carryOut(from: VirtualProcess, call: Call, heldUpMs: number): Promise<Outcome> {
    const { store, timeline, trace, observer } = this.#parts;
    this.#method = call.method;
    let outcome: Outcome;
    try {
      outcome = { value: await call.carryOut(store, heldUpMs) };
    } catch (error) {
      outcome = { error };
    }
    const news = describeOutcome(outcome);
    if (news !== undefined && call.writes) trace.add(timeline.now, from.name, `${call.what} → ${news}`);
    else if (trace.isHeard) trace.whisper(timeline.now, from.name, call.what);
    await observer.after(call, from, outcome);
    return outcome;
  }

  /** What a call meets that cannot get through: a refusal, silence, or a late arrival, heard of or not. */
  #getStuck(from: VirtualProcess, call: Call, sentAt: number, answer: Asker): void {
    const { timeline, chance, leaseMs } = this.#parts;
    const fate = chance();
    const fail = (): void => answer({ error: failure(call) });
    if (fate < 0.6) {
      const waitMs = fate < 0.3 ? 200 * chance() : leaseMs * chance();
      from.suffersUntil(timeline.now + waitMs);
      timeline.add(timeline.now + waitMs, fail, { owner: from });
      return;
    }
    const arrivesAt = from.cutUntil + this.#latency();
    from.suffersUntil(arrivesAt + latencyMs.most);
    if (fate < 0.8 || from.role === 'client') {
      timeline.add(arrivesAt, () => this.#arrive(from, call, sentAt, answer));
      return;
    }
    // Given up by its sender, and carried out all the same.
    const failsAt = timeline.now + leaseMs * chance();
    from.suffersUntil(failsAt);
    timeline.add(failsAt, fail, { owner: from });
    timeline.add(arrivesAt, () => this.#arrive(from, call, sentAt, nobody));
  }

  #latency(): number {
    return latencyMs.least + (latencyMs.most - latencyMs.least) * this.#parts.order() ** 3;
  }

  /** How long a slow store holds a call up. */
  #delay(from: VirtualProcess): number {
    const { chance, leaseMs, timeline } = this.#parts;
    const { slow } = this.#parts.ratesFor(from);
    if (slow === 0 || chance() >= slow / 2) return 0; // it may strike on both ways
    this.#parts.strike('slow');
    const delayMs = leaseMs * (chance() < 0.8 ? 0.3 * chance() : 1.5 * chance());
    from.suffersUntil(timeline.now + delayMs);
    return delayMs;
  }
}

/** What a reader of the trace wants to know of an answer; undefined for what is asked again and again and changes nothing. */
function describeOutcome(outcome: Outcome): string | undefined {
  if ('error' in outcome)
    return `error ${SymphonyError.is(outcome.error) ? outcome.error.code : String(outcome.error)}`;
  const { value } = outcome;
  if (typeof value !== 'object' || value === null) return 'ok';
  if ('results' in value) return describeResponse(value as CommitResponse);
  if ('alive' in value) return value.alive === true ? undefined : 'no such worker';
  if ('deadWorkers' in value) return describeSweep(value as SweepResult);
  return 'ok';
}

function describeResponse({ results, claimed }: CommitResponse): string | undefined {
  const parts: string[] = results.map((result) => (result.status === 'error' ? result.code : result.status));
  if (claimed.length > 0) parts.push(`claimed ${claimed.map(({ id, attempt }) => `${id}#${attempt}`).join(' ')}`);
  return parts.length === 0 ? undefined : parts.join(', ');
}

function describeSweep({ deadWorkers, releasedTasks }: SweepResult): string | undefined {
  return deadWorkers + releasedTasks === 0 ? undefined : `${deadWorkers} dead workers, ${releasedTasks} tasks released`;
}

function failure({ method }: Call): SymphonyError {
  return new SymphonyError('STORE_FAILED', `A simulated fault: the connection was lost during ${method}.`, {
    details: { method },
  });
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Of a process that is gone nothing is heard any more. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}
