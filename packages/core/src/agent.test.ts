import { describe, expect, it } from 'vitest';
import { toAgent, toAgentConfig, type Agent, type AgentLike } from './index.ts';

const run = (): string => 'done';

describe('an agent', () => {
  it('is any object with an id and a run', () => {
    const agent: Agent = { id: 'ada', run };
    expect(toAgent(agent)).toBe(agent);
  });

  it('is a named function, under its name', async () => {
    async function summarise(): Promise<string> {
      return 'short';
    }
    const agent = toAgent(summarise);
    expect(agent.id).toBe('summarise');
    expect(agent.run).toBe(summarise);
  });

  it.each<[string, unknown, string]>([
    [
      'a function without a name',
      (
        () => () =>
          1
      )(),
      'A function used as an agent needs a name',
    ],
    ['null', null, 'got null'],
    ['a string', 'ada', 'got "ada"'],
    ['an object without run', { id: 'ada' }, 'Agent "ada" has no run'],
  ])('is not %s', (_kind, value, message) => {
    expect(() => toAgent(value as AgentLike)).toThrow(
      expect.objectContaining({ code: 'AGENT_INVALID', message: expect.stringContaining(message) as string }),
    );
  });

  it('has an id that is a name', () => {
    expect(() => toAgent({ id: '', run })).toThrow(expect.objectContaining({ code: 'INVALID_NAME' }));
    expect(() => toAgent({ run } as unknown as Agent)).toThrow(expect.objectContaining({ code: 'INVALID_NAME' }));
    const badlyNamed = { 'a\nb': (): void => undefined }['a\nb'];
    expect(() => toAgent(badlyNamed)).toThrow(expect.objectContaining({ code: 'INVALID_NAME' }));
  });

  it('has schemas that are Standard Schemas, be they objects or functions', () => {
    const standard = { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } as const;
    const agent: Agent = {
      id: 'ada',
      run,
      input: { '~standard': standard },
      output: Object.assign(run, { '~standard': standard }),
    };
    expect(toAgent(agent)).toBe(agent);
  });

  it.each<[string, unknown]>([
    ['input', {}],
    ['output', { type: 'object' }],
    ['input', null],
    ['output', { '~standard': {} }],
  ])('with the %s schema %o is none', (key, schema) => {
    expect(() => toAgent({ id: 'ada', run, [key]: schema })).toThrow(
      expect.objectContaining({
        code: 'AGENT_INVALID',
        message: `Agent "ada": ${key} must be a Standard Schema, as Zod, Valibot and ArkType make them. Leave it out to take anything.`,
      }),
    );
  });
});

describe('an isolated agent', () => {
  const module = new URL('file:///agents/ada.ts');
  const base = { id: 'ada', module, isolation: 'thread' } as const;

  it.each<[string, object]>([
    ['a file URL', {}],
    ['the text of a file URL', { module: module.href }],
    ['a URL of another realm', { module: { href: module.href } }],
    ['a package', { module: 'agents' }],
    ['a path in a package of a scope', { module: '@my/agents/in/ada' }],
    ['a process', { isolation: 'process' }],
    ['a limit of memory and variables', { memoryMb: 16, env: { KEY: 'value', NONE: undefined } }],
    ['a run that is left out', { run: undefined }],
  ])('is given as a module, such as one with %s', (_what, part) => {
    const agent = { ...base, ...part } as unknown as AgentLike;
    expect(toAgent(agent)).toBe(agent);
  });

  it.each<[string, string, object]>([
    ['AGENT_INVALID', 'Agent "ada" has both run and module. A function cannot cross', { run }],
    ['AGENT_INVALID', 'Agent "ada" has both run and isolation.', { run, module: undefined }],
    ['AGENT_INVALID', 'Agent "ada" has isolation, but no module. Pass module: new URL(', { module: undefined }],
    ['AGENT_INVALID', 'isolation must be "thread" or "process", got "fork"', { isolation: 'fork' }],
    ['AGENT_INVALID', 'isolation must be "thread" or "process", got undefined', { isolation: undefined }],
    ...[
      './ada.ts',
      '/agents/ada.ts',
      'C:\\ada.ts',
      '',
      'node:fs',
      'https://example.com/ada.js',
      'a b',
      'a//b',
      'file:./ada.ts',
      'file://[ada',
    ].map((text): [string, string, object] => [
      'AGENT_INVALID',
      `Agent "ada" has a module that is not found from everywhere, ${JSON.stringify(text)}. Pass new URL("./agent.ts", import.meta.url)`,
      { module: text },
    ]),
    [
      'AGENT_INVALID',
      'from everywhere, "https://example.com/ada.js"',
      { module: new URL('https://example.com/ada.js') },
    ],
    ['AGENT_INVALID', 'from everywhere, null', { module: null }],
    ['AGENT_INVALID', 'from everywhere, an object', { module: {} }],
    ['AGENT_INVALID', 'from everywhere, "agents"', { module: { href: 'agents' } }],
    ['INVALID_ARGUMENT', 'agent "ada" memoryMb must be a whole number from 16 to 1000000, got 8', { memoryMb: 8 }],
    ['AGENT_INVALID', 'Agent "ada" has an env that is no object of strings, but "KEY"', { env: 'KEY' }],
    ['AGENT_INVALID', 'but null', { env: null }],
    ['AGENT_INVALID', 'but an array', { env: [] }],
    ['AGENT_INVALID', 'Agent "ada" has an env in which "KEY" is no variable with a string.', { env: { KEY: 7 } }],
    ['AGENT_INVALID', '"KEY" is no variable', { env: { KEY: 'a\0b' } }],
    ['AGENT_INVALID', '"A=B" is no variable', { env: { 'A=B': 'c' } }],
    ['AGENT_INVALID', '"" is no variable', { env: { '': 'c' } }],
  ])('is refused with %s: %s', (code, message, part) => {
    expect(() => toAgent({ ...base, ...part })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as string }),
    );
  });

  it.each([
    ['memoryMb', 64],
    ['env', {}],
  ])('is what %s is for: an agent with run is refused that has it', (key, value) => {
    expect(() => toAgent({ id: 'ada', run, [key]: value })).toThrow(
      expect.objectContaining({
        code: 'AGENT_INVALID',
        message: `Agent "ada" has ${key}, which holds only in a thread or process of its own. Pass module and isolation instead of run, or leave it out.`,
      }),
    );
    expect(toAgent({ id: 'ada', run, [key]: undefined })).toMatchObject({ id: 'ada' });
  });
});

