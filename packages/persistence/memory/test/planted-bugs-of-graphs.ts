import { isTerminal, type Command, type Store, type TaskRecord, type TaskRow } from '@symphony/core';
import type { MemoryTables } from '../src/memory-tables.ts';
import type { PlantedBug, Right } from './planted-bug.ts';

/** What a bug remembers of one store. */
const notes = new WeakMap<MemoryTables, Map<string, unknown>>();

function notesOf(tables: MemoryTables): Map<string, unknown> {
  const known = notes.get(tables) ?? new Map<string, unknown>();
  notes.set(tables, known);
  return known;
}

/** A store that is sent spawns in another form. */
function spawning(
  rewrite: (spawn: Extract<Command, { type: 'spawn' }>, store: Store) => Promise<Command>,
): (store: Store) => Partial<Store> {
  return (store) => ({
    commit: async (request) => {
      const groups = request.groups.map((group) =>
        Promise.all(group.map(async (command) => (command.type === 'spawn' ? rewrite(command, store) : command))),
      );
      return store.commit({ ...request, groups: await Promise.all(groups) });
    },
  });
}

function finished(tables: MemoryTables, before: number, isMeant: (row: TaskRow) => boolean): readonly string[] {
  return [...tables.list({})]
    .filter((row) => row.finishedAt !== null && row.finishedAt <= before && isMeant(row))
    .map(({ id }) => id);
}

const ofNoWorkflow = (tables: MemoryTables, { workflowId }: TaskRow): boolean =>
  workflowId === null || tables.workflow(workflowId) === undefined;

