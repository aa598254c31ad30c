import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decisionFor, errorOf, taskRow } from '../test/builders.ts';
import { deepFreeze } from '../test/freeze.ts';
import { expectSound, foldStatus } from '../test/invariants.ts';
import {
  isTerminal,
  maxCrashes,
  transition,
  type NewEvent,
  type TaskCommand,
  type TaskRow,
  type TaskStatus,
} from './index.ts';

/** What the specification says of a task, in its own few words. */
interface Model {
  status: TaskStatus;
  attempt: number;
  version: number;
  failures: number;
  crashes: number;
  refusals: number;
  cancelAsked: boolean;
  pinned: boolean;
  maxRetries: number | undefined;
}

interface Real {
  row: TaskRow;
  readonly log: NewEvent[];
  /** Wall time, which may be set on and back, and a clock that only passes. */
  now: number;
  clock: number;
  /** On that clock: since when somebody may take it, from when that was first so, and since when its attempt runs. */
  takeableSince: number | undefined;
  /** Not once its caller has run it. */
  waitsForWorkers: boolean;
  takeableFirst: number | undefined;
  runningSince: number;
}

const timeouts = { scheduleToStartMs: 5_000, startToCloseMs: 3_000, scheduleToCloseMs: 40_000 };

/** What time asks for, by the clock that nobody sets. */
function ofExpiry({ status, cancelAsked, failures, maxRetries }: Readonly<Model>, real: Real): Partial<Model> {
  const { row, now, clock, takeableSince, takeableFirst, runningSince } = real;
  if (status === 'running' && cancelAsked) return (row.cancelAt as number) <= now ? { status: 'cancelled' } : {};
  const passed = (since: number | undefined, ms: number): boolean => since !== undefined && clock - since >= ms;
  const leftToReport = status === 'running' ? 10_000 : 0;
  if (passed(takeableFirst, timeouts.scheduleToCloseMs + leftToReport))
    return { failures: failures + (status === 'running' ? 1 : 0), status: 'failed' };
  if (status === 'running' && passed(runningSince, timeouts.startToCloseMs + leftToReport))
    return { failures: failures + 1, status: failures + 1 > (maxRetries ?? 3) ? 'failed' : 'pending' };
  return status === 'pending' && passed(takeableSince, timeouts.scheduleToStartMs) ? { status: 'failed' } : {};
}

/** Notes what the limits of a task count from: nothing but its status, when it is due, and whether it is held back. */
function noteTimes(before: TaskRow, real: Real, command: TaskCommand): void {
  const { row, clock } = real;
  const byCaller = command.type === 'claim' && command.pinned === true;
  if (row.status === 'running' && before.status !== 'running') {
    real.runningSince = clock;
    real.waitsForWorkers = !byCaller;
    real.takeableFirst ??= clock;
  }
  // Whoever routes it anew has workers in mind.
  if (command.type === 'assign' || command.type === 'unassign') real.waitsForWorkers = true;
  const isTakeable = row.status === 'pending' && row.dueAt !== null;
  const from = clock + Math.max(0, (row.dueAt ?? 0) - real.now);
  if (command.type === 'retry') {
    real.takeableFirst = undefined;
    real.waitsForWorkers = true;
  }
  if (isTakeable) real.takeableFirst ??= from;
  if (!isTakeable || row.held || !real.waitsForWorkers) real.takeableSince = undefined;
  else if (before.status !== 'pending' || real.takeableSince === undefined) real.takeableSince = from;
}

