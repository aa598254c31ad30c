import type {
  AgentConfig,
  Command,
  Dependency,
  RoutingDecision,
  StepRow,
  TaskRecord,
  TaskTimeouts,
} from '@symphony/core';
import type * as fastCheck from 'fast-check';
import { newAgentConfig, newTask, newWorkflow } from '../builders.ts';
import { failure, type AttemptEnd } from './lab.ts';

/** The module `fast-check`, which whoever runs these tests has installed. */
export type FastCheck = typeof fastCheck;

/** A command as it is drawn: small numbers that choose among few things, so that commands meet each other. */
export interface CommandPlan {
  readonly type: Command['type'];
  readonly task: number;
  readonly agent: number;
  readonly worker: number;
  readonly workflow: number;
  /** Chooses among the variants of the command. */
  readonly variant: number;
  readonly text: number;
  readonly flag: boolean;
  /** Writes as an attempt that is not the current one. */
  readonly stale: boolean;
}

/** What is done to the stores, one thing after the other. */
export type Operation =
  | {
      readonly do: 'commit';
      readonly groups: readonly (readonly CommandPlan[])[];
      readonly claim: { readonly worker: number; readonly hosts: readonly number[]; readonly limit: number } | null;
    }
  | { readonly do: 'openWorker' | 'renew'; readonly worker: number; readonly hosts: readonly number[] }
  | { readonly do: 'closeWorker' | 'holding'; readonly worker: number }
  | { readonly do: 'sweep'; readonly markDead: boolean }
  | { readonly do: 'prune'; readonly olderThanMs: number; readonly limit: number }
  | { readonly do: 'advance' | 'jump'; readonly ms: number }
  | { readonly do: 'setState'; readonly key: number; readonly version: number; readonly text: number };

/** Everything that a plan can name. */
export const names = {
  workflows: ['wf_0', 'wf_1'],
  agents: ['a', 'b', 'c'],
  workers: ['wrk_0', 'wrk_1', 'wrk_2'],
  states: ['s_0', 's_1'],
} as const;

const texts = [
  'null',
  '"\\u0000"',
  '[1.0,1e2]',
  '"\\ud800"',
  `"${'x'.repeat(1_100)}"`,
  `"${'é'.repeat(3_000)}"`,
  '"🎻"',
];

const weights: { readonly [Type in Command['type']]: number } = {
  createTask: 8,
  createWorkflow: 2,
  addTask: 2,
  submitTask: 2,
  claimTask: 6,
  report: 12,
  recordStep: 4,
  progress: 2,
  note: 1,
  route: 6,
  defer: 2,
  reject: 1,
  unbind: 1,
  cancelTask: 3,
  retryTask: 3,
  pauseWorkflow: 2,
  resumeWorkflow: 2,
  cancelWorkflow: 1,
  alignTasks: 2,
  registerAgent: 2,
  enableAgent: 1,
  removeAgent: 1,
  spawn: 2,
};

/** Sequences of operations that begin with workers, a workflow and tasks, since little happens without. */
export function operations(fc: FastCheck, longest: number): fastCheck.Arbitrary<readonly Operation[]> {
  const pick = (from: readonly unknown[]): fastCheck.Arbitrary<number> => fc.nat(from.length - 1);
  const type = fc.oneof(
    ...Object.entries(weights).map(([name, weight]) => ({ weight, arbitrary: fc.constant(name as Command['type']) })),
  );
  const command: fastCheck.Arbitrary<CommandPlan> = fc.record({
    type,
    task: fc.nat(7),
    agent: pick(names.agents),
    worker: pick(names.workers),
    workflow: pick(names.workflows),
    variant: fc.nat(5),
    text: pick(texts),
    flag: fc.boolean(),
    stale: fc.nat(5).map((draw) => draw === 0),
  });
  const worker = pick(names.workers);
  const hosts = fc.subarray(names.agents.map((_, index) => index));
  const claim = fc.option(fc.record({ worker, hosts, limit: fc.nat(4) }), { nil: null, freq: 2 });
  const group = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(command) },
    { weight: 1, arbitrary: fc.array(command, { minLength: 2, maxLength: 4 }) },
  );
  const ms = fc.constantFrom(1, 50, 999, 1_000, 3_000, 5_000, 9_999, 10_000, 60_000);
  const operation = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant('commit' as const),
        groups: fc.array(group, { maxLength: 4 }),
        claim,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('openWorker' as const, 'renew' as const), worker, hosts }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constantFrom('closeWorker' as const, 'holding' as const), worker }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('sweep' as const), markDead: fc.boolean() }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('prune' as const),
        olderThanMs: fc.constantFrom(0, 1, 1_000),
        limit: fc.integer({ min: 1, max: 5 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), ms }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('jump' as const), ms: fc.constantFrom(-60_000, -1, 1_000, 3_600_000) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('setState' as const),
        key: pick(names.states),
        version: fc.nat(2),
        text: pick(texts),
      }),
    },
  );
  const tasks = [0, 3, 4].map((variant): CommandPlan => ({ ...plain('createTask'), variant, flag: true }));
  const first: readonly Operation[] = [
    { do: 'openWorker', worker: 0, hosts: [0, 1] },
    { do: 'openWorker', worker: 1, hosts: [0, 2] },
    {
      do: 'commit',
      groups: [
        [plain('createWorkflow')],
        [{ ...plain('createWorkflow'), workflow: 1 }],
        [plain('registerAgent')],
        tasks,
      ],
      claim: { worker: 0, hosts: [0, 1], limit: 1 },
    },
  ];
  return fc.array(operation, { minLength: 1, maxLength: longest, size: 'max' }).map((rest) => [...first, ...rest]);
}

