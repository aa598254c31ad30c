import type { Task } from '@symphony/core';
import { newAgentConfig, newRankRequest, newStrategyServices, testStrategy } from '@symphony/testing';
import { describe, expect, it } from 'vitest';
import { capabilityMatch } from './index.ts';

testStrategy({ describe, it }, { plugin: capabilityMatch });

const agents = [
  newAgentConfig('all-rounder', { capabilities: ['python', 'sql', 'french', 'law'] }),
  newAgentConfig('analyst', { capabilities: ['SQL', 'charts'] }),
  newAgentConfig('lawyer', { capabilities: ['law'] }),
  newAgentConfig('lawyer-too', { capabilities: ['law'] }),
];

describe('capability-match', () => {
  it('puts the agent first that has most of the tags, and names those it has', async () => {
    expect((await rank({ tags: ['python', 'sql'] }))[0]).toEqual({
      agentId: 'all-rounder',
      score: 1,
      reasons: ['has 2 of 2 wished capabilities: python, sql', 'has 2 other capabilities'],
    });
  });

  it('leaves out agents that have none of the tags', async () => {
    expect((await rank({ tags: ['french'] })).map(({ agentId }) => agentId)).toEqual(['all-rounder']);
  });

  it('takes upper and lower case for the same', async () => {
    expect((await rank({ tags: ['Charts', 'sql'] }))[0]?.agentId).toBe('analyst');
  });

  it('prefers the specialist among equals', async () => {
    expect((await rank({ tags: ['law'] })).at(-1)?.agentId).toBe('all-rounder');
  });

  it('spreads tasks over agents that are alike', async () => {
    const chosen = new Set<string>();
    for (let index = 0; index < 20; index++)
      chosen.add((await rank({ id: `task-${index}`, tags: ['law'] }))[0]!.agentId);
    expect(chosen).toEqual(new Set(['lawyer', 'lawyer-too']));
  });

  it('counts required capabilities as wishes too', async () => {
    expect((await rank({ requirements: { capabilities: ['law'] }, tags: ['french'] }))[0]?.agentId).toBe('all-rounder');
  });

  it('abstains when the task has no tags, or nobody has one of them', async () => {
    expect(await rank({ tags: [] })).toEqual([]);
    expect(await rank({ tags: ['cooking'] })).toEqual([]);
  });
});

async function rank(task: Partial<Task>) {
  const strategy = await capabilityMatch.create(undefined, newStrategyServices());
  return strategy.rank(newRankRequest({ task, agents }));
}
