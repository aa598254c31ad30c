import {
  decodeJson,
  defaults,
  encodeJson,
  isTerminal,
  longestDuration,
  RetryAfterError,
  SymphonyError,
  TerminalError,
  toTask,
  toTaskError,
  type AnyAgent,
  type AttemptOutcome,
  type Claimed,
  type ClaimRequest,
  type Command,
  type ErrorCode,
  type JsonValue,
  type StepRow,
  type Store,
  type Task,
  type TaskRecord,
} from '@symphony/core';
import { AttemptControl } from './attempt-control.ts';
import { checkSchema } from './check-schema.ts';
import { AttemptContext, commitPatiently } from './context.ts';
import { runHook, type ExecutionHooks } from './hooks.ts';
import { runIsolated } from './isolation/run-isolated.ts';
import type { WorkerLease } from './lease.ts';
import { patiently } from './patiently.ts';
import { reportToRouter } from './route.ts';
import type { ExecutorServices } from './services.ts';

/** One attempt to run: a task that has just been claimed, and the agent it was claimed for. */
export interface AttemptRequest {
  readonly task: TaskRecord;
  readonly agent: AnyAgent;
  readonly data: JsonValue;
  readonly hooks: readonly ExecutionHooks[];
  readonly defaultMaxRetries: number;
  /** Keeps the task for this worker until its next attempt. */
  readonly bindTo?: string;
  /** Due tasks to take in the commit that ends the attempt, unless post-hooks are to run after it. */
  readonly claim?: () => ClaimRequest | undefined;
  /** Hears of the control before anything runs. */
  readonly onStart?: (control: AttemptControl) => void;
  /** Hears of an attempt that is not waited for any more, and of its end. */
  readonly onAbandoned?: (settled: Promise<unknown>) => void;
}

/** How an attempt ended. */
export interface AttemptEnd {
  readonly outcome: AttemptOutcome;
  readonly claimed: readonly Claimed[];
}

type ReportCommand = Extract<Command, { readonly type: 'report' }>['command'];

/** Errors of which the next attempt would only make another. */
const hopeless: readonly ErrorCode[] = [
  'AGENT_INVALID',
  'DEPENDENCY_NOT_FOUND',
  'INPUT_INVALID',
  'RESULT_NOT_SERIALIZABLE',
  'RESULT_TOO_LARGE',
  'STEP_CONCURRENT',
  'STEP_KEY_REQUIRED',
  'STEP_MISMATCH',
];

/**
 * Runs one attempt: pre-hooks, the agent, the report, post-hooks. Never throws for what the agent or a hook does.
 *
 * @throws SymphonyError `STORE_CLOSED`
 */
export async function runAttempt(
  services: ExecutorServices,
  lease: WorkerLease,
  request: AttemptRequest,
): Promise<AttemptEnd> {
  const control = new AttemptControl(request.task, services.clock);
  lease.track(control);
  request.onStart?.(control);
  try {
    control.limit(request.task.timeLimits);
    if (request.task.cancelAt !== null) control.cancel(request.task.cancelAt);
    const { command, progress, hasResult, hookError } = await perform(services, control, request);
    const end = command === undefined ? lostEnd : await report(services, lease, control, request, command, progress);
    reportToRouter(services.router, services.store, request.task, end.outcome);
    if (hasResult && !isKept(end.outcome)) await noteLate(services, request, 'resolved');
    if (hookError !== undefined && !tells(end.outcome, request.task, hookError))
      await noteHook(services, request.task, 'pre', hookError);
    if (end.outcome.state === 'ended') await runPostHooks(services, request, end.outcome.task, control.hurried);
    return end;
  } finally {
    control.dispose();
    lease.untrack(control);
  }
}

const lostEnd: AttemptEnd = { outcome: { state: 'lost' }, claimed: [] };

interface Performance {
  /** What the attempt has to report; undefined if nobody wants to hear it. */
  readonly command: ReportCommand | undefined;
  /** The last progress, where it has not been written yet. */
  readonly progress?: string | undefined;
  /** Whether the agent returned something that could be stored, in time or not. */
  readonly hasResult: boolean;
  /** What a pre-hook threw. */
  readonly hookError?: SymphonyError | undefined;
}

