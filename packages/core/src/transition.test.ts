import { describe, expect, it } from 'vitest';
import { decisionFor, errorOf, runningRow, taskRow } from '../test/builders.ts';
import { deepFreeze } from '../test/freeze.ts';
import {
  claimKey,
  isTerminal,
  taskStatuses,
  transition,
  transitionTable,
  type Deadline,
  type TaskCommand,
  type TaskCommandType,
  type TaskRow,
  type TaskStatus,
  type Times,
  type Transition,
} from './index.ts';

const now = 10_000;
const times: Times = { now, lease: 500, bootId: 'boot-1' };

const fail: Extract<TaskCommand, { type: 'fail' }> = {
  type: 'fail',
  error: errorOf(1),
  retryable: true,
  draw: 0,
  defaultMaxRetries: 3,
};

/** The commands of each kind, with every argument that leads somewhere else. */
const commands: { readonly [Type in TaskCommandType]: readonly Extract<TaskCommand, { readonly type: Type }>[] } = {
  submit: [{ type: 'submit', dueAt: now }],
  bind: [{ type: 'bind', workerId: 'w1', until: 99 }],
  unbind: [{ type: 'unbind' }],
  assign: [{ type: 'assign', decision: decisionFor('ada') }],
  defer: [{ type: 'defer', until: 99, code: 'NO_ROUTE', reason: 'nobody' }],
  reject: [{ type: 'reject', error: { name: 'SymphonyError', message: 'nobody', code: 'NO_ROUTE' } }],
  unassign: [{ type: 'unassign', reason: 'not hosted' }],
  hold: [
    { type: 'hold', held: true },
    { type: 'hold', held: false },
  ],
  claim: [
    { type: 'claim', workerId: 'w1', agentId: 'ada' },
    {
      type: 'claim',
      workerId: 'w1',
      agentId: 'ada',
      pinned: true,
      retry: { maxRetries: 1 },
      decision: decisionFor('ada'),
    },
  ],
  complete: [
    { type: 'complete', output: '1' },
    { type: 'complete', output: '1', unusedSteps: [] },
    { type: 'complete', output: '1', unusedSteps: ['pay#1'] },
  ],
  fail: [
    fail,
    { ...fail, retryable: false },
    { ...fail, defaultMaxRetries: 0 },
    { ...fail, retryAfterMs: 5, bindTo: 'w1' },
  ],
  refuse: [{ type: 'refuse', reason: 'not mine' }],
  release: [{ type: 'release', reason: 'draining' }],
  crash: [
    { type: 'crash', charged: true },
    { type: 'crash', charged: false },
  ],
  suspend: [{ type: 'suspend' }],
  resume: [{ type: 'resume' }],
  cancel: [
    { type: 'cancel', graceMs: 5_000 },
    { type: 'cancel', graceMs: 0, reason: 'enough' },
  ],
  expire: [{ type: 'expire' }, { type: 'expire', why: 'no worker hosts it' }],
  unblock: [{ type: 'unblock' }],
  retry: [{ type: 'retry', openDependencies: 0 }],
  addToWorkflow: [{ type: 'addToWorkflow', workflowId: 'wf_1' }],
};

/** The end of a limit that is over, and of one that its attempt's process has let pass as well. */
const over: Deadline = { at: now, lease: times.lease, bootId: 'boot-1' };
const longOver: Deadline = { at: now - 10_000, lease: times.lease - 10_000, bootId: 'boot-1' };

