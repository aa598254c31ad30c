import {
  systemClock,
  type Clock,
  type Command,
  type GroupResult,
  type NewTaskRecord,
  type Store,
} from '@symphony/core';
import { MemoryStore } from '../src/index.ts';
import { MemoryTables } from '../src/memory-tables.ts';
import type { PlantedBug, Right } from './planted-bug.ts';
import { bugsOfGraphs } from './planted-bugs-of-graphs.ts';

/** Opens a store with a bug in it. */
export function openBuggy({ store, clock }: PlantedBug, given: Clock): Store {
  const right = new MemoryStore({ clock: clock?.(given) ?? given });
  return { ...delegateTo(right), ...store?.(right, given) };
}

/** Replaces the methods of the tables that a bug names; answers with what puts them back. */
export function plant({ tables = {} }: PlantedBug): () => void {
  const prototype = MemoryTables.prototype as unknown as Record<string, (...parameters: unknown[]) => unknown>;
  const undo = Object.entries(tables).map(([name, wrong]) => {
    const right = prototype[name] as (...parameters: unknown[]) => unknown;
    prototype[name] = function (this: MemoryTables, ...parameters: unknown[]) {
      const bound = (...more: unknown[]): unknown => right.apply(this, more);
      return (wrong as (tables: MemoryTables, right: unknown, ...parameters: unknown[]) => unknown)(
        this,
        bound,
        ...parameters,
      );
    };
    return () => void (prototype[name] = right);
  });
  return () => undo.forEach((restore) => restore());
}

function delegateTo(store: Store): Store {
  return {
    traits: store.traits,
    state: store.state,
    commit: (request) => store.commit(request),
    getTask: (id) => store.getTask(id),
    listTasks: (query) => store.listTasks(query),
    getWorkflow: (id) => store.getWorkflow(id),
    listWorkflows: (query) => store.listWorkflows(query),
    prune: (request) => store.prune(request),
    stats: () => store.stats(),
    events: (query) => store.events(query),
    lastPosition: () => store.lastPosition(),
    steps: (taskId, agentId) => store.steps(taskId, agentId),
    agents: () => store.agents(),
    loads: () => store.loads(),
    openWorker: (worker) => store.openWorker(worker),
    renew: (worker) => store.renew(worker),
    holding: (workerId) => store.holding(workerId),
    closeWorker: (workerId) => store.closeWorker(workerId),
    worker: (id) => store.worker(id),
    sweep: (request) => store.sweep(request),
    onChange: (listener) => store.onChange(listener),
    close: () => store.close(),
  };
}

/** A store that carries out other commands than it was sent. */
function rewriting(rewrite: (command: Command, store: Store) => Promise<Command>): (store: Store) => Partial<Store> {
  return (store) => ({
    commit: async (request) => {
      const groups = request.groups.map((group) => Promise.all(group.map((command) => rewrite(command, store))));
      return store.commit({ ...request, groups: await Promise.all(groups) });
    },
  });
}

async function withCurrentAttempt(id: string, store: Store): Promise<{ readonly attempt: number }> {
  return { attempt: (await store.getTask(id))?.attempt ?? 0 };
}

const seen = new WeakMap<Store, Map<string, unknown>>();

/** What was answered for a key before, or what is answered now. */
async function remembered<T>(store: Store, key: string, answer: () => Promise<T>): Promise<T> {
  const known = seen.get(store) ?? new Map<string, unknown>();
  seen.set(store, known);
  if (!known.has(key)) known.set(key, await answer());
  return known.get(key) as T;
}

