import { checkKeys, checkName, taskKeys, type SpawnTask } from '@symphony/core';

/** What a spawned task may have: its workflow and its key are given. */
const spawnKeys = taskKeys.filter((name) => name !== 'workflowId' && name !== 'idempotencyKey');

/**
 * Checks what `spawn` was called with, as far as it differs from any other new task.
 *
 * @returns how messages call the task
 * @throws SymphonyError `INVALID_NAME`, `INVALID_ARGUMENT`
 */
export function checkSpawn(key: string, task: SpawnTask): string {
  const what = `the task spawned as "${checkName(key, 'key of spawn')}"`;
  checkKeys(task, spawnKeys, what);
  return what;
}
