import { defaults, SymphonyError, type Holding, type Renewal, type WorkerBeat } from '@symphony/core';
import { patiently } from './patiently.ts';
import type { ExecutorServices } from './services.ts';

/** Something that this process holds in the store: a running attempt, or a task bound to it. */
export interface Held {
  readonly taskId: string;
  /** The attempt that runs here and that the store must know of; left out where there is none. */
  readonly attempt?: number | undefined;
  /** The attempt is somebody else's now. */
  lose(reason: SymphonyError): void;
  /** Its cancellation was asked for; it is given up at `cancelAt` (wall time). */
  cancel(cancelAt: number): void;
}

/** Shortest time between two looks for cancellations that a doorbell causes. */
const quietMs = 200;

/**
 * The one lease of a process: opened with its first claim, renewed while it lives, and the sweeper of what others left
 * behind. All attempts of the process stand under it, so none of them needs a heartbeat of its own.
 */
export class WorkerLease {
  readonly #services: ExecutorServices;
  readonly #held = new Map<string, Held>();
  /** The last look at what the store says is ours that had begun before something was held. */
  readonly #heldAfter = new WeakMap<Held, number>();
  #looks = 0;
  readonly #hosts = new Map<string, number>();
  readonly #stops: (() => void)[] = [];
  #id: string | undefined;
  #opening: Promise<string> | undefined;
  #closing: Promise<void> | undefined;
  /** When the last renewal that was answered began, on the monotonic clock. */
  #renewedAt = 0;
  /** Since when renewals have gone unanswered, on the monotonic clock. */
  #silentSince: number | undefined;
  #renewing = 0;
  /** When the last renewal was begun, and when each of those that have not been answered. */
  #begunAt = 0;
  readonly #renewals = new Set<number>();
  #judgesFrom = 0;
  readonly #underWay = new Set<{ readonly startedAt: number }>();
  #lastClaim = 0;
  /** The numbers of claims that have not been answered. */
  readonly #openClaims = new Set<number>();
  /** What the last renewal listed though nobody here knew of it, and the last claim by then. */
  #strangers: ReadonlyMap<string, number> = new Map();
  #looking = false;
  #lookedAt = -Infinity;
  #lookAgain: (() => void) | undefined;
  /** When an attempt was begun last, on the monotonic clock. */
  #startedAt = -Infinity;

  constructor(services: ExecutorServices) {
    this.#services = services;
  }

