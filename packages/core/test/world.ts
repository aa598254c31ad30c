import {
  closeWorker,
  Flush,
  openWorker,
  prune,
  renewWorker,
  sweep,
  type Claimed,
  type ClaimRequest,
  type Command,
  type CommandValue,
  type EventType,
  type Group,
  type GroupResult,
  type PruneResult,
  type Renewal,
  type SweepResult,
  type TaskCommand,
  type TaskRecord,
  type Times,
  type WorkflowRow,
} from '../src/index.ts';
import { errorOf, newTask, newWorkflow } from './builders.ts';
import { deepFreeze } from './freeze.ts';
import { MapTables } from './tables.ts';

type Report = Extract<Command, { readonly type: 'report' }>['command'];

/** What a test asks a task to have become. */
export const reports = {
  complete: { type: 'complete', output: '"done"' },
  release: { type: 'release', reason: 'draining' },
  refuse: { type: 'refuse', reason: 'not mine' },
  suspend: { type: 'suspend' },
  fail: { type: 'fail', error: errorOf(1), retryable: true, draw: 0, defaultMaxRetries: 3 },
  failForGood: { type: 'fail', error: errorOf(1), retryable: false, draw: 0, defaultMaxRetries: 3 },
} as const satisfies Record<string, Report & TaskCommand>;

/** A store of one test: tables, two clocks that only the test moves, and short words for what stores do. */
export class World {
  readonly tables = new MapTables();
  now = 1_000_000;
  lease = 50_000;
  bootId = 'boot-1';

  get times(): Times {
    return { now: this.now, lease: this.lease, bootId: this.bootId };
  }

  /** Moves both clocks. */
  advance(ms: number): void {
    this.now += ms;
    this.lease += ms;
  }

  /** Carries out groups in one flush. */
  commit(...groups: readonly Group[]): readonly GroupResult[] {
    const flush = new Flush(this.tables, this.times);
    const results = groups.map((group) => flush.apply(deepFreeze(group)));
    flush.settle();
    return results;
  }

  /** Carries out one group and answers with its result. */
  try(...commands: readonly Command[]): GroupResult {
    return this.commit(commands)[0] as GroupResult;
  }

  /** Carries out one group, which must succeed. */
  do(...commands: readonly Command[]): CommandValue {
    const result = this.try(...commands);
    if (result.status !== 'ok')
      throw new Error(`${commands.map(({ type }) => type).join(', ')}: ${JSON.stringify(result)}`);
    return result.value;
  }

  claim(
    workerId: string,
    hosts: readonly string[],
    limit = 10,
    wish: Pick<ClaimRequest, 'timeouts' | 'still'> = {},
  ): readonly Claimed[] {
    const flush = new Flush(this.tables, this.times);
    const claimed = flush.claim({ workerId, hosts, limit, ...wish });
    flush.settle();
    return claimed;
  }

  /** Applies one command to a task, as a sweep does. */
  change(id: string, command: TaskCommand): void {
    const flush = new Flush(this.tables, this.times);
    flush.change(this.task(id), command);
    flush.settle();
  }

  /** Stores a task that is due and assigned to an agent, but not pinned to it. */
  assigned(id: string, agentId: string, overrides: Partial<TaskRecord> = {}): void {
    this.do({ type: 'createTask', task: newTask(id), submit: true });
    this.tables.force({ ...this.task(id), agentId, ...overrides });
  }

  /** Stores a task and starts its first attempt on a worker. */
  running(id: string, workerId = 'w1', agentId = 'ada', task: Partial<Parameters<typeof newTask>[1]> = {}): void {
    this.do({ type: 'createTask', task: newTask(id, { ...task }), submit: false });
    this.do({ type: 'claimTask', id, workerId, agentId });
  }

  report(id: string, command: Report, attempt = this.task(id).attempt): GroupResult {
    return this.try({ type: 'report', id, attempt, command });
  }

  workflowWith(id: string, ...tasks: readonly string[]): void {
    this.do({ type: 'createWorkflow', workflow: newWorkflow(id) });
    for (const task of tasks) this.do({ type: 'createTask', task: newTask(task, { workflowId: id }), submit: true });
  }

  openWorker(id: string, hosts: readonly string[] = ['ada'], leaseMs = 10_000): void {
    openWorker(this.tables, this.times, { id, hosts, leaseMs, renewMs: leaseMs / 3 });
  }

  renewWorker(id: string, hosts: readonly string[] = ['ada'], leaseMs = 10_000): Renewal {
    return renewWorker(this.tables, this.times, { id, hosts, leaseMs, renewMs: leaseMs / 3 });
  }

  closeWorker(id: string): void {
    closeWorker(this.tables, this.times, id);
  }

  sweep(markDead = true): SweepResult {
    return sweep(this.tables, this.times, { markDead });
  }

  prune(before = this.now, limit = 1_000): PruneResult {
    return prune(this.tables, this.times, { olderThanMs: this.now - before, limit });
  }

  task(id: string): TaskRecord {
    const task = this.tables.taskRecord(id);
    if (task === undefined) throw new Error(`no task ${id}`);
    return task;
  }

  workflow(id: string): WorkflowRow {
    const workflow = this.tables.workflow(id);
    if (workflow === undefined) throw new Error(`no workflow ${id}`);
    return workflow;
  }

  /** The names of the events of one subject, in order. */
  log(subject: string): readonly EventType[] {
    return this.tables.events.filter((event) => event.subject === subject).map(({ type }) => type);
  }

  /** What the last event of a subject says. */
  lastEvent(subject: string): { readonly type: EventType; readonly data: unknown } {
    const event = this.tables.events.filter((row) => row.subject === subject).at(-1);
    if (event === undefined) throw new Error(`no event of ${subject}`);
    return { type: event.type, data: JSON.parse(event.data) as unknown };
  }
}
