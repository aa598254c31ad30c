import type { NewTaskRecord, NewWorkflowRow, RoutingDecision, TaskError, TaskRow, WorkflowRow } from '../src/index.ts';

/** A task as its creator hands it to the store: no input, no assignment, due at once when it is submitted. */
export function newTask(id: string, overrides: Partial<NewTaskRecord> = {}): NewTaskRecord {
  return {
    id,
    name: 'task',
    description: '',
    input: 'null',
    tags: [],
    requirements: {},
    metadata: '{}',
    dependsOn: [],
    idempotencyKey: null,
    bodyHash: 'hash',
    priority: 0,
    agentId: null,
    retry: {},
    timeouts: {},
    workflowId: null,
    dueAt: null,
    ...overrides,
  };
}

/** A workflow as its creator hands it to the store: open to further tasks. */
export function newWorkflow(id: string, overrides: Partial<NewWorkflowRow> = {}): NewWorkflowRow {
  return {
    id,
    name: 'workflow',
    description: '',
    metadata: '{}',
    idempotencyKey: null,
    bodyHash: 'hash',
    sealed: false,
    onFailure: 'continue',
    ...overrides,
  };
}

/** The row of a task that was created and not submitted. */
export function taskRow(overrides: Partial<TaskRow> = {}): TaskRow {
  return {
    id: 'tsk_1',
    status: 'pending',
    version: 1,
    attempt: 0,
    failures: 0,
    crashes: 0,
    priority: 0,
    dueAt: null,
    claimKey: null,
    agentId: null,
    pinned: false,
    workerId: null,
    boundTo: null,
    boundUntil: null,
    held: false,
    cancelAt: null,
    workflowId: null,
    openDependencies: 0,
    refusedBy: [],
    retry: {},
    timeouts: {},
    timeLimits: {},
    expiresAt: null,
    lastSeq: 1,
    createdAt: 1,
    startedAt: null,
    finishedAt: null,
    unroutable: false,
    ...overrides,
  };
}

/** The row of a task whose first attempt runs. */
export function runningRow(overrides: Partial<TaskRow> = {}): TaskRow {
  return taskRow({
    status: 'running',
    version: 2,
    attempt: 1,
    agentId: 'ada',
    workerId: 'w1',
    startedAt: 2,
    // A sweep looks at it when the grace of its cancellation is over.
    expiresAt: overrides.status === undefined ? (overrides.cancelAt ?? null) : null,
    ...overrides,
  });
}

/** The row of a workflow without tasks. */
export function workflowRow(overrides: Partial<WorkflowRow> = {}): WorkflowRow {
  return {
    ...newWorkflow('wf_1'),
    total: 0,
    open: 0,
    failed: 0,
    cancelled: 0,
    started: 0,
    paused: false,
    cancelRequested: false,
    version: 1,
    lastSeq: 1,
    createdAt: 1,
    settledAt: null,
    ...overrides,
  };
}

/** A decision for an agent. */
export function decisionFor(agentId: string): RoutingDecision {
  return { agentId, strategy: 'round-robin', candidates: [], considered: 1, excluded: {}, decidedAt: 5 };
}

/** What an agent threw in an attempt. */
export function errorOf(attempt: number): TaskError {
  return { name: 'Error', message: 'no luck', code: 'AGENT_ERROR', attempt };
}

/** What a task depends on, each under its own id. */
export function on(...ids: readonly string[]): Pick<NewTaskRecord, 'dependsOn'> {
  return { dependsOn: ids.map((taskId) => ({ name: taskId, taskId })) };
}
