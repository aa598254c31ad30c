import { refused, withoutDependency, type Answer, type Draft, type Named, type Refused } from './draft.ts';
import { freePlaces } from './free-places.ts';
import type { Command, NewTaskRecord } from './store.ts';
import { isSuspect, mayStart } from './suspect.ts';
import type { AgentRow } from './tables.ts';
import { isTerminal, type TaskRecord, type TaskRow } from './task.ts';
import { limitsGiven, passedLimit, withTimeLimits } from './time-limits.ts';
import type { TaskTimeouts } from './timeouts.ts';
import { claimKey, type TaskCommand } from './transition.ts';
import { whyWaiting } from './why-waiting.ts';
import { isSettled, type WorkflowRow } from './workflow.ts';

type Handler<Type extends Command['type']> = (
  draft: Draft,
  command: Extract<Command, { readonly type: Type }>,
) => Answer;

const handlers: { readonly [Type in Command['type']]: Handler<Type> } = {
  createTask,
  createWorkflow,
  addTask: (draft, { workflowId, taskId }) => addTask(draft, workflowId, taskId) ?? { task: draft.record(taskId) },
  submitTask,
  claimTask,
  report,
  spawn,
  recordStep,
  progress,
  note(draft, { id, event }) {
    const task = draft.row(id);
    if (task === undefined) return taskNotFound(id);
    draft.note(task, event);
    return {};
  },
  route,
  defer: (draft, { id, workerId, forMs, code, reason }) =>
    ofBound(draft, id, workerId, { type: 'defer', until: draft.times.lease + forMs, code, reason }),
  reject: (draft, { id, workerId, reason }) =>
    ofBound(draft, id, workerId, {
      type: 'reject',
      error: { name: 'SymphonyError', code: 'NO_ROUTE', message: reason },
    }),
  unbind: (draft, { id, workerId }) => ofBound(draft, id, workerId, { type: 'unbind' }),
  cancelTask: (draft, { id, graceMs, reason }) =>
    byId(draft, id, { type: 'cancel', graceMs, ...(reason === undefined ? {} : { reason }) }),
  retryTask,
  pauseWorkflow,
  resumeWorkflow,
  cancelWorkflow,
  alignTasks,
  registerAgent,
  enableAgent,
  removeAgent,
};

/** Does what a command asks for to the draft of its group. */
export function carryOut(draft: Draft, command: Command): Answer {
  return (handlers[command.type] as (draft: Draft, command: Command) => Answer)(draft, command);
}

function createTask(draft: Draft, { task, submit }: Extract<Command, { readonly type: 'createTask' }>): Answer {
  const { tables } = draft;
  if (draft.repeats('task', task)) return createdTwice(task);
  const byKey = task.idempotencyKey === null ? undefined : tables.taskHash({ key: task.idempotencyKey });
  const known = byKey ?? tables.taskHash({ id: task.id });
  if (known !== undefined) return found(draft, known, task, submit);
  if (task.workflowId !== null) {
    const closed = closedTo(draft, task.workflowId);
    if (closed !== undefined) return closed;
  }
  return insertTask(draft, task, submit);
}

function insertTask(draft: Draft, task: NewTaskRecord, submit: boolean, parentId: string | null = null): Answer {
  const { times } = draft;
  const waits = dependenciesOf(draft, task);
  if ('status' in waits) return waits;
  const dueAt = submit ? (task.dueAt ?? times.now) : null;
  const created: TaskRecord = {
    ...task,
    parentId,
    status: 'pending',
    version: 1,
    attempt: 0,
    failures: 0,
    crashes: 0,
    dueAt,
    claimKey: dueAt === null ? null : claimKey(dueAt, task.priority),
    pinned: task.agentId !== null,
    workerId: null,
    boundTo: null,
    boundUntil: null,
    held: false,
    cancelAt: null,
    openDependencies: waits.open,
    refusedBy: [],
    lastSeq: 0,
    createdAt: times.now,
    startedAt: null,
    finishedAt: null,
    unroutable: false,
    timeLimits: {},
    expiresAt: null,
    output: null,
    error: null,
    progress: null,
  };
  const timeLimits = limitsGiven(created, timeoutsOf(draft, task.agentId));
  const record = withTimeLimits({ ...created, timeLimits }, times);
  draft.insertTask(record, {
    type: 'task.created',
    data: {
      name: task.name,
      priority: task.priority,
      ...(task.agentId === null ? {} : { agentId: task.agentId }),
      ...(dueAt === null ? {} : { dueAt }),
      ...(waits.open === 0 ? {} : { openDependencies: waits.open }),
    },
  });
  if (waits.ended !== undefined) draft.change(draft.row(task.id) as TaskRow, withoutDependency(waits.ended));
  return { task: draft.record(task.id) };
}

