import {
  checkName,
  checkNames,
  defaults,
  encodeJson,
  SymphonyError,
  type Task,
  type TaskRequirements,
} from '@symphony/core';

/** What a task must have to be routed, when it is in no store. */
export interface TaskLike {
  readonly name: string;
  /** Default: a number that counts up. */
  readonly id?: string;
  readonly description?: string;
  /** Any JSON value. */
  readonly input?: unknown;
  readonly tags?: readonly string[];
  readonly requirements?: TaskRequirements;
}

/**
 * Fills a task-like up to a task, or returns a whole task as it is.
 *
 * @throws SymphonyError `INVALID_ARGUMENT`, `INVALID_NAME`, `INVALID_JSON`, `PAYLOAD_TOO_LARGE`
 */
export function toWholeTask(given: Task | TaskLike, makeId: () => string, now: number): Task {
  if (typeof given !== 'object' || given === null) {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      'A task to route is { name, description?, input?, tags?, requirements? }.',
    );
  }
  if ('status' in given && 'attempt' in given && 'refusedBy' in given) return given;
  const description: unknown = given.description ?? '';
  if (typeof description !== 'string')
    throw new SymphonyError('INVALID_ARGUMENT', 'task description must be a string.');
  return {
    id: given.id === undefined ? makeId() : checkName(given.id, 'task id'),
    name: checkName(given.name, 'task name'),
    description,
    status: 'pending',
    input: JSON.parse(encodeJson(given.input, 'task input', defaults.inputBytes)) as Task['input'],
    output: undefined,
    error: undefined,
    progress: undefined,
    tags: checkNames(given.tags ?? [], 'task tags'),
    priority: 0,
    requirements: {
      capabilities: checkNames(given.requirements?.capabilities ?? [], 'task requirements.capabilities'),
    },
    agentId: undefined,
    workflowId: undefined,
    dependsOn: [],
    openDependencies: 0,
    parentId: undefined,
    attempt: 0,
    failures: 0,
    crashes: 0,
    retry: {},
    timeouts: {},
    dueAt: undefined,
    idempotencyKey: undefined,
    metadata: null,
    refusedBy: [],
    createdAt: now,
    startedAt: undefined,
    finishedAt: undefined,
    version: 0,
  };
}