/** Tasks in each status that differ in what rules look at. */
const tasks: { readonly [Status in TaskStatus]: readonly TaskRow[] } = {
  pending: [
    taskRow(),
    taskRow({ dueAt: 5, claimKey: 5, priority: 3 }),
    taskRow({ boundTo: 'w1', boundUntil: 99, unroutable: true }),
    taskRow({ agentId: 'ada', held: true }),
    taskRow({ dueAt: 5, claimKey: 5, timeLimits: { scheduleToStartMs: 5, startBy: over }, expiresAt: over.at }),
  ],
  running: [
    runningRow(),
    runningRow({ pinned: true }),
    runningRow({ crashes: 2 }),
    runningRow({ cancelAt: 11_000 }),
    runningRow({ cancelAt: 11_000, pinned: true, crashes: 2 }),
    runningRow({ cancelAt: 9_999 }),
    runningRow({ timeLimits: { startToCloseMs: 5, runUntil: longOver }, expiresAt: now }),
    runningRow({ timeLimits: { scheduleToCloseMs: 5, closeBy: longOver }, expiresAt: now }),
  ],
  waiting: [
    runningRow({ status: 'waiting', workerId: null }),
    runningRow({
      status: 'waiting',
      workerId: null,
      timeLimits: { scheduleToCloseMs: 5, closeBy: over },
      expiresAt: over.at,
    }),
  ],
  completed: [runningRow({ status: 'completed', workerId: null, finishedAt: 3 })],
  failed: [runningRow({ status: 'failed', workerId: null, finishedAt: 3, failures: 4 })],
  cancelled: [runningRow({ status: 'cancelled', workerId: null, finishedAt: 3, cancelAt: 3 })],
};

function change(task: TaskRow, command: TaskCommand): Transition {
  const result = transition(deepFreeze(task), deepFreeze(command), times);
  if ('refused' in result) throw new Error(result.message);
  return result;
}

const types = (result: Transition): string[] => result.events.map(({ type }) => type);

describe('the table of transitions', () => {
  const cells = taskStatuses.flatMap((from) =>
    (Object.keys(commands) as TaskCommandType[]).map((type) => ({ from, type, leadsTo: transitionTable[type][from] })),
  );

  it('has a row for every command', () => {
    expect(Object.keys(transitionTable).sort()).toEqual(Object.keys(commands).sort());
  });

  it.each(cells.filter(({ leadsTo }) => leadsTo !== undefined))(
    '$type of a $from task leads to $leadsTo and nowhere else',
    ({ from, type, leadsTo }) => {
      const reached = tasks[from].flatMap((task) => commands[type].map((command) => change(task, command).task.status));
      expect(new Set(reached)).toEqual(new Set(leadsTo));
    },
  );

  it.each(cells.filter(({ leadsTo }) => leadsTo === undefined))(
    '$type of a $from task is refused',
    ({ from, type }) => {
      for (const task of tasks[from]) {
        for (const command of commands[type]) {
          expect(transition(deepFreeze(task), command, times)).toEqual({
            refused: 'TASK_INVALID_TRANSITION',
            message: `Task tsk_1 is ${from}; ${type} is not possible then.`,
          });
        }
      }
    },
  );

  function reachableFrom(status: TaskStatus): Set<TaskStatus> {
    const reached = new Set([status]);
    for (const from of reached) {
      for (const row of Object.values(transitionTable)) for (const next of row[from] ?? []) reached.add(next);
    }
    return reached;
  }

  it('every status can be reached from pending', () => {
    expect(reachableFrom('pending')).toEqual(new Set(taskStatuses));
  });

  it.each(taskStatuses)('a %s task can end', (status) => {
    expect([...reachableFrom(status)].some(isTerminal)).toBe(true);
  });

  it('terminal stays terminal: nothing but a retry by hand leads out of it, and nothing out of completed', () => {
    const exits = cells.filter(({ from, leadsTo }) => isTerminal(from) && leadsTo?.some((next) => next !== from));
    expect(exits.map(({ from, type }) => `${type} ${from}`)).toEqual(['retry failed', 'retry cancelled']);
  });

  it('running is left only by its attempt, its worker’s death, or after its cancellation', () => {
    const exits = cells.filter(({ from, leadsTo }) => from === 'running' && leadsTo?.some((next) => next !== from));
    expect(exits.map(({ type }) => type).sort()).toEqual([
      'complete',
      'crash',
      'expire',
      'fail',
      'refuse',
      'release',
      'suspend',
    ]);
  });
});

