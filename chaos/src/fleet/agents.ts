import { randomUUID } from 'node:crypto';
import {
  RetryAfterError,
  SymphonyError,
  TerminalError,
  type Agent,
  type AgentContext,
  type JsonValue,
  type Task,
} from '@symphony/core';
import type { Diary } from './evidence.ts';

/** What a task of the lane asks its agent to do. */
export interface Work {
  readonly steps: number;
  /** How long each step takes. */
  readonly ms: number;
  /** `keys`: a loop with keys; `ordinals`: one name again and again; `parallel`: all at once. */
  readonly shape: 'keys' | 'ordinals' | 'parallel';
  /** How many attempts fail before one succeeds. */
  readonly failures?: number;
  readonly failWith?: 'error' | 'terminal' | 'retry-after';
  /** Ids of the agents that refuse it. */
  readonly refusedBy?: readonly string[];
  /** Tasks to add to its own workflow. */
  readonly children?: number;
  /** How long it goes on after its last step. */
  readonly tailMs?: number;
  /** Computes instead of waiting, for so long. */
  readonly busyMs?: number;
  /** Goes on although its signal has aborted. */
  readonly deaf?: boolean;
  /** Kills its own process after the first step. */
  readonly deadly?: boolean;
}

/** Adds a child to the workflow of a task; the same key is the same child. */
export type AddChild = (parent: Task<Work>, key: string) => Promise<string>;

/** Which agents there are, and what they can. */
export const hosted = {
  'counter-a': 'count',
  'counter-b': 'count',
  'picky-a': 'pick',
  'picky-b': 'pick',
  'picky-c': 'pick',
  spawner: 'spawn',
} as const;

/** Hosted by some of the workers only. */
export const special = { specialist: 'special' } as const;

/** Never hosted by a worker: its tasks are executed by those who create them. */
export const callers = { caller: 'call' } as const;

/** Agents that write down what they do, outside the store. */
export function makeAgents(diary: Diary, ids: Readonly<Record<string, string>>, addChild: AddChild): Agent[] {
  return Object.entries(ids).map(([id, capability]) => makeAgent(diary, id, capability, addChild));
}

function makeAgent(diary: Diary, id: string, capability: string, addChild: AddChild): Agent<Work, unknown, JsonValue> {
  return {
    id,
    capabilities: [capability],
    description: `does ${capability}`,
    async run(task, context) {
      const who = { task: task.id, agent: id, attempt: context.attempt };
      diary.write({ kind: 'begin', ...who });
      const noteAbort = (): void => diary.write({ kind: 'aborted', ...who, reason: codeOf(context.signal.reason) });
      if (context.signal.aborted) noteAbort();
      else context.signal.addEventListener('abort', noteAbort, { once: true });
      try {
        const output = await work(diary, who, task, context, addChild);
        diary.write({ kind: 'end', ...who, outcome: 'returned', text: JSON.stringify(output) });
        return output;
      } catch (error) {
        diary.write({
          kind: 'end',
          ...who,
          outcome: 'threw',
          text: error instanceof Error ? error.name : String(error),
        });
        throw error;
      }
    },
  };
}

/** The code of a coded error; else what it says. */
export function codeOf(reason: unknown): string {
  return SymphonyError.is(reason) ? reason.code : String(reason);
}

async function work(
  diary: Diary,
  who: { readonly task: string; readonly agent: string; readonly attempt: number },
  task: Task<Work>,
  context: AgentContext,
  addChild: AddChild,
): Promise<Readonly<Record<string, string>>> {
  const { steps, ms, shape, tailMs, busyMs, children = 0, deaf = false } = task.input;
  const values: Record<string, string> = {};
  const step = async (
    name: string,
    identity: string,
    key: string | undefined,
    effect: () => Promise<string>,
  ): Promise<void> => {
    let ran = false;
    const act = async (): Promise<string> => {
      const value = await effect();
      ran = true;
      // The side effect itself: what costs money, and must not happen again once it is recorded.
      diary.write({ kind: 'effect', ...who, step: identity, value });
      return value;
    };
    const value = await context.step(name, act, key === undefined ? {} : { key });
    diary.write({ kind: ran ? 'recorded' : 'replayed', ...who, step: identity, value });
    values[identity] = value;
  };
  const compute = async (): Promise<string> => {
    if (busyMs === undefined) await wait(ms, deaf ? undefined : context.signal);
    else block(busyMs);
    return randomUUID();
  };
  const one = (index: number): Promise<void> =>
    shape === 'ordinals'
      ? step('again', `again#${index + 1}`, undefined, compute)
      : step('item', `item:${index}`, String(index), compute);

  if (shape === 'parallel') await Promise.all(Array.from({ length: steps }, (_, index) => one(index)));
  else for (let index = 0; index < steps; index++) await interrupted(index, task, context, () => one(index));
  for (let index = 0; index < children; index++) {
    await step('child', `child:${index}`, String(index), () => addChild(task, `${task.name}/child-${index}`));
  }
  if (tailMs !== undefined) await wait(tailMs, deaf ? undefined : context.signal);
  return values;
}

/** Runs a step, and after the first one what is to go wrong with this attempt. */
async function interrupted(
  index: number,
  task: Task<Work>,
  context: AgentContext,
  run: () => Promise<void>,
): Promise<void> {
  await run();
  if (index > 0) return;
  const { failures = 0, failWith, refusedBy = [], deadly = false } = task.input;
  if (deadly) process.kill(process.pid, 'SIGKILL');
  if (refusedBy.includes(task.agentId ?? '')) context.refuse('not for me');
  if (task.failures >= failures) return;
  if (failWith === 'terminal') throw new TerminalError('no use trying');
  if (failWith === 'retry-after') throw new RetryAfterError('later', 40);
  throw new Error('on purpose');
}

/** Waits, or rejects as soon as the signal aborts. */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
