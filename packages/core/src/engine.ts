import type { Task } from './task.ts';

/** What became of one attempt, for the engine that started it. */
export type AttemptOutcome =
  /** The task has ended. */
  | { readonly state: 'ended'; readonly task: Task }
  /** The task goes on later: a retry falls due at `task.dueAt`, or it was handed back. */
  | { readonly state: 'open'; readonly task: Task }
  /** The attempt lost its task to somebody else. */
  | { readonly state: 'lost' };

/**
 * Decides when and where an attempt starts. The local engine is the {@link Store}'s claim; others hand over to an
 * existing distributed engine. The store stays the record: an engine owns placement, timers and delivery only.
 */
export interface Engine {
  /** Hands over tasks that have fallen due. */
  dispatch(tasks: readonly Task[]): Promise<void>;
  /** Begins to start attempts by task id. */
  start(runAttempt: (taskId: string) => Promise<AttemptOutcome>): Promise<void>;
  /** Passes a wish to cancel on to where the attempt runs. */
  cancel(taskId: string): Promise<void>;
  stop(): Promise<void>;
}
