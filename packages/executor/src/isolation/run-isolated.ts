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
import { makeEnvironment, type Environment } from './environment.ts';
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
  /** How long the agent may run without a sign of life; undefined: for ever. */
  readonly idleMs: number | undefined;
  /** Hears of a thread or process that does not end although it was killed, and of its end. */
  readonly onAbandoned: ((ended: Promise<unknown>) => void) | undefined;
}

/** How often progress is passed on, at most: each is a sign of life, so it is more often where the agent may not idle. */
const progressMs = 100;

/** How long what was killed may take to end: only a call into the system that does not return takes longer. */
const killMs = 5_000;

/**
 * Runs an agent in a thread or process of its own, and ends that in any case before it settles: when the agent is
 * through, when it has died, and when the attempt is not waited for any more. What cannot be ended is abandoned.
 *
 * @throws what the agent threw; the signal's reason when the attempt is given up; SymphonyError `AGENT_DIED`,
 *   `AGENT_INVALID`, `INPUT_INVALID`
 */
export async function runIsolated(run: IsolatedRun): Promise<JsonValue> {
  const { agent, task, context, control, logger, idleMs } = run;
  const environment = makeEnvironment(agent.env);
  const start = startMessage(run, environment);
  const writer = { taskId: task.id, agentId: agent.id, attempt: context.attempt };
  const output = new AgentOutput(logger, writer);
  const compartment = open(run, environment, {
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
  void dialogue.running.then(() => control.watch(idleMs, () => dialogue.ran));
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
    if (!(await isEnded(compartment))) {
      run.onAbandoned?.(compartment.ended);
      logger.error(writer, `The agent's ${agent.isolation} was killed and does not end.`);
    }
    output.end();
  }
}

function open({ agent, task }: IsolatedRun, environment: Environment, listener: CompartmentListener): Compartment {
  try {
    return agent.isolation === 'thread'
      ? openThread(agent, environment, listener)
      : openProcess(agent, environment, listener);
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

function startMessage({ agent, task, context, idleMs = Infinity }: IsolatedRun, environment: Environment): ToAgent {
  const { idempotencyKey, data, dependencies } = context;
  try {
    return {
      type: 'start',
      agentId: agent.id,
      module: String(agent.module),
      environment: Object.keys(environment),
      progressMs: Math.min(progressMs, idleMs / 4),
      idempotencyKey,
      values: serialize({ task, data, dependencies }).toString('base64'),
    };
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