/** Every bug that the suite must find. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    bug: 'the fence of reports is dropped',
    store: rewriting(async (command, store) =>
      command.type === 'report' ? { ...command, ...(await withCurrentAttempt(command.id, store)) } : command,
    ),
    foundBy: 'a stale complete writes neither row nor event',
    alsoFoundBy: 'compared',
  },
  {
    bug: 'the fence of steps is dropped',
    store: rewriting(async (command, store) =>
      command.type === 'recordStep'
        ? { ...command, step: { ...command.step, ...(await withCurrentAttempt(command.step.taskId, store)) } }
        : command,
    ),
    foundBy: 'a stale step is not recorded',
    alsoFoundBy: 'compared',
  },
  {
    bug: 'the fence of progress is dropped',
    store: rewriting(async (command, store) =>
      command.type === 'progress' ? { ...command, ...(await withCurrentAttempt(command.id, store)) } : command,
    ),
    foundBy: 'stale progress is not stored',
  },
  {
    bug: 'an event is lost',
    store: (store) => ({
      events: async (query) =>
        (await store.events(query)).filter(({ type, seq }) => type !== 'task.claimed' || seq !== 2),
    }),
    foundBy: 'starts the attempt of a task whose agent is hosted',
    alsoFoundBy: 'explored',
  },
  {
    bug: 'an event is read twice at the edge of a page',
    store: (store) => ({ events: (query) => store.events({ ...query, after: (query.after ?? 0) - 1 }) }),
    foundBy: 'are read by subject, by type, behind a position, and up to a limit',
  },
  {
    bug: 'a commit is acknowledged and forgotten',
    store: (store) => ({
      commit: async (request) => {
        const [group] = request.groups;
        if (group?.[0]?.type !== 'progress') return store.commit(request);
        return { results: [{ status: 'ok', value: {} }], claimed: [] };
      },
    }),
    foundBy: 'keeps the last value and writes no event',
    alsoFoundBy: 'compared',
  },
  {
    bug: 'a claim takes what is not hosted',
    store: (store) => ({
      commit: (request) =>
        store.commit(
          request.claim === undefined ? request : { ...request, claim: { ...request.claim, hosts: ['a', 'b'] } },
        ),
    }),
    foundBy: 'skips what is assigned to agents that are not hosted, however much of it is ahead',
    alsoFoundBy: 'explored',
  },
  {
    bug: 'a claim takes one more than its limit',
    store: (store) => ({
      commit: (request) => {
        const { claim } = request;
        return store.commit(
          claim === undefined ? request : { ...request, claim: { ...claim, limit: claim.limit + 1 } },
        );
      },
    }),
    foundBy: 'takes no more than its limit, and goes on from there',
    alsoFoundBy: 'compared',
  },
  {
    bug: 'a claim comes before the groups of its commit',
    store: (store) => ({
      commit: async ({ groups, claim }) => {
        const { claimed } = await store.commit({ groups: [], ...(claim === undefined ? {} : { claim }) });
        return { results: (await store.commit({ groups })).results, claimed };
      },
    }),
    foundBy: 'claims after its groups, so that what they made due can be taken at once',
  },
  {
    bug: 'a claim opens the row that its worker has not',
    store: (store) => ({
      commit: async (request) => {
        const { claim } = request;
        if (claim !== undefined && (await store.worker(claim.workerId)) === undefined) {
          await store.openWorker({ id: claim.workerId, hosts: claim.hosts, leaseMs: 10_000, renewMs: 3_000 });
        }
        return store.commit(request);
      },
    }),
    foundBy: 'by a worker without a row takes nothing',
  },
  {
    bug: 'the parts of a group are carried out one by one',
    store: (store) => ({
      commit: async (request) => {
        const results: GroupResult[] = [];
        for (const group of request.groups) {
          let result: GroupResult = { status: 'ok', value: {} };
          for (const command of group) {
            if (result.status === 'ok')
              result = (await store.commit({ groups: [[command]] })).results[0] as GroupResult;
          }
          results.push(result);
        }
        return { results, claimed: (await store.commit({ ...request, groups: [] })).claimed };
      },
    }),
    foundBy: 'carries out a group whole or not at all',
    alsoFoundBy: 'compared',
  },
  {
    bug: 'a group that fails takes its neighbours with it',
    store: (store) => ({
      commit: async (request) => {
        const joined = await store.commit({ groups: [request.groups.flat()] });
        return { results: request.groups.map(() => joined.results[0] as GroupResult), claimed: [] };
      },
    }),
    foundBy: 'that refuses a group carries out its neighbours',
    alsoFoundBy: 'explored',
  },
  {
    bug: 'a group that breaks is not isolated',
    store: (store) => ({
      commit: async (request) => {
        const response = await store.commit(request);
        const broken = response.results.find((result) => result.status === 'error' && result.code === 'STORE_FAILED');
        return broken === undefined ? response : { ...response, results: response.results.map(() => broken) };
      },
    }),
    foundBy: 'isolates a group that the store cannot carry out, and names the failure STORE_FAILED',
  },
  {
    bug: 'keys are looked up first and taken later',
    store: (store) => ({
      commit: async (request) => {
        const command = request.groups[0]?.[0];
        if (command?.type !== 'createTask' || command.task.idempotencyKey === null) return store.commit(request);
        const tasks = await store.listTasks({ limit: 1_000 });
        const known = tasks.find((task) => task.idempotencyKey === command.task.idempotencyKey);
        await new Promise((resolve) => void setImmediate(resolve));
        if (known !== undefined) return { results: [{ status: 'duplicate', id: known.id }], claimed: [] };
        const task = { ...command.task, idempotencyKey: null };
        return store.commit({ groups: [[{ ...command, task }]] });
      },
    }),
    foundBy: 'used by 1,000 creators at the same moment makes one task',
    alsoFoundBy: 'compared',
  },
  {
    bug: 'keys are compared without regard to case',
    store: rewriting(async (command) =>
      command.type === 'createTask'
        ? { ...command, task: { ...command.task, idempotencyKey: command.task.idempotencyKey?.toLowerCase() ?? null } }
        : command,
    ),
    foundBy: 'tells upper case from lower case, and names that only look alike',
  },
  {
    bug: 'a renewal makes the row that is gone anew',
    store: (store) => ({
      renew: async (worker) => {
        const renewal = await store.renew(worker);
        if (renewal.alive) return renewal;
        await store.openWorker(worker);
        return store.renew(worker);
      },
    }),
    foundBy: 'without a row cannot renew, and gets none by trying',
  },
  {
    bug: 'a renewal of a lease that is over is refused',
    store: (store) => ({
      renew: async (worker) => {
        const row = await store.worker(worker.id);
        return row === undefined || row.leaseLeftMs < 0 ? { alive: false } : store.renew(worker);
      },
    }),
    foundBy: 'whose lease is over but whose row is there renews, and nothing is lost',
  },
  {
    bug: 'leases go by the wall clock',
    clock: (clock) => ({ ...systemClock, now: () => clock.now(), monotonic: () => clock.now() }),
    foundBy: 'does not go by the wall clock, however far it jumps',
    alsoFoundBy: 'compared',
  },
  {
    bug: 'due times go by the lease clock',
    clock: (clock) => ({
      ...systemClock,
      now: () => 1_767_225_600_000 + clock.monotonic(),
      monotonic: () => clock.monotonic(),
    }),
    foundBy: 'goes by the wall clock as it stands, also when it was set back',
  },
  {
    bug: 'a sweeper that was late marks others dead',
    store: (store) => ({ sweep: () => store.sweep({ markDead: true }) }),
    foundBy: 'marks nobody dead for a sweeper that was itself late',
    alsoFoundBy: 'compared',
  },
  {
    bug: 'a sweep releases only in the call that marks a worker dead',
    tables: { missingWorkers: () => [] },
    foundBy: 'releases the task of a dead worker: a crash, due at once, for the next attempt',
    alsoFoundBy: 'explored',
  },
  {
    bug: 'the holder of a binding is not looked for',
    tables: { boundTasks: () => [] },
    foundBy: 'may keep the task for its worker until that worker’s row goes',
  },
  {
    bug: 'a binding never ends',
    tables: { expiredBindings: () => [] },
    foundBy: 'is nobody else’s for 5 s on the lease clock, then anybody’s again',
  },
  {
    bug: 'a sweep is not bounded',
    tables: {
      expiredBindings: (_tables, right: Right<'expiredBindings'>, ...[lease]: Parameters<Right<'expiredBindings'>>) =>
        right(lease, Infinity),
    },
    foundBy: 'does a bounded amount and says when more is left',
  },
  {
    bug: 'a cancelled attempt is never given up',
    tables: { overdueTasks: () => [] },
    foundBy: 'is ended by any sweeper once the grace is over, not before',
  },
  {
    bug: 'what is overdue is found too late',
    tables: {
      overdueTasks: (_tables, right: Right<'overdueTasks'>, ...[now, limit]: Parameters<Right<'overdueTasks'>>) =>
        right(now - 1, limit),
    },
    foundBy: 'is ended by any sweeper once the grace is over, not before',
  },
  {
    bug: 'workflows that are out of line are never found',
    tables: { misalignedWorkflows: () => [] },
    foundBy: 'is undone by any sweep, if whoever resumed could not release all',
    alsoFoundBy: 'explored',
  },
  {
    bug: 'tasks of agents that nobody hosts are never found',
    tables: { unpinnedTasks: () => [] },
    foundBy: 'loses the tasks that have not started, so that they are routed anew',
  },
  {
    bug: 'started tasks are taken from an agent that nobody hosts',
    tables: {
      unpinnedTasks: (tables: MemoryTables) => [...tables.list({})].filter(({ status }) => status === 'pending'),
    },
    foundBy: 'keeps what it has started, with its journal, and what was pinned to it',
  },
  {
    bug: 'due tasks come in the order of their due times',
    tables: {
      dueTasks: (_tables, right: Right<'dueTasks'>, ...[query]: Parameters<Right<'dueTasks'>>) =>
        query.after === undefined
          ? [...right({ ...query, limit: 100 })].sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0))
          : [],
    },
    foundBy: 'values a step of priority at a minute of waiting, so that nothing waits for ever',
  },
  {
    bug: 'due tasks are read again from the first on',
    tables: {
      dueTasks: (_tables, right: Right<'dueTasks'>, ...[query]: Parameters<Right<'dueTasks'>>) =>
        query.after === undefined ? right(query) : [],
    },
    foundBy: 'takes more than a hundred at once in order',
  },
  {
    bug: 'due tasks are due before their time',
    tables: {
      dueTasks: (_tables, right: Right<'dueTasks'>, ...[query]: Parameters<Right<'dueTasks'>>) =>
        right({ ...query, now: query.now + 1 }),
    },
    foundBy: 'leaves what is not due yet, and takes it when its time has come',
  },
  {
    bug: 'a step that is there is recorded again',
    tables: { hasStep: () => false },
    foundBy: 'recorded twice is recorded once: the first stands',
  },
  {
    bug: 'the journal is that of the task, whoever the agent',
    store: (store) => ({
      steps: async (taskId) => [...(await store.steps(taskId, 'a')), ...(await store.steps(taskId, 'b'))],
    }),
    foundBy: 'belongs to task and agent: another agent starts an empty journal',
  },
  {
    bug: 'steps come in the order of their names',
    store: (store) => ({
      steps: async (taskId, agentId) =>
        [...(await store.steps(taskId, agentId))].sort((a, b) => (a.identity < b.identity ? -1 : 1)),
    }),
    foundBy: 'stands in the journal in the order of recording',
  },
  {
    bug: 'what is returned is what is stored',
    store: (store) => ({ getTask: (id) => remembered(store, id, () => store.getTask(id)) }),
    foundBy: 'is a copy: changing it does not change the store',
  },
  {
    bug: 'what is passed in is what is stored',
    store: (store) => {
      let passed: NewTaskRecord | undefined;
      return {
        commit: (request) => {
          const command = request.groups[0]?.[0];
          if (command?.type === 'createTask') passed = command.task;
          return store.commit(request);
        },
        getTask: async (id) => {
          const task = await store.getTask(id);
          return task === undefined ? undefined : { ...task, tags: passed?.tags ?? task.tags };
        },
      };
    },
    foundBy: 'does not follow what was passed in when that is changed later',
  },
  {
    bug: 'JSON is parsed and written anew on its way',
    store: (store) => ({
      getTask: async (id) => {
        const task = await store.getTask(id);
        return task === undefined ? undefined : { ...task, input: JSON.stringify(JSON.parse(task.input)) };
      },
    }),
    foundBy: 'white space, order of keys and repeats',
  },
  {
    bug: 'text is made well-formed on its way',
    store: (store) => ({
      getTask: async (id) => {
        const task = await store.getTask(id);
        return task === undefined ? undefined : { ...task, description: task.description.toWellFormed() };
      },
    }),
    foundBy: 'texts that people write: names, descriptions, errors, reasons',
  },
  {
    bug: 'text ends at NUL',
    store: (store) => ({
      getTask: async (id) => {
        const task = await store.getTask(id);
        return task === undefined ? undefined : { ...task, description: task.description.split('\0')[0] ?? '' };
      },
    }),
    foundBy: 'texts that people write: names, descriptions, errors, reasons',
  },
  {
    bug: 'a long text is cut',
    store: (store) => ({
      getTask: async (id) => {
        const task = await store.getTask(id);
        return task === undefined ? undefined : { ...task, output: task.output?.slice(0, 1_000_000) ?? null };
      },
    }),
    foundBy: '1 MiB',
  },
  {
    bug: 'tasks are listed in the order of creation',
    store: (store) => ({
      listTasks: async (query) => {
        const created = await store.events({ types: ['task.created'], limit: 1_000 });
        const order = created.map(({ subject }) => subject);
        return [...(await store.listTasks(query))].sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
      },
    }),
    foundBy: 'lists whole tasks by id, whatever the order of creation',
  },
  {
    bug: 'a page of tasks begins with the last of the page before',
    store: (store) => ({
      listTasks: async (query) => {
        const last = query.after === undefined ? undefined : await store.getTask(query.after);
        return [...(last === undefined ? [] : [last]), ...(await store.listTasks(query))].slice(0, query.limit);
      },
    }),
    foundBy: 'pages by the last id, without repeats or gaps',
  },
  {
    bug: 'filters of tasks widen each other',
    store: (store) => ({
      listTasks: ({ workflowId: _workflowId, ...query }) => store.listTasks(query),
    }),
    foundBy: 'narrows by status, workflow and agent together',
  },
  {
    bug: 'workflows are cached',
    store: (store) => ({ getWorkflow: (id) => remembered(store, id, () => store.getWorkflow(id)) }),
    foundBy: 'has the status of its tasks after every commit, and a log that says so',
    alsoFoundBy: 'explored',
  },
  {
    bug: 'every agent counts as hosted',
    store: (store) => ({ agents: async () => (await store.agents()).map((agent) => ({ ...agent, hosted: true })) }),
    foundBy: 'counts as hosted while a worker hosts it, and for a minute after the last has gone',
    alsoFoundBy: 'compared',
  },
  {
    bug: 'agents are listed in the order of registration',
    store: (store) => ({ agents: async () => [...(await store.agents())].reverse() }),
    foundBy: 'is listed by id, with its configuration',
  },
  {
    bug: 'loads count without end',
    store: (store) => ({
      loads: async () => {
        const loads = await store.loads();
        const tasks = await store.listTasks({ status: ['pending'], limit: 10_000 });
        const count = (id: string): number => tasks.filter(({ agentId }) => agentId === id).length;
        return new Map([...loads].map(([id, load]) => [id, { ...load, queued: count(id) }]));
      },
    }),
    foundBy: 'count running attempts and what is queued, by agent',
  },
  {
    bug: 'state is written whatever its version',
    store: (store) => ({
      state: {
        get: (key) => store.state.get(key),
        set: async (key, value) => store.state.set(key, value, (await store.state.get(key))?.version ?? 0),
      },
    }),
    foundBy: 'is written where the version still is the one that was read',
  },
  {
    bug: 'the bell is dumb',
    store: () => ({ onChange: () => () => undefined }),
    foundBy: 'rings after a commit',
  },
  {
    bug: 'the bell rings before the commit',
    store: (store) => {
      const listeners = new Set<() => void>();
      return {
        onChange: (listener) => {
          listeners.add(listener);
          return () => void listeners.delete(listener);
        },
        commit: (request) => {
          listeners.forEach((listener) => listener());
          return store.commit(request);
        },
      };
    },
    foundBy: 'has carried out what was committed when it rings',
  },
  {
    bug: 'the bell cannot be left alone',
    store: (store) => ({
      onChange: (listener) => {
        store.onChange(listener);
        return () => undefined;
      },
    }),
    foundBy: 'does not ring for who has stopped listening',
  },
  {
    bug: 'closing does not wait',
    store: (store) => {
      let closed = false;
      return {
        commit: async (request) => {
          await new Promise((resolve) => void setImmediate(resolve));
          if (closed) throw new Error('the store is closed');
          return store.commit(request);
        },
        close: async () => void (closed = true),
      };
    },
    foundBy: 'waits for what is under way',
  },
  {
    bug: 'closing is forgotten',
    store: () => ({ close: async () => undefined }),
    foundBy: 'makes every member refuse with STORE_CLOSED',
  },
  {
    bug: 'closing twice throws',
    store: (store) => {
      let closed = false;
      return {
        close: async () => {
          if (closed) throw new Error('the store is closed');
          closed = true;
          await store.close();
        },
      };
    },
    foundBy: 'twice is harmless',
  },
  {
    bug: 'closing a worker counts as its crash',
    store: (store) => ({
      closeWorker: async (id) => {
        for (const { taskId, attempt } of await store.holding(id)) {
          const error = { name: 'Error', message: 'closed', attempt };
          const command = { type: 'fail', error, retryable: true, draw: 0, defaultMaxRetries: 3 } as const;
          await store.commit({ groups: [[{ type: 'report', id: taskId, attempt, command }]] });
        }
        await store.closeWorker(id);
      },
    }),
    foundBy: 'releases what it holds at no cost and leaves no row',
    alsoFoundBy: 'compared',
  },
  {
    bug: 'what a worker is bound to is not told it',
    store: (store) => ({
      holding: async (id) => (await store.holding(id)).filter(({ status }) => status === 'running'),
      renew: async (worker) => {
        const renewal = await store.renew(worker);
        if (!renewal.alive) return renewal;
        return { ...renewal, holding: renewal.holding.filter(({ status }) => status === 'running') };
      },
    }),
    foundBy: 'renews its lease and hears the time and what it holds',
  },
  {
    bug: 'attempts are counted anew after a retry by hand',
    store: (store) => ({
      getTask: async (id) => {
        const task = await store.getTask(id);
        const retried = (await store.events({ subject: id, types: ['task.retried'], limit: 1 })).length > 0;
        return task !== undefined && retried ? { ...task, attempt: 1 } : task;
      },
    }),
    foundBy: 'starts a failed task anew: budgets are cleared, attempt numbers and journal stay',
  },
  {
    bug: 'positions are given twice',
    store: (store) => ({
      events: async (query) =>
        (await store.events(query)).map((event) => ({ ...event, position: Math.ceil(event.position / 2) })),
    }),
    foundBy: 'come in the order of their positions, which only increase',
    alsoFoundBy: 'explored',
  },
  ...bugsOfGraphs,
];
