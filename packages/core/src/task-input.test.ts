import { describe, expect, it } from 'vitest';
import { checkDescription, checkReason, SymphonyError, taskKeys, toNewTask } from './index.ts';

const make = (given: object = {}, options: Partial<Parameters<typeof toNewTask>[2]> = {}) =>
  toNewTask({ name: 'job', ...given }, 'tsk_1', { submit: true, ...options });

/** The error that the input is refused with. */
function problem(given: object, options: Partial<Parameters<typeof toNewTask>[2]> = {}): string {
  try {
    make(given, options);
  } catch (error) {
    if (SymphonyError.is(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error('not refused');
}

describe('a new task', () => {
  it('keeps its idempotency key, which is a name; the hash of its values is its creator’s', () => {
    expect(make({ idempotencyKey: 'k' })).toMatchObject({ idempotencyKey: 'k', bodyHash: '' });
    expect(problem({ idempotencyKey: '' })).toContain('INVALID_NAME: task.idempotencyKey');
  });

  it('needs a name, and everything else has a default', () => {
    expect(make()).toEqual({
      id: 'tsk_1',
      name: 'job',
      description: '',
      input: 'null',
      tags: [],
      requirements: {},
      metadata: 'null',
      dependsOn: [],
      idempotencyKey: null,
      bodyHash: '',
      priority: 0,
      agentId: null,
      retry: {},
      timeouts: {},
      workflowId: null,
      dueAt: null,
    });
    expect(problem({ name: '' })).toContain('INVALID_NAME');
  });

  it('keeps what its creator gave, JSON as text', () => {
    const given = {
      description: 'd',
      input: { a: [1] },
      tags: ['x'],
      requirements: { capabilities: ['c'] },
      metadata: 5,
      priority: -100,
      agentId: 'ada',
      retry: { maxRetries: 2 },
      timeouts: { startToCloseMs: 7 },
      workflowId: 'wf',
      dueAt: new Date(5),
    };
    expect(make(given)).toMatchObject({ ...given, input: '{"a":[1]}', metadata: '5', dueAt: 5 });
    expect(make({ requirements: {}, timeouts: {} })).toMatchObject({ requirements: {}, timeouts: {} });
  });

  it('that is not submitted has no due time', () => {
    expect(problem({ dueAt: 5 }, { submit: false })).toContain('dueAt');
    expect(taskKeys).toContain('dueAt');
  });

  it.each([
    [{ priority: 101 }, 'INVALID_ARGUMENT: task.priority'],
    [{ priority: 1.5 }, 'INVALID_ARGUMENT: task.priority'],
    [{ tags: ['a', 5] }, 'task.tags'],
    [{ input: [undefined] }, 'INVALID_JSON: task.input[0]'],
    [{ input: 'x'.repeat(1024 * 1024) }, 'PAYLOAD_TOO_LARGE'],
    [{ requirements: { skills: [] } }, 'task.requirements'],
    [{ timeouts: { startToCloseMs: -1 } }, 'task.timeouts.startToCloseMs'],
    [{ retry: { maxRetries: -1 } }, 'task.retry'],
    [{ unknown: 1 }, 'unknown'],
    [{ description: 5 }, 'INVALID_ARGUMENT: task.description must be a string, got 5.'],
  ])('is refused in the words of its creator: %j', (given, message) => {
    expect(problem(given)).toContain(message);
  });

  it('is called in messages what its creator calls it', () => {
    expect(problem({ priority: 'x' }, { what: 'tasks[3]' })).toContain('tasks[3].priority');
  });
});

describe('what a task depends on', () => {
  it('is a list of ids, which are also the names of the outputs, or ids by name', () => {
    expect(make({ dependsOn: ['a', 'b'] }).dependsOn).toEqual([
      { name: 'a', taskId: 'a' },
      { name: 'b', taskId: 'b' },
    ]);
    expect(make({ dependsOn: { left: 'a', right: 'b' } }).dependsOn).toEqual([
      { name: 'left', taskId: 'a' },
      { name: 'right', taskId: 'b' },
    ]);
    expect([make({ dependsOn: [] }).dependsOn, make({ dependsOn: {} }).dependsOn]).toEqual([[], []]);
  });

  it('may be told by names that stand for ids', () => {
    const idOf = (name: string): string => (name === 'head' ? 'tsk_7' : name);
    expect(make({ dependsOn: ['head', 'tsk_8'] }, { idOf }).dependsOn).toEqual([
      { name: 'head', taskId: 'tsk_7' },
      { name: 'tsk_8', taskId: 'tsk_8' },
    ]);
    expect(problem({ dependsOn: ['head', 'tsk_7'] }, { idOf })).toContain('names "tsk_7" twice');
  });

  it.each([
    ['a', 'task.dependsOn must be a list of task ids, or an object of task ids by name, got "a"'],
    [5, 'got 5'],
    [null, 'got null'],
    [['a', 'a'], 'INVALID_ARGUMENT: task.dependsOn names "a" twice.'],
    [{ x: 'a', y: 'a' }, 'names "a" twice'],
    [[5], 'INVALID_NAME: task.dependsOn of "5" must be a string, got number.'],
    [new Array(1), 'must be a string, got undefined'],
    [{ '': 'a' }, 'INVALID_NAME: task.dependsOn must not be empty.'],
    [{ x: undefined }, 'task.dependsOn of "x" must be a string, got undefined'],
    [Array.from({ length: 100_001 }, (_, index) => `${index}`), 'names 100001 tasks; at most 100000 may be'],
  ])('is refused if it is something else', (dependsOn, message) => {
    expect(problem({ dependsOn })).toContain(message);
  });
});

describe('texts', () => {
  it('a description is any string of at most 64 Ki characters', () => {
    expect([checkDescription(undefined, 'd'), checkDescription('a\u0000\ud800', 'd')]).toEqual(['', 'a\u0000\ud800']);
    expect(() => checkDescription('x'.repeat(65_537), 'd')).toThrow('d has 65537 characters; at most 65536 are kept');
    expect(checkDescription('x'.repeat(65_536), 'd')).toHaveLength(65_536);
  });

  it('a reason is any string, of which 1,000 characters are kept', () => {
    expect(checkReason({}, 'cancel')).toEqual({});
    expect(checkReason({ reason: 'x'.repeat(1_001) }, 'cancel').reason).toHaveLength(1_000);
    expect(() => checkReason({ reason: 5 as never }, 'cancel')).toThrow('reason must be a string, got 5');
    expect(() => checkReason({ why: 'x' } as never, 'cancel')).toThrow('why');
  });
});
