import { deserialize } from 'node:v8';
import {
  defaults,
  describe,
  encodeJson,
  SymphonyError,
  toTaskError,
  type Agent,
  type AgentContext,
  type AgentFunction,
  type JsonValue,
  type Task,
} from '@symphony/core';
import { checkSchema } from '../check-schema.ts';
import { carryError } from './carried-error.ts';
import { keepOnly } from './environment.ts';
import { findModule } from './find-module.ts';
import { IsolatedContext } from './isolated-context.ts';
import type { FromAgent, StartValues, ToAgent } from './messages.ts';

/** The way to the worker, from inside a thread or process. */
export interface Line {
  post(text: string): void;
  listen(hear: (text: string) => void): void;
}

/** Runs the one attempt for which this thread or process was made, and waits to be ended. */
export function serve(line: Line): void {
  const say = (message: FromAgent): void => line.post(JSON.stringify(message));
  process.on('uncaughtExceptionMonitor', (error: unknown) => say({ type: 'dying', error: carryError(error) }));
  let context: IsolatedContext | undefined;
  line.listen((text) => {
    const message = JSON.parse(text) as ToAgent;
    if (message.type !== 'start') return context?.hear(message);
    keepOnly(message.environment);
    const values = deserialize(Buffer.from(message.values, 'base64')) as StartValues;
    const started = new IsolatedContext(values, message, say);
    context = started;
    attempt(message, values.task, started, say).then(
      (output) => started.tellEnd({ output }),
      (error: unknown) => started.tellEnd({ error }),
    );
  });
}

type Start = Extract<ToAgent, { readonly type: 'start' }>;

async function attempt(
  start: Start,
  task: Task,
  context: AgentContext,
  say: (message: FromAgent) => void,
): Promise<string> {
  const agent = await load(start);
  const what = `agent "${start.agentId}"`;
  const input = await checkSchema(agent.input, task.input, 'INPUT_INVALID', `The input of task ${task.id}`);
  await hearAll();
  context.signal.throwIfAborted();
  say({ type: 'running' });
  const result: unknown = await agent.run({ ...task, input: input as JsonValue }, context);
  say({ type: 'ran' });
  const output = await checkSchema(agent.output, result, 'OUTPUT_INVALID', `The output of ${what}`);
  return encodeJson(output, 'output', defaults.outputBytes, {
    invalid: 'RESULT_NOT_SERIALIZABLE',
    tooLarge: 'RESULT_TOO_LARGE',
  });
}

/** Lets be heard what was said while the module, as it was loaded, kept the thread busy. */
async function hearAll(): Promise<void> {
  // Messages are taken between one immediate and the next.
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
}

/** What runs, of the agent that a module exports. */
type Exported = Pick<Agent, 'run' | 'input' | 'output'>;

async function load(start: Start): Promise<Exported> {
  const { agentId } = start;
  const module = findModule(start);
  let exported: unknown;
  try {
    exported = unwrap(((await import(module)) as { readonly default?: unknown }).default);
  } catch (cause) {
    throw invalid(agentId, module, `could not be loaded: ${toTaskError(cause, 0).message}`, cause);
  }
  if (typeof exported === 'function') return { run: exported as AgentFunction };
  if (typeof (exported as Partial<Exported> | null | undefined)?.run === 'function') return exported as Exported;
  const mend = 'Write: export default { id, run(task, context) { … } }.';
  throw invalid(agentId, module, `has no agent as its default export, but ${describe(exported)}. ${mend}`);
}

/** Bundlers that translate to CommonJS put the default export one level down. */
function unwrap(exported: unknown): unknown {
  const isTranslated =
    typeof exported === 'object' && exported !== null && '__esModule' in exported && 'default' in exported;
  return isTranslated ? exported.default : exported;
}

function invalid(agentId: string, module: string, problem: string, cause?: unknown): SymphonyError {
  return new SymphonyError('AGENT_INVALID', `The module ${module} of agent "${agentId}" ${problem}`, {
    details: { agentId, module },
    ...(cause === undefined ? {} : { cause }),
  });
}
