/* eslint-disable @typescript-eslint/no-explicit-any -- agents of any input and data stand in one list; only `any` is assignable both ways */
import { SymphonyError } from './errors.ts';
import { checkIsolation, checkShared, type Isolation, type MaybeIsolated } from './isolation.ts';
import { decodeJson, encodeJson, type JsonValue } from './json.ts';
import { checkInteger, checkKeys, checkName, checkNames, describe } from './names.ts';
import type { Schema } from './schema.ts';
import type { SpawnTask } from './create-task.ts';
import type { Task } from './task.ts';
import { checkTimeouts, type TaskTimeouts } from './timeouts.ts';

/** What an agent may spend; stored with its configuration. */
export interface AgentLimits {
  /** Time limits of its tasks, each unless the task has one of its own. Default: none. */
  readonly timeouts?: TaskTimeouts;
  /** Attempts of it that may run at once, over all processes; holds for registered agents. Default: any number. */
  readonly concurrency?: number;
}

/** The stored description of an agent: what routing knows of it. */
export interface AgentConfig {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly description: string;
  /** What it can do. A task's `requirements.capabilities` must all be among these. */
  readonly capabilities: readonly string[];
  /** Things people would ask of it, in their words. */
  readonly examples: readonly string[];
  readonly limits: AgentLimits;
  /** What its work costs, in a unit of the application's choice; strategies may read it. */
  readonly cost: JsonValue;
}

/** An agent as the catalogue lists it. */
export interface AgentEntry {
  readonly config: AgentConfig;
  readonly enabled: boolean;
  /** Whether a live worker hosts it, or did so within the last minute. */
  readonly hosted: boolean;
}

/** Options of {@link AgentContext.step}. */
export interface StepOptions {
  /** Tells steps of one name apart. Without it the n-th call of a name is the n-th step; in loops give a key. */
  readonly key?: string;
  /** What the step depends on. A recorded step that was made from another input is refused with `STEP_MISMATCH`. */
  readonly input?: unknown;
}

/** What an agent is handed beside its task. */
export interface AgentContext<Data = JsonValue> {
  /** Aborts when the attempt times out, is cancelled, loses its lease or the worker stops; `reason` is a `SymphonyError`. */
  readonly signal: AbortSignal;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  /** The same for every attempt of this task by this agent: pass it to services that recognise repeats. */
  readonly idempotencyKey: string;
  /** The `context` that the caller of `executeTask` passed, else null. */
  readonly data: Data;
  /** The outputs of the tasks that this one depended on, by the names that its `dependsOn` gave them. */
  readonly dependencies: Readonly<Record<string, JsonValue>>;
  /**
   * Runs `fn` once over all attempts of this task by this agent: a recorded result is returned without running it again.
   * Resolves after the result has been stored. Failures are not recorded; `fn` runs again in the next attempt.
   */
  step<T>(name: string, fn: () => T | Promise<T>, options?: StepOptions): Promise<T>;
  /**
   * Creates and submits a task, in the workflow of this one. A key names one task, however often the attempt is repeated:
   * the first that was stored under it counts, also where the values differ. Resolves with its id once it is stored. It
   * runs beside this attempt, which should not wait for it; to go on with its output, spawn a task that depends on it.
   */
  spawn(key: string, task: SpawnTask): Promise<string>;
  /** Stores how far the attempt is; keeps the last value, and writes at most once a second. */
  progress(value: unknown): void;
  /** Hands the task back to be given to another agent. Costs no retry. Throws, so nothing after it runs. */
  refuse(reason: string): never;
}

/** The thing that does the work. What is not `run`, `input` or `output` is its {@link AgentConfig}. */
export interface Agent<Input = any, Output = unknown, Data = any> {
  readonly id: string;
  readonly name?: string;
  readonly role?: string;
  readonly description?: string;
  readonly capabilities?: readonly string[];
  readonly examples?: readonly string[];
  /** Checks a task's input before `run`, which then sees what the schema returned. */
  readonly input?: Schema<Input>;
  /** Checks what `run` returned before it is stored. */
  readonly output?: Schema<Output>;
  readonly limits?: AgentLimits;
  readonly cost?: JsonValue;
  run(task: Task<Input>, context: AgentContext<Data>): Output | Promise<Output>;
}

/** A named async function is an agent too: its name is its id. */
export type AgentFunction<Input = any, Output = unknown> = (
  task: Task<Input>,
  context: AgentContext<any>,
) => Output | Promise<Output>;

/**
 * An agent that runs apart, in a thread or a process that each attempt gets anew and that is killed with it. Its work is a
 * module, since a function cannot cross.
 */
