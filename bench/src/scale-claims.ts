import type { Store } from '@symphony/core';
import { ServiceRegistry, type Agent } from '@symphony/registry';
import { agentIds, type ScaleQueue } from './scale-queue.ts';

/** Tasks of one claim, and at once in a worker. */
export const batch = 8;

/** A store with a queue of one length, and somebody who claims from it. */
export interface Claimer {
  readonly store: Store;
  readonly queue: ScaleQueue;
  readonly workerId: string;
}

/** What a caller of the port waits for a claim, one at a time; milliseconds. */
export async function claimByHand(claimer: Claimer, claims: number): Promise<readonly number[]> {
  const times: number[] = [];
  while (times.length < claims) {
    const { ms, got } = await claim(claimer);
    times.push(ms);
    if (got !== batch) throw new Error(`A claim got ${got} of ${batch} tasks.`);
  }
  return times;
}

/** One claim; what was taken is completed, and replaced by as many new tasks. */
export async function claim(
  { store, queue, workerId }: Claimer,
  limit: number = batch,
): Promise<{ readonly ms: number; readonly got: number }> {
  const startedAt = performance.now();
  const { claimed } = await store.commit({ groups: [], claim: { workerId, hosts: agentIds.here, limit } });
  const ms = performance.now() - startedAt;
  if (claimed.length > 0) await queue.replace(claimed);
  return { ms, got: claimed.length };
}

/** The same while tasks that come first are being held back: the claims themselves pass over them, and hold them. */
export async function claimUntilHeld(claimer: Claimer, workflowId: string): Promise<readonly number[]> {
  const times: number[] = [];
  for (let left = 1; left > 0;) {
    times.push((await claim(claimer)).ms);
    const { results } = await claimer.store.commit({
      groups: [[{ type: 'alignTasks', workflowId, limit: 500, graceMs: 0 }]],
    });
    left = results[0]?.status === 'ok' ? (results[0].value.count ?? 0) : 1;
  }
  return times;
}

/** What a worker waits for the commits that end a task and claim the next, eight tasks at a time; milliseconds. */
export async function claimByWorker({ store, queue }: Claimer, claims: number): Promise<readonly number[]> {
  const times: number[] = [];
  // Each task hands in its successor, so that the queue stays as long as it is.
  const run: Agent['run'] = async (task) => {
    await store.commit({ groups: [[queue.successor(task.agentId ?? '')]] });
  };
  const agents = agentIds.here.map((id): Agent => ({ id, run }));
  await using symphony = await ServiceRegistry.open({ persistence: timing(store, times), agents, retention: false });
  const worker = await symphony.startWorker({ concurrency: batch });
  while (times.length < claims) await new Promise((resolve) => setTimeout(resolve, 10));
  await worker.drain();
  return times.slice(0, claims);
}

/** The store, with a clock at each claim that found something. */
function timing(store: Store, times: number[]): Store {
  return new Proxy(store, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (key === 'commit') {
        return async (request: Parameters<Store['commit']>[0]) => {
          const startedAt = performance.now();
          const response = await target.commit(request);
          if (response.claimed.length > 0) times.push(performance.now() - startedAt);
          return response;
        };
      }
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