/** How many tasks a new or retried one has to wait for, and one of them that can't complete any more. */
function dependenciesOf(
  draft: Draft,
  task: Pick<NewTaskRecord, 'id' | 'dependsOn'>,
): Refused | { readonly open: number; readonly ended: TaskRow | undefined } {
  let open = 0;
  let ended: TaskRow | undefined;
  for (const taskId of new Set(task.dependsOn.map((dependency) => dependency.taskId))) {
    const row = draft.row(taskId);
    if (row === undefined) {
      return refused(
        'DEPENDENCY_NOT_FOUND',
        `Task ${task.id} depends on task ${taskId}, which does not exist. Create that one first.`,
        { taskId: task.id, dependsOn: taskId },
      );
    }
    if (row.status !== 'completed') open++;
    if (row.status === 'failed' || row.status === 'cancelled') ended ??= row;
  }
  return { open, ended };
}

function createdTwice({ id, idempotencyKey }: Named): Refused {
  return refused(
    'IDEMPOTENCY_CONFLICT',
    `Idempotency key "${idempotencyKey ?? id}" occurs twice in one group. Give each record a key of its own.`,
    { id, idempotencyKey },
  );
}

function found(
  draft: Draft,
  known: { readonly id: string; readonly bodyHash: string },
  task: NewTaskRecord,
  submit: boolean,
): Answer {
  if (known.bodyHash !== task.bodyHash) {
    return refused(
      'IDEMPOTENCY_CONFLICT',
      `Idempotency key "${task.idempotencyKey ?? task.id}" belongs to task ${known.id}, which was created from other values. Use another key, or the same values.`,
      { taskId: known.id, idempotencyKey: task.idempotencyKey },
    );
  }
  const row = draft.task(known.id);
  if (submit && row?.status === 'pending' && row.dueAt === null) {
    const refusal = draft.change(row, { type: 'submit', dueAt: task.dueAt ?? draft.times.now });
    return refusal ?? { task: draft.record(known.id) };
  }
  return { status: 'duplicate', id: known.id };
}

function createWorkflow(draft: Draft, { workflow }: Extract<Command, { readonly type: 'createWorkflow' }>): Answer {
  if (draft.repeats('workflow', workflow)) return createdTwice(workflow);
  const byKey =
    workflow.idempotencyKey === null ? undefined : draft.tables.workflowHash({ key: workflow.idempotencyKey });
  const known = byKey ?? draft.tables.workflowHash({ id: workflow.id });
  if (known !== undefined) {
    if (known.bodyHash === workflow.bodyHash) return { status: 'duplicate', id: known.id };
    return refused(
      'IDEMPOTENCY_CONFLICT',
      `Idempotency key "${workflow.idempotencyKey ?? workflow.id}" belongs to workflow ${known.id}, which was created from other values. Use another key, or the same values.`,
      { workflowId: known.id, idempotencyKey: workflow.idempotencyKey },
    );
  }
  const row: WorkflowRow = {
    ...workflow,
    total: 0,
    open: 0,
    failed: 0,
    cancelled: 0,
    started: 0,
    paused: false,
    cancelRequested: false,
    version: 0,
    lastSeq: 0,
    createdAt: draft.times.now,
    settledAt: null,
  };
  draft.insertWorkflow(row);
  draft.changeWorkflow(row, { type: 'workflow.created', data: { name: row.name, sealed: row.sealed } });
  return { workflow: draft.workflow(row.id) as WorkflowRow };
}

/** Why a workflow takes no task, if so. */
function closedTo(draft: Draft, workflowId: string): Refused | undefined {
  const workflow = draft.workflow(workflowId);
  if (workflow === undefined) return workflowNotFound(workflowId);
  if (workflow.cancelRequested) return workflowCancelled(workflowId);
  if (workflow.sealed && !draft.isNewWorkflow(workflowId)) {
    return refused(
      'WORKFLOW_SEALED',
      `Workflow ${workflowId} was created with its tasks and takes no more. Create another workflow.`,
      { workflowId },
    );
  }
  return undefined;
}