export interface IsolatedAgent<Input = any, Output = unknown> extends Omit<Agent<Input, Output>, 'run'> {
  readonly run?: never;
  /**
   * The module whose default export is the agent, or its `run`: `new URL('./ada.ts', import.meta.url)`, a `file:` URL, or
   * an installed package, `'ada'` or `'agents/ada'`, found as `import` finds it from the working directory. Of the exported
   * agent only `run`, `input` and `output` are used; what is known of the agent stands here.
   */
  readonly module: URL | string;
  readonly isolation: Isolation;
  /** Largest heap of its JavaScript in MiB, from 16 up. Default: what Node allows. */
  readonly memoryMb?: number;
  /** Variables of its environment beside the few that every program needs, such as `PATH`; `process.env` hands on all. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** An agent that has been checked, wherever it runs. */
export type AnyAgent = Agent | IsolatedAgent;

/** Whatever can be passed where an agent is wanted. */
export type AgentLike = AnyAgent | AgentFunction;

/**
 * Makes an agent of whatever was passed as one.
 *
 * @throws SymphonyError `AGENT_INVALID`, `INVALID_NAME`, `INVALID_ARGUMENT`
 */
export function toAgent(value: AgentLike): AnyAgent {
  if (typeof value === 'function') {
    if (value.name === '')
      throw new SymphonyError(
        'AGENT_INVALID',
        'A function used as an agent needs a name; it becomes the id. Name it, or pass { id, run }.',
      );
    return { id: checkName(value.name, 'agent id'), run: value };
  }
  if (typeof value !== 'object' || value === null)
    throw new SymphonyError(
      'AGENT_INVALID',
      `An agent is { id, run(task, context) } or a named function, got ${describe(value)}.`,
    );
  checkName(value.id, 'agent id');
  const { module, isolation }: MaybeIsolated = value;
  if (module !== undefined || isolation !== undefined) checkIsolation(value);
  else if (typeof value.run === 'function') checkShared(value);
  else
    throw new SymphonyError('AGENT_INVALID', `Agent "${value.id}" has no run(task, context).`, {
      details: { agentId: value.id },
    });
  checkSchema(value, 'input');
  checkSchema(value, 'output');
  return value;
}

function checkSchema(agent: AnyAgent, key: 'input' | 'output'): void {
  // Some libraries make functions of their schemas, so only the part that is used is looked at.
  if (agent[key] === undefined || typeof agent[key]?.['~standard']?.validate === 'function') return;
  throw new SymphonyError(
    'AGENT_INVALID',
    `Agent "${agent.id}": ${key} must be a Standard Schema, as Zod, Valibot and ArkType make them. Leave it out to take anything.`,
    { details: { agentId: agent.id } },
  );
}

/**
 * The part of an agent that is stored, checked.
 *
 * @throws SymphonyError `AGENT_INVALID`, `INVALID_NAME`, `INVALID_ARGUMENT`, `INVALID_JSON`
 */
export function toAgentConfig(agent: AnyAgent | (Partial<AgentConfig> & { readonly id: string })): AgentConfig {
  const what = `agent "${checkName(agent.id, 'agent id')}"`;
  const config: AgentConfig = {
    id: agent.id,
    name: checkName(agent.name ?? agent.id, `${what} name`),
    role: checkText(agent.role, `${what} role`),
    description: checkText(agent.description, `${what} description`),
    capabilities: checkNames(agent.capabilities ?? [], `${what} capabilities`),
    examples: checkExamples(agent.examples ?? [], what),
    limits: checkLimits(agent.limits ?? {}, `${what} limits`),
    cost: decodeJson(encodeJson(agent.cost, `${what} cost`, 64 * 1024)),
  };
  encodeJson(config, what, configLimit);
  return config;
}

function checkLimits(limits: AgentLimits, what: string): AgentLimits {
  checkKeys(limits, ['timeouts', 'concurrency'], what);
  const { timeouts, concurrency } = limits;
  return {
    ...(timeouts === undefined ? {} : { timeouts: checkTimeouts(timeouts, `${what}.timeouts`) }),
    ...(concurrency === undefined
      ? {}
      : { concurrency: checkInteger(concurrency, `${what}.concurrency`, 1, 1_000_000) }),
  };
}

/** The largest stored description of an agent: 1 MiB. */
const configLimit = 1024 * 1024;

function checkExamples(value: readonly unknown[], what: string): readonly string[] {
  if (!Array.isArray(value)) throw new SymphonyError('AGENT_INVALID', `${what}: examples must be an array of strings.`);
  return Array.from(value, (item: unknown, index) => checkString(item, `${what} examples[${index}]`));
}

function checkText(value: unknown, what: string): string {
  return value === undefined ? '' : checkString(value, what);
}

function checkString(value: unknown, what: string): string {
  if (typeof value !== 'string')
    throw new SymphonyError('AGENT_INVALID', `${what} must be a string, got ${describe(value)}.`);
  return value;
}
