import type { AttemptOutcome, Router, RoutingDecision, RoutingOutcome, Store, Task, TaskRecord } from '@symphony/core';

/** Earlier decisions for a task, oldest first; a task that has neither run nor been refused has none. */
export async function previousDecisions(store: Store, task: Task): Promise<readonly RoutingDecision[]> {
  if (task.attempt === 0 && task.refusedBy.length === 0) return [];
  const events = await store.events({ subject: task.id, types: ['task.routed'], limit: 100 });
  return events.flatMap((event) => (event.type === 'task.routed' ? [event.data] : []));
}

/**
 * Tells the router what became of a task that a router has given to its agent. Nothing waits for it, and nothing fails by it.
 *
 * @param began the task as the attempt began with it
 */
export function reportToRouter(
  router: Router | undefined,
  store: Store,
  began: TaskRecord,
  outcome: AttemptOutcome,
): void {
  if (router?.report === undefined || began.pinned || outcome.state === 'lost') return;
  const result = resultOf(outcome.task, began.agentId);
  if (result !== undefined) router.report(outcome.task, result, () => latestDecision(store, began.id, began.agentId));
}

/** The latest decision for a task, if it gave the task to this agent. */
async function latestDecision(
  store: Store,
  taskId: string,
  agentId: string | null,
): Promise<RoutingDecision | undefined> {
  let latest: RoutingDecision | undefined;
  for (let after = 0; ;) {
    const events = await store.events({ subject: taskId, types: ['task.routed'], after, limit: 100 });
    for (const event of events) if (event.type === 'task.routed') latest = event.data;
    if (events.length < 100) return latest?.agentId === agentId ? latest : undefined;
    after = events.at(-1)?.position ?? 0;
  }
}

/** What the task's agent has made of it; undefined if that is still open, or somebody cancelled it. */
function resultOf({ status, refusedBy }: Task, agentId: string | null): RoutingOutcome | undefined {
  const refusal = refusedBy.find((each) => each.agentId === agentId);
  if (refusal !== undefined) return { status: 'refused', reason: refusal.reason };
  return status === 'completed' || status === 'failed' ? { status } : undefined;
}
