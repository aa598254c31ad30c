import { newAgentConfig, newRankRequest, newStrategyServices, testStrategy } from '@symphony/testing';
import { describe, expect, it } from 'vitest';
import { custom, type CustomOptions } from './index.ts';

const takeFirst: CustomOptions = { route: (_task, candidates) => [...candidates][0]?.id };

testStrategy(
  { describe, it },
  { plugin: custom, options: takeFirst, invalidOptions: [undefined, null, 5, {}, { route: 'a' }] },
);

describe('custom', () => {
  const request = newRankRequest({ task: { name: 'brief' }, agents: [newAgentConfig('a'), newAgentConfig('b')] });

  it('lets a function choose, which may be asynchronous', async () => {
    const strategy = await custom.create({ route: async () => 'b' } satisfies CustomOptions, newStrategyServices());
    expect(await strategy.rank(request)).toMatchObject([{ agentId: 'b' }]);
  });

  it('hands the function the task, the candidates and the rest of the request', async () => {
    const route: CustomOptions['route'] = (task, candidates, context) =>
      task.name === 'brief' && candidates.size === 2 && context.load('a').running === 0 ? 'a' : undefined;
    const strategy = await custom.create({ route }, newStrategyServices());
    expect(await strategy.rank(request)).toMatchObject([{ agentId: 'a' }]);
  });

  it('abstains where the function answers undefined', async () => {
    const strategy = await custom.create({ route: () => undefined } satisfies CustomOptions, newStrategyServices());
    expect(await strategy.rank(request)).toEqual([]);
  });
});
