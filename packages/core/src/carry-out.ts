import type { AgentConfig } from './agent.ts';
import { type Refused, type Answer, type Named, type Draft, refused } from './draft.ts';
import type { Command, NewTaskRecord } from './store.ts';
import { isSuspect, runsSuspect } from './suspect.ts';
import type { Tables } from './tables.ts';
import { isTerminal, type TaskRecord, type TaskRow } from './task.ts';
import { claimKey, type TaskCommand } from './transition.ts';
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
};

/** Does what a command asks for to the draft of its group. */
export function carryOut(draft: Draft, command: Command): Answer {
  return (handlers[command.type] as (draft: Draft, command: Command) => Answer)(draft, command);
}

function createTask(draft: Draft, { task, submit }: Extract<Command, { readonly type: 'createTask' }>): Answer {
  const { tables, times } = draft;
  if (draft.repeats('task', task)) return createdTwice(task);
  const byKey = task.idempotencyKey === null ? undefined : tables.taskHash({ key: task.idempotencyKey });
  const known = byKey ?? tables.taskHash({ id: task.id });
  if (known !== undefined) return found(draft, known, task, submit);
  const dueAt = submit ? (task.dueAt ?? times.now) : null;
  const record: TaskRecord = {
    ...task,
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
    openDependencies: 0,
    refusedBy: [],
    lastSeq: 0,
    createdAt: times.now,
    startedAt: null,
    finishedAt: null,
    unroutable: false,
    output: null,
    error: null,
    progress: null,
  };
  if (task.workflowId !== null) {
    const closed = closedTo(draft, task.workflowId);
    if (closed !== undefined) return closed;
  }
  draft.insertTask(record, {
    type: 'task.created',
    data: {
      name: task.name,
      priority: task.priority,
      ...(task.agentId === null ? {} : { agentId: task.agentId }),
      ...(dueAt === null ? {} : { dueAt }),
    },
  });
  return { task: draft.record(task.id) };
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
  return draft.change(task, { type: 'submit', dueAt }) ?? { task: draft.record(id) };
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
    return refused('TASK_BLOCKED', `Task ${id} waits for ${task.openDependencies} other tasks.`, { taskId: id });
  const decision = command.agentId === undefined && task.agentId === null ? command.decision : undefined;
  const agentId = command.agentId ?? task.agentId ?? decision?.agentId ?? null;
  if (agentId === null)
    return refused('TASK_BLOCKED', `Task ${id} has not been routed to an agent yet.`, { taskId: id });
  const suspect = isSuspect({ crashes: task.crashes, retry: command.retry ?? task.retry });
  if (suspect && runsSuspect(tables, workerId)) {
    return refused(
      'TASK_NOT_CLAIMABLE',
      `Task ${id} is one crash from POISON and runs alone; another such task runs here.`,
      { taskId: id, suspect: true },
    );
  }
  const refusal = draft.change(task, {
    type: 'claim',
    workerId,
    agentId,
    ...(command.agentId === undefined ? {} : { pinned: true }),
    ...(decision === undefined ? {} : { decision }),
    ...(command.retry === undefined ? {} : { retry: command.retry }),
  });
  return refusal ?? { task: draft.record(id) };
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

function route(draft: Draft, { id, workerId, decision, claim }: Extract<Command, { readonly type: 'route' }>): Answer {
  const task = draft.task(id);
  if (task === undefined) return taskNotFound(id);
  const workflow = task.workflowId === null ? undefined : draft.workflow(task.workflowId);
  const waits =
    workflow?.paused === true ||
    workflow?.cancelRequested === true ||
    (isSuspect(task) && runsSuspect(draft.tables, workerId));
  if (!claim || waits) return ofBound(draft, id, workerId, { type: 'assign', decision });
  if (draft.tables.worker(workerId) === undefined) return workerLost(workerId);
  return ofBound(draft, id, workerId, { type: 'claim', workerId, agentId: decision.agentId, decision });
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
  const workflowId = draft.task(id)?.workflowId ?? null;
  if (workflowId !== null && draft.workflow(workflowId)?.cancelRequested === true) return workflowCancelled(workflowId);
  return byId(draft, id, { type: 'retry' });
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
  draft.later(() => writeAgent(draft.tables, config, draft.times.now));
  return {};
}

function writeAgent(tables: Tables, config: AgentConfig, now: number): void {
  const known = tables.agent(config.id);
  if (known !== undefined && JSON.stringify(known.config) === JSON.stringify(config)) return;
  const seq = (known?.lastSeq ?? 0) + 1;
  const isHostedNow = tables.workers().some(({ hosts }) => hosts.includes(config.id));
  tables.putAgent({
    id: config.id,
    config,
    enabled: known?.enabled ?? true,
    unhostedSince: known === undefined ? (isHostedNow ? null : 0) : known.unhostedSince,
    lastSeq: seq,
  });
  tables.insertEvent({
    subject: `agent:${config.id}`,
    seq,
    workflowId: null,
    type: known === undefined ? 'agent.registered' : 'agent.changed',
    at: now,
    data: JSON.stringify({ agentId: config.id }),
  });
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
