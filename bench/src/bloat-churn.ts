import { setTimeout as wait } from 'node:timers/promises';
import { createMakeId, systemClock, type Command, type Store } from '@symphony/core';
import { ServiceRegistry, type Agent } from '@symphony/registry';
import { newTask, newWorkflow } from '@symphony/testing';
import type { Place } from './place.ts';

/** How a churn goes on, told after each of its tenths. */
export interface ChurnOptions {
  readonly count: number;
  /** What has ended longer ago is removed, in milliseconds, so that the store does not grow. Default: nothing is. */
  readonly keepMs?: number;
  readonly onTenth: (tasks: number) => Promise<void> | void;
}

const agentId = 'churner';
const bulk = 1_000;

/**
 * Creates tasks in workflows of a thousand and completes them, each with a step and a progress, in two workers that renew
 * their leases five times a second.
 */
export async function churn(place: Place, { count, keepMs, onTenth }: ChurnOptions): Promise<void> {
  const store = await place.open();
  let done = 0;
  const tenths: Promise<void>[] = [];
  const run: Agent['run'] = async (_task, context) => {
    context.progress({ half: true });
    await context.step('step', () => 'y'.repeat(80));
    if (++done % (count / 10) === 0) tenths.push(Promise.resolve(onTenth(done)));
    return { text: 'y'.repeat(80) };
  };
  const openRegistry = (): Promise<ServiceRegistry> =>
    ServiceRegistry.open({
      persistence: place.url,
      agents: [{ id: agentId, run }],
      lease: { leaseMs: 2_000, renewMs: 200 },
      retention: false,
    });
  const registries = [await openRegistry(), await openRegistry()];
  try {
    for (const registry of registries) await registry.startWorker({ concurrency: 32 });
    await Promise.all([
      handIn(store, count),
      keepMs === undefined ? undefined : removeOld(store, keepMs, () => done >= count),
    ]);
    while (done < count) await wait(50);
    await Promise.all(tenths);
  } finally {
    for (const registry of registries) await registry.close();
    await store.close();
  }
}

async function handIn(store: Store, count: number): Promise<void> {
  const makeId = createMakeId(systemClock);
  for (let made = 0; made < count;) {
    if (((await store.loads()).get(agentId)?.queued ?? 0) >= 1_000) {
      await wait(50);
      continue;
    }
    const workflowId = makeId('wf');
    const length = Math.min(bulk, count - made);
    const create = (): Command => ({
      type: 'createTask',
      submit: true,
      task: newTask(makeId('tsk'), { agentId, workflowId, input: JSON.stringify({ text: 'x'.repeat(180) }) }),
    });
    const { results } = await store.commit({
      groups: [
        [{ type: 'createWorkflow', workflow: newWorkflow(workflowId) }, ...Array.from({ length }, () => create())],
      ],
    });
    if (results[0]?.status !== 'ok') throw new Error(`Tasks could not be created: ${JSON.stringify(results[0])}`);
    made += length;
  }
}

/** What a worker does every minute, all the time. */
async function removeOld(store: Store, keepMs: number, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const { more } = await store.prune({ olderThanMs: keepMs, limit: 500 });
    await wait(more ? 50 : 200);
  }
}
