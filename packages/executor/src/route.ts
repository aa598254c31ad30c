import type { RoutingDecision, Store, Task } from '@symphony/core';

/** Earlier decisions for a task, oldest first; a task that has neither run nor been refused has none. */
export async function previousDecisions(store: Store, task: Task): Promise<readonly RoutingDecision[]> {
  if (task.attempt === 0 && task.refusedBy.length === 0) return [];
  const events = await store.events({ subject: task.id, types: ['task.routed'], limit: 100 });
  return events.flatMap((event) => (event.type === 'task.routed' ? [event.data] : []));
}