function plain(type: Command['type']): CommandPlan {
  return { type, task: 0, agent: 0, worker: 0, workflow: 0, variant: 0, text: 0, flag: false, stale: false };
}

/** What commands have to know of the moment in which they are made. */
export interface Moment {
  readonly now: number;
  /** All tasks, as they were before this commit. */
  readonly tasks: readonly TaskRecord[];
  /** The ids that the names of workflows stand for. */
  readonly workflows: readonly string[];
  /** The id of the next task to create. */
  readonly nextId: () => string;
}

const isRunning = ({ status }: TaskRecord): boolean => status === 'running';
const isBound = ({ boundTo }: TaskRecord): boolean => boundTo !== null;

/** The tasks that a command has something to do with; without a preference for these, most commands would be refused. */
const preferred: { readonly [Type in Command['type']]?: (task: TaskRecord) => boolean } = {
  addTask: ({ workflowId }) => workflowId === null,
  submitTask: ({ status, dueAt }) => status === 'pending' && dueAt === null,
  claimTask: ({ status }) => status === 'pending',
  report: isRunning,
  recordStep: isRunning,
  spawn: isRunning,
  progress: isRunning,
  route: isBound,
  defer: isBound,
  reject: isBound,
  unbind: isBound,
  cancelTask: ({ status, cancelAt }) => status === 'waiting' || status === 'pending' || cancelAt === null,
  retryTask: ({ status }) => status === 'failed' || status === 'cancelled',
};

function taskFor(plan: CommandPlan, { tasks }: Moment): TaskRecord | undefined {
  const suitable = tasks.filter(preferred[plan.type] ?? (() => true));
  const among = suitable.length > 0 && !plan.stale ? suitable : tasks;
  return among[plan.task % Math.max(1, among.length)];
}

/** The command that a plan stands for. */
export function toCommand(plan: CommandPlan, moment: Moment): Command {
  const { type, variant, flag } = plan;
  const { now } = moment;
  const task = taskFor(plan, moment);
  const unknown = plan.stale && flag && variant === 0;
  const id = unknown || task === undefined ? 'tsk_unknown' : task.id;
  const agentId = names.agents[plan.agent] as string;
  const workerId = names.workers[plan.worker] as string;
  const workflowId = moment.workflows[plan.workflow] as string;
  const text = texts[plan.text] as string;
  const attempt = (task?.attempt ?? 0) + (plan.stale ? (flag ? 1 : -1) : 0);
  switch (type) {
    case 'createTask':
      return {
        type,
        submit: flag,
        task: newTask(plan.stale && task !== undefined ? id : moment.nextId(), {
          input: text,
          priority: (variant - 2) * 50,
          dueAt: variant === 0 ? now + 1_500 : null,
          agentId: variant < 2 ? null : agentId,
          workflowId: plan.text % 2 === 0 ? workflowId : null,
          idempotencyKey: variant === 5 ? `key_${plan.workflow}` : null,
          bodyHash: variant === 4 && plan.stale ? 'other' : 'hash',
          retry: variant % 2 === 0 ? {} : { maxRetries: 1, maxCrashes: 2, initialDelayMs: 900 },
          timeouts: plan.text < 5 ? {} : limitsOf(plan.text),
          dependsOn: variant === 3 ? toDependencies(task, moment.tasks.at(-1 - plan.workflow)) : [],
        }),
      };
    case 'createWorkflow':
      return {
        type,
        workflow: newWorkflow(workflowId, {
          sealed: variant === 5,
          onFailure: variant === 4 ? 'failFast' : 'continue',
          metadata: text,
          idempotencyKey: flag ? 'key' : null,
        }),
      };
    case 'addTask':
      return { type, workflowId, taskId: id };
    case 'submitTask':
      return { type, id, dueAt: flag ? now : now + 700 };
    case 'claimTask':
      return {
        type,
        id,
        workerId,
        ...(variant < 3 ? { agentId } : {}),
        ...(variant === 4 ? { decision: toDecision(agentId, now) } : {}),
        ...(variant === 0 ? { workflowId } : {}),
        ...(variant === 1 ? { retry: { maxRetries: 0 } } : {}),
        ...(variant === 2 ? { timeouts: limitsOf(plan.text), defaultMaxRetries: 0 } : {}),
      };
    case 'report':
      return { type, id, attempt, command: toEnd(plan, attempt, text, workerId) };
    case 'spawn':
      return {
        type,
        id,
        attempt,
        key: text,
        task: newTask(moment.nextId(), {
          input: text,
          idempotencyKey: `spawn:${id}:${variant}`,
          dependsOn: flag ? [{ name: 'parent', taskId: id }] : [],
        }),
      };
    case 'recordStep':
      return { type, step: toStep(id, task?.agentId ?? agentId, attempt, variant, text) };
    case 'progress':
      return { type, id, attempt, value: text };
    case 'note':
      return {
        type,
        id,
        event: { type: 'task.late_result', data: { attempt, outcome: flag ? 'resolved' : 'rejected' } },
      };
    case 'route':
      return {
        type,
        id,
        workerId: holderOr(workerId, plan, task),
        decision: toDecision(agentId, now),
        claim: flag,
        ...(variant === 5 ? { timeouts: limitsOf(plan.text) } : {}),
      };
    case 'defer':
      return { type, id, workerId: holderOr(workerId, plan, task), forMs: 1_000, code: 'NO_ROUTE', reason: text };
    case 'reject':
      return { type, id, workerId: holderOr(workerId, plan, task), reason: text };
    case 'unbind':
      return { type, id, workerId: holderOr(workerId, plan, task) };
    case 'cancelTask':
      return { type, id, graceMs: variant * 1_000, ...(flag ? { reason: text } : {}) };
    case 'retryTask':
      return { type, id };
    case 'pauseWorkflow':
    case 'resumeWorkflow':
      return { type, id: workflowId };
    case 'cancelWorkflow':
      return { type, id: workflowId, ...(flag ? { reason: text } : {}) };
    case 'alignTasks':
      return { type, workflowId, limit: 1_000, graceMs: 1_000 };
    case 'registerAgent':
      return { type, config: toConfig(agentId, variant) };
    case 'enableAgent':
      return { type, id: agentId, enabled: flag };
    case 'removeAgent':
      return { type, id: agentId };
  }
}