describe('a task becomes due', () => {
  it('when it is submitted', () => {
    const result = change(taskRow({ priority: 2 }), { type: 'submit', dueAt: 700_000 });
    expect(result.task).toMatchObject({ status: 'pending', dueAt: 700_000, claimKey: 580_000, version: 1 });
    expect(result.events).toEqual([{ type: 'task.submitted', data: { dueAt: 700_000 } }]);
  });

  it('in the order of the claim key, in which a step of priority is worth a minute of waiting', () => {
    expect(claimKey(100_000, 0)).toBe(100_000);
    expect(claimKey(160_000, 1)).toBe(claimKey(100_000, 0));
    expect(claimKey(100_000, -1)).toBeGreaterThan(claimKey(100_000, 0));
  });

  it('at once when it is resumed', () => {
    const result = change(tasks.waiting[0] as TaskRow, { type: 'resume' });
    expect(result.task).toMatchObject({ status: 'pending', dueAt: now, claimKey: now, version: 3, attempt: 1 });
    expect(result.events).toEqual([{ type: 'task.resumed', data: { dueAt: now } }]);
  });
});

describe('routing', () => {
  const bound = taskRow({ dueAt: 5, claimKey: 5, boundTo: 'w1', boundUntil: 99 });

  it('a binding gives a task to one worker for a time, counts no attempt and is no event', () => {
    const result = change(taskRow(), { type: 'bind', workerId: 'w1', until: 99 });
    expect(result.task).toEqual(taskRow({ boundTo: 'w1', boundUntil: 99 }));
    expect(result.events).toEqual([]);
  });

  it('giving a binding up leaves the task as it was', () => {
    expect(change(bound, { type: 'unbind' })).toEqual({
      task: taskRow({ dueAt: 5, claimKey: 5 }),
      body: {},
      events: [],
    });
  });

  it('an assignment ends the binding, counts no attempt, and the decision is recorded', () => {
    const result = change({ ...bound, unroutable: true }, { type: 'assign', decision: decisionFor('bob') });
    expect(result.task).toEqual(taskRow({ dueAt: 5, claimKey: 5, agentId: 'bob' }));
    expect(result.events).toEqual([{ type: 'task.routed', data: decisionFor('bob') }]);
  });

  it('a task that nobody can take waits, and its log says so once', () => {
    const command = { type: 'defer', until: 120, code: 'NO_ROUTE', reason: 'nobody can' } as const;
    const first = change(bound, command);
    expect(first.task).toMatchObject({ boundTo: 'w1', boundUntil: 120, unroutable: true, dueAt: 5 });
    expect(first.events).toEqual([{ type: 'task.unroutable', data: { code: 'NO_ROUTE', reason: 'nobody can' } }]);
    const second = change(first.task, { ...command, until: 150 });
    expect(second.task.boundUntil).toBe(150);
    expect(second.events).toEqual([]);
  });

  it('a task that nobody can take falls back behind all that is due by then, of its priority', () => {
    const waited = taskRow({ dueAt: 5, claimKey: claimKey(5, 2), priority: 2, boundTo: 'w1', boundUntil: 99 });
    const result = change(waited, { type: 'defer', until: 120, code: 'NO_ROUTE', reason: 'nobody can' });
    expect(result.task).toMatchObject({ dueAt: 5, claimKey: claimKey(now, 2) });
  });

  it('a task whose every agent refused ends as failed, with the attempt it had', () => {
    const error = { name: 'SymphonyError', message: 'all refused', code: 'NO_ROUTE' };
    const result = change({ ...bound, attempt: 2 }, { type: 'reject', error });
    expect(result.task).toMatchObject({
      status: 'failed',
      finishedAt: now,
      dueAt: null,
      boundTo: null,
      boundUntil: null,
      version: 2,
    });
    expect(result.body).toEqual({ error: { ...error, attempt: 2 } });
    expect(result.events).toEqual([{ type: 'task.failed', data: { attempt: 2, error: { ...error, attempt: 2 } } }]);
  });

  it('a task whose agent nobody hosts loses its assignment', () => {
    const result = change(taskRow({ agentId: 'ada', dueAt: 5, claimKey: 5 }), {
      type: 'unassign',
      reason: 'not hosted',
    });
    expect(result.task).toEqual(taskRow({ dueAt: 5, claimKey: 5 }));
    expect(result.events).toEqual([{ type: 'task.unassigned', data: { agentId: 'ada', reason: 'not hosted' } }]);
    expect(change(taskRow(), { type: 'unassign', reason: 'x' }).events).toEqual([
      { type: 'task.unassigned', data: { agentId: '', reason: 'x' } },
    ]);
  });

  it('holding a task keeps when it is due, and is no event', () => {
    const held = change(taskRow({ dueAt: 5, claimKey: 5 }), { type: 'hold', held: true });
    expect(held).toEqual({ task: taskRow({ dueAt: 5, claimKey: 5, held: true }), body: {}, events: [] });
    expect(change(held.task, { type: 'hold', held: false }).task.held).toBe(false);
  });
});

