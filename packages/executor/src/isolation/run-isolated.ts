import { serialize } from 'node:v8';
import {
  delay,
  SymphonyError,
  systemClock,
  toTaskError,
  type AgentContext,
  type IsolatedAgent,
  type JsonValue,
  type Logger,
  type Task,
} from '@symphony/core';
import type { AttemptControl } from '../attempt-control.ts';
import { AgentOutput } from './agent-output.ts';
import { carryError, type CarriedError } from './carried-error.ts';
import type { Compartment, CompartmentListener } from './compartment.ts';
import { Dialogue } from './dialogue.ts';
import { findModule } from './find-module.ts';
import type { ToAgent } from './messages.ts';
import { openProcess } from './open-process.ts';
import { openThread } from './open-thread.ts';

/** One attempt of an isolated agent. */
export interface IsolatedRun {
  readonly agent: IsolatedAgent;
  /** The task, with the input that the agent's schema made of it. */
  readonly task: Task;
  readonly context: AgentContext;
  readonly control: AttemptControl;
  readonly logger: Logger;
}

/** How long what was killed may take to end: only a call into the system that does not return takes longer. */
const killMs = 5_000;

/**
 * Runs an agent in a thread or process of its own, and ends that in any case before it settles: when the agent is
 * through, when it has died, and when the attempt is not waited for any more.
 *
 * @throws what the agent threw; the signal's reason when the attempt is given up; SymphonyError `AGENT_DIED`,
 *   `AGENT_INVALID`, `INPUT_INVALID`
 */
export async function runIsolated({ agent, task, context, control, logger }: IsolatedRun): Promise<JsonValue> {
  const start = startMessage(agent, task, context);
  const writer = { taskId: task.id, agentId: agent.id, attempt: context.attempt };
  const output = new AgentOutput(logger, writer);
  const compartment = open(agent, task, {
    onText: (text) => {
      if (!dialogue.hear(text)) compartment.kill();
    },
    onOutput: (stream, text) => {
      control.noteSign();
      output.write(stream, text);
    },
  });
  const dialogue: Dialogue = new Dialogue(context, (text) => compartment.post(text));
  const abort = (): void => dialogue.say({ type: 'abort', reason: carryError(context.signal.reason) });
  context.signal.addEventListener('abort', abort, { once: true });
  dialogue.say(start);
  try {
    return await Promise.race([
      dialogue.result,
      compartment.ended.then((how) => Promise.reject(died(agent, task, how, dialogue.uncaught))),
      control.givenUp.then(() => Promise.reject(context.signal.reason as Error)),
    ]);
  } finally {
    context.signal.removeEventListener('abort', abort);
    dialogue.end();
    if (!(await isEnded(compartment)))
      logger.error(writer, `The agent's ${agent.isolation} was killed and does not end.`);
    output.end();
  }
}

function open(agent: IsolatedAgent, task: Task, listener: CompartmentListener): Compartment {
  try {
    return agent.isolation === 'thread' ? openThread(agent, listener) : openProcess(agent, listener);
  } catch (error) {
    throw died(agent, task, `it could not be started, ${toTaskError(error, 0).message}`);
  }
}

/** Kills a compartment and waits for its end: nothing of the attempt is to run beside what comes after it. */
async function isEnded(compartment: Compartment): Promise<boolean> {
  compartment.kill();
  const waiting = new AbortController();
  try {
    return await Promise.race([
      compartment.ended.then(() => true),
      delay(systemClock, killMs, waiting.signal).then(() => false),
    ]);
  } finally {
    waiting.abort();
  }
}

function startMessage(agent: IsolatedAgent, task: Task, context: AgentContext): ToAgent {
  const { idempotencyKey, data, dependencies } = context;
  const module = findModule(agent);
  try {
    const values = serialize({ task, data, dependencies }).toString('base64');
    return { type: 'start', agentId: agent.id, module, idempotencyKey, values };
  } catch (cause) {
    throw new SymphonyError(
      'INPUT_INVALID',
      `What the input schema of agent "${agent.id}" made of the input of task ${task.id} cannot cross into a ${agent.isolation}: ${(cause as Error).message} Give the schema to the agent in the module instead.`,
      { details: { agentId: agent.id, taskId: task.id }, cause },
    );
  }
}

function died({ id, isolation }: IsolatedAgent, task: Task, how: string, uncaught?: CarriedError): SymphonyError {
  const why = uncaught === undefined ? '' : `, of an error that nobody caught: ${uncaught.message}`;
  const error = new SymphonyError(
    'AGENT_DIED',
    `The ${isolation} of agent "${id}" ended before attempt ${task.attempt} at task ${task.id} did: ${how}${why}`,
    { details: { agentId: id, taskId: task.id, how } },
  );
  // Where it came from in the agent is of use; that it was noticed here is not.
  return uncaught?.stack === undefined ? error : Object.assign(error, { stack: uncaught.stack });
}
