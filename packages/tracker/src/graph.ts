import {
  checkKeys,
  checkName,
  SymphonyError,
  taskKeys,
  toNewTask,
  type MakeId,
  type NewTaskRecord,
  type SubmitTask,
} from '@symphony/core';

/** A task of a workflow that is created with its tasks. */
export interface WorkflowTask extends Omit<SubmitTask, 'workflowId' | 'idempotencyKey'> {
  /** What the other tasks of this workflow call it in their `dependsOn`. */
  readonly key?: string;
}

/** Most tasks that a workflow is created with. */
const taskLimit = 100_000;

/** A task with what its creator called it. */
export interface PlannedTask {
  readonly what: string;
  readonly given: WorkflowTask;
  readonly record: NewTaskRecord;
}

/**
 * Makes the records of a workflow's tasks, in the order in which they were given.
 *
 * @throws SymphonyError with whatever is wrong with one of the tasks
 */
export function planTasks(given: readonly WorkflowTask[], workflowId: string, makeId: MakeId): readonly PlannedTask[] {
  if (!Array.isArray(given) || given.length === 0 || given.length > taskLimit) {
    throw new SymphonyError(
      'INVALID_ARGUMENT',
      `workflow.tasks must be an array of 1 to ${taskLimit} tasks. Leave it out to add tasks later.`,
    );
  }
  // Not map, which passes over holes.
  const ids = Array.from(given, () => makeId('tsk'));
  const idOfKey = new Map<string, string>();
  const named = Array.from(given as readonly WorkflowTask[], (task, index) => {
    const what = `tasks[${index}]`;
    checkKeys(task, [...taskKeys, 'key'], what);
    if ('workflowId' in task || 'idempotencyKey' in task) {
      throw new SymphonyError(
        'INVALID_ARGUMENT',
        `${what} must have neither workflowId nor idempotencyKey: it is created with its workflow, whose key covers it.`,
      );
    }
    const { key, ...rest } = task;
    if (key !== undefined) {
      if (idOfKey.has(checkName(key, `${what}.key`)))
        throw new SymphonyError('INVALID_ARGUMENT', `${what}.key "${key}" is taken by another task of this workflow.`);
      idOfKey.set(key, ids[index] as string);
    }
    return { what: key === undefined ? what : `${what} ("${key}")`, rest };
  });
  const idOf = (name: string): string => idOfKey.get(name) ?? name;
  const planned = named.map(({ what, rest }, index): PlannedTask => {
    const record = toNewTask({ ...rest, workflowId }, ids[index] as string, { submit: true, what, idOf });
    return { what, given: given[index] as WorkflowTask, record };
  });
  return planned;
}

/**
 * Puts each task behind those that it depends on, and otherwise keeps the order.
 *
 * @throws SymphonyError `DEPENDENCY_CYCLE`
 */
export function inOrder(tasks: readonly PlannedTask[]): readonly PlannedTask[] {
  const byId = new Map(tasks.map((task) => [task.record.id, task]));
  const dependencies = ({ record }: PlannedTask): readonly PlannedTask[] =>
    record.dependsOn.flatMap(({ taskId }) => byId.get(taskId) ?? []);
  const open = new Map(tasks.map((task) => [task, dependencies(task).length]));
  const dependants = new Map<PlannedTask, PlannedTask[]>(tasks.map((task) => [task, []]));
  for (const task of tasks) for (const dependency of dependencies(task)) dependants.get(dependency)?.push(task);
  const ordered = tasks.filter((task) => open.get(task) === 0);
  // Grows while it is read: what has no open dependency left follows.
  for (const task of ordered) {
    for (const dependant of dependants.get(task) ?? []) {
      const left = (open.get(dependant) as number) - 1;
      open.set(dependant, left);
      if (left === 0) ordered.push(dependant);
    }
  }
  if (ordered.length === tasks.length) return ordered;
  const cycle = cycleAmong(
    tasks.filter((task) => (open.get(task) as number) > 0),
    dependencies,
  );
  throw new SymphonyError(
    'DEPENDENCY_CYCLE',
    `The tasks of the workflow wait for each other for ever: ${shortened(cycle).join(' → ')}. Remove one of these dependencies.`,
    { details: { cycle: shortened(cycle) } },
  );
}

/** Names of a long circle that are told. */
const namesTold = 10;

function shortened(cycle: readonly string[]): readonly string[] {
  if (cycle.length <= namesTold + 2) return cycle;
  const last = cycle.at(-1) as string; // the first again: it is a circle
  return [...cycle.slice(0, namesTold), `… (${cycle.length - namesTold - 1} more)`, last];
}

/** Follows open dependencies from any task until one comes again; there is one, since all of these have some. */
function cycleAmong(
  blocked: readonly PlannedTask[],
  dependencies: (task: PlannedTask) => readonly PlannedTask[],
): readonly string[] {
  const among = new Set(blocked);
  const places = new Map<PlannedTask, number>();
  for (let task = blocked[0] as PlannedTask; ;) {
    const start = places.get(task);
    if (start !== undefined) return [...[...places.keys()].slice(start), task].map(({ what }) => what);
    places.set(task, places.size);
    task = dependencies(task).find((each) => among.has(each)) as PlannedTask;
  }
}