function addTask(draft: Draft, workflowId: string, taskId: string): Refused | undefined {
  const task = draft.task(taskId);
  if (task === undefined) return taskNotFound(taskId);
  if (task.workflowId === workflowId) return undefined;
  if (task.workflowId !== null) {
    return refused(
      'TASK_IN_OTHER_WORKFLOW',
      `Task ${taskId} belongs to workflow ${task.workflowId}; a task belongs to at most one.`,
      {
        taskId,
        workflowId: task.workflowId,
      },
    );
  }
  return closedTo(draft, workflowId) ?? draft.change(task, { type: 'addToWorkflow', workflowId });
}

function submitTask(draft: Draft, { id, dueAt }: Extract<Command, { readonly type: 'submitTask' }>): Answer {
  const task = draft.task(id);
  if (task === undefined) return taskNotFound(id);
  // Submitting what is due, runs or has ended is what a repeated program does: it finds the task as it is.
  if (task.status !== 'pending' || task.dueAt !== null) return { task: draft.record(id) };
  return draft.change(task, { type: 'submit', dueAt: dueAt ?? draft.times.now }) ?? { task: draft.record(id) };
}

function claimTask(draft: Draft, command: Extract<Command, { readonly type: 'claimTask' }>): Answer {
  const { id, workerId } = command;
  const { tables } = draft;
  if (draft.task(id) === undefined) return taskNotFound(id);
  if (command.workflowId !== undefined) {
    const problem = addTask(draft, command.workflowId, id);
    if (problem !== undefined) return problem;
  }
  const task = draft.task(id) as TaskRow;
  if (tables.worker(workerId) === undefined) return workerLost(workerId);
  if (isTerminal(task.status)) {
    return refused('TASK_FINISHED', `Task ${id} is ${task.status}. Use retryTask to start it anew.`, {
      taskId: id,
      status: task.status,
    });
  }
  const holder = task.workerId ?? (task.boundTo === workerId ? null : task.boundTo);
  if (task.status !== 'pending' || (holder !== null && tables.worker(holder) !== undefined))
    return heldBy(draft, task, holder);
  if (task.failures > 0 && task.dueAt !== null && task.dueAt > draft.times.now) {
    return refused('TASK_NOT_CLAIMABLE', `Task ${id} has failed and waits for its next try.`, {
      taskId: id,
      dueAt: task.dueAt,
    });
  }
  const workflow = task.workflowId === null ? undefined : draft.workflow(task.workflowId);
  if (workflow?.cancelRequested === true) return workflowCancelled(workflow.id);
  if (workflow?.paused === true)
    return refused('TASK_BLOCKED', `Task ${id} waits: workflow ${workflow.id} is paused. Resume it first.`, {
      taskId: id,
      workflowId: workflow.id,
    });
  if (task.openDependencies > 0)
    return refused(
      'TASK_BLOCKED',
      `Task ${id} waits for ${task.openDependencies} other tasks. Submit it, and a worker starts it after them.`,
      { taskId: id },
    );
  if (passedLimit(task, draft.times) === 'scheduleToClose') {
    // Nobody has come by to end it yet; whoever wanted to run it is told how it ended.
    return draft.change(task, { type: 'expire' }) ?? { task: draft.record(id) };
  }
  const decision = command.agentId === undefined && task.agentId === null ? command.decision : undefined;
  const agentId = command.agentId ?? task.agentId ?? decision?.agentId ?? null;
  if (agentId === null)
    return refused('TASK_BLOCKED', `Task ${id} has not been routed to an agent yet.`, { taskId: id });
  const idle = idleAgent(draft, agentId, id);
  if (idle !== undefined) return idle;
  const suspect = isSuspect({ crashes: task.crashes, retry: command.retry ?? task.retry });
  if (!mayStart(tables, workerId, suspect, command.still)) {
    return refused(
      'TASK_NOT_CLAIMABLE',
      `A task that is one crash from POISON runs alone at first, and task ${id} would not.`,
      {
        taskId: id,
        suspect: true,
      },
    );
  }
  const refusal = draft.change(task, {
    type: 'claim',
    workerId,
    agentId,
    ...(command.agentId === undefined ? {} : { pinned: true }),
    ...(decision === undefined ? {} : { decision }),
    ...(command.retry === undefined ? {} : { retry: command.retry }),
    ...(command.timeouts === undefined ? {} : { timeouts: command.timeouts }),
    ...(command.defaultMaxRetries === undefined ? {} : { defaultMaxRetries: command.defaultMaxRetries }),
  });
  return refusal ?? { task: draft.record(id) };
}