/** Bugs in what tasks that wait for others, limits, the catalogue, retention and lists rest on. */
export const bugsOfGraphs: readonly PlantedBug[] = [
  {
    bug: 'what depends on a task is not found',
    tables: { dependants: () => [] },
    foundBy: 'waits until the last of them has completed, and falls due in that transaction',
    alsoFoundBy: 'explored',
  },
  {
    bug: 'what depends on a task is found twice',
    tables: {
      dependants: (_tables, right: Right<'dependants'>, ...query: Parameters<Right<'dependants'>>) =>
        right(...query).flatMap((row) => [row, row]),
    },
    foundBy: 'waits until the last of them has completed, and falls due in that transaction',
  },
  {
    bug: 'only so many of those that depend on a task are found',
    tables: {
      dependants: (_tables, right: Right<'dependants'>, ...[id, after, limit]: Parameters<Right<'dependants'>>) =>
        after === undefined ? right(id, after, limit) : [],
    },
    foundBy: 'a fan-out of 10000 runs to its end, and every counter is right',
  },
  {
    bug: 'the way back outlives the task that it led to',
    tables: {
      insertTask: (tables, right: Right<'insertTask'>, record: TaskRecord) => {
        right(record);
        for (const { taskId } of record.dependsOn) {
          const edges = (notesOf(tables).get(taskId) ?? new Set()) as Set<string>;
          notesOf(tables).set(taskId, edges.add(record.id));
        }
      },
      dependants: (tables, _right, id: string) =>
        [...((notesOf(tables).get(id) ?? []) as Iterable<string>)]
          .map((dependant) => tables.task(dependant))
          // As if its new namesake still waited for it.
          .flatMap((row) => (row === undefined ? [] : [{ ...row, openDependencies: 1 }])),
    },
    foundBy: 'removes what depended on others with the way back: who is left is told nothing of it',
  },
  {
    bug: 'a task that waits for others is due',
    tables: {
      dueTasks: (tables, right: Right<'dueTasks'>, ...[query]: Parameters<Right<'dueTasks'>>) => [
        ...right(query),
        ...[...tables.list({})].filter(
          (row) =>
            row.status === 'pending' &&
            row.openDependencies > 0 &&
            row.agentId === query.agentId &&
            query.after === undefined &&
            row.dueAt !== null &&
            row.dueAt <= query.now,
        ),
      ],
    },
    foundBy: 'waits until the last of them has completed, and falls due in that transaction',
    alsoFoundBy: 'explored',
  },
  {
    bug: 'a workflow that fails fast forgets what waits for others',
    tables: {
      openTasks: (_tables, right: Right<'openTasks'>, ...query: Parameters<Right<'openTasks'>>) =>
        right(...query).filter(({ openDependencies }) => openDependencies === 0),
    },
    foundBy: 'cancels in the transaction of the first failure what has not started, and asks what runs to stop',
  },
  {
    bug: 'the fence of spawns is dropped',
    store: spawning(async (spawn, store) => ({
      ...spawn,
      attempt: (await store.getTask(spawn.id))?.attempt ?? 0,
    })),
    foundBy: 'is none for an attempt that has lost its task or has ended',
    alsoFoundBy: 'compared',
  },
  {
    bug: 'a spawn of another attempt is another task',
    store: spawning(async ({ task, ...spawn }) => ({
      ...spawn,
      task: { ...task, idempotencyKey: `${task.idempotencyKey}:${spawn.attempt}` },
    })),
    foundBy: 'is created once per key, however often the attempt is repeated',
    alsoFoundBy: 'compared',
  },
  {
    bug: 'a spawned task is one like any other',
    store: spawning(async ({ id, task }, store) => ({
      type: 'createTask',
      task: { ...task, workflowId: (await store.getTask(id))?.workflowId ?? null },
      submit: true,
    })),
    foundBy: 'joins the workflow of its parent, though that takes no task from outside',
    alsoFoundBy: 'compared',
  },
  {
    bug: 'nobody counts the attempts of an agent',
    tables: { countRunning: () => 0 },
    foundBy: 'is given as many attempts as its limit says, over all workers, and the next when one ends',
  },
  {
    bug: 'the attempts of an agent are counted by worker',
    tables: {
      countRunning: (tables, _right, agentId: string) =>
        Math.max(
          0,
          ...tables.workers().map(({ id }) => tables.runningTasks(id).filter((row) => row.agentId === agentId).length),
        ),
    },
    foundBy: 'is given as many attempts as its limit says, over all workers, and the next when one ends',
  },
  {
    bug: 'a task keeps its agent’s place between its attempts',
    tables: {
      countRunning: (tables, _right, agentId: string) =>
        [...tables.list({})].filter((row) => row.agentId === agentId && row.attempt > 0 && !isTerminal(row.status))
          .length,
    },
    foundBy: 'gets its place back however an attempt ends',
  },
  {
    bug: 'a claim reads the number of running attempts once and keeps it',
    tables: {
      countRunning: (tables, right: Right<'countRunning'>, agentId: string) => {
        const known = notesOf(tables);
        if (!known.has(agentId)) known.set(agentId, right(agentId));
        return known.get(agentId);
      },
    },
    foundBy: 'never runs more than its limit at any commit, however many workers claim at the same moment',
  },
  {
    bug: 'the row of a removed agent is gone',
    tables: {
      agent: (_tables, right: Right<'agent'>, id: string) => {
        const row = right(id);
        return row?.removed === true ? undefined : row;
      },
    },
    foundBy: 'comes back by being registered: enabled, not hosted, its log going on',
  },
  {
    bug: 'an agent that is hosted can be removed',
    tables: { workers: () => [] },
    foundBy: 'must not be hosted: a worker that hosts it is named, and when it is gone the agent can go',
  },
  {
    bug: 'disabled agents are not listed',
    store: (store) => ({ agents: async () => (await store.agents()).filter(({ enabled }) => enabled) }),
    foundBy: 'lists agents by id, whether enabled or not, as they were registered last',
    alsoFoundBy: 'compared',
  },
  {
    bug: 'retention removes what somebody waits for',
    tables: {
      expiredTasks: (tables, _right, ...[before, limit]: Parameters<Right<'expiredTasks'>>) =>
        finished(tables, before, (row) => ofNoWorkflow(tables, row)).slice(0, limit),
    },
    foundBy: 'keeps a task whose output somebody waits for, in whatever workflow, until nobody does',
  },
  {
    bug: 'retention removes tasks from workflows that are open',
    tables: {
      expiredTasks: (tables, _right, ...[before, limit]: Parameters<Right<'expiredTasks'>>) =>
        finished(tables, before, ({ id }) =>
          tables.dependants(id, undefined, Infinity).every(({ status }) => isTerminal(status)),
        ).slice(0, limit),
    },
    foundBy: 'removes a workflow whole, once it has settled by then, however long its tasks have ended',
    alsoFoundBy: 'explored',
  },
  {
    bug: 'retention takes no notice of its limit',
    tables: {
      expiredTasks: (_tables, right: Right<'expiredTasks'>, ...[before]: Parameters<Right<'expiredTasks'>>) =>
        right(before, Infinity),
    },
    foundBy: 'removes at most so many at a time, the earliest first, and says whether there is more',
  },
  {
    bug: 'retention goes by a moment too late',
    store: (store) => ({ prune: ({ olderThanMs, limit }) => store.prune({ olderThanMs: olderThanMs - 1, limit }) }),
    foundBy: 'removes a workflow whole, once it has settled by then, however long its tasks have ended',
    alsoFoundBy: 'compared',
  },
  {
    bug: 'retention leaves the steps',
    tables: {
      deleteTask: (tables, right: Right<'deleteTask'>, id: string) => {
        const steps = tables.journal(id, 'a');
        right(id);
        for (const step of steps) tables.insertStep(step);
      },
    },
    foundBy: 'removes what ended by then, with its steps and events, and keeps the rest',
  },
  {
    bug: 'retention leaves the events',
    tables: {
      deleteTask: (tables, right: Right<'deleteTask'>, id: string) => {
        const events = [...tables.log(id, 0)];
        right(id);
        for (const event of events) tables.insertEvent(event);
      },
    },
    foundBy: 'removes what ended by then, with its steps and events, and keeps the rest',
    alsoFoundBy: 'explored',
  },
  {
    bug: 'retention leaves the keys',
    tables: {
      taskHash: (tables, right: Right<'taskHash'>, ...[by]: Parameters<Right<'taskHash'>>) => {
        const known = notesOf(tables);
        const found = right(by);
        if ('id' in by) return found;
        if (found !== undefined) known.set(by.key, found);
        return found ?? known.get(by.key);
      },
      deleteTask: (tables, right: Right<'deleteTask'>, id: string) => {
        const key = tables.taskRecord(id)?.idempotencyKey;
        if (key != null) tables.taskHash({ key });
        right(id);
      },
    },
    foundBy: 'frees the keys of what it removed',
  },
  {
    bug: 'stats count as due whatever is pending',
    store: (store) => ({
      stats: async () => {
        const stats = await store.stats();
        return { ...stats, due: stats.tasks.pending };
      },
    }),
    foundBy: 'count tasks by status, workflows, workers, and what is due, at the moment in which they are asked for',
    alsoFoundBy: 'explored',
  },
  {
    bug: 'stats forget what was suspended',
    store: (store) => ({
      stats: async () => {
        const stats = await store.stats();
        return { ...stats, tasks: { ...stats.tasks, waiting: 0 } };
      },
    }),
    foundBy: 'count tasks by status, workflows, workers, and what is due, at the moment in which they are asked for',
    alsoFoundBy: 'explored',
  },
  {
    bug: 'names are compared without regard to case',
    store: (store) => ({
      listTasks: async ({ name, ...query }) =>
        (await store.listTasks(query)).filter(
          (task) => name === undefined || task.name.toLowerCase() === name.toLowerCase(),
        ),
    }),
    foundBy: 'narrows by name, exactly as it was given',
  },
  {
    bug: 'a tag is looked for in the text of the tags',
    store: (store) => ({
      listTasks: async ({ tag, ...query }) =>
        (await store.listTasks(query)).filter(({ tags }) => tag === undefined || JSON.stringify(tags).includes(tag)),
    }),
    foundBy: 'narrows by tag, whatever characters that has',
  },
  {
    bug: 'ids that are asked for decide the order',
    store: (store) => ({
      listTasks: async (query) => {
        const found = await store.listTasks(query);
        return query.ids === undefined ? found : query.ids.flatMap((id) => found.filter((task) => task.id === id));
      },
    }),
    foundBy: 'narrows by ids, in the order of the list and not of the question',
  },
  {
    bug: 'the end of a time is part of it',
    store: (store) => ({
      listTasks: ({ createdBefore, ...query }) =>
        store.listTasks(createdBefore === undefined ? query : { ...query, createdBefore: createdBefore + 1 }),
    }),
    foundBy: 'narrows by when they were created: from a moment on, before a moment',
  },
  {
    bug: 'the beginning of a time is not part of it',
    store: (store) => ({
      listWorkflows: ({ createdFrom, ...query }) =>
        store.listWorkflows(createdFrom === undefined ? query : { ...query, createdFrom: createdFrom + 1 }),
    }),
    foundBy: 'narrows by name, by when they were created and by status, alone and together',
  },
  {
    bug: 'the newest first is the oldest page turned around',
    store: (store) => ({
      listTasks: async ({ order, ...query }) => {
        const found = await store.listTasks(query);
        return order === 'descending' ? found.toReversed() : found;
      },
    }),
    foundBy: 'comes oldest first or newest first, by pages, without repeats or gaps',
  },
  {
    bug: 'filters narrow a page after it was read',
    store: (store) => ({
      listWorkflows: async ({ status, ...query }) => {
        const page = await store.listWorkflows(query);
        if (status === undefined) return page;
        const meant = new Set((await store.listWorkflows({ ...query, status, limit: 1_000 })).map(({ id }) => id));
        return page.filter(({ id }) => meant.has(id));
      },
    }),
    foundBy: 'comes oldest first or newest first, by pages that are full though few are meant',
  },
  {
    bug: 'the events of a workflow are only its own',
    store: (store) => ({
      events: ({ workflowId, ...query }) =>
        store.events(workflowId === undefined ? query : { ...query, subject: workflowId }),
    }),
    foundBy: 'are its own and those of its tasks since they belong to it, in the order of positions',
  },
];
