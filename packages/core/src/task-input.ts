import type { CreateTask, SubmitTask } from './create-task.ts';
import { defaults, priorityLimit } from './defaults.ts';
import { SymphonyError } from './errors.ts';
import { encodeJson } from './json.ts';
import { checkInteger, checkKeys, checkName, checkNames, checkTime, describe } from './names.ts';
import { checkRetryPolicy } from './retry.ts';
import type { NewTaskRecord } from './store.ts';
import type { Dependency, TaskRequirements } from './task.ts';
import { checkTimeouts } from './timeouts.ts';

const createKeys = [
  'name',
  'description',
  'input',
  'tags',
  'priority',
  'requirements',
  'agentId',
  'workflowId',
  'dependsOn',
  'retry',
  'timeouts',
  'idempotencyKey',
  'metadata',
] as const satisfies readonly (keyof CreateTask)[];

/** What a task that is submitted may have. */
export const taskKeys = [...createKeys, 'dueAt'] as const satisfies readonly (keyof SubmitTask)[];

/** Most characters of a description. */
const descriptionLimit = 64 * 1024;

/**
 * Checks what a caller gave and makes the record to store.
 *
 * @throws SymphonyError `INVALID_NAME`, `INVALID_ARGUMENT`, `INVALID_JSON`, `PAYLOAD_TOO_LARGE`
 */
export function toNewTask(
  given: SubmitTask,
  id: string,
  options: {
    readonly submit: boolean;
    /** How the caller calls it, for messages: `task`, `tasks[3]`. Default: `task`. */
    readonly what?: string;
    /** The id that a name in `dependsOn` stands for. Default: the name itself. */
    readonly idOf?: (name: string) => string;
  },
): NewTaskRecord {
  const what = options.what ?? 'task';
  checkKeys(given, options.submit ? taskKeys : createKeys, what);
  const input = encodeJson(given.input, `${what}.input`, defaults.inputBytes);
  const metadata = encodeJson(given.metadata, `${what}.metadata`, defaults.inputBytes);
  return {
    id,
    name: checkName(given.name, `${what}.name`),
    description: checkDescription(given.description, `${what}.description`),
    input,
    tags: checkNames(given.tags ?? [], `${what}.tags`),
    requirements: checkRequirements(given.requirements, what),
    metadata,
    dependsOn: checkDependsOn(given.dependsOn, `${what}.dependsOn`, options.idOf),
    idempotencyKey:
      given.idempotencyKey === undefined ? null : checkName(given.idempotencyKey, `${what}.idempotencyKey`),
    bodyHash: '',
    priority:
      given.priority === undefined
        ? 0
        : checkInteger(given.priority, `${what}.priority`, -priorityLimit, priorityLimit),
    agentId: given.agentId === undefined ? null : checkName(given.agentId, `${what}.agentId`),
    retry: given.retry === undefined ? {} : checkRetryPolicy(given.retry, `${what}.retry`),
    timeouts: checkTimeouts(given.timeouts, `${what}.timeouts`),
    workflowId: given.workflowId === undefined ? null : checkName(given.workflowId, `${what}.workflowId`),
    dueAt: given.dueAt === undefined ? null : checkTime(given.dueAt, `${what}.dueAt`),
  };
}

/** Checks a description: any text of at most 64 Ki characters. */
export function checkDescription(value: unknown, what: string): string {
  if (value === undefined) return '';
  if (typeof value !== 'string')
    throw new SymphonyError('INVALID_ARGUMENT', `${what} must be a string, got ${describe(value)}.`);
  if (value.length > descriptionLimit)
    throw new SymphonyError(
      'PAYLOAD_TOO_LARGE',
      `${what} has ${value.length} characters; at most ${descriptionLimit} are kept. Put the rest into the input.`,
    );
  return value;
}

/** Checks why something is cancelled: any text, of which 1,000 characters are kept. */
export function checkReason(options: { readonly reason?: string }, what: string): { readonly reason?: string } {
  checkKeys(options, ['reason'], what);
  if (options.reason === undefined) return {};
  if (typeof options.reason !== 'string') {
    throw new SymphonyError('INVALID_ARGUMENT', `reason must be a string, got ${describe(options.reason)}.`);
  }
  return { reason: options.reason.slice(0, 1_000) };
}

/** Most tasks that one task waits for. */
const dependencyLimit = 100_000;

function checkDependsOn(
  value: CreateTask['dependsOn'],
  what: string,
  idOf: (name: string) => string = (name) => name,
): readonly Dependency[] {
  if (value === undefined) return [];
  if (typeof value !== 'object' || (value as unknown) === null) {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `${what} must be a list of task ids, or an object of task ids by name, got ${describe(value)}.`,
    );
  }
  const given: readonly (readonly [name: unknown, id: unknown])[] = Array.isArray(value)
    ? Array.from(value as readonly unknown[], (id) => [id, id])
    : Object.entries(value);
  if (given.length > dependencyLimit) {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `${what} names ${given.length} tasks; at most ${dependencyLimit} may be.`,
    );
  }
  const seen = new Set<string>();
  return given.map(([name, id]) => {
    const taskId = idOf(checkName(id, `${what} of "${String(name)}"`));
    if (seen.has(taskId)) throw new SymphonyError('INVALID_ARGUMENT', `${what} names ${describe(id)} twice.`);
    seen.add(taskId);
    return { name: checkName(name, what), taskId };
  });
}

function checkRequirements(value: TaskRequirements | undefined, what: string): TaskRequirements {
  if (value === undefined) return {};
  checkKeys(value, ['capabilities'], `${what}.requirements`);
  return value.capabilities === undefined
    ? {}
    : { capabilities: checkNames(value.capabilities, `${what}.requirements.capabilities`) };
}
