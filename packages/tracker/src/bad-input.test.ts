import { SymphonyError } from '@symphony/core';
import { describe, expect, it } from 'vitest';
import { TaskManager, WorkflowTracker } from './index.ts';
import { Lab } from '../test/lab.ts';

type Call = (lab: Lab) => Promise<unknown>;
type Row = readonly [what: string, code: string, message: string, call: Call];

const cycle: Record<string, unknown> = {};
cycle['self'] = { cycle };
const sparse = [1];
sparse[2] = 3;
const prototyped = JSON.parse('{"__proto__": {"admin": true}}') as unknown;

/** Everything that is no JSON value, by what the message says of it. */
const noJson: readonly (readonly [string, unknown, string])[] = [
  ['undefined in an array', [undefined], '[0] is undefined inside an array'],
  ['a hole in an array', { a: sparse }, '.a[1] is undefined inside an array'],
  ['a function', { a: { b: () => 1 } }, '.a.b is a function'],
  ['a symbol', [[Symbol('s')]], '[0][0] is a symbol'],
  ['a BigInt', 1n, ' is a bigint'],
  ['NaN', { a: Number.NaN }, '.a is the number NaN'],
  ['Infinity', [Infinity], '[0] is the number Infinity'],
  ['a cycle', cycle, '.self.cycle is a cycle'],
  ['a Map', { a: new Map() }, '.a is an instance of Map'],
  ['a Set', new Set(), ' is an instance of Set'],
  ['a class instance', { a: new (class Invoice {})() }, '.a is an instance of Invoice'],
  ['an Error', new Error('x'), ' is an instance of Error'],
  ['a RegExp', /x/, ' is an instance of RegExp'],
  ['a typed array', new Uint8Array(1), ' is an instance of Uint8Array'],
  ['a promise', Promise.resolve(1), ' is an instance of Promise'],
  ['a key named __proto__', prototyped, '.__proto__ is a key named __proto__'],
  ['a getter that throws', { get a(): never { throw new Error('no'); } }, '.a is something that throws when it is read'], // prettier-ignore
  ['a toJSON that throws', { toJSON: () => { throw new Error('no'); } }, ' is something that throws when it is read'], // prettier-ignore
  ['a proxy that throws', new Proxy({}, { ownKeys: () => { throw new Error('no'); } }), ' is something that throws when it is read'], // prettier-ignore
  [
    'nesting without end',
    JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)),
    `${'[0]'.repeat(512)} is nested deeper than 512 levels`,
  ],
];

const names: readonly (readonly [string, unknown, string])[] = [
  ['an empty name', '', 'must not be empty.'],
  ['a name of blanks', '   ', 'begins or ends with white space.'],
  ['a name with a blank before it', ' a', 'begins or ends with white space.'],
  ['a name with NUL', 'a\u0000b', 'holds a control character.'],
  ['a name with a line break', 'a\nb', 'holds a control character.'],
  ['a name with DEL', 'a\u007f', 'holds a control character.'],
  ['a name with half a surrogate pair', 'a\ud800', 'holds half of a surrogate pair.'],
  ['a name of 10,000 characters', 'x'.repeat(10_000), 'must have at most 256 characters, got 10000.'],
  ['no name', undefined, 'must be a string, got undefined.'],
  ['null for a name', null, 'must be a string, got null.'],
  ['a number for a name', 5, 'must be a string, got number.'],
];

const create =
  (task: Record<string, unknown>): Call =>
  (lab) =>
    lab.tasks.createTask({ name: 'job', ...task });
const submit =
  (task: Record<string, unknown>): Call =>
  (lab) =>
    lab.tasks.submit({ name: 'job', ...task });
const flow =
  (workflow: Record<string, unknown>): Call =>
  (lab) =>
    lab.workflows.createWorkflow({ name: 'flow', ...workflow });