/** The status that a command leads to and what it costs, by the specification; undefined: it is refused. */
function expected(model: Readonly<Model>, command: TaskCommand, real: Real): Partial<Model> | undefined {
  const { row } = real;
  const { status } = model;
  const when = (allowed: boolean, change: Partial<Model>): Partial<Model> | undefined => (allowed ? change : undefined);
  const ends = (change: Partial<Model>): Partial<Model> | undefined =>
    when(status === 'running', model.cancelAsked ? { status: 'cancelled' } : change);
  switch (command.type) {
    case 'submit':
    case 'bind':
    case 'unbind':
    case 'assign':
    case 'defer':
    case 'unassign':
    case 'hold':
      return when(status === 'pending', {});
    case 'reject':
      return when(status === 'pending', { status: 'failed' });
    case 'claim':
      return when(status === 'pending', {
        status: 'running',
        attempt: model.attempt + 1,
        pinned: model.pinned || command.pinned === true,
        maxRetries: command.retry === undefined ? model.maxRetries : command.retry.maxRetries,
      });
    case 'complete':
      return ends({ status: 'completed' });
    case 'fail': {
      const failures = model.failures + 1;
      const exhausted = failures > (model.maxRetries ?? command.defaultMaxRetries);
      return ends({ failures, status: exhausted || !command.retryable ? 'failed' : 'pending' });
    }
    case 'refuse':
      return ends(model.pinned ? { status: 'failed' } : { status: 'pending', refusals: model.refusals + 1 });
    case 'release':
      return ends({ status: 'pending' });
    case 'crash': {
      const crashes = model.crashes + (command.charged ? 1 : 0);
      const poison = command.charged && crashes >= maxCrashes(row.retry);
      return when(status === 'running', {
        crashes,
        status: model.cancelAsked ? 'cancelled' : poison ? 'failed' : 'pending',
      });
    }
    case 'suspend':
      return ends({ status: 'waiting' });
    case 'resume':
      return when(status === 'waiting', { status: 'pending' });
    case 'cancel':
      if (status === 'running') return { cancelAsked: true };
      return when(!isTerminal(status), { status: 'cancelled' });
    case 'expire':
      return when(!isTerminal(status), ofExpiry(model, real));
    case 'retry':
      return when(status === 'failed' || status === 'cancelled', {
        status: 'pending',
        failures: 0,
        crashes: 0,
        refusals: 0,
        cancelAsked: false,
      });
    case 'unblock':
      return when(status === 'pending', {});
    case 'addToWorkflow':
      return {};
  }
}

class Do implements fc.Command<Model, Real> {
  readonly command: TaskCommand;
  readonly #afterMs: number;
  readonly #jumpMs: number;

  constructor(command: TaskCommand, afterMs: number, jumpMs: number) {
    this.command = command;
    this.#afterMs = afterMs;
    this.#jumpMs = jumpMs;
  }

  check(): boolean {
    return true; // what is not possible must be refused, so everything may be tried
  }

  run(model: Model, real: Real): void {
    const before = real.row;
    if (this.command.type === 'defer' && before.dueAt === null) return; // only what is due is ever looked at
    real.now += this.#afterMs + this.#jumpMs;
    real.clock += this.#afterMs;
    const times = { now: real.now, lease: real.clock, bootId: 'boot-1' };
    const result = transition(deepFreeze(before), deepFreeze(this.command), times);
    const change = expected(model, this.command, real);
    if (change === undefined) {
      expect(result).toMatchObject({ refused: 'TASK_INVALID_TRANSITION' });
      return;
    }
    if ('refused' in result) throw new Error(result.message);
    real.row = result.task;
    real.log.push(...result.events);

    const moved = change.status !== undefined && change.status !== model.status;
    Object.assign(model, change, { version: model.version + (moved ? 1 : 0) });
    expectAsModelled(model, real);
    noteTimes(before, real, this.command);
    expectInvariants(before, real, this.command);
  }

  toString(): string {
    return `${JSON.stringify(this.command)} after ${this.#afterMs} ms, clock set ${this.#jumpMs} ms`;
  }
}

function expectAsModelled(model: Model, { row }: Real): void {
  const { status, attempt, version, failures, crashes, pinned } = row;
  const seen = {
    status,
    attempt,
    version,
    failures,
    crashes,
    pinned,
    refusals: row.refusedBy.length,
    maxRetries: row.retry.maxRetries,
  };
  const { cancelAsked, ...rest } = model;
  expect(seen).toEqual(rest);
  if (status === 'running') expect(row.cancelAt !== null).toBe(cancelAsked);
}

function expectInvariants(before: TaskRow, { row, log }: Real, command: TaskCommand): void {
  // The fence: raised by claims and by nothing else.
  expect(row.attempt).toBe(before.attempt + (command.type === 'claim' ? 1 : 0));
  // The compare-and-set token: raised by a change of status and by nothing else.
  expect(row.version).toBe(before.version + (row.status === before.status ? 0 : 1));
  if (isTerminal(before.status) && row.status !== before.status) expect(command.type).toBe('retry');
  expectSound(row);
  expect(foldStatus(log.map(({ type }) => type))).toBe(row.status);
}

