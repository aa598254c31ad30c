import { silentLogger, Tokens, type AgentDirectory, type StrategyState } from '@symphony/core';
import { roundRobin } from '@symphony/strategies';
import { newAgentConfig, VirtualClock } from '@symphony/testing';
import { Container } from 'inversify';
import { expect, it } from 'vitest';
import { TaskRouter, type TaskRouterOptions } from './index.ts';
import { routerModule } from './module.ts';

it('binds one TaskRouter, as the class and as the Router of core, to what the container holds', async () => {
  const directory: AgentDirectory = {
    list: async () => [{ config: newAgentConfig('anna'), enabled: true, hosted: true }],
    loads: async () => new Map(),
  };
  const options: TaskRouterOptions = { strategies: [roundRobin], strategy: 'round-robin' };
  const state: StrategyState = { get: async () => undefined, set: async () => true };
  const container = new Container();
  container.bind(Tokens.RouterOptions).toConstantValue(options);
  container.bind(Tokens.AgentDirectory).toConstantValue(directory);
  container.bind(Tokens.Clock).toConstantValue(new VirtualClock());
  container.bind(Tokens.Logger).toConstantValue(silentLogger);
  container.bind(Tokens.StrategyState).toConstantValue(state);
  container.load(routerModule);

  const router = container.get(TaskRouter);
  expect(container.get(Tokens.Router)).toBe(router);
  expect(await router.explain({ name: 'x' })).toMatchObject({ agentId: 'anna', strategy: 'round-robin' });
});