describe('a claim', () => {
  const due = taskRow({ dueAt: 5, claimKey: 5, attempt: 2, startedAt: 3, agentId: 'ada', retry: { maxRetries: 7 } });

  it('starts the next attempt, under its worker and nobody’s to take any more', () => {
    const result = change(
      { ...due, boundTo: 'w1', boundUntil: 9, unroutable: true },
      { type: 'claim', workerId: 'w1', agentId: 'ada' },
    );
    expect(result.task).toMatchObject({
      status: 'running',
      attempt: 3,
      version: 2,
      workerId: 'w1',
      agentId: 'ada',
      pinned: false,
    });
    expect(result.task).toMatchObject({
      dueAt: null,
      claimKey: null,
      boundTo: null,
      boundUntil: null,
      unroutable: false,
      startedAt: 3,
    });
    expect(result.events).toEqual([{ type: 'task.claimed', data: { attempt: 3, workerId: 'w1', agentId: 'ada' } }]);
  });

  it('notes when the first attempt started', () => {
    expect(change(taskRow(), { type: 'claim', workerId: 'w1', agentId: 'ada' }).task.startedAt).toBe(now);
  });

  it('pins the task and replaces its retry policy where it is asked to', () => {
    expect(change(due, { type: 'claim', workerId: 'w1', agentId: 'ada' }).task).toMatchObject({
      pinned: false,
      retry: { maxRetries: 7 },
    });
    const command = { type: 'claim', workerId: 'w1', agentId: 'ada', pinned: true, retry: { maxRetries: 1 } } as const;
    expect(change(due, command).task).toMatchObject({ pinned: true, retry: { maxRetries: 1 } });
  });

  it('never unpins a task', () => {
    expect(
      change({ ...due, pinned: true }, { type: 'claim', workerId: 'w1', agentId: 'ada', pinned: false }).task.pinned,
    ).toBe(true);
  });

  it('records the decision that led to it first', () => {
    const result = change(taskRow(), { type: 'claim', workerId: 'w1', agentId: 'ada', decision: decisionFor('ada') });
    expect(types(result)).toEqual(['task.routed', 'task.claimed']);
  });

  it('by id lets go of a task that was held back', () => {
    expect(change({ ...due, held: true }, { type: 'claim', workerId: 'w1', agentId: 'ada' }).task.held).toBe(false);
  });
});