const rows: readonly Row[] = [
  // Tasks.
  ...['nothing', null, 7, [] as unknown].map((value): Row => [
    `${JSON.stringify(value)} for a task`,
    'INVALID_ARGUMENT',
    'task takes an object with name, description, input',
    (lab) => lab.tasks.createTask(value as never),
  ]),
  [
    'a misspelled field',
    'INVALID_ARGUMENT',
    'task has no option "prioritty". It takes name, description, input, tags, priority, requirements, agentId, workflowId, dependsOn, retry, timeouts, idempotencyKey, metadata.',
    create({ prioritty: 1 }),
  ],
  ['dueAt for createTask', 'INVALID_ARGUMENT', 'task has no option "dueAt".', create({ dueAt: 1 })],
  ...names.map(([what, name, message]): Row => [what, 'INVALID_NAME', `task.name ${message}`, create({ name })]),
  ...names
    .filter(([, name]) => name !== undefined)
    .map(([what, idempotencyKey, message]): Row => [
      `${what} for a key`,
      'INVALID_NAME',
      `task.idempotencyKey ${message}`,
      create({ idempotencyKey }),
    ]),
  ...names
    .slice(0, 4)
    .map(([what, agentId, message]): Row => [
      `${what} for an agent`,
      'INVALID_NAME',
      `task.agentId ${message}`,
      create({ agentId }),
    ]),
  ...noJson.map(([what, input, path]): Row => [
    `${what} in the input`,
    'INVALID_JSON',
    `task.input${path}`,
    submit({ input }),
  ]),
  ...noJson
    .slice(0, 3)
    .map(([what, metadata, path]): Row => [
      `${what} in the metadata`,
      'INVALID_JSON',
      `task.metadata${path}`,
      create({ metadata }),
    ]),
  [
    '100 MB of text',
    'PAYLOAD_TOO_LARGE',
    'task.input is larger than the limit of 1048576 bytes',
    submit({ input: 'x'.repeat(100 * 1024 * 1024) }),
  ],
  [
    '100 MB in small pieces',
    'PAYLOAD_TOO_LARGE',
    'Store the data elsewhere and pass a reference.',
    submit({ input: new Array<string>(2_000_000).fill('x'.repeat(50)) }),
  ],
  [
    'a key of 10 MB',
    'PAYLOAD_TOO_LARGE',
    'task.input is larger than the limit',
    submit({ input: { ['k'.repeat(10_000_000)]: 1 } }),
  ],
  ['one byte too much', 'PAYLOAD_TOO_LARGE', '(got 1048577)', submit({ input: 'ä'.repeat(524_287) + 'x' })],
  [
    'a description of 1 MB',
    'PAYLOAD_TOO_LARGE',
    'task.description has 1000000 characters; at most 65536 are kept. Put the rest into the input.',
    create({ description: 'x'.repeat(1_000_000) }),
  ],
  [
    'a description that is no text',
    'INVALID_ARGUMENT',
    'task.description must be a string, got an object.',
    create({ description: {} }),
  ],
  ['tags that are no array', 'INVALID_ARGUMENT', 'task.tags must be an array of strings.', create({ tags: 'news' })],
  ['an empty tag', 'INVALID_NAME', 'task.tags[1] must not be empty.', create({ tags: ['news', ''] })],
  ...[1.5, 101, -101, Number.NaN, Infinity, '5', null].map((priority): Row => [
    `the priority ${String(priority)}`,
    'INVALID_ARGUMENT',
    'task.priority must be a whole number from -100 to 100, got',
    create({ priority }),
  ]),
  [
    'requirements that are none',
    'INVALID_ARGUMENT',
    'task.requirements takes an object with capabilities, got "law".',
    create({ requirements: 'law' }),
  ],
  [
    'misspelled requirements',
    'INVALID_ARGUMENT',
    'task.requirements has no option "skills". It takes capabilities.',
    create({ requirements: { skills: [] } }),
  ],
  [
    'a capability with a control character',
    'INVALID_NAME',
    'task.requirements.capabilities[0] holds a control character.',
    create({ requirements: { capabilities: ['a\tb'] } }),
  ],
  ...[0, -1, 1.5, Number.NaN, '5', 1e99, '30d', '5 mintues', null].map((startToCloseMs): Row => [
    `the timeout ${String(startToCloseMs)}`,
    'INVALID_ARGUMENT',
    'task.timeouts.startToCloseMs must be a whole number from 1 to 316224000000, got',
    create({ timeouts: { startToCloseMs } }),
  ]),
  [
    'a misspelled timeout',
    'INVALID_ARGUMENT',
    'task.timeouts has no option "startToClose". It takes scheduleToStartMs, startToCloseMs, scheduleToCloseMs, idleMs.',
    create({ timeouts: { startToClose: 5 } }),
  ],
  ...['tomorrow', Number.NaN, -1, 253_402_300_800_000, new Date(Number.NaN), 1.5, null].map((dueAt): Row => [
    `dueAt ${String(dueAt)}`,
    'INVALID_ARGUMENT',
    'task.dueAt (a Date or epoch milliseconds) must be a whole number from 0 to 253402300799999',
    submit({ dueAt }),
  ]),
  ...[
    { maxRetries: -1 },
    { maxRetries: 1.5 },
    { maxRetries: Infinity },
    { maxRetries: 1e9 },
    { maxCrashes: 0 },
    { initialDelayMs: -1 },
    { factor: 0 },
    { maxDelayMs: 1e99 },
    { jitter: 2 },
  ].map((retry): Row => [
    `the retry policy ${JSON.stringify(retry)}`,
    'INVALID_ARGUMENT',
    `task.retry.${Object.keys(retry)[0] as string} must be`,
    create({ retry }),
  ]),
  [
    'a retry policy that is none',
    'INVALID_ARGUMENT',
    'task.retry must be an object such as { maxRetries: 3 }.',
    create({ retry: 3 }),
  ],
  ['an unknown workflow', 'WORKFLOW_NOT_FOUND', 'There is no workflow wf_none.', create({ workflowId: 'wf_none' })],

  // Ids.
  ['submitting an unknown id', 'TASK_NOT_FOUND', 'There is no task tsk_none.', (lab) => lab.tasks.submit('tsk_none')],
  ['submitting an empty id', 'INVALID_NAME', 'task id must not be empty.', (lab) => lab.tasks.submit('')],
  [
    'submitting an id with a bad time',
    'INVALID_ARGUMENT',
    'dueAt (a Date or epoch milliseconds) must be',
    async (lab) => lab.tasks.submit(lab.existing, { dueAt: 'soon' as never }),
  ],
  [
    'submitting an id with a misspelled option',
    'INVALID_ARGUMENT',
    'submit has no option "due". It takes dueAt.',
    async (lab) => lab.tasks.submit(lab.existing, { due: 1 } as object),
  ],
  [
    'a time beside a task',
    'INVALID_ARGUMENT',
    'submit takes dueAt beside an id only; put it into the task.',
    (lab) => lab.tasks.submit({ name: 'job' }, { dueAt: 1 }),
  ],
  [
    'cancelling an unknown id',
    'TASK_NOT_FOUND',
    'There is no task tsk_none.',
    (lab) => lab.tasks.cancelTask('tsk_none'),
  ],
  [
    'cancelling with a misspelled option',
    'INVALID_ARGUMENT',
    'cancelTask has no option "why". It takes reason.',
    (lab) => lab.tasks.cancelTask(lab.existing, { why: 'x' } as object),
  ],
  [
    'cancelling for a number',
    'INVALID_ARGUMENT',
    'reason must be a string, got 5.',
    (lab) => lab.tasks.cancelTask(lab.existing, { reason: 5 as never }),
  ],
  ['retrying an unknown id', 'TASK_NOT_FOUND', 'There is no task tsk_none.', (lab) => lab.tasks.retryTask('tsk_none')],
  [
    'the history of an unknown id',
    'TASK_NOT_FOUND',
    'There is no task tsk_none.',
    (lab) => lab.tasks.history('tsk_none'),
  ],
  [
    'the history of a number',
    'INVALID_NAME',
    'task id must be a string, got number.',
    (lab) => lab.tasks.history(5 as never),
  ],
  [
    'waiting for an unknown id',
    'TASK_NOT_FOUND',
    'There is no task tsk_none.',
    (lab) => lab.tasks.waitForTask('tsk_none'),
  ],
  [
    'getting a task of a name with a control character',
    'INVALID_NAME',
    'task id holds a control character.',
    (lab) => lab.tasks.getTask('a\u0000'),
  ],

  // Lists.
  ...[0, -1, 1_001, 1e9, 'abc', Number.NaN].map((limit): Row => [
    `the limit ${String(limit)}`,
    'INVALID_ARGUMENT',
    'limit must be a whole number from 1 to 1000, got',
    (lab) => lab.tasks.listTasks({ limit: limit as never }),
  ]),
  [
    'an unknown status',
    'INVALID_ARGUMENT',
    'status must be one of pending, running, waiting, completed, failed, cancelled, got "done".',
    (lab) => lab.tasks.listTasks({ status: 'done' as never }),
  ],
  [
    'a number for a status',
    'INVALID_ARGUMENT',
    'status must be one of pending',
    (lab) => lab.tasks.listTasks({ status: 5 as never }),
  ],
  [
    'a misspelled filter',
    'INVALID_ARGUMENT',
    'listTasks has no option "state". It takes status, workflowId, agentId, tag, name, createdFrom, createdBefore, order, after, limit.',
    (lab) => lab.tasks.listTasks({ state: 'failed' } as object),
  ],
  ['an empty agent', 'INVALID_NAME', 'agentId must not be empty.', (lab) => lab.tasks.listTasks({ agentId: '' })],

  // Workflows.
  [
    'nothing for a workflow',
    'INVALID_ARGUMENT',
    'workflow takes an object with name, description, metadata, tasks, onFailure, idempotencyKey, got undefined.',
    (lab) => lab.workflows.createWorkflow(undefined as never),
  ],
  ['a misspelled field of a workflow', 'INVALID_ARGUMENT', 'workflow has no option "task".', flow({ task: [] })],
  ...names.map(([what, name, message]): Row => [
    `${what} for a workflow`,
    'INVALID_NAME',
    `workflow.name ${message}`,
    flow({ name }),
  ]),
  [
    'a BigInt in the metadata of a workflow',
    'INVALID_JSON',
    'workflow.metadata.a is a bigint',
    flow({ metadata: { a: 1n } }),
  ],
  [
    'onFailure that is not known',
    'INVALID_ARGUMENT',
    'workflow.onFailure must be "continue" or "failFast", got "stop".',
    flow({ onFailure: 'stop' }),
  ],
  [
    'a workflow of no tasks',
    'INVALID_ARGUMENT',
    'workflow.tasks must be an array of 1 to 100000 tasks. Leave it out to add tasks later.',
    flow({ tasks: [] }),
  ],
  [
    'a workflow of too many tasks',
    'INVALID_ARGUMENT',
    'workflow.tasks must be an array of 1 to 100000 tasks.',
    flow({ tasks: Array.from({ length: 100_001 }, () => ({ name: 'a' })) }),
  ],
  ['tasks that are no array', 'INVALID_ARGUMENT', 'workflow.tasks must be an array', flow({ tasks: 'a' })],
  [
    'null among the tasks',
    'INVALID_ARGUMENT',
    'tasks[1] takes an object with name',
    flow({ tasks: [{ name: 'a' }, null] }),
  ],
  [
    'a hole among the tasks',
    'INVALID_ARGUMENT',
    'tasks[1] takes an object with name',
    flow({ tasks: sparse.map(() => ({ name: 'a' })) }),
  ],
  [
    'a bad task among good ones',
    'INVALID_NAME',
    'tasks[2].name must not be empty.',
    flow({ tasks: [{ name: 'a' }, { name: 'b' }, { name: '' }] }),
  ],
  [
    'no JSON in one of the tasks',
    'INVALID_JSON',
    'tasks[1].input.x is a function',
    flow({ tasks: [{ name: 'a' }, { name: 'b', input: { x: () => 1 } }] }),
  ],
  [
    'a task of another workflow',
    'INVALID_ARGUMENT',
    'tasks[0] must have neither workflowId nor idempotencyKey',
    flow({ tasks: [{ name: 'a', workflowId: 'wf_x' }] }),
  ],
  [
    'a key for a task of a workflow',
    'INVALID_ARGUMENT',
    'it is created with its workflow, whose key covers it.',
    flow({ tasks: [{ name: 'a', idempotencyKey: 'k' }] }),
  ],
  [
    'pausing with a number',
    'INVALID_NAME',
    'workflow id must be a string, got number.',
    (lab) => lab.workflows.pause(7 as never),
  ],
  [
    'cancelling a workflow with a misspelled option',
    'INVALID_ARGUMENT',
    'cancel has no option "because". It takes reason.',
    (lab) => lab.workflows.cancel('wf_none', { because: 'x' } as object),
  ],
  [
    'adding to a workflow of an empty id',
    'INVALID_NAME',
    'workflow id must not be empty.',
    (lab) => lab.workflows.addTaskToWorkflow('', lab.existing),
  ],
];

