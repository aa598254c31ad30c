import {
  decodeJson,
  encodeJson,
  errorTextLimit,
  longestDuration,
  RetryAfterError,
  SymphonyError,
  TerminalError,
  toTaskError,
  type ErrorCode,
  type ErrorDetails,
} from '@symphony/core';

/** An error on its way: what is recorded of it, and what makes it one of ours. */
export interface CarriedError {
  readonly name: string;
  readonly message: string;
  readonly code: string;
  /** Missing where something was thrown that has none. */
  readonly stack?: string | undefined;
  readonly kind: 'plain' | 'symphony' | 'terminal' | 'retryAfter';
  readonly details?: ErrorDetails;
  readonly retryAfterMs?: number;
  readonly cause?: CarriedError;
}

/** Causes of causes that are carried. */
const deepest = 5;

/** Makes text of whatever was thrown. Never throws, whatever it is handed. */
export function carryError(thrown: unknown, depth = 0): CarriedError {
  const { name, message, code = 'AGENT_ERROR', stack } = toTaskError(thrown, 0);
  const cause = depth < deepest ? readCause(thrown) : undefined;
  return {
    name,
    message: fitting(message),
    code,
    stack: stack === undefined ? undefined : fitting(stack),
    ...readKind(thrown),
    ...(cause === undefined ? {} : { cause: carryError(cause, depth + 1) }),
  };
}

/** The error that was carried: it is recognised, recorded and retried as the one that was thrown. */
export function reviveError(carried: CarriedError): Error {
  const { name, message, code, stack } = carried;
  // Set, also where there was none: a stack of this place would say nothing of the error.
  return Object.defineProperties(makeError(carried), {
    name: { value: name, configurable: true, writable: true },
    message: { value: message, configurable: true, writable: true },
    code: { value: code, configurable: true, writable: true, enumerable: true },
    stack: { value: stack, configurable: true, writable: true },
  });
}

function makeError({ kind, message, code, details = {}, retryAfterMs = 0, cause }: CarriedError): Error {
  const options = cause === undefined ? {} : { cause: reviveError(cause) };
  switch (kind) {
    case 'symphony':
      return new SymphonyError(code as ErrorCode, message, { details, ...options });
    case 'terminal':
      return new TerminalError(message, options);
    case 'retryAfter':
      return new RetryAfterError(message, retryAfterMs, options);
    case 'plain':
      return new Error(message, options);
  }
}

function readKind(thrown: unknown): Pick<CarriedError, 'kind' | 'details' | 'retryAfterMs'> {
  try {
    if (TerminalError.is(thrown)) return { kind: 'terminal' };
    if (RetryAfterError.is(thrown) && typeof thrown.retryAfterMs === 'number' && thrown.retryAfterMs >= 0)
      return { kind: 'retryAfter', retryAfterMs: Math.min(thrown.retryAfterMs, longestDuration) };
    if (SymphonyError.is(thrown)) {
      const details = decodeJson(encodeJson(thrown.details, 'details', errorTextLimit));
      return { kind: 'symphony', details: details as ErrorDetails };
    }
  } catch {
    // Marked as one of ours, but not made like one: what was read of it so far is all that it says.
  }
  return { kind: 'plain' };
}

function readCause(thrown: unknown): unknown {
  try {
    return (thrown as { readonly cause?: unknown } | null | undefined)?.cause;
  } catch {
    return undefined;
  }
}

/** The text with its mark of being cut inside the limit, so that it is not cut again where it arrives. */
function fitting(text: string): string {
  const mark = text.slice(errorTextLimit);
  return text.slice(0, errorTextLimit - mark.length) + mark;
}
