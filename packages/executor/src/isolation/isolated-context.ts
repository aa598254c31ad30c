import {
  checkKeys,
  checkName,
  defaults,
  encodeJson,
  systemClock,
  toNewTask,
  type AgentContext,
  type JsonValue,
  type SpawnTask,
  type StepOptions,
} from '@symphony/core';
import { checkSpawn } from '../check-spawn.ts';
import { crowded } from '../crowded.ts';
import { RefusalSignal } from '../refusal-signal.ts';
import { carryError, reviveError } from './carried-error.ts';
import type { FromAgent, StartValues, ToAgent } from './messages.ts';

/** Something that was asked of the worker. */
interface OpenCall {
  readonly resolve: (value: JsonValue) => void;
  readonly reject: (error: unknown) => void;
  /** The function of a step. */
  readonly run?: () => Promise<string>;
  /** What that function threw: the agent gets this very object back. */
  thrown?: { readonly error: unknown };
}

/** What an isolated agent is handed: it asks the worker for everything that has to do with the store. */
export class IsolatedContext implements AgentContext {
  readonly attempt: number;
  readonly idempotencyKey: string;
  readonly data: JsonValue;
  readonly dependencies: Readonly<Record<string, JsonValue>>;
  readonly #say: (message: FromAgent) => void;
  readonly #controller = crowded(new AbortController());
  readonly #calls = new Map<number, OpenCall>();
  #lastCall = 0;
  readonly #progressMs: number;
  #progress: string | undefined;
  #progressAt = -Infinity;
  #cancelTimer: (() => void) | undefined;
  #refusal: RefusalSignal | undefined;

  constructor(
    { task, data, dependencies }: StartValues,
    { idempotencyKey, progressMs }: Pick<Extract<ToAgent, { readonly type: 'start' }>, 'idempotencyKey' | 'progressMs'>,
    say: (message: FromAgent) => void,
  ) {
    this.attempt = task.attempt;
    this.idempotencyKey = idempotencyKey;
    this.data = data;
    this.dependencies = dependencies;
    this.#progressMs = progressMs;
    this.#say = say;
    // Agents may take it apart: `run(task, { step, signal })`.
    this.step = this.step.bind(this);
    this.spawn = this.spawn.bind(this);
    this.progress = this.progress.bind(this);
    this.refuse = this.refuse.bind(this);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Hears what the worker says after the start. */
  hear(message: Exclude<ToAgent, { readonly type: 'start' }>): void {
    switch (message.type) {
      case 'abort':
        return this.#controller.abort(reviveError(message.reason));
      case 'runStep':
        return void this.#runStep(message.call);
      case 'answer':
        return this.#answer(message);
    }
  }

  /** What the agent's end is, as it is told to the worker. */
  tellEnd(end: { readonly output: string } | { readonly error: unknown }): void {
    this.#passProgress();
    if ('output' in end) this.#say({ type: 'done', output: end.output });
    else if (this.#refusal !== undefined && end.error === this.#refusal)
      this.#say({ type: 'refused', reason: this.#refusal.message });
    else this.#say({ type: 'failed', error: carryError(end.error) });
  }

  step<T>(name: string, fn: () => T | Promise<T>, options: StepOptions = {}): Promise<T> {
    const result = this.#step(name, fn, options);
    // An agent that does not wait for its step must not end of it.
    result.catch(() => undefined);
    return result;
  }

  async #step<T>(name: string, fn: () => T | Promise<T>, options: StepOptions): Promise<T> {
    this.signal.throwIfAborted();
    checkKeys(options, ['key', 'input'], 'step');
    const { key, input } = options;
    checkName(name, 'step name');
    const run = async (): Promise<string> =>
      encodeJson(await fn(), `the result of step "${name}"`, defaults.outputBytes, {
        invalid: 'RESULT_NOT_SERIALIZABLE',
        tooLarge: 'RESULT_TOO_LARGE',
      });
    const asked = {
      ...(key === undefined ? {} : { key: checkName(key, 'step key') }),
      ...(input === undefined ? {} : { input: encodeJson(input, `the input of step "${name}"`, defaults.outputBytes) }),
    };
    return (await this.#ask((call) => ({ type: 'step', call, name, ...asked }), run)) as T;
  }

  spawn(key: string, task: SpawnTask): Promise<string> {
    const id = this.#spawn(key, task);
    id.catch(() => undefined);
    return id;
  }

  async #spawn(key: string, task: SpawnTask): Promise<string> {
    this.signal.throwIfAborted();
    const what = checkSpawn(key, task);
    // Made for its complaints: what passes here is plain, but for a date.
    const { dueAt } = toNewTask(task, 'tsk_spawned', { submit: true, what });
    const text = encodeJson(
      { ...task, ...(dueAt === null ? {} : { dueAt }) },
      what,
      2 * defaults.inputBytes + defaults.outputBytes,
    );
    return (await this.#ask((call) => ({ type: 'spawn', call, key, task: text }))) as string;
  }

  progress(value: unknown): void {
    this.#progress = encodeJson(value, 'progress', defaults.outputBytes);
    const wait = this.#progressAt + this.#progressMs - systemClock.monotonic();
    if (wait <= 0) this.#passProgress();
    else this.#cancelTimer ??= systemClock.setTimer(() => this.#passProgress(), wait, { background: true });
  }

  refuse(reason: string): never {
    this.#refusal = new RefusalSignal(String(reason));
    throw this.#refusal;
  }

  #passProgress(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#progress === undefined) return;
    this.#say({ type: 'progress', value: this.#progress });
    this.#progress = undefined;
    this.#progressAt = systemClock.monotonic();
  }

  #ask(message: (call: number) => FromAgent, run?: () => Promise<string>): Promise<JsonValue> {
    const call = ++this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject, ...(run === undefined ? {} : { run }) });
      this.#say(message(call));
    });
  }

  async #runStep(number: number): Promise<void> {
    const call = this.#calls.get(number);
    if (call?.run === undefined) return;
    try {
      this.#say({ type: 'stepRan', call: number, output: await call.run() });
    } catch (error) {
      call.thrown = { error };
      this.#say({ type: 'stepThrew', call: number, error: carryError(error) });
    }
  }

  #answer(message: Extract<ToAgent, { readonly type: 'answer' }>): void {
    const call = this.#calls.get(message.call);
    this.#calls.delete(message.call);
    if ('value' in message) call?.resolve(message.value);
    else call?.reject(call.thrown === undefined ? reviveError(message.error) : call.thrown.error);
  }
}