/** Runs pre-hooks and agent, and finds what is to be reported of it. */
async function perform(
  services: ExecutorServices,
  control: AttemptControl,
  request: AttemptRequest,
): Promise<Performance> {
  const { agent } = request;
  let context: AttemptContext | undefined;
  /** The run of an agent that is isolated: it can be ended, and settles when it has. */
  let isolated: Promise<unknown> = Promise.resolve();
  const work = (async () => {
    for (const { preExecution } of request.hooks) {
      if (preExecution === undefined) continue;
      control.signal.throwIfAborted();
      const copy = structuredClone(toTask(request.task));
      await runHook(services.clock, 'pre', () => preExecution(copy, request.agent), control.signal);
    }
    const task = toTask(request.task);
    const input = await checkSchema(agent.input, task.input, 'INPUT_INVALID', `The input of task ${task.id}`);
    // A first attempt has no journal, so reading it would be a wasted trip.
    const journal = task.attempt === 1 ? [] : await readJournal(services, control, request);
    const dependencies = await readDependencies(services, control, request.task);
    // Whatever was waited for so far may have taken longer than the attempt had.
    control.signal.throwIfAborted();
    const handed = new AttemptContext(services, control, {
      task: request.task,
      agentId: agent.id,
      data: request.data,
      journal,
      dependencies,
    });
    context = handed;
    const given = { ...task, input: input as JsonValue };
    const { idleMs } = request.task.timeLimits;
    const { onAbandoned } = request;
    const run = { task: given, context, control, logger: services.logger, idleMs, onAbandoned };
    const result: unknown =
      agent.run === undefined
        ? await (isolated = runIsolated({ ...run, agent }))
        : await control.watch(idleMs, () => agent.run(given, handed));
    const output = await checkSchema(agent.output, result, 'OUTPUT_INVALID', `The output of agent "${agent.id}"`);
    return encodeJson(output, 'output', defaults.outputBytes, {
      invalid: 'RESULT_NOT_SERIALIZABLE',
      tooLarge: 'RESULT_TOO_LARGE',
    });
  })();
  const settled = work.then(
    (output) => ({ output }),
    (error: unknown) => ({ error }),
  );
  // What is isolated is killed now, and nothing else of this task is done before it has ended.
  const left = control.givenUp.then(() =>
    isolated.then(
      () => undefined,
      () => settled,
    ),
  );
  const result = await Promise.race([settled, left]);
  context?.end();
  if (result === undefined) abandon(services, request, settled);
  const hasResult = result !== undefined && 'output' in result;
  const hookError = context === undefined ? hookErrorOf(result) : undefined;
  if (control.cause === 'lost') return { command: undefined, hasResult, hookError };
  const command = toReport(services, control, request, context, result);
  return { command, progress: context?.unwritten, hasResult, hookError };
}

function hookErrorOf(result: Settled | undefined): SymphonyError | undefined {
  if (result === undefined || 'output' in result) return undefined;
  const { error } = result;
  return SymphonyError.is(error, 'HOOK_FAILED') || SymphonyError.is(error, 'HOOK_TIMEOUT') ? error : undefined;
}

/** Whether the task says itself what went wrong in this attempt: one that was cancelled or handed back does not. */
function tells(outcome: AttemptOutcome, { attempt }: TaskRecord, { code }: SymphonyError): boolean {
  if (outcome.state === 'lost') return false;
  const { error } = outcome.task;
  return error?.attempt === attempt && error.code === code;
}

/** Whether the task has ended with the result of this attempt. */
function isKept(outcome: AttemptOutcome): boolean {
  return outcome.state === 'ended' && outcome.task.status === 'completed';
}

function readJournal(
  { store, clock }: ExecutorServices,
  control: AttemptControl,
  { task, agent }: AttemptRequest,
): Promise<readonly StepRow[]> {
  return patiently(
    clock,
    () => control.signal.aborted,
    () => store.steps(task.id, agent.id),
  );
}

/** Records that are read at a time. */
const pageSize = 1_000;