  /** The id of the worker's row; opens it where there is none. */
  async hold(): Promise<string> {
    await this.#closing;
    if (this.#id !== undefined) return this.#id;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** Agents that this process runs attempts of. */
  get hosts(): readonly string[] {
    return [...this.#hosts.keys()];
  }

  /** Adds agents to what this process hosts, and says so in the store. */
  async host(agentIds: readonly string[]): Promise<void> {
    for (const id of agentIds) this.#hosts.set(id, (this.#hosts.get(id) ?? 0) + 1);
    const isNew = this.#id === undefined && this.#opening === undefined;
    await this.hold();
    if (!isNew) await this.#renew();
  }

  /** Takes agents from what this process hosts. */
  unhost(agentIds: readonly string[]): void {
    for (const id of agentIds) {
      const count = (this.#hosts.get(id) ?? 0) - 1;
      if (count > 0) this.#hosts.set(id, count);
      else this.#hosts.delete(id);
    }
  }

  /** Whether this process has begun no attempt for so long that it must not wait for an empty place any longer. */
  get still(): boolean {
    return this.#services.clock.monotonic() - this.#startedAt >= defaults.aloneMs;
  }

  track(held: Held): void {
    this.#startedAt = this.#services.clock.monotonic();
    const known = this.#held.get(held.taskId);
    if (known !== undefined) this.#lose(known, 'another attempt at it has begun here');
    this.#heldAfter.set(held, this.#looks);
    this.#held.set(held.taskId, held);
  }

  untrack(held: Held): void {
    if (this.#held.get(held.taskId) === held) this.#held.delete(held.taskId);
  }

  /** Runs a request that may give tasks to this worker: until it is answered, unknown ones are no surprise. */
  async claiming<T>(request: () => Promise<T>): Promise<T> {
    const claim = ++this.#lastClaim;
    this.#openClaims.add(claim);
    try {
      return await request();
    } finally {
      this.#openClaims.delete(claim);
    }
  }

  /** The row is gone: all that is held is lost, and the next claim opens another. */
  lost(workerId: string): void {
    if (this.#id !== workerId) return;
    this.#id = undefined;
    this.#loseAll('its lease ran out and its tasks were given to others');
    this.#stopTimers();
    if (this.#hosts.size > 0)
      this.hold().catch((error: unknown) => this.#report(error, 'A new lease could not be opened.'));
  }

  /** Cleans up after dead workers now; says whether there was any. */
  async sweep(): Promise<boolean> {
    let found = false;
    for (;;) {
      const request = { markDead: this.#mayJudge(), patienceMs: this.#services.times.renewMs };
      const { more, deadWorkers, releasedTasks } = await this.#timed(() => this.#services.store.sweep(request));
      found ||= deadWorkers > 0 || releasedTasks > 0;
      if (!more) return found;
    }
  }

  /** Gives the lease back if nothing needs it any more. */
  async closeIfIdle(): Promise<void> {
    // Between the answer to a claim and the start of its attempt lie a few turns in which nobody seems to hold anything.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    if (this.#held.size === 0 && this.#hosts.size === 0 && this.#openClaims.size === 0) await this.close();
  }

  /** Whether something here works on the task. */
  holds(taskId: string): boolean {
    return this.#held.has(taskId);
  }

  /** Gives the lease back, with what is still held under it, at no cost to those tasks. */
  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    const id = this.#id;
    if (id === undefined) return;
    this.#id = undefined;
    this.#stopTimers();
    const { clock, store, times } = this.#services;
    const closedAt = clock.monotonic();
    // Later than this the lease has run out by itself.
    const isOver = (): boolean => clock.monotonic() - closedAt > times.leaseMs;
    this.#closing = patiently(clock, isOver, () => store.closeWorker(id)).finally(() => {
      this.#closing = undefined;
    });
    await this.#closing;
  }

  async #open(): Promise<string> {
    const id = this.#services.makeId('wrk');
    const startedAt = this.#services.clock.monotonic();
    await this.#timed(() => this.#services.store.openWorker(this.#beat(id)));
    this.#id = id;
    this.#renewedAt = startedAt;
    this.#begunAt = startedAt;
    this.#silentSince = undefined;
    this.#startTimers();
    return id;
  }

  #beat(id: string): WorkerBeat {
    const { leaseMs, renewMs, stallMs } = this.#services.times;
    return { id, hosts: this.hosts, leaseMs, renewMs, stallMs };
  }

  #startTimers(): void {
    const { renewMs, sweepMs, pollMs } = this.#services.times;
    this.#every(sweepMs, () => this.sweep());
    this.#every(pollMs, () => this.#lookForCancellations());
    this.#every(renewMs / 4, () => this.#checkSilence());
    this.#stops.push(this.#services.store.onChange(() => this.#rung()));
  }

  #stopTimers(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#lookAgain?.();
    this.#lookAgain = undefined;
  }

  #every(intervalMs: number, action: () => Promise<unknown>): void {
    let cancel: () => void;
    let stopped = false;
    const tick = async (dueAt: number): Promise<void> => {
      try {
        this.#checkPunctuality(dueAt);
        await action();
      } catch (error) {
        this.#report(error, 'Looking after the lease failed; it is tried again.');
      }
      if (!stopped) arm();
    };
    const arm = (): void => {
      const dueAt = this.#services.clock.monotonic() + intervalMs;
      cancel = this.#services.clock.setTimer(() => void tick(dueAt), intervalMs, { background: true });
    };
    arm();
    this.#stops.push(() => {
      stopped = true;
      cancel();
    });
  }

  async #renew(): Promise<void> {
    const id = this.#id;
    if (id === undefined) return;
    const startedAt = this.#services.clock.monotonic();
    this.#silentSince ??= startedAt;
    this.#begunAt = startedAt;
    this.#renewals.add(startedAt);
    const look = ++this.#looks;
    this.#renewing++;
    let renewal: Renewal;
    try {
      renewal = await this.#timed(() => this.#services.store.renew(this.#beat(id)));
    } catch (error) {
      // A full store answers, and nobody can take anything over in it: what runs goes on, and is recorded in the end.
      if (SymphonyError.is(error, 'STORE_FULL')) this.#answered(startedAt);
      throw error;
    } finally {
      this.#renewing--;
      this.#renewals.delete(startedAt);
    }
    this.#answered(startedAt);
    if (!renewal.alive) {
      this.lost(id);
      return;
    }
    await this.#compare(id, renewal.holding, look);
  }

  /** The store has answered a renewal: it is not silent, but for those that were begun later. */
  #answered(startedAt: number): void {
    this.#renewedAt = Math.max(this.#renewedAt, startedAt);
    const later = [...this.#renewals].filter((begunAt) => begunAt > startedAt);
    this.#silentSince = later.length === 0 ? undefined : Math.min(...later);
  }

  /** A worker that cannot reach the store stops before others may take its tasks. */
  async #checkSilence(): Promise<void> {
    const { clock, times } = this.#services;
    const isSilent = (): boolean => {
      const now = clock.monotonic();
      // After a busy spell of this thread a renewal may be long ago and yet nothing wrong: one must have gone unanswered.
      const isUnanswered = this.#silentSince !== undefined && now - this.#silentSince > times.renewMs / 2;
      return isUnanswered && now - this.#renewedAt > times.leaseMs - times.renewMs;
    };
    // One that failed is repeated soon. None is waited for, and none keeps the next from its turn: where no answer comes on
    // one connection, another may still get through, and somebody has to notice if not.
    const hasFailed = this.#silentSince !== undefined && this.#renewing === 0;
    if (hasFailed || clock.monotonic() - this.#begunAt >= times.renewMs)
      this.#renew().catch((error: unknown) => this.#report(error, 'The lease was not renewed; it is tried again.'));
    if (!isSilent()) return;
    // After a busy spell of the main thread the answer may be waiting to be read.
    for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
    if (isSilent()) this.#loseAll('the store has not answered for most of a lease');
  }

  /**
   * If this process was stopped for so long that its own lease was not renewed, by an administrator or together with the
   * whole machine, then others may have been: they are given one lease to come back.
   */
  #checkPunctuality(dueAt: number): void {
    const { clock, times, store } = this.#services;
    if (this.#id === undefined || clock.monotonic() - dueAt <= times.renewMs) return;
    // Until the store has said how the lease has fared meanwhile. Nothing here waits for that: the store may be silent.
    const before = this.#judgesFrom;
    const after = clock.monotonic() + times.leaseMs;
    this.#judgesFrom = after;
    store.worker(this.#id).then(
      (row) => {
        const isWell = row !== undefined && row.leaseLeftMs >= times.leaseMs - 2 * times.renewMs;
        if (isWell && this.#judgesFrom === after) this.#judgesFrom = before;
      },
      () => undefined,
    );
  }

  #loseAll(why: string): void {
    for (const held of [...this.#held.values()]) this.#lose(held, why);
  }

  #lose(held: Held, why: string): void {
    const { taskId } = held;
    held.lose(new SymphonyError('LEASE_LOST', `This process lost task ${taskId}: ${why}.`, { details: { taskId } }));
  }

  /** What held up one of our calls held up those of others too: for one lease after it, nobody is judged. */
  #mayJudge(): boolean {
    const { clock, times } = this.#services;
    const now = clock.monotonic();
    return now >= this.#judgesFrom && [...this.#underWay].every((call) => now - call.startedAt <= times.renewMs);
  }

  async #timed<T>(action: () => Promise<T>): Promise<T> {
    const { clock, times } = this.#services;
    const startedAt = clock.monotonic();
    const call = { startedAt };
    this.#underWay.add(call);
    try {
      return await action();
    } catch (error) {
      // What made this call fail has kept others from renewing: they are given one lease to come back.
      this.#judgesFrom = clock.monotonic() + times.leaseMs;
      throw error;
    } finally {
      this.#underWay.delete(call);
      const endedAt = clock.monotonic();
      if (endedAt - startedAt > times.renewMs) this.#judgesFrom = endedAt + times.leaseMs;
    }
  }

  #rung(): void {
    if (this.#held.size === 0 || this.#lookAgain !== undefined) return;
    const { clock } = this.#services;
    const wait = Math.max(0, this.#lookedAt + quietMs - clock.monotonic());
    this.#lookAgain = clock.setTimer(
      () => {
        this.#lookAgain = undefined;
        this.#lookForCancellations().catch((error: unknown) =>
          this.#report(error, 'Cancellations could not be read; they are looked for again.'),
        );
      },
      wait,
      { background: true },
    );
  }

  async #lookForCancellations(): Promise<void> {
    const id = this.#id;
    if (id === undefined || this.#held.size === 0 || this.#looking) return;
    this.#looking = true;
    this.#lookedAt = this.#services.clock.monotonic();
    try {
      const look = ++this.#looks;
      this.#passOn(await this.#services.store.holding(id), look);
    } finally {
      this.#looking = false;
    }
  }

  /** Tells attempts that they are to be cancelled, or that others have ended them already. */
  #passOn(holding: readonly Holding[], look: number): void {
    for (const { taskId, cancelAt } of holding) {
      if (cancelAt !== null) this.#held.get(taskId)?.cancel(cancelAt);
    }
    const listed = new Set(holding.map(keyOf));
    for (const held of [...this.#held.values()]) {
      const { taskId, attempt } = held;
      // What came here since the store was asked is not in its answer.
      const isOlder = (this.#heldAfter.get(held) ?? look) < look;
      if (attempt !== undefined && isOlder && !listed.has(keyOf({ taskId, attempt })))
        this.#lose(held, 'others have ended this attempt');
    }
  }

  /**
   * What the store says is ours but nobody here knows was claimed by a request whose answer was lost. It is handed back,
   * once two renewals in a row have said so.
   */
  async #compare(workerId: string, holding: readonly Holding[], look: number): Promise<void> {
    this.#passOn(holding, look);
    const strangers = holding.filter(({ taskId }) => !this.#held.has(taskId));
    const oldestOpen = Math.min(...this.#openClaims);
    // A claim that was under way when the stranger was first seen may be what brings it.
    const certain = strangers.filter((stranger) => oldestOpen > (this.#strangers.get(keyOf(stranger)) ?? Infinity));
    this.#strangers = new Map(
      strangers.map((stranger) => [keyOf(stranger), this.#strangers.get(keyOf(stranger)) ?? this.#lastClaim]),
    );
    if (certain.length === 0) return;
    await this.#services.store.commit({
      groups: certain.map(({ taskId, attempt, status }) => [
        status === 'running'
          ? {
              type: 'report',
              id: taskId,
              attempt,
              command: { type: 'release', reason: 'its worker did not know of it' },
            }
          : { type: 'unbind', id: taskId, workerId },
      ]),
    });
  }

  #report(error: unknown, message: string): void {
    if (!SymphonyError.is(error, 'STORE_CLOSED')) this.#services.logger.warn({ error, workerId: this.#id }, message);
  }
}

function keyOf({ taskId, attempt }: Pick<Holding, 'taskId' | 'attempt'>): string {
  return `${taskId}:${attempt}`;
}
