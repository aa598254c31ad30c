import type { JsonValue } from './json-value.ts';

/**
 * Every error code that Symphony throws or records, with what it means. Codes are stable; messages may improve.
 * `docs/errors.md` has a paragraph for each, and a test keeps the two lists equal.
 */
export const errorCodes = {
  AGENT_BUSY: 'The agent runs as many attempts as its concurrency limit allows.',
  AGENT_DIED: 'The thread or process of an isolated agent ended before its attempt did.',
  AGENT_DISABLED: 'The agent is disabled in the catalogue and starts no attempt.',
  AGENT_ERROR: 'The agent threw something that carries no code of its own.',
  AGENT_HOSTED: 'A live worker hosts the agent, so it cannot be removed.',
  AGENT_INVALID: 'What was passed as an agent is not one.',
  AGENT_NOT_FOUND: 'No agent of that id is registered.',
  DEPENDENCY_CYCLE: 'Tasks would wait for each other for ever.',
  DEPENDENCY_FAILED: 'A task that this one depends on has failed or was cancelled.',
  DEPENDENCY_NOT_FOUND: 'A task depends on one that does not exist.',
  DUPLICATE_AGENT: 'Two agents were given under one id.',
  DUPLICATE_TASK: 'A task occurs twice in one batch.',
  HOOK_FAILED: 'A pre-execution hook threw, so the attempt failed before the agent ran.',
  HOOK_TIMEOUT: 'A hook took longer than its time limit.',
  IDEMPOTENCY_CONFLICT: 'The idempotency key is taken by a record with another body.',
  IDLE_TIMEOUT: 'The agent gave no sign of life for longer than its idle timeout.',
  INPUT_INVALID: "The task's input does not satisfy the agent's input schema.",
  INVALID_ARGUMENT: 'An argument is out of range or of the wrong type.',
  INVALID_JSON: 'A value cannot be stored as JSON.',
  INVALID_NAME: 'A name, id, key or tag is empty, too long or holds control characters.',
  LEASE_LOST: 'This process no longer holds the task; whoever holds it now decides its fate.',
  NO_ROUTE: 'No agent can take the task.',
  OUTPUT_INVALID: "The agent's output does not satisfy its output schema.",
  PACKAGE_NOT_INSTALLED: 'What was asked for needs a package that is not installed.',
  PAYLOAD_TOO_LARGE: 'A value is larger than its limit.',
  POISON: 'The task crashed its worker too often in a row.',
  REFUSED: 'The agent that the task is pinned to refused it.',
  RESULT_NOT_SERIALIZABLE: 'The agent returned something that is no JSON value.',
  RESULT_TOO_LARGE: 'The agent returned more than the output limit.',
  SCHEDULE_TO_CLOSE_TIMEOUT: 'The task did not end within its schedule-to-close timeout.',
  SCHEDULE_TO_START_TIMEOUT: 'The task was not started within its schedule-to-start timeout.',
  SHUTDOWN: 'The worker is stopping; the task goes back at no cost.',
  START_TO_CLOSE_TIMEOUT: 'The attempt took longer than its start-to-close timeout.',
  STEP_CONCURRENT: 'The step is already running in this attempt.',
  STEP_KEY_REQUIRED: 'Two steps of one name are open at once and need keys to tell them apart.',
  STEP_MISMATCH: 'The recorded step was made from another input.',
  STORE_CLOSED: 'The store has been closed.',
  STORE_CORRUPT: 'The store file is damaged.',
  STORE_FAILED: 'The store could not carry out the request.',
  STORE_FULL: 'There is no space left for the store.',
  STORE_NOT_OURS: 'The file is no Symphony store.',
  STORE_OPEN_FAILED: 'The store could not be opened.',
  STORE_TOO_NEW: 'The store was written by a newer version of Symphony.',
  STRATEGY_API_VERSION: 'The strategy was written for another version of the plugin contract.',
  STRATEGY_FAILED: 'The strategy threw.',
  STRATEGY_INVALID: 'What was loaded is no strategy.',
  STRATEGY_INVALID_ANSWER: 'The strategy answered with something other than a ranking of its candidates.',
  STRATEGY_NOT_FOUND: 'No strategy of that name is known.',
  STRATEGY_OPTIONS_INVALID: "The strategy's options do not satisfy its schema.",
  STRATEGY_TIMEOUT: 'The strategy took longer than its time limit.',
  TASK_BLOCKED: 'The task cannot start now: its workflow is paused, or it waits for others.',
  TASK_CANCELLED: 'The task was cancelled.',
  TASK_FINISHED: 'The task has already ended.',
  TASK_INVALID_TRANSITION: 'The task is in a status that does not allow this.',
  TASK_IN_OTHER_WORKFLOW: 'The task belongs to another workflow.',
  TASK_NOT_CLAIMABLE: 'Somebody else holds the task.',
  TASK_NOT_FOUND: 'No task of that id exists.',
  TERMINAL: 'The agent declared that trying again is of no use.',
  WAIT_TIMEOUT: 'The wait for a result ran out of time; the task goes on.',
  WORKER_LOST: "The worker's row is gone; it must start anew under another id.",
  WORKFLOW_CANCELLED: 'The workflow was cancelled.',
  WORKFLOW_NOT_FOUND: 'No workflow of that id exists.',
  WORKFLOW_SEALED: 'The workflow was created with its tasks and takes no more.',
} as const;

