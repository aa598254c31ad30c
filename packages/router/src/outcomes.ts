import {
  SymphonyError,
  type Clock,
  type Router,
  type RoutingOutcome,
  type RoutingStrategy,
  type Task,
} from '@symphony/core';
import { protectedCopy } from './ask-strategy.ts';
import type { StrategySlot } from './strategy-slot.ts';
import { withinLimit } from './time-limit.ts';

/** Outcomes that may be under way at once. A strategy that is slower than its tasks must not fill the memory. */
const mostUnderWay = 1_000;

/** What became of a task. */
interface TaskReport {
  readonly task: Task;
  readonly result: RoutingOutcome;
  readonly readDecision: Parameters<NonNullable<Router['report']>>[2];
}

/** Tells strategies how their decisions turned out. Nobody waits for it, and nothing comes of it if it fails. */
export class Outcomes {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #failed: (slot: StrategySlot, error: unknown) => void;
  readonly #underWay = new Set<Promise<void>>();

  /** @param failed told what goes wrong */
  constructor(clock: Clock, limitMs: number, failed: (slot: StrategySlot, error: unknown) => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#failed = failed;
  }

  /** Begins to tell a strategy, if the decision was its own. Returns at once. */
  tell(slot: StrategySlot, report: TaskReport): void {
    if (slot.takesOutcomes === false) return;
    if (this.#underWay.size >= mostUnderWay) {
      this.#failed(slot, new Error(`${mostUnderWay} outcomes are under way; those that come meanwhile are left out`));
      return;
    }
    const telling = this.#tell(slot, report)
      .catch((error: unknown) => this.#failed(slot, error))
      .finally(() => this.#underWay.delete(telling));
    this.#underWay.add(telling);
  }

  /** Waits for what is under way; that takes no longer than the time limit. */
  async idle(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #tell(slot: StrategySlot, report: TaskReport): Promise<void> {
    const expire = (): SymphonyError =>
      new SymphonyError(
        'STRATEGY_TIMEOUT',
        `Strategy "${slot.name}" did not take the outcome of task ${report.task.id} within ${this.#limitMs} ms.`,
        { details: { strategy: slot.name, taskId: report.task.id, limitMs: this.#limitMs } },
      );
    const work = slot.use((strategy) => pass(strategy, slot.name, report));
    return withinLimit(work, this.#limitMs, this.#clock, expire);
  }
}

async function pass(strategy: RoutingStrategy, name: string, report: TaskReport): Promise<void> {
  const { task, result, readDecision } = report;
  if (strategy.outcome === undefined) return;
  const decision = await readDecision();
  // Another strategy may have decided, in another process or before this one was set, or the fallback agent was taken.
  if (decision === undefined || decision.strategy !== name || decision.fallback !== undefined) return;
  await strategy.outcome(protectedCopy(task), decision, Object.freeze({ ...result }));
}