/** The outputs of what a task depended on, by name. */
async function readDependencies(
  { store, clock }: ExecutorServices,
  control: AttemptControl,
  { id, dependsOn }: TaskRecord,
): Promise<Readonly<Record<string, JsonValue>>> {
  const outputs = new Map<string, string | null>();
  for (let from = 0; from < dependsOn.length; from += pageSize) {
    const ids = dependsOn.slice(from, from + pageSize).map(({ taskId }) => taskId);
    const page = await patiently(
      clock,
      () => control.signal.aborted,
      () => store.listTasks({ ids, limit: pageSize }),
    );
    for (const record of page) outputs.set(record.id, record.output);
  }
  const named = dependsOn.map(({ name, taskId }): [string, JsonValue] => {
    const output = outputs.get(taskId) ?? null;
    if (output !== null) return [name, decodeJson(output)];
    const message = `Task ${id} depends on task ${taskId}, whose output is gone: retention has removed it.`;
    throw new SymphonyError('DEPENDENCY_NOT_FOUND', message, { details: { taskId: id, dependsOn: taskId } });
  });
  // Not an object literal's way: a name such as __proto__ is a name like any other.
  return Object.fromEntries(named);
}

type Settled = { readonly output: string } | { readonly error: unknown };

function toReport(
  services: ExecutorServices,
  control: AttemptControl,
  request: AttemptRequest,
  context: AttemptContext | undefined,
  result: Settled | undefined,
): ReportCommand {
  if (control.cause === 'timeout') {
    // Another attempt would come too late as well.
    const isTasks = SymphonyError.is(control.signal.reason, 'SCHEDULE_TO_CLOSE_TIMEOUT');
    return failure(services, request, control.signal.reason, !isTasks);
  }
  if (result !== undefined && 'output' in result) {
    const unusedSteps = context?.unusedSteps ?? [];
    return { type: 'complete', output: result.output, ...(unusedSteps.length === 0 ? {} : { unusedSteps }) };
  }
  if (control.cause === 'shutdown') return { type: 'release', reason: 'the worker is stopping' };
  const error = result === undefined ? (control.signal.reason as unknown) : result.error;
  if (context?.isRefusal(error) === true) return { type: 'refuse', reason: error.message };
  const retryable = !TerminalError.is(error) && !hopeless.some((code) => SymphonyError.is(error, code));
  return failure(services, request, error, retryable);
}

function failure(
  services: ExecutorServices,
  request: AttemptRequest,
  error: unknown,
  retryable: boolean,
): ReportCommand {
  return {
    type: 'fail',
    error: toTaskError(error, request.task.attempt),
    retryable,
    draw: services.random(),
    defaultMaxRetries: request.defaultMaxRetries,
    ...(hasDelay(error) ? { retryAfterMs: Math.min(error.retryAfterMs, longestDuration) } : {}),
    ...(request.bindTo === undefined ? {} : { bindTo: request.bindTo }),
  };
}

/** Whether an error says how long to wait: one that only looks like it must not make a task due at no time at all. */
function hasDelay(error: unknown): error is RetryAfterError {
  return RetryAfterError.is(error) && typeof error.retryAfterMs === 'number' && error.retryAfterMs >= 0;
}

/** What an attempt that nobody waits for does in the end is noted on the task's log, where that is still of interest. */
function abandon(services: ExecutorServices, request: AttemptRequest, settled: Promise<Settled>): void {
  const noted = settled.then((result) => {
    const outcome = 'output' in result ? 'resolved' : 'rejected';
    return noteLate(services, request, outcome);
  });
  request.onAbandoned?.(noted);
}

function noteLate(
  services: ExecutorServices,
  { task }: AttemptRequest,
  outcome: 'resolved' | 'rejected',
): Promise<void> {
  return note(services, task.id, { type: 'task.late_result', data: { attempt: task.attempt, outcome } });
}

