import type { Agent, AgentConfig, NewTaskRecord, NewWorkflowRow } from '@symphony/core';

/** A task as a creator hands it to a store: a name, no input, no assignment, due at once when it is submitted. */
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

/** A workflow as a creator hands it to a store: open to further tasks. */
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

/** The stored description of an agent, named after its id. */
export function newAgentConfig(id: string, overrides: Partial<AgentConfig> = {}): AgentConfig {
  return {
    id,
    name: id,
    role: '',
    description: '',
    capabilities: [],
    examples: [],
    limits: {},
    cost: null,
    ...overrides,
  };
}

/** An agent that runs: without a `run` of its own it returns the task's input. */
export function newAgent(id: string, overrides: Partial<Agent> = {}): Agent {
  return { id, run: (task) => task.input as unknown, ...overrides };
}