const passing = fc.constantFrom(10, 10, 10, 10, 2_999, 13_000, 60_000);
const jumps = fc.constantFrom(0, 0, 0, 0, -3_600_000, 3_600_000);
const text = fc.constantFrom('ada', 'bob');
const commands: fc.Arbitrary<TaskCommand>[] = [
  fc.nat(1_000).map((dueAt) => ({ type: 'submit', dueAt })),
  fc.record({ type: fc.constant('bind'), workerId: text, until: fc.nat(1_000) }),
  fc.constant({ type: 'unbind' }),
  text.map((agentId) => ({ type: 'assign', decision: decisionFor(agentId) })),
  fc.nat(1_000).map((until) => ({ type: 'defer', until, code: 'NO_ROUTE', reason: 'nobody' })),
  fc.constant({ type: 'reject', error: { name: 'SymphonyError', message: 'nobody', code: 'NO_ROUTE' } }),
  fc.constant({ type: 'unassign', reason: 'not hosted' }),
  fc.boolean().map((held) => ({ type: 'hold', held })),
  ...Array<fc.Arbitrary<TaskCommand>>(4).fill(
    fc.record(
      {
        type: fc.constant('claim'),
        workerId: text,
        agentId: text,
        pinned: fc.boolean(),
        retry: fc.record({ maxRetries: fc.nat(3), maxCrashes: fc.integer({ min: 1, max: 3 }) }),
        decision: text.map(decisionFor),
      },
      { requiredKeys: ['type', 'workerId', 'agentId'] },
    ),
  ),
  fc.constantFrom<TaskCommand>(
    { type: 'complete', output: '1' },
    { type: 'complete', output: '1', unusedSteps: ['pay#1'] },
  ),
  fc.record(
    {
      type: fc.constant('fail'),
      error: fc.constant(errorOf(1)),
      retryable: fc.boolean(),
      draw: fc.double({ min: 0, max: 0.999, noNaN: true }),
      defaultMaxRetries: fc.nat(3),
      retryAfterMs: fc.nat(1_000),
      bindTo: text,
    },
    { requiredKeys: ['type', 'error', 'retryable', 'draw', 'defaultMaxRetries'] },
  ),
  fc.constant({ type: 'refuse', reason: 'not mine' }),
  fc.constant({ type: 'release', reason: 'draining' }),
  fc.boolean().map((charged) => ({ type: 'crash', charged })),
  fc.constant({ type: 'suspend' }),
  fc.constant({ type: 'resume' }),
  fc.nat(100).map((graceMs) => ({ type: 'cancel', graceMs })),
  ...Array<fc.Arbitrary<TaskCommand>>(3).fill(fc.constant({ type: 'expire' })),
  fc.constant({ type: 'retry', openDependencies: 0 }),
  fc.constant({ type: 'unblock' }),
  text.map((workflowId) => ({ type: 'addToWorkflow', workflowId })),
];

it('whatever is asked of a task in whatever order, it does what the specification says and keeps its invariants', () => {
  const visited = new Set<TaskStatus>();
  fc.assert(
    fc.property(
      fc.commands(
        commands.map((command) =>
          fc.tuple(command, passing, jumps).map(([value, afterMs, jumpMs]) => new Do(value, afterMs, jumpMs)),
        ),
        { maxCommands: 60, size: 'max' },
      ),
      fc.integer({ min: -100, max: 100 }),
      (sequence, priority) => {
        const real: Real = {
          row: taskRow({ priority, timeouts, timeLimits: timeouts }),
          log: [{ type: 'task.created', data: { name: 'task', priority } }],
          now: 10_000_000,
          clock: 700.5,
          takeableSince: undefined,
          waitsForWorkers: true,
          takeableFirst: undefined,
          runningSince: 0,
        };
        const model: Model = {
          status: 'pending',
          attempt: 0,
          version: 1,
          failures: 0,
          crashes: 0,
          refusals: 0,
          cancelAsked: false,
          pinned: false,
          maxRetries: undefined,
        };
        fc.modelRun(() => ({ model, real }), sequence);
        visited.add(real.row.status);
      },
    ),
    { numRuns: 400 },
  );
  expect(visited.size).toBe(6); // the sequences do go everywhere
});