/** The default time limits of an agent, as the catalogue has it. */
function timeoutsOf(draft: Draft, agentId: string | null): TaskTimeouts | undefined {
  const agent = agentId === null ? undefined : draft.agent(agentId);
  return agent?.removed === false ? agent.config.limits.timeouts : undefined;
}

/** Why an agent starts no attempt now, if so. */
function idleAgent(draft: Draft, agentId: string, taskId: string): Refused | undefined {
  if (freePlaces(draft, agentId) > 0) return undefined;
  const agent = draft.agent(agentId) as AgentRow; // an unknown one is never idle
  if (agent.enabled) {
    const { concurrency } = agent.config.limits;
    return refused(
      'AGENT_BUSY',
      `Agent "${agentId}" runs ${String(concurrency)} attempts, which is its limit. Task ${taskId} waits for one to end.`,
      { taskId, agentId, limit: concurrency },
    );
  }
  return refused(
    'AGENT_DISABLED',
    `Agent "${agentId}" is disabled, so task ${taskId} cannot start. Enable the agent, or pass another.`,
    { taskId, agentId },
  );
}

function heldBy(draft: Draft, task: TaskRow, holder: string | null): Refused {
  const worker = holder === null ? undefined : draft.tables.worker(holder);
  const lease = worker === undefined || worker.bootId !== draft.times.bootId ? 0 : worker.leaseUntil;
  return refused(
    'TASK_NOT_CLAIMABLE',
    `Task ${task.id} is ${task.status === 'pending' ? 'bound to' : `${task.status} under`} worker ${holder ?? 'none'}. Wait for its result instead.`,
    {
      taskId: task.id,
      status: task.status,
      workerId: holder,
      leaseUntil: lease,
      leaseLeftMs: lease === 0 ? 0 : lease - draft.times.lease,
    },
  );
}

function report(draft: Draft, { id, attempt, command }: Extract<Command, { readonly type: 'report' }>): Answer {
  const task = draft.task(id);
  if (task === undefined) return taskNotFound(id);
  if (task.status !== 'running' || task.attempt !== attempt) return { status: 'stale' };
  return draft.change(task, command) ?? { task: draft.record(id) };
}

function spawn(draft: Draft, { id, attempt, key, task }: Extract<Command, { readonly type: 'spawn' }>): Answer {
  const parent = draft.row(id);
  if (parent === undefined) return taskNotFound(id);
  if (parent.status !== 'running' || parent.attempt !== attempt) return { status: 'stale' };
  if (draft.repeats('task', task)) return createdTwice(task);
  // A repeated attempt may well ask for something else under the same key; what was created counts.
  const known = draft.tables.taskHash({ key: task.idempotencyKey as string });
  if (known !== undefined) return { status: 'duplicate', id: known.id };
  if (draft.tables.taskHash({ id: task.id }) !== undefined) {
    return refused(
      'IDEMPOTENCY_CONFLICT',
      `There is a task ${task.id} that was not spawned as "${key}". Give the new one an id of its own.`,
      { taskId: task.id, idempotencyKey: task.idempotencyKey },
    );
  }
  const { workflowId } = parent;
  // Its own workflow takes it, sealed or not: it is not settled as long as the attempt runs.
  if (workflowId !== null && draft.workflow(workflowId)?.cancelRequested === true) return workflowCancelled(workflowId);
  const answer = insertTask(draft, { ...task, workflowId }, true, id);
  if (!('status' in answer))
    draft.note(draft.row(id) as TaskRow, { type: 'task.spawned', data: { attempt, key, taskId: task.id } });
  return answer;
}

function recordStep(draft: Draft, { step }: Extract<Command, { readonly type: 'recordStep' }>): Answer {
  const task = draft.row(step.taskId);
  if (task === undefined) return taskNotFound(step.taskId);
  if (task.status !== 'running' || task.attempt !== step.attempt) return { status: 'stale' };
  // Sent twice because the first answer was lost: it is there already.
  const isThere = (): boolean => draft.tables.hasStep(step.taskId, step.agentId, step.identity);
  if (isThere()) return {};
  draft.later(() => {
    if (!isThere()) draft.tables.insertStep({ ...step, at: draft.times.now });
  });
  if (task.crashes > 0) {
    draft.note(
      { ...task, crashes: 0 },
      { type: 'task.recovered', data: { attempt: task.attempt, crashes: task.crashes } },
    );
  }
  return {};
}

