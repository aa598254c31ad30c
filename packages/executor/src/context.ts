import { createHash } from 'node:crypto';
import {
  canonicalJson,
  checkKeys,
  checkName,
  decodeJson,
  defaults,
  encodeJson,
  SymphonyError,
  toNewTask,
  type AgentContext,
  type ClaimRequest,
  type Command,
  type CommitResponse,
  type GroupResult,
  type JsonValue,
  type SpawnTask,
  type StepOptions,
  type StepRow,
  type TaskRecord,
} from '@symphony/core';
import type { AttemptControl } from './attempt-control.ts';
import { checkSpawn } from './check-spawn.ts';
import { patiently } from './patiently.ts';
import { RefusalSignal } from './refusal-signal.ts';
import type { ExecutorServices } from './services.ts';

/** How often progress is written, at most. */
const progressMs = 1_000;

/** A write that was carried out, or was found to be there already. */
type Written = Extract<GroupResult, { readonly status: 'ok' | 'duplicate' }>;

/** What an attempt begins with. */
export interface AttemptState {
  readonly task: TaskRecord;
  readonly agentId: string;
  readonly data: JsonValue;
  readonly journal: readonly StepRow[];
  readonly dependencies: Readonly<Record<string, JsonValue>>;
}

/** What an agent is handed: its signal, its journal, and the ways to report before it ends. */
export class AttemptContext implements AgentContext {
  readonly signal: AbortSignal;
  readonly attempt: number;
  readonly idempotencyKey: string;
  readonly data: JsonValue;
  readonly dependencies: Readonly<Record<string, JsonValue>>;
  readonly #services: ExecutorServices;
  readonly #control: AttemptControl;
  readonly #task: TaskRecord;
  readonly #agentId: string;
  readonly #journal: Map<string, StepRow>;
  readonly #used = new Set<string>();
  readonly #open = new Set<string>();
  readonly #openNames = new Map<string, number>();
  readonly #finished = new Map<string, number>();
  #progress: string | undefined;
  #progressTimer: (() => void) | undefined;
  #progressAt = -Infinity;
  #refusal: RefusalSignal | undefined;
  #ended = false;

  constructor(
    services: ExecutorServices,
    control: AttemptControl,
    { task, agentId, data, journal, dependencies }: AttemptState,
  ) {
    this.#services = services;
    this.#control = control;
    this.#task = task;
    this.#agentId = agentId;
    this.#journal = new Map(journal.map((step) => [step.identity, step]));
    this.signal = control.signal;
    this.attempt = task.attempt;
    this.idempotencyKey = `${task.id}:${agentId}`;
    this.data = data;
    this.dependencies = dependencies;
    // Agents may take it apart: `run(task, { step, signal })`.
    this.step = this.step.bind(this);
    this.spawn = this.spawn.bind(this);
    this.progress = this.progress.bind(this);
    this.refuse = this.refuse.bind(this);
  }