function toEnd(
  { variant, flag, text: draw }: CommandPlan,
  attempt: number,
  text: string,
  workerId: string,
): AttemptEnd {
  const kinds: readonly AttemptEnd[] = [
    { type: 'complete', output: text, ...(flag ? { unusedSteps: ['old#1'] } : {}) },
    failure({
      error: { name: 'Error', message: text, attempt },
      retryable: flag,
      draw: draw / 10,
      ...(draw === 0 ? { bindTo: workerId } : {}),
      ...(draw === 1 ? { retryAfterMs: 10.5 } : {}),
    }),
    { type: 'refuse', reason: text },
    { type: 'release', reason: text },
    { type: 'suspend' },
  ];
  return kinds[variant % kinds.length] as AttemptEnd;
}

function toStep(taskId: string, agentId: string, attempt: number, variant: number, output: string): StepRow {
  return {
    taskId,
    agentId,
    identity: `step#${variant}`,
    attempt,
    output,
    inputHash: variant === 0 ? 'hash' : null,
    at: 0,
  };
}

/** Two tasks, often the same one twice: what is named twice is waited for once. */
function toDependencies(...tasks: readonly (TaskRecord | undefined)[]): readonly Dependency[] {
  return tasks.flatMap((task, index) => (task === undefined ? [] : [{ name: `${index}`, taskId: task.id }]));
}

/** Mostly the worker that the task is bound to: answers of others are stale. */
function holderOr(workerId: string, plan: CommandPlan, task: TaskRecord | undefined): string {
  return plan.stale ? workerId : (task?.boundTo ?? workerId);
}

function toDecision(agentId: string, now: number): RoutingDecision {
  return {
    agentId,
    strategy: 'test',
    candidates: [{ agentId, score: 1, reasons: [] }],
    considered: 1,
    excluded: {},
    decidedAt: now,
  };
}

/** Limits short enough to be passed between two operations. */
function limitsOf(text: number): TaskTimeouts {
  return text % 2 === 0
    ? { scheduleToStartMs: 900, startToCloseMs: 50 }
    : { scheduleToCloseMs: 9_000, startToCloseMs: 2_000, idleMs: 7 };
}

function toConfig(id: string, variant: number): AgentConfig {
  return newAgentConfig(id, {
    role: variant < 3 ? '' : `role ${variant}`,
    cost: { variant: variant < 3 ? 0 : variant },
    limits: variant === 5 ? { concurrency: 1 } : variant === 4 ? { timeouts: limitsOf(0) } : {},
  });
}

/** The value that a drawn text stands for. */
export function toValue(text: number): string {
  return JSON.parse(JSON.stringify(texts[text])) as string;
}