describe('the end of an attempt', () => {
  const running = runningRow({ failures: 1, crashes: 1, unroutable: false });

  it('completed: the output is stored and the error of an earlier attempt is gone', () => {
    const result = change(running, { type: 'complete', output: '{"a":1}' });
    expect(result.task).toMatchObject({ status: 'completed', workerId: null, finishedAt: now, version: 3, attempt: 1 });
    expect(result.body).toEqual({ output: '{"a":1}', error: null });
    expect(result.events).toEqual([{ type: 'task.completed', data: { attempt: 1 } }]);
  });

  it('completed without all recorded steps: the log names those that did not occur', () => {
    const result = change(running, { type: 'complete', output: '1', unusedSteps: ['pay#1'] });
    expect(result.events).toEqual([
      { type: 'task.steps_unused', data: { attempt: 1, steps: ['pay#1'] } },
      { type: 'task.completed', data: { attempt: 1 } },
    ]);
    expect(types(change(running, { type: 'complete', output: '1', unusedSteps: [] }))).toEqual(['task.completed']);
  });

  it('failed with retries left: due after the backoff, with the error at hand', () => {
    const result = change(running, fail);
    expect(result.task).toMatchObject({
      status: 'pending',
      failures: 2,
      crashes: 1,
      dueAt: now + 2_000,
      claimKey: now + 2_000,
      workerId: null,
      boundTo: null,
    });
    expect(result.body).toEqual({ error: errorOf(1) });
    expect(result.events).toEqual([
      { type: 'task.retry_scheduled', data: { attempt: 1, error: errorOf(1), failures: 2, dueAt: now + 2_000 } },
    ]);
  });

  it('failed with a delay that the agent asked for: due after that, however long or short', () => {
    expect(change(running, { ...fail, retryAfterMs: 0 }).task.dueAt).toBe(now);
    expect(change(running, { ...fail, retryAfterMs: 0.2 }).task.dueAt).toBe(now + 1);
    expect(change(running, { ...fail, retryAfterMs: 999_999 }).task.dueAt).toBe(now + 999_999);
    expect(change(running, { ...fail, retryAfterMs: 1.2 }).task.dueAt).toBe(now + 2); // times are whole milliseconds
  });

  it('failed under executeWithRetry: the task stays bound to its caller, as long as that lives', () => {
    expect(change(running, { ...fail, bindTo: 'w1' }).task).toMatchObject({ boundTo: 'w1', boundUntil: null });
  });

  it('is failed for good when the failures exceed maxRetries, and not before', () => {
    for (const [failures, status] of [
      [0, 'pending'],
      [2, 'pending'],
      [3, 'failed'],
    ] as const) {
      // prettier-ignore
      expect(change(runningRow({ failures }), fail).task).toMatchObject({ status, failures: failures + 1 });
    }
  });

  it('a policy given at creation beats the default of who runs it', () => {
    expect(change(runningRow({ retry: { maxRetries: 0 } }), fail).task.status).toBe('failed');
    expect(change(runningRow({ retry: { maxRetries: 1 } }), { ...fail, defaultMaxRetries: 0 }).task.status).toBe(
      'pending',
    );
    expect(change(runningRow(), { ...fail, defaultMaxRetries: 0 }).task.status).toBe('failed');
  });

  it('a terminal error fails the task at once', () => {
    const result = change(running, { ...fail, retryable: false });
    expect(result.task).toMatchObject({ status: 'failed', failures: 2, finishedAt: now, dueAt: null });
    expect(result.body).toEqual({ error: errorOf(1) });
    expect(result.events).toEqual([{ type: 'task.failed', data: { attempt: 1, error: errorOf(1) } }]);
  });

  it('refused: the task is routed anew without that agent, at no cost', () => {
    const before = runningRow({ failures: 1, crashes: 1, refusedBy: [{ agentId: 'bob', reason: 'no' }] });
    const result = change(before, { type: 'refuse', reason: 'not mine' });
    expect(result.task).toMatchObject({
      status: 'pending',
      agentId: null,
      dueAt: now,
      failures: 1,
      crashes: 1,
      workerId: null,
    });
    expect(result.task.refusedBy).toEqual([
      { agentId: 'bob', reason: 'no' },
      { agentId: 'ada', reason: 'not mine' },
    ]);
    expect(result.events).toEqual([{ type: 'task.refused', data: { attempt: 1, agentId: 'ada', reason: 'not mine' } }]);
  });

  it('refused by an agent that it is pinned to: failed with REFUSED', () => {
    const result = change(runningRow({ pinned: true }), { type: 'refuse', reason: 'not mine' });
    const error = {
      name: 'SymphonyError',
      code: 'REFUSED',
      message: 'Agent "ada" refused the task: not mine',
      attempt: 1,
    };
    expect(result.task).toMatchObject({ status: 'failed', agentId: 'ada', failures: 0, refusedBy: [] });
    expect(result.body).toEqual({ error });
    expect(types(result)).toEqual(['task.refused', 'task.failed']);
  });

  it('refused without a known agent: the log has an empty id', () => {
    expect(change(runningRow({ agentId: null }), { type: 'refuse', reason: 'x' }).task.refusedBy).toEqual([
      { agentId: '', reason: 'x' },
    ]);
  });

  it('handed back: due at once with its agent, at no cost', () => {
    const result = change(running, { type: 'release', reason: 'draining' });
    expect(result.task).toMatchObject({
      status: 'pending',
      agentId: 'ada',
      dueAt: now,
      failures: 1,
      crashes: 1,
      workerId: null,
    });
    expect(result.events).toEqual([
      { type: 'task.released', data: { attempt: 1, workerId: 'w1', reason: 'draining' } },
    ]);
    expect(change(runningRow({ workerId: null }), { type: 'release', reason: 'x' }).events).toEqual([
      { type: 'task.released', data: { attempt: 1, workerId: '', reason: 'x' } },
    ]);
  });

  it('suspended: waiting, and held by nobody', () => {
    const result = change(running, { type: 'suspend' });
    expect(result.task).toMatchObject({ status: 'waiting', workerId: null, dueAt: null, version: 3, agentId: 'ada' });
    expect(result.events).toEqual([{ type: 'task.suspended', data: { attempt: 1 } }]);
  });
});