function progress(draft: Draft, { id, attempt, value }: Extract<Command, { readonly type: 'progress' }>): Answer {
  const task = draft.row(id);
  if (task === undefined) return taskNotFound(id);
  if (task.status !== 'running' || task.attempt !== attempt) return { status: 'stale' };
  draft.patch(task, { progress: value });
  return {};
}

function route(draft: Draft, command: Extract<Command, { readonly type: 'route' }>): Answer {
  const { id, workerId, decision, claim, timeouts } = command;
  const task = draft.task(id);
  if (task === undefined) return taskNotFound(id);
  const workflow = task.workflowId === null ? undefined : draft.workflow(task.workflowId);
  const isHeldBack = workflow?.paused === true || workflow?.cancelRequested === true;
  if (!isHeldBack && passedLimit(task, draft.times) !== undefined)
    return ofBound(draft, id, workerId, { type: 'expire', why: whyWaiting(draft.tables, task) });
  const waits =
    isHeldBack || !mayStart(draft.tables, workerId, isSuspect(task)) || freePlaces(draft, decision.agentId) < 1;
  const { agentId } = decision;
  if (!claim || waits) {
    const catalogued = timeoutsOf(draft, agentId);
    return ofBound(draft, id, workerId, { type: 'assign', decision, ...(catalogued && { timeouts: catalogued }) });
  }
  if (draft.tables.worker(workerId) === undefined) return workerLost(workerId);
  return ofBound(draft, id, workerId, { type: 'claim', workerId, agentId, decision, ...(timeouts && { timeouts }) });
}

function ofBound(draft: Draft, id: string, workerId: string, command: TaskCommand): Answer {
  const task = draft.task(id);
  if (task === undefined) return taskNotFound(id);
  if (task.status !== 'pending' || task.boundTo !== workerId) return { status: 'stale' };
  return draft.change(task, command) ?? { task: draft.record(id) };
}

function byId(draft: Draft, id: string, command: TaskCommand): Answer {
  const task = draft.task(id);
  if (task === undefined) return taskNotFound(id);
  if (command.type === 'cancel' && isTerminal(task.status)) return { task: draft.record(id) };
  return draft.change(task, command) ?? { task: draft.record(id) };
}

function retryTask(draft: Draft, { id }: Extract<Command, { readonly type: 'retryTask' }>): Answer {
  const task = draft.task(id);
  if (task === undefined) return taskNotFound(id);
  if (task.workflowId !== null) {
    const workflow = draft.workflow(task.workflowId);
    if (workflow === undefined) return workflowNotFound(task.workflowId);
    if (workflow.cancelRequested) return workflowCancelled(task.workflowId);
  }
  const waits = dependenciesOf(draft, draft.record(id));
  if ('status' in waits) return waits;
  if (waits.ended !== undefined && isTerminal(task.status)) {
    return refused(
      'TASK_BLOCKED',
      `Task ${id} depends on task ${waits.ended.id}, which is ${waits.ended.status}. Retry that one first.`,
      { taskId: id, dependsOn: waits.ended.id },
    );
  }
  const timeouts = timeoutsOf(draft, task.agentId);
  const command: TaskCommand = { type: 'retry', openDependencies: waits.open, ...(timeouts && { timeouts }) };
  return draft.change(task, command) ?? { task: draft.record(id) };
}

function pauseWorkflow(draft: Draft, { id }: Extract<Command, { readonly type: 'pauseWorkflow' }>): Answer {
  const workflow = draft.countedWorkflow(id);
  if (workflow === undefined) return workflowNotFound(id);
  if (workflow.cancelRequested) return workflowCancelled(id);
  if (!workflow.paused)
    draft.changeWorkflow(
      { ...(draft.workflow(id) as WorkflowRow), paused: true },
      { type: 'workflow.paused', data: {} },
    );
  return { workflow: draft.countedWorkflow(id) as WorkflowRow };
}

function resumeWorkflow(draft: Draft, { id }: Extract<Command, { readonly type: 'resumeWorkflow' }>): Answer {
  const workflow = draft.workflow(id);
  if (workflow === undefined) return workflowNotFound(id);
  if (workflow.cancelRequested) return workflowCancelled(id);
  if (workflow.paused) draft.changeWorkflow({ ...workflow, paused: false }, { type: 'workflow.resumed', data: {} });
  return { workflow: draft.countedWorkflow(id) as WorkflowRow };
}

