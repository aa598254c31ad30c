import type { RankRequest, RoutingStrategy } from '@symphony/core';
import { newAgentConfig, newRankRequest, newStrategyServices, testStrategy } from '@symphony/testing';
import { describe, expect, it } from 'vitest';
import { roundRobin } from './index.ts';

testStrategy({ describe, it }, { plugin: roundRobin });

describe('round-robin', () => {
  it('gives every candidate its turn, in the order of their ids', async () => {
    const strategy = await roundRobin.create(undefined, newStrategyServices());
    expect(await turns(strategy, among('c', 'a', 'b'), 7)).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a']);
  });

  it('stays fair when tasks differ in who may take them', async () => {
    const strategy = await roundRobin.create(undefined, newStrategyServices());
    await turns(strategy, among('a'), 4);
    expect(await turns(strategy, among('a', 'b', 'c'), 3)).toEqual(['b', 'c', 'a']);
    await turns(strategy, among('b'), 2);
    expect(await turns(strategy, among('a', 'b', 'c'), 3)).toEqual(['c', 'a', 'b']);
  });

  it('gives a newcomer one turn, not all that it missed', async () => {
    const strategy = await roundRobin.create(undefined, newStrategyServices());
    await turns(strategy, among('a', 'b'), 10);
    expect(await turns(strategy, among('a', 'b', 'new'), 4)).toEqual(['new', 'a', 'b', 'new']);
  });

  it('says whose turn it is and who comes next', async () => {
    const strategy = await roundRobin.create(undefined, newStrategyServices());
    expect(await strategy.rank(among('a', 'b'))).toEqual([
      { agentId: 'a', score: 0, reasons: ['it is its turn'] },
      { agentId: 'b', score: -1, reasons: ['1 turn to go'] },
    ]);
  });
});

function among(...ids: string[]): RankRequest {
  return newRankRequest({ agents: ids.map((id) => newAgentConfig(id)) });
}

async function turns(strategy: RoutingStrategy, request: RankRequest, count: number): Promise<string[]> {
  const chosen: string[] = [];
  while (chosen.length < count) chosen.push((await strategy.rank(request))[0]!.agentId);
  return chosen;
}