  /** Recorded steps that this attempt has not come by. */
  get unusedSteps(): readonly string[] {
    return [...this.#journal.keys()].filter((identity) => !this.#used.has(identity));
  }

  /** Whether an agent threw this because it refuses the task. */
  isRefusal(error: unknown): error is Error {
    return this.#refusal !== undefined && error === this.#refusal;
  }

  step<T>(name: string, fn: () => T | Promise<T>, options: StepOptions = {}): Promise<T> {
    const result = this.#step(name, fn, options);
    // An agent that does not wait for its step must not take the process, and everybody's tasks, down with it.
    result.catch(() => undefined);
    return result;
  }

  async #step<T>(name: string, fn: () => T | Promise<T>, options: StepOptions): Promise<T> {
    this.signal.throwIfAborted();
    checkKeys(options, ['key', 'input'], 'step');
    const identity = this.#enter(name, options);
    try {
      const inputHash = options.input === undefined ? null : hashInput(options.input, name);
      const recorded = this.#journal.get(identity);
      const output =
        recorded === undefined
          ? await this.#record(identity, inputHash, fn, name)
          : replay(recorded, inputHash, this.#task.id);
      this.#used.add(identity);
      this.#control.noteSign();
      if (options.key === undefined) this.#finished.set(name, (this.#finished.get(name) ?? 0) + 1);
      // Also the first run sees what a replay would see: the value after its way through JSON.
      return decodeJson(output) as T;
    } finally {
      this.#open.delete(identity);
      this.#openNames.set(name, (this.#openNames.get(name) ?? 1) - 1);
    }
  }

  spawn(key: string, task: SpawnTask): Promise<string> {
    const id = this.#spawn(key, task);
    // As with steps: whoever does not wait for it must not take the process down.
    id.catch(() => undefined);
    return id;
  }

  async #spawn(key: string, task: SpawnTask): Promise<string> {
    this.signal.throwIfAborted();
    const what = checkSpawn(key, task);
    const made = toNewTask(task, this.#services.makeId('tsk'), { submit: true, what });
    if (this.#ended) throw this.#lost();
    // Under the parent's id, which the length of a name leaves no room for beside a long key.
    const idempotencyKey = `spawn:${hashInput([this.#task.id, key], 'spawn')}`;
    const result = await this.#control.writing(() =>
      this.#write({
        type: 'spawn',
        id: this.#task.id,
        attempt: this.attempt,
        key,
        task: { ...made, idempotencyKey },
      }),
    );
    return result.status === 'duplicate' ? result.id : made.id;
  }

  progress(value: unknown): void {
    this.#progress = encodeJson(value, 'progress', defaults.outputBytes);
    this.#control.noteSign();
    if (this.#progressTimer !== undefined || this.#ended) return;
    const wait = Math.max(0, this.#progressAt + progressMs - this.#services.clock.monotonic());
    this.#progressTimer = this.#services.clock.setTimer(() => void this.#writeProgress(), wait, { background: true });
  }

  refuse(reason: string): never {
    this.#refusal = new RefusalSignal(String(reason));
    throw this.#refusal;
  }

  /** The last progress, where it has not been written yet: it goes with the report. */
  get unwritten(): string | undefined {
    return this.#progressTimer === undefined ? undefined : this.#progress;
  }

  /** After this nothing is written any more. */
  end(): void {
    this.#ended = true;
    this.#progressTimer?.();
  }

  #enter(name: string, { key }: StepOptions): string {
    checkName(name, 'step name');
    if (key === undefined && (this.#openNames.get(name) ?? 0) > 0) {
      throw new SymphonyError(
        'STEP_KEY_REQUIRED',
        `Step "${name}" is open already. Give each of the concurrent steps a key: step(name, fn, { key }).`,
        {
          details: { taskId: this.#task.id, step: name },
        },
      );
    }
    const identity =
      key === undefined
        ? `${escaped(name)}#${(this.#finished.get(name) ?? 0) + 1}`
        : `${escaped(name)}:${checkName(key, 'step key')}`;
    if (this.#open.has(identity)) {
      throw new SymphonyError(
        'STEP_CONCURRENT',
        `Step "${name}" with key "${key ?? ''}" is running already. Give each step a key of its own.`,
        {
          details: { taskId: this.#task.id, step: identity },
        },
      );
    }
    this.#open.add(identity);
    this.#openNames.set(name, (this.#openNames.get(name) ?? 0) + 1);
    return identity;
  }

  async #record<T>(
    identity: string,
    inputHash: string | null,
    fn: () => T | Promise<T>,
    name: string,
  ): Promise<string> {
    const output = encodeJson(await fn(), `the result of step "${name}"`, defaults.outputBytes, {
      invalid: 'RESULT_NOT_SERIALIZABLE',
      tooLarge: 'RESULT_TOO_LARGE',
    });
    if (this.#ended) throw this.#lost();
    const step: StepRow = {
      taskId: this.#task.id,
      agentId: this.#agentId,
      identity,
      attempt: this.attempt,
      output,
      inputHash,
      at: 0,
    };
    await this.#control.writing(() => this.#write({ type: 'recordStep', step }));
    // A second call under this key, in this attempt, finds it as a later attempt would.
    this.#journal.set(identity, step);
    return output;
  }

  async #writeProgress(): Promise<void> {
    this.#progressTimer = undefined;
    const value = this.#progress;
    if (value === undefined || this.#ended) return;
    this.#progressAt = this.#services.clock.monotonic();
    try {
      await this.#write({ type: 'progress', id: this.#task.id, attempt: this.attempt, value });
    } catch (error) {
      this.#services.logger.debug({ error, taskId: this.#task.id }, 'Progress could not be written.');
    }
  }

  async #write(command: Command): Promise<Written> {
    const { results } = await commitPatiently(this.#services, [command], () => this.#ended || this.signal.aborted);
    const result = results[0] as GroupResult;
    if (result.status === 'stale') {
      const lost = this.#lost();
      this.#control.lose(lost);
      throw lost;
    }
    if (result.status === 'error') throw new SymphonyError(result.code, result.message, { details: result.details });
    return result;
  }

  #lost(): SymphonyError {
    return new SymphonyError(
      'LEASE_LOST',
      `Attempt ${this.attempt} at task ${this.#task.id} is not the current one any more.`,
      { details: { taskId: this.#task.id } },
    );
  }
}

/**
 * Commits one group, again and again while the store is away: what an attempt has to say is not thrown away because of
 * it. Sending twice is safe, since attempts and steps are recognised.
 *
 * @param isOver says that nobody waits for the answer any more
 * @throws SymphonyError `STORE_CLOSED`; `STORE_FAILED` or `STORE_FULL` once it is over
 */
export function commitPatiently(
  { store, clock }: ExecutorServices,
  group: readonly Command[],
  isOver: () => boolean,
  claim?: ClaimRequest,
): Promise<CommitResponse & { readonly resent: boolean }> {
  return patiently(clock, isOver, async (tries) => {
    const response = await store.commit({ groups: [group], ...(claim === undefined ? {} : { claim }) });
    return { ...response, resent: tries > 1 };
  });
}

function replay(recorded: StepRow, inputHash: string | null, taskId: string): string {
  if (inputHash !== null && recorded.inputHash !== null && inputHash !== recorded.inputHash) {
    throw new SymphonyError(
      'STEP_MISMATCH',
      `Step ${recorded.identity} of task ${taskId} was recorded in attempt ${recorded.attempt} with another input. Give the step another name or key if it is another step now.`,
      { details: { taskId, step: recorded.identity } },
    );
  }
  return recorded.output;
}

function hashInput(input: unknown, name: string): string {
  const text = encodeJson(input, `the input of step "${name}"`, defaults.outputBytes);
  return createHash('sha256')
    .update(canonicalJson(decodeJson(text)))
    .digest('base64url');
}

function escaped(name: string): string {
  return name.replace(/[%#:]/g, encodeURIComponent);
}
