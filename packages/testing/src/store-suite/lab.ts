import assert from 'node:assert/strict';
import type {
  Claimed,
  ClaimRequest,
  Command,
  CommandValue,
  CommitResponse,
  GroupResult,
  NewTaskRecord,
  RoutingDecision,
  Store,
  StrategyState,
  SweepResult,
  SymphonyEvent,
  TaskRecord,
  WorkflowRow,
} from '@symphony/core';
import { newTask } from '../builders.ts';
import type { VirtualClock } from '../virtual-clock.ts';

/** How an attempt ends, as a report says it. */
export type AttemptEnd = Extract<Command, { readonly type: 'report' }>['command'];

/** Lease and renewal of the suite's workers. */
export const lease = { leaseMs: 10_000, renewMs: 3_000 } as const;

/** One store on a bench of its own: what the tests of the suite do with it, in the words of the specification. */
export class Lab {
  readonly store: Store;
  readonly clock: VirtualClock;

  constructor(store: Store, clock: VirtualClock) {
    this.store = store;
    this.clock = clock;
  }

  get state(): StrategyState {
    return this.store.state;
  }

  commit(groups: readonly (readonly Command[])[], claim?: ClaimRequest): Promise<CommitResponse> {
    return this.store.commit(claim === undefined ? { groups } : { groups, claim });
  }

  /** Carries out one group and answers with what became of it. */
  async answer(...group: Command[]): Promise<GroupResult> {
    const { results } = await this.commit([group]);
    assert.equal(results.length, 1);
    return results[0] as GroupResult;
  }

  /** Carries out one group that must succeed. */
  async run(...group: Command[]): Promise<CommandValue> {
    const result = await this.answer(...group);
    assert.equal(result.status, 'ok', `refused: ${JSON.stringify(result)}`);
    return result.value;
  }

  /** Carries out one group that must be refused under a code; nothing at all may change. */
  async refused(code: string, ...group: Command[]): Promise<Extract<GroupResult, { readonly status: 'error' }>> {
    const before = await this.store.lastPosition();
    const result = await this.answer(...group);
    assert.equal(result.status, 'error', `not refused: ${JSON.stringify(result)}`);
    assert.equal(result.code, code, result.message);
    assert.equal(await this.store.lastPosition(), before, 'a refused group must write no event');
    return result;
  }

  /** Stores a task that is due at once, or when `dueAt` says. */
  async submit(id: string, overrides: Partial<NewTaskRecord> = {}): Promise<TaskRecord> {
    const { task } = await this.run({ type: 'createTask', task: newTask(id, overrides), submit: true });
    return task as TaskRecord;
  }

  /** Stores a task that is its caller's to start. */
  async create(id: string, overrides: Partial<NewTaskRecord> = {}): Promise<TaskRecord> {
    const { task } = await this.run({ type: 'createTask', task: newTask(id, overrides), submit: false });
    return task as TaskRecord;
  }

  openWorker(id: string, hosts: readonly string[] = []): Promise<void> {
    return this.store.openWorker({ id, hosts, ...lease });
  }

  renew(id: string, hosts: readonly string[] = []): ReturnType<Store['renew']> {
    return this.store.renew({ id, hosts, ...lease });
  }

  async claim(workerId: string, hosts: readonly string[], limit = 100): Promise<readonly Claimed[]> {
    return (await this.commit([], { workerId, hosts, limit })).claimed;
  }

  async claimedIds(workerId: string, hosts: readonly string[], limit?: number): Promise<readonly string[]> {
    return (await this.claim(workerId, hosts, limit)).map(({ id }) => id);
  }

  /** Starts an attempt by id, after its backoff; opens the worker first if it has no row. */
  async start(id: string, workerId = 'wrk_1', agentId = 'a'): Promise<TaskRecord> {
    const { failures, dueAt } = await this.task(id);
    if (failures > 0 && dueAt !== null) await this.clock.advance(Math.max(0, dueAt - this.clock.now()));
    if ((await this.store.worker(workerId)) === undefined) await this.openWorker(workerId, [agentId]);
    return (await this.run({ type: 'claimTask', id, workerId, agentId })).task as TaskRecord;
  }

  /** Stores a task and starts its first attempt: assigned to the agent, but not pinned. */
  async running(
    id: string,
    workerId = 'wrk_1',
    agentId = 'a',
    overrides: Partial<NewTaskRecord> = {},
  ): Promise<TaskRecord> {
    if ((await this.store.worker(workerId)) === undefined) await this.openWorker(workerId, [agentId]);
    await this.submit(id, overrides);
    await this.bind(id, workerId);
    const { task } = await this.run({ type: 'route', id, workerId, decision: this.decision(agentId), claim: true });
    return task as TaskRecord;
  }