describe('bad input', () => {
  it.each(rows)('%s is refused with %s, and nothing is written', async (_what, code, message, call) => {
    await using lab = new Lab();
    lab.existing = await lab.create();
    const written = await lab.written();
    const memory = process.memoryUsage().rss;
    const startedAt = performance.now();
    const error: unknown = await call(lab).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) as string });
    expect(SymphonyError.is(error)).toBe(true);
    expect((error as SymphonyError).message.length).toBeLessThan(2_000);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(process.memoryUsage().rss - memory).toBeLessThan(100 * 1024 * 1024);
    expect(await lab.written()).toEqual(written);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it.each<[string, (services: never) => unknown]>([
    ['TaskManager', (services) => new TaskManager(services)],
    ['WorkflowTracker', (services) => new WorkflowTracker(services)],
  ])('%s cannot be made of', (name, make) => {
    const refusal = (message: string): unknown => expect.objectContaining({ code: 'INVALID_ARGUMENT', message });
    expect(() => make({} as never)).toThrow(refusal(`${name} needs a store, got undefined.`));
    expect(() => make({ store: 'memory:' } as never)).toThrow(refusal(`${name} needs a store, got "memory:".`));
    expect(() => make({ stor: 1 } as never)).toThrow(
      refusal(`${name} has no option "stor". It takes store, clock, makeId, follower.`),
    );
  });
});