/** A stable code that names what went wrong. */
export type ErrorCode = keyof typeof errorCodes;

/** Facts that belong to an error: the id concerned, the limit and what was got, the path inside a value. */
export type ErrorDetails = Readonly<Record<string, JsonValue | undefined>>;

const marker = Symbol.for('symphony.error');

/**
 * An error that Symphony throws: `code` is stable, `message` says what happened to which thing and what to do about it.
 * Recognise it with {@link SymphonyError.is}, which also works across two installed copies of the package.
 */
export class SymphonyError extends Error {
  readonly [marker] = true;
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly details?: ErrorDetails; readonly cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'SymphonyError';
    this.code = code;
    this.details = options.details ?? {};
  }

  /** Whether `error` is one of ours and, if `code` is given, has that code. */
  static is(error: unknown, code?: ErrorCode): error is SymphonyError {
    return isMarked(error, marker) && (code === undefined || (error as SymphonyError).code === code);
  }
}

const terminalMarker = Symbol.for('symphony.terminal-error');
const retryAfterMarker = Symbol.for('symphony.retry-after-error');

/** Thrown by an agent to say that trying again is of no use: the task fails at once, whatever its retry policy says. */
export class TerminalError extends Error {
  readonly [terminalMarker] = true;
  readonly code: string;

  constructor(message: string, options: { readonly code?: string; readonly cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'TerminalError';
    this.code = options.code ?? 'TERMINAL';
  }

  /** Whether `error` is a TerminalError, of this or another copy of the package. */
  static is(error: unknown): error is TerminalError {
    return isMarked(error, terminalMarker);
  }
}

/** Thrown by an agent to set the delay before the next attempt itself, for instance from a `Retry-After` header. */
export class RetryAfterError extends Error {
  readonly [retryAfterMarker] = true;
  /** How long to wait, in milliseconds. */
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number, options: { readonly cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'RetryAfterError';
    if (!Number.isFinite(retryAfterMs) || retryAfterMs < 0) {
      throw new SymphonyError(
        'INVALID_ARGUMENT',
        `retryAfterMs must be a number of milliseconds from 0 up, got ${String(retryAfterMs)}.`,
      );
    }
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether `error` is a RetryAfterError, of this or another copy of the package. */
  static is(error: unknown): error is RetryAfterError {
    return isMarked(error, retryAfterMarker);
  }
}

/** An error as it is recorded on a task. `stack` and `message` are cut at {@link errorTextLimit} characters. */
export interface TaskError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  /** The attempt that ended in it; 0 where no attempt ran. */
  readonly attempt: number;
}

/** Characters of an error's message or stack that are kept: 16 KiB. */
export const errorTextLimit = 16 * 1024;

/** Turns whatever an agent threw into the error to record. Never throws itself, whatever it is handed. */
export function toTaskError(thrown: unknown, attempt: number): TaskError {
  if (typeof thrown !== 'object' || thrown === null) {
    return {
      name: 'Error',
      message: cut(`(a non-Error was thrown: ${printable(thrown)})`),
      code: 'AGENT_ERROR',
      attempt,
    };
  }
  const name = readText(thrown, 'name') ?? 'Error';
  const message = readText(thrown, 'message') ?? '(an object without a message was thrown)';
  const stack = readText(thrown, 'stack');
  return {
    name: cut(name),
    message: cut(message),
    code: cut(readText(thrown, 'code') ?? 'AGENT_ERROR'),
    ...(stack === undefined ? {} : { stack: cut(stack) }),
    attempt,
  };
}

/** The error that a waiter is rejected with for a recorded one: a {@link SymphonyError} where the code is ours. */
export function fromTaskError(taskId: string, error: TaskError): Error {
  const code = error.code ?? 'AGENT_ERROR';
  if (Object.hasOwn(errorCodes, code)) {
    return new SymphonyError(code as ErrorCode, error.message, {
      details: { taskId, name: error.name, attempt: error.attempt },
    });
  }
  return Object.assign(
    new SymphonyError('AGENT_ERROR', error.message, {
      details: { taskId, name: error.name, attempt: error.attempt, code },
    }),
    {
      name: error.name,
    },
  );
}

function isMarked(error: unknown, symbol: symbol): boolean {
  try {
    return typeof error === 'object' && error !== null && symbol in error;
  } catch {
    return false; // a proxy that throws at every touch is none of ours
  }
}

function readText(object: object, key: string): string | undefined {
  try {
    const value: unknown = (object as Record<string, unknown>)[key];
    return typeof value === 'string' && value !== '' ? value : undefined;
  } catch {
    return undefined; // a getter that throws must not take the report down with it
  }
}

function printable(value: unknown): string {
  if (typeof value === 'function') return 'a function'; // whose own toString may throw
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function cut(text: string): string {
  return text.length <= errorTextLimit ? text : `${text.slice(0, errorTextLimit)}… (cut, ${text.length} characters)`;
}