  /** Stores a due task that is assigned to an agent, but not pinned to it. */
  async assigned(id: string, agentId: string, overrides: Partial<NewTaskRecord> = {}): Promise<TaskRecord> {
    await this.openWorker('wrk_router');
    await this.submit(id, overrides);
    await this.bind(id, 'wrk_router');
    const decision = this.decision(agentId);
    const { task } = await this.run({ type: 'route', id, workerId: 'wrk_router', decision, claim: false });
    await this.store.closeWorker('wrk_router');
    return task as TaskRecord;
  }

  /** Binds one task that is due and not assigned to a worker, for routing. */
  async bind(id: string, workerId: string): Promise<TaskRecord> {
    const claimed = await this.claim(workerId, [], 10_000);
    for (const task of claimed) if (task.id !== id) await this.run({ type: 'unbind', id: task.id, workerId });
    const bound = claimed.find((task) => task.id === id);
    assert.ok(bound !== undefined, `${id} was not given to ${workerId} for routing`);
    return bound;
  }

  report(id: string, attempt: number, command: AttemptEnd): Promise<GroupResult> {
    return this.answer({ type: 'report', id, attempt, command });
  }

  /** Ends the current attempt, which must succeed. */
  async end(id: string, command: AttemptEnd): Promise<TaskRecord> {
    const { attempt } = await this.task(id);
    return (await this.run({ type: 'report', id, attempt, command })).task as TaskRecord;
  }

  complete(id: string, output = 'null'): Promise<TaskRecord> {
    return this.end(id, { type: 'complete', output });
  }

  fail(id: string, overrides: Partial<Extract<AttemptEnd, { readonly type: 'fail' }>> = {}): Promise<TaskRecord> {
    return this.end(id, failure(overrides));
  }

  /** Lets a worker's lease run out and sweeps, so that its row is gone. */
  async die(...workerIds: string[]): Promise<SweepResult> {
    let wait = 0;
    for (const id of workerIds) wait = Math.max(wait, (await this.store.worker(id))?.leaseLeftMs ?? 0);
    await this.clock.advance(wait);
    return this.store.sweep({ markDead: true });
  }

  async task(id: string): Promise<TaskRecord> {
    const task = await this.store.getTask(id);
    assert.ok(task !== undefined, `there is no task ${id}`);
    return task;
  }

  async workflow(id: string): Promise<WorkflowRow> {
    const workflow = await this.store.getWorkflow(id);
    assert.ok(workflow !== undefined, `there is no workflow ${id}`);
    return workflow;
  }

  events(subject: string): Promise<readonly SymphonyEvent[]> {
    return this.store.events({ subject, limit: 10_000 });
  }

  /** The names of a subject's events, without their first word: `created`, `claimed` … */
  async log(subject: string): Promise<readonly string[]> {
    return (await this.events(subject)).map(({ type }) => type.slice(type.indexOf('.') + 1));
  }

  async lastEvent(subject: string): Promise<SymphonyEvent> {
    const last = (await this.events(subject)).at(-1);
    assert.ok(last !== undefined, `${subject} has no events`);
    return last;
  }

  /** Asserts that an action leaves a task's row and the log as they are. */
  async unchanged(taskId: string, action: () => Promise<unknown>): Promise<void> {
    const before = [await this.task(taskId), await this.store.lastPosition()];
    await action();
    assert.deepEqual([await this.task(taskId), await this.store.lastPosition()], before);
  }

  decision(agentId: string): RoutingDecision {
    return {
      agentId,
      strategy: 'test',
      strategyVersion: '1',
      candidates: [{ agentId, score: 0.5, reasons: ['it is the only one'] }],
      considered: 1,
      excluded: { 'not hosted': 2 },
      decidedAt: this.clock.now(),
    };
  }
}

/** A failed attempt: to be tried again after exactly a second, up to three times, unless overridden. */
export function failure(
  overrides: Partial<Extract<AttemptEnd, { readonly type: 'fail' }>> = {},
): Extract<AttemptEnd, { readonly type: 'fail' }> {
  return {
    type: 'fail',
    error: { name: 'Error', message: 'no', code: 'AGENT_ERROR', attempt: 1 },
    retryable: true,
    draw: 0,
    defaultMaxRetries: 3,
    ...overrides,
  };
}
