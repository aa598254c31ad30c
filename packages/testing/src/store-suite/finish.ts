import assert from 'node:assert/strict';
import { isTerminal, type Claimed, type Command, type Store, type TaskRecord } from '@symphony/core';
import { checkInvariants, readContents } from './invariants.ts';
import { lease } from './lab.ts';

/** A worker that was never seen before. */
const workerId = 'wrk_last';

/**
 * Shows that whatever has happened can be finished: once all leases are over nobody holds anything, and a new worker can
 * take and complete every task that is due. Throws an assertion error that names the task that is stuck.
 */
export async function finish(store: Store, agents: readonly string[]): Promise<void> {
  while ((await store.sweep({ markDead: true })).more);
  for (const { id, status, workerId: holder, boundTo } of (await readContents(store)).tasks) {
    assert.notEqual(status, 'running', `task ${id} still runs under ${String(holder)}, which is dead (I13)`);
    assert.equal(boundTo, null, `task ${id} is still bound to ${String(boundTo)}, which is dead`);
  }
  for (const { id, paused } of await store.listWorkflows({ limit: 1_000 }))
    if (paused) await store.commit({ groups: [[{ type: 'resumeWorkflow', id }]] });
  while ((await store.sweep({ markDead: true })).more);
  for (const { config, enabled } of await store.agents())
    if (!enabled) await store.commit({ groups: [[{ type: 'enableAgent', id: config.id, enabled: true }]] });
  await store.openWorker({ id: workerId, hosts: agents, ...lease });
  for (;;) {
    const { claimed } = await store.commit({ groups: [], claim: { workerId, hosts: agents, limit: 50 } });
    if (claimed.length === 0) break;
    for (const task of claimed) await complete(store, task, agents[0] as string);
  }
  const { tasks } = await checkInvariants(store);
  const open = new Set(tasks.filter(({ status }) => !isTerminal(status)).map(({ id }) => id));
  for (const { id, status, dueAt, held, dependsOn, openDependencies } of tasks) {
    // What it waits for is looked at itself.
    const isBlocked = openDependencies > 0 && dependsOn.some(({ taskId }) => open.has(taskId));
    const isCallers = status === 'waiting' || (status === 'pending' && (dueAt === null || isBlocked));
    assert.ok(isTerminal(status) || isCallers, `task ${id} is ${status} and due, but nobody can take it (I23)`);
    assert.equal(held, false, `task ${id} is held, though its workflow is not paused`);
  }
}

async function complete(store: Store, task: Claimed, agentId: string): Promise<void> {
  const started = task.status === 'running' ? task : await route(store, task.id, agentId);
  // One that is close to POISON is only assigned while another such task runs here; a later claim takes it.
  if (started.status !== 'running') return;
  const { id, attempt } = started;
  await carryOut(store, { type: 'report', id, attempt, command: { type: 'complete', output: '"finished"' } });
}

function route(store: Store, id: string, agentId: string): Promise<TaskRecord> {
  const decision = { agentId, strategy: 'test', candidates: [], considered: 1, excluded: {}, decidedAt: 0 };
  return carryOut(store, { type: 'route', id, workerId, decision, claim: true });
}

async function carryOut(store: Store, command: Command & { readonly id: string }): Promise<TaskRecord> {
  const { results } = await store.commit({ groups: [[command]] });
  const [result] = results;
  assert.equal(
    result?.status,
    'ok',
    `task ${command.id} was claimed and cannot be finished: ${JSON.stringify(result)}`,
  );
  return result.value.task as TaskRecord;
}
