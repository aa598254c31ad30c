import type { JsonValue, Task } from '@symphony/core';
import type { CarriedError } from './carried-error.ts';

// What the worker and an isolated agent say to each other: JSON text, one message each. What the agent sends is only read,
// never evaluated, and values in it stay text until the limits of where they go have been checked.

/** Said by the worker. `call` is the number that the agent gave to what is meant. */
export type ToAgent =
  | {
      readonly type: 'start';
      readonly agentId: string;
      /** URL of the agent's module, or its name in a package that is installed for the working directory. */
      readonly module: string;
      /** Names of the variables that it was given; whatever else there is has come by accident. */
      readonly environment: readonly string[];
      /** How often progress is passed on, at most. */
      readonly progressMs: number;
      readonly idempotencyKey: string;
      /** A {@link StartValues}, serialised as `postMessage` would do, in base64: an input schema may have made dates of texts. */
      readonly values: string;
    }
  | { readonly type: 'abort'; readonly reason: CarriedError }
  | { readonly type: 'runStep'; readonly call: number }
  | { readonly type: 'answer'; readonly call: number; readonly value: JsonValue }
  | { readonly type: 'answer'; readonly call: number; readonly error: CarriedError };

/** What an attempt begins with. */
export interface StartValues {
  readonly task: Task;
  readonly data: JsonValue;
  readonly dependencies: Readonly<Record<string, JsonValue>>;
}

/** Said by the agent. */
export type FromAgent =
  /** Its module is loaded and its input checked: from now on it is to give signs of life. */
  | { readonly type: 'running' }
  /** It has run, and its result is being checked. */
  | { readonly type: 'ran' }
  | {
      readonly type: 'step';
      readonly call: number;
      readonly name: string;
      readonly key?: string;
      readonly input?: string;
    }
  | { readonly type: 'stepRan'; readonly call: number; readonly output: string }
  | { readonly type: 'stepThrew'; readonly call: number; readonly error: CarriedError }
  | { readonly type: 'spawn'; readonly call: number; readonly key: string; readonly task: string }
  | { readonly type: 'progress'; readonly value: string }
  | { readonly type: 'done'; readonly output: string }
  | { readonly type: 'failed'; readonly error: CarriedError }
  | { readonly type: 'refused'; readonly reason: string }
  /** Nothing will come after this: an error that nobody caught ends the agent. */
  | { readonly type: 'dying'; readonly error: CarriedError };