async function report(
  services: ExecutorServices,
  lease: WorkerLease,
  control: AttemptControl,
  request: AttemptRequest,
  command: ReportCommand,
  progress?: string,
): Promise<AttemptEnd> {
  const { id, attempt } = request.task;
  control.beginReport();
  const isLost = (): boolean => control.cause === 'lost';
  const claim = control.cause === 'shutdown' || hasPostHooks(request) ? undefined : request.claim?.();
  const group: readonly Command[] = [
    ...(progress === undefined ? [] : [{ type: 'progress', id, attempt, value: progress } as const]),
    { type: 'report', id, attempt, command },
  ];
  let response: Awaited<ReturnType<typeof commitPatiently>>;
  try {
    response = await lease.claiming(() => commitPatiently(services, group, isLost, claim));
  } catch (error) {
    if (isLost()) return lostEnd;
    throw error;
  }
  const { results, claimed, resent } = response;
  const result = results[0];
  if (result?.status === 'ok') return { outcome: toOutcome(result.value.task as TaskRecord), claimed };
  if (result?.status === 'error') {
    // The report itself could not be stored. Whatever it was, the task must not stay running because of it.
    const error = new SymphonyError(result.code, result.message, { details: result.details });
    if (command.type === 'fail' && !command.retryable) throw error;
    const end = await report(services, lease, control, request, failure(services, request, error, false));
    return { outcome: end.outcome, claimed: [...claimed, ...end.claimed] };
  }
  return { outcome: await readOutcome(services, request.task, resent, isLost), claimed };
}

/** Tasks are not claimed for a slot that post-hooks go on using. */
function hasPostHooks({ hooks }: AttemptRequest): boolean {
  return hooks.some(({ postExecution }) => postExecution !== undefined);
}

/** Our write was refused as stale: somebody else ended the attempt, or an earlier sending of it did. */
async function readOutcome(
  { store, clock }: ExecutorServices,
  task: TaskRecord,
  resent: boolean,
  isLost: () => boolean,
): Promise<AttemptOutcome> {
  const record = await patiently(clock, isLost, () => store.getTask(task.id));
  if (record === undefined || record.attempt !== task.attempt || record.status === 'running') return { state: 'lost' };
  // Others may have ended the attempt for a time limit: that is then how it ended.
  const isEnded = isTerminal(record.status) || resent || record.failures > task.failures;
  return isEnded ? toOutcome(record) : { state: 'lost' };
}

function toOutcome(record: TaskRecord): AttemptOutcome {
  return { state: isTerminal(record.status) ? 'ended' : 'open', task: toTask(record) };
}

async function runPostHooks(
  services: ExecutorServices,
  request: AttemptRequest,
  task: Task,
  hurried: AbortSignal,
): Promise<void> {
  for (const { postExecution } of request.hooks) {
    if (postExecution === undefined) continue;
    try {
      const copy = structuredClone(task);
      await runHook(services.clock, 'post', () => postExecution(copy, request.agent, copy.output), hurried);
    } catch (error) {
      await noteHook(services, task, 'post', error);
    }
  }
}

function noteHook(
  services: ExecutorServices,
  { id, attempt }: Pick<Task, 'id' | 'attempt'>,
  phase: 'pre' | 'post',
  error: unknown,
): Promise<void> {
  return note(services, id, { type: 'task.hook_failed', data: { attempt, phase, error: toTaskError(error, attempt) } });
}

type Note = Extract<Command, { readonly type: 'note' }>['event'];

/** Appends an event to the task's log: at most once, and for one lease also while the store is away. */
async function note({ clock, store, logger, times }: ExecutorServices, id: string, event: Note): Promise<void> {
  const startedAt = clock.monotonic();
  const isOver = (): boolean => clock.monotonic() - startedAt > times.leaseMs;
  try {
    await patiently(clock, isOver, async (tries) => {
      // The first sending may have been carried out and only its answer lost.
      if (tries === 1 || !(await isNoted(store, id, event)))
        await store.commit({ groups: [[{ type: 'note', id, event }]] });
    });
  } catch (error) {
    logger.warn({ error, taskId: id, event: event.type }, 'A note could not be recorded.');
  }
}

async function isNoted(store: Store, subject: string, { type, data }: Note): Promise<boolean> {
  const text = JSON.stringify(data);
  for (let after = 0; ;) {
    const events = await store.events({ subject, types: [type], after, limit: 100 });
    if (events.some((event) => JSON.stringify(event.data) === text)) return true;
    if (events.length < 100) return false;
    after = events.at(-1)?.position ?? 0;
  }
}

/** A copy of JSON that cannot change under its reader's hands. */
export function copyJson(value: unknown, what: string): JsonValue {
  return decodeJson(encodeJson(value, what, defaults.inputBytes));
}