function cancelWorkflow(draft: Draft, { id, reason }: Extract<Command, { readonly type: 'cancelWorkflow' }>): Answer {
  const workflow = draft.workflow(id);
  if (workflow === undefined) return workflowNotFound(id);
  const counted = draft.countedWorkflow(id) as WorkflowRow;
  if (!workflow.cancelRequested && !isSettled(counted)) {
    const data = reason === undefined ? {} : { reason };
    draft.changeWorkflow(
      { ...workflow, cancelRequested: true, paused: false },
      { type: 'workflow.cancel_requested', data },
    );
    // Without tasks there is no last one whose end would settle it.
    if (counted.total === 0) draft.settleEmpty(id);
  }
  return { workflow: draft.countedWorkflow(id) as WorkflowRow };
}

function alignTasks(
  draft: Draft,
  { workflowId, limit, graceMs }: Extract<Command, { readonly type: 'alignTasks' }>,
): Answer {
  const workflow = draft.workflow(workflowId);
  if (workflow === undefined) return workflowNotFound(workflowId);
  return { count: align(draft, workflow, limit, graceMs) };
}

/** Holds, releases or cancels up to `limit` tasks of a workflow, as its row says; answers how many. */
export function align(draft: Draft, workflow: WorkflowRow, limit: number, graceMs: number): number {
  const { tables } = draft;
  const tasks = workflow.cancelRequested
    ? tables.openTasks(workflow.id, limit)
    : tables.pendingTasks(workflow.id, !workflow.paused, limit);
  const command: TaskCommand = workflow.cancelRequested
    ? { type: 'cancel', graceMs, reason: 'the workflow was cancelled' }
    : { type: 'hold', held: workflow.paused };
  for (const task of tasks) draft.change(draft.latest(task), command);
  return tasks.length;
}

function registerAgent(draft: Draft, { config }: Extract<Command, { readonly type: 'registerAgent' }>): Answer {
  const known = draft.agent(config.id);
  const isKnown = known?.removed === false;
  if (isKnown && JSON.stringify(known.config) === JSON.stringify(config)) return {};
  const isHostedNow = draft.tables.workers().some(({ hosts }) => hosts.includes(config.id));
  const agent: AgentRow = {
    id: config.id,
    config,
    enabled: isKnown ? known.enabled : true,
    removed: false,
    unhostedSince: isKnown ? known.unhostedSince : isHostedNow ? null : 0,
    lastSeq: known?.lastSeq ?? 0,
  };
  draft.changeAgent(agent, isKnown ? 'agent.changed' : 'agent.registered');
  return {};
}

function enableAgent(draft: Draft, { id, enabled }: Extract<Command, { readonly type: 'enableAgent' }>): Answer {
  const agent = listedAgent(draft, id);
  if (agent === undefined) return agentNotFound(id);
  if (agent.enabled !== enabled) draft.changeAgent({ ...agent, enabled }, enabled ? 'agent.enabled' : 'agent.disabled');
  return {};
}

function removeAgent(draft: Draft, { id }: Extract<Command, { readonly type: 'removeAgent' }>): Answer {
  const agent = listedAgent(draft, id);
  if (agent === undefined) return agentNotFound(id);
  const host = draft.tables.workers().find(({ hosts }) => hosts.includes(id));
  if (host !== undefined) {
    return refused(
      'AGENT_HOSTED',
      `Agent "${id}" is hosted by worker ${host.id}. Stop its workers first, or disable the agent.`,
      { agentId: id, workerId: host.id },
    );
  }
  draft.changeAgent({ ...agent, removed: true }, 'agent.removed');
  return {};
}

/** An agent that is in the catalogue. */
function listedAgent(draft: Draft, id: string): AgentRow | undefined {
  const agent = draft.agent(id);
  return agent?.removed === false ? agent : undefined;
}

function agentNotFound(agentId: string): Refused {
  return refused('AGENT_NOT_FOUND', `There is no agent "${agentId}" in the catalogue. Register it first.`, { agentId });
}

function taskNotFound(taskId: string): Refused {
  return refused('TASK_NOT_FOUND', `There is no task ${taskId}.`, { taskId });
}

function workflowNotFound(workflowId: string): Refused {
  return refused('WORKFLOW_NOT_FOUND', `There is no workflow ${workflowId}.`, { workflowId });
}

function workflowCancelled(workflowId: string): Refused {
  return refused('WORKFLOW_CANCELLED', `Workflow ${workflowId} was cancelled.`, { workflowId });
}

function workerLost(workerId: string): Refused {
  return refused(
    'WORKER_LOST',
    `Worker ${workerId} has no row any more: its lease ran out and its tasks were released.`,
    { workerId },
  );
}
