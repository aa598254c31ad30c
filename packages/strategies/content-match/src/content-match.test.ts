import type { AgentConfig, Task } from '@symphony/core';
import { newAgentConfig, newRankRequest, newStrategyServices, testStrategy } from '@symphony/testing';
import { describe, expect, it } from 'vitest';
import contentMatch from './index.ts';

testStrategy(
  { describe, it },
  {
    plugin: contentMatch,
    options: { minScore: 0.05, weights: { examples: 2 } },
    invalidOptions: [
      7,
      [],
      { k1: -1 },
      { b: 1.5 },
      { minScore: '1' },
      { k1: null },
      { k1: 1e308 },
      { weights: { nmae: 1 } },
      { weights: 3 },
    ],
  },
);

const agents = [
  newAgentConfig('null-safety', {
    name: 'Null safety',
    description: 'Adds checks where a value may be null or undefined',
    examples: ["Object is possibly 'undefined'.", "'options' is possibly 'null'."],
  }),
  newAgentConfig('types', {
    name: 'Implicit any',
    description: 'Adds type annotations to parameters and variables',
    examples: ["Parameter 'x' implicitly has an 'any' type."],
  }),
  newAgentConfig('unused', {
    name: 'Unused code',
    description: 'Removes variables, imports and functions that nobody uses',
    examples: ["'foo' is declared but its value is never read."],
  }),
  newAgentConfig('billing', {
    role: 'accounts',
    description: 'Answers questions about invoices and payments',
    capabilities: ['direct_debit'],
  }),
];

describe('content-match', () => {
  it.each([
    ["Parameter 'callback' implicitly has an 'any' type.\n  function run(callback) {", 'types'],
    ["'commander' is possibly 'undefined'.", 'null-safety'],
    ["'path' is declared but its value is never read.\nconst path = require('path');", 'unused'],
    ['I was charged twice: please check my payment', 'billing'],
  ])('finds the agent for %j', async (message, agentId) => {
    expect((await rank({ input: { message } }))[0]?.agentId).toBe(agentId);
  });

  it('reads name, tags, description and every string inside the input', async () => {
    const parts: Partial<Task>[] = [
      { name: 'invoices' },
      { name: 'x', tags: ['invoices'] },
      { name: 'x', description: 'invoices' },
      { name: 'x', input: [1, { deep: [null, 'invoices'] }] },
    ];
    for (const part of parts) expect((await rank(part))[0]?.agentId).toBe('billing');
  });

  it('reads name, role, description, capabilities and examples of agents', async () => {
    const texts: Partial<AgentConfig>[] = [
      { name: 'needle' },
      { role: 'needle' },
      { description: 'a needle' },
      { capabilities: ['needle'] },
      { examples: ['other', 'find the needle'] },
    ];
    for (const text of texts) {
      const found = await rank({ name: 'needle' }, [...agents, newAgentConfig('x', text)]);
      expect(found.map(({ agentId }) => agentId)).toEqual(['x']);
    }
  });

  it('takes identifiers apart and sees through plurals, endings, case and accents', async () => {
    for (const text of ['directDebits', 'DIRECT_DEBIT', 'direct-debiting', 'dírect débit', 'HTTPDirect2 debit']) {
      expect((await rank({ name: text }))[0]?.agentId).toBe('billing');
    }
  });

  it('names the words that decided, with their shares', async () => {
    const [best] = await rank({ input: 'Removes unused imports: nobody cares about variables' });
    expect(best).toMatchObject({ agentId: 'unused' });
    expect(best?.reasons).toEqual([
      'words in common: Removes 22 %, unused 22 %, imports 22 %, nobody 22 %, variables 13 %',
    ]);
  });

  it('scores from 0 to 1, by how much of the task the agent answers to', async () => {
    const [all] = await rank({ name: 'invoices and payments' });
    const [part] = await rank({ name: 'invoices, payments, gardening, cooking and astronomy' });
    expect(all!.score).toBeLessThanOrEqual(1);
    expect(part!.score).toBeGreaterThan(0);
    expect(part!.score).toBeLessThan(all!.score / 2);
  });

  it('abstains when no word matches, or no agent reaches minScore', async () => {
    expect(await rank({ name: 'gardening' })).toEqual([]);
    expect(await rank({ name: 'invoices, gardening, cooking and astronomy' }, agents, { minScore: 0.9 })).toEqual([]);
  });

  it('ranks a set of candidates the same, whatever it has ranked before', async () => {
    const some = agents.slice(0, 3);
    const request = newRankRequest({ task: { name: 'remove null checks' }, agents: some });
    const fresh = await contentMatch.create(undefined, newStrategyServices());
    const used = await contentMatch.create(undefined, newStrategyServices());
    await used.rank(newRankRequest({ task: { name: 'x' }, agents }));
    await used.rank(newRankRequest({ task: { name: 'null' }, agents: agents.slice(2) }));
    expect(await used.rank(request)).toEqual(await fresh.rank(request));
  });

  it('notices that a configuration has changed', async () => {
    const strategy = await contentMatch.create(undefined, newStrategyServices());
    const ask = (agent: AgentConfig) => strategy.rank(newRankRequest({ task: { name: 'gardening' }, agents: [agent] }));
    expect(await ask(newAgentConfig('a', { role: 'cook' }))).toEqual([]);
    expect(await ask(newAgentConfig('a', { role: 'gardener, gardening' }))).toHaveLength(1);
  });

  it('lets a draw decide between agents that are alike', async () => {
    const twins = [newAgentConfig('tick', { role: 'cook' }), newAgentConfig('tock', { role: 'cook' })];
    const chosen = new Set<string>();
    for (let index = 0; index < 20; index++)
      chosen.add((await rank({ id: `task-${index}`, name: 'cook' }, twins))[0]!.agentId);
    expect(chosen).toEqual(new Set(['tick', 'tock']));
  });

  it('counts a field as much as its weight says', async () => {
    const two = [newAgentConfig('by-role', { role: 'cook' }), newAgentConfig('by-example', { examples: ['cook'] })];
    expect((await rank({ name: 'cook' }, two, { weights: { role: 3 } }))[0]?.agentId).toBe('by-role');
    expect(await rank({ name: 'cook' }, two, { weights: { role: 0 } })).toMatchObject([{ agentId: 'by-example' }]);
  });
});

async function rank(task: Partial<Task>, among = agents, options?: unknown) {
  const strategy = await contentMatch.create(options, newStrategyServices());
  return strategy.rank(newRankRequest({ task: { name: '', ...task }, agents: among }));
}