describe('a crash', () => {
  it('charged: raises the crashes and lets the next attempt begin at once', () => {
    const result = change(runningRow(), { type: 'crash', charged: true });
    expect(result.task).toMatchObject({
      status: 'pending',
      crashes: 1,
      failures: 0,
      dueAt: now,
      agentId: 'ada',
      workerId: null,
    });
    expect(result.events).toEqual([
      { type: 'task.crashed', data: { attempt: 1, workerId: 'w1', charged: true, crashes: 1 } },
    ]);
  });

  it('not charged: raises nothing, even one crash from POISON', () => {
    const result = change(runningRow({ crashes: 2 }), { type: 'crash', charged: false });
    expect(result.task).toMatchObject({ status: 'pending', crashes: 2 });
    expect(result.events).toEqual([
      { type: 'task.crashed', data: { attempt: 1, workerId: 'w1', charged: false, crashes: 2 } },
    ]);
  });

  it('ends the task as POISON when its crashes reach maxCrashes, and not before', () => {
    expect(change(runningRow({ crashes: 1 }), { type: 'crash', charged: true }).task.status).toBe('pending');
    const result = change(runningRow({ crashes: 2 }), { type: 'crash', charged: true });
    expect(result.task).toMatchObject({ status: 'failed', crashes: 3, failures: 0, finishedAt: now });
    expect(result.body.error).toMatchObject({
      code: 'POISON',
      attempt: 1,
      message: expect.stringContaining('3 times') as string,
    });
    expect(types(result)).toEqual(['task.crashed', 'task.failed']);
    expect(change(runningRow({ retry: { maxCrashes: 1 } }), { type: 'crash', charged: true }).task.status).toBe(
      'failed',
    );
  });

  it('of a task whose cancellation was asked for: cancelled, not released, and never POISON', () => {
    const result = change(runningRow({ crashes: 2, cancelAt: 20_000 }), { type: 'crash', charged: true });
    expect(result.task).toMatchObject({ status: 'cancelled', crashes: 3 });
    expect(types(result)).toEqual(['task.crashed', 'task.cancelled']);
  });

  it('without a known worker: the log has an empty id', () => {
    const [event] = change(runningRow({ workerId: null }), { type: 'crash', charged: true }).events;
    expect(event?.data).toMatchObject({ workerId: '' });
  });
});

