import type { AgentLoad } from '@symphony/core';
import { newAgentConfig, newRankRequest, newStrategyServices, testStrategy } from '@symphony/testing';
import { describe, expect, it } from 'vitest';
import { loadBalanced } from './index.ts';

testStrategy({ describe, it }, { plugin: loadBalanced });

describe('load-balanced', () => {
  it('puts the agent first that has least to do, running or waiting', async () => {
    const loads = {
      busy: { running: 3, queued: 0 },
      backlog: { running: 0, queued: 9 },
      free: { running: 1, queued: 0 },
    };
    expect(await rank(loads)).toEqual([
      { agentId: 'free', score: -1, reasons: ['1 running, 0 waiting'] },
      { agentId: 'busy', score: -3, reasons: ['3 running, 0 waiting'] },
      { agentId: 'backlog', score: -9, reasons: ['0 running, 9 waiting'] },
    ]);
  });

  it('spreads tasks over idle agents evenly', async () => {
    const idle = { running: 0, queued: 0 };
    const chosen = { a: 0, b: 0, c: 0 };
    for (let index = 0; index < 3_000; index++) {
      const [first] = await rank({ a: idle, b: idle, c: idle }, `task-${index}`);
      chosen[first!.agentId as 'a' | 'b' | 'c']++;
    }
    for (const count of Object.values(chosen)) expect(count).toBeGreaterThan(900);
  });
});

async function rank(loads: Record<string, AgentLoad>, id = 'task-1') {
  const strategy = await loadBalanced.create(undefined, newStrategyServices());
  const agents = Object.keys(loads).map((name) => newAgentConfig(name));
  return strategy.rank(newRankRequest({ task: { id }, agents, load: (agentId) => loads[agentId]! }));
}
