import { newAgentConfig, newRankRequest, newStrategyServices, testStrategy } from '@symphony/testing';
import { describe, expect, it } from 'vitest';
import cheapest from './index.ts';

const agents = [
  newAgentConfig('bulk', { cost: { perTask: 1.5, perKilobyte: 0 } }),
  newAgentConfig('quick', { cost: { perTask: 0, perKilobyte: 1 } }),
  newAgentConfig('silent'),
];

// What every strategy promises is tested by one line …
testStrategy(
  { describe, it },
  { plugin: cheapest, options: { limit: 2 }, invalidOptions: [{}, { limit: 0 }, { limit: 'two' }], agents },
);

// … so what is left to test is what this one is about.
describe('cheapest', () => {
  it('prefers the agent that takes least for an input of this size', async () => {
    expect(await chosen('short')).toEqual(['quick', 'bulk']);
    expect(await chosen('x'.repeat(1_800))).toEqual(['bulk', 'quick']);
  });

  it('leaves out who is over the limit, and who does not say what it takes', async () => {
    expect(await chosen('x'.repeat(3_000))).toEqual(['bulk']);
    expect(await chosen('x'.repeat(3_000), 1)).toEqual([]);
  });

  it('says the price', async () => {
    const strategy = await cheapest.create({ limit: 2 }, newStrategyServices());
    const [best] = await strategy.rank(newRankRequest({ task: { input: 'x'.repeat(498) }, agents }));
    expect(best?.reasons).toEqual(['would cost 0.50, at most 2 is allowed']);
  });
});

async function chosen(input: string, limit = 2): Promise<string[]> {
  const strategy = await cheapest.create({ limit }, newStrategyServices());
  return (await strategy.rank(newRankRequest({ task: { input }, agents }))).map(({ agentId }) => agentId);
}