describe('cancellation', () => {
  it.each(['pending', 'waiting'] as const)('a %s task is cancelled at once', (status) => {
    const result = change(
      { ...(tasks[status][0] as TaskRow), dueAt: 5, claimKey: 5 },
      { type: 'cancel', graceMs: 5_000, reason: 'enough' },
    );
    expect(result.task).toMatchObject({
      status: 'cancelled',
      finishedAt: now,
      dueAt: null,
      claimKey: null,
      cancelAt: null,
    });
    expect(result.events).toEqual([
      { type: 'task.cancelled', data: { attempt: result.task.attempt, reason: 'enough' } },
    ]);
  });

  it('a running task is asked to stop, and its grace runs', () => {
    const result = change(runningRow(), { type: 'cancel', graceMs: 5_000, reason: 'enough' });
    expect(result.task).toEqual(runningRow({ cancelAt: now + 5_000 }));
    expect(result.events).toEqual([
      { type: 'task.cancel_requested', data: { attempt: 1, cancelAt: now + 5_000, reason: 'enough' } },
    ]);
  });

  it('no reason given is no reason recorded', () => {
    expect(change(runningRow(), { type: 'cancel', graceMs: 1 }).events[0]?.data).toEqual({
      attempt: 1,
      cancelAt: now + 1,
    });
    expect(change(taskRow(), { type: 'cancel', graceMs: 1 }).events[0]?.data).toEqual({ attempt: 0 });
  });

  it('asked for twice, the first grace counts', () => {
    const asked = runningRow({ cancelAt: 11_000 });
    expect(change(asked, { type: 'cancel', graceMs: 5_000 })).toEqual({ task: asked, body: {}, events: [] });
  });

  it.each<TaskCommand>([
    ...commands.complete,
    ...commands.fail,
    ...commands.refuse,
    ...commands.release,
    ...commands.suspend,
  ])('once asked for, whatever the attempt reports is recorded as cancelled: $type', (command) => {
    const result = change(runningRow({ cancelAt: 11_000, failures: 1 }), command);
    expect(result.task).toMatchObject({ status: 'cancelled', failures: 1, workerId: null, finishedAt: now });
    expect(result.body).toEqual({});
    expect(types(result)).toEqual(['task.cancelled']);
  });

  it('an attempt that does not stop in its grace is given up', () => {
    expect(types(change(runningRow({ cancelAt: 9_000 }), { type: 'expire' }))).toEqual(['task.cancelled']);
  });
});

describe('a retry by hand', () => {
  it('clears failures, crashes, refusals, the error and the cancellation, and keeps the number of the attempt', () => {
    const ended = runningRow({
      status: 'failed',
      workerId: null,
      finishedAt: 3,
      attempt: 4,
      failures: 4,
      crashes: 2,
      cancelAt: 3,
      refusedBy: [{ agentId: 'bob', reason: 'no' }],
    });
    const result = change(ended, { type: 'retry', openDependencies: 0 });
    expect(result.task).toMatchObject({
      status: 'pending',
      attempt: 4,
      failures: 0,
      crashes: 0,
      refusedBy: [],
      cancelAt: null,
    });
    expect(result.task).toMatchObject({
      dueAt: now,
      claimKey: now,
      finishedAt: null,
      agentId: 'ada',
      startedAt: 2,
      version: 3,
    });
    expect(result.body).toEqual({ error: null });
    expect(result.events).toEqual([{ type: 'task.retried', data: { dueAt: now } }]);
  });

  it('lets the log say again that nobody can take the task', () => {
    const rejected = taskRow({ status: 'failed', finishedAt: 3, unroutable: true });
    expect(change(rejected, { type: 'retry', openDependencies: 0 }).task.unroutable).toBe(false);
  });
});

it('a task of any status can join a workflow, which is no change of status', () => {
  for (const status of taskStatuses) {
    for (const task of tasks[status]) {
      const result = change(task, { type: 'addToWorkflow', workflowId: 'wf_1' });
      expect(result.task).toEqual({ ...task, workflowId: 'wf_1' });
      expect(result.events).toEqual([{ type: 'task.added_to_workflow', data: { workflowId: 'wf_1' } }]);
    }
  }
});
