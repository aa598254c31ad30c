import { decodeJson, type AgentContext, type JsonValue, type StepOptions } from '@symphony/core';
import { carryError, reviveError, type CarriedError } from './carried-error.ts';
import type { FromAgent, ToAgent } from './messages.ts';

/** A step whose function is asked for on the other side. */
interface OpenStep {
  readonly resolve: (output: JsonValue) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The worker's part of the talk with an isolated agent: what the agent asks of its context is done here, where the store
 * is, and what it has come to is the result.
 */
export class Dialogue {
  /** What the agent returned; rejects with what it threw. */
  readonly result: Promise<JsonValue>;
  /** Resolves when the agent begins to run, which it never does if its module cannot be loaded. */
  readonly running: Promise<void>;
  /** Resolves when it does not run any more, or is not listened to. */
  readonly ran: Promise<void>;
  readonly #context: AgentContext;
  readonly #say: (text: string) => void;
  readonly #steps = new Map<number, OpenStep>();
  #resolve: (output: JsonValue) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  #noteRunning: () => void = () => undefined;
  #noteRan: () => void = () => undefined;
  #isOver = false;
  #uncaught: CarriedError | undefined;

  constructor(context: AgentContext, say: (text: string) => void) {
    this.#context = context;
    this.#say = say;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.running = new Promise((resolve) => {
      this.#noteRunning = resolve;
    });
    this.ran = new Promise((resolve) => {
      this.#noteRan = resolve;
    });
    this.result.catch(() => undefined); // what comes after the end of the attempt is of no interest
  }

  /** The error that nobody caught, if the agent ends of one. */
  get uncaught(): CarriedError | undefined {
    return this.#uncaught;
  }

  /** Hears one message, and says whether it made sense: if not, nothing that follows can be trusted. */
  hear(text: string): boolean {
    if (this.#isOver) return true;
    try {
      this.#do(JSON.parse(text) as FromAgent);
      return true;
    } catch {
      return false;
    }
  }

  say(message: ToAgent): void {
    if (!this.#isOver) this.#say(JSON.stringify(message));
  }

  /** From here on nothing is said, and nothing that is heard is done. */
  end(): void {
    this.#isOver = true;
    this.#noteRan();
  }

  #do(message: FromAgent): void {
    switch (message.type) {
      case 'running':
        return this.#noteRunning();
      case 'ran':
        return this.#noteRan();
      case 'step':
        return this.#answer(message.call, this.#step(message));
      case 'stepRan':
        return this.#takeStep(message.call)?.resolve(decodeJson(message.output));
      case 'stepThrew':
        return this.#takeStep(message.call)?.reject(reviveError(message.error));
      case 'spawn':
        return this.#answer(message.call, this.#context.spawn(message.key, decodeJson(message.task) as never));
      case 'progress':
        return this.#context.progress(decodeJson(message.value));
      case 'done':
        return this.#resolve(decodeJson(message.output));
      case 'failed':
        return this.#reject(reviveError(message.error));
      case 'refused':
        return this.#refuse(message.reason);
      case 'dying':
        this.#uncaught = message.error;
    }
  }

  #step({ call, name, key, input }: Extract<FromAgent, { readonly type: 'step' }>): Promise<JsonValue> {
    const options: StepOptions = {
      ...(key === undefined ? {} : { key }),
      ...(input === undefined ? {} : { input: decodeJson(input) }),
    };
    const run = (): Promise<JsonValue> =>
      new Promise((resolve, reject) => {
        this.#steps.set(call, { resolve, reject });
        this.say({ type: 'runStep', call });
      });
    return this.#context.step(name, run, options);
  }

  #refuse(reason: string): void {
    try {
      this.#context.refuse(reason);
    } catch (error) {
      this.#reject(error);
    }
  }

  #takeStep(call: number): OpenStep | undefined {
    const step = this.#steps.get(call);
    this.#steps.delete(call);
    return step;
  }

  #answer(call: number, asked: Promise<JsonValue>): void {
    asked.then(
      (value) => this.say({ type: 'answer', call, value }),
      (error: unknown) => this.say({ type: 'answer', call, error: carryError(error) }),
    );
  }
}