describe('the stored description of an agent', () => {
  it('has a default for all that was left out', () => {
    expect(toAgentConfig({ id: 'ada', run })).toEqual({
      id: 'ada',
      name: 'ada',
      role: '',
      description: '',
      capabilities: [],
      examples: [],
      limits: {},
      cost: null,
    });
  });

  it('has all that was given, and not what runs', () => {
    const config = {
      id: 'ada',
      name: 'Ada',
      role: 'mathematician',
      description: 'Works out\nnumbers.',
      capabilities: ['sum', 'sum', 'product'],
      examples: ['What is 2 + 2?'],
      limits: { timeouts: { startToCloseMs: 5, idleMs: 3 }, concurrency: 2 },
      cost: { perCall: 0.5 },
    };
    expect(toAgentConfig({ ...config, run })).toEqual({ ...config, capabilities: ['sum', 'product'] });
  });

  it('is the same when it is checked again', () => {
    const config = toAgentConfig({ id: 'ada', capabilities: ['sum'], cost: [1], run });
    expect(toAgentConfig(config)).toEqual(config);
  });

  it('does not change with what it was made from', () => {
    const cost = { perCall: 1 };
    const config = toAgentConfig({ id: 'ada', cost, run });
    cost.perCall = 2;
    expect(config.cost).toEqual({ perCall: 1 });
  });

  it.each<[string, string, object]>([
    ['INVALID_NAME', 'agent id must not be empty', { id: '' }],
    ['INVALID_NAME', 'agent "ada" name must not be empty', { name: '' }],
    ['AGENT_INVALID', 'agent "ada" role must be a string, got 7', { role: 7 }],
    ['AGENT_INVALID', 'agent "ada" description must be a string, got null', { description: null }],
    ['INVALID_ARGUMENT', 'agent "ada" capabilities must be an array', { capabilities: 'sum' }],
    ['INVALID_NAME', 'agent "ada" capabilities[1] must not be empty', { capabilities: ['a', ''] }],
    ['AGENT_INVALID', 'agent "ada": examples must be an array of strings', { examples: 'one' }],
    ['AGENT_INVALID', 'agent "ada" examples[0] must be a string, got an object', { examples: [{}] }],
    ['AGENT_INVALID', 'agent "ada" examples[0] must be a string, got undefined', { examples: Array<string>(1) }],
    [
      'INVALID_ARGUMENT',
      'agent "ada" limits.timeouts.scheduleToStartMs must be a whole number from 1 to 316224000000, got 0',
      { limits: { timeouts: { scheduleToStartMs: 0 } } },
    ],
    ['INVALID_JSON', 'agent "ada" cost is a bigint', { cost: 1n }],
    ['INVALID_NAME', 'agent "ada" capabilities[0] must be a string, got undefined', { capabilities: Array<string>(1) }],
    ['INVALID_ARGUMENT', 'agent "ada" capabilities must hold at most 1000', { capabilities: Array(1_001).fill('a') }],
    ['PAYLOAD_TOO_LARGE', 'agent "ada" is larger than the limit', { description: 'x'.repeat(1024 * 1024) }],
    ['PAYLOAD_TOO_LARGE', 'agent "ada" cost is larger than the limit', { cost: 'x'.repeat(64 * 1024) }],
  ])('is refused with %s: %s', (code, message, part) => {
    expect(() => toAgentConfig({ id: 'ada', ...part })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as string }),
    );
  });
});
