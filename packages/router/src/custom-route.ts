import { RoutingStrategies, type Candidates, type RankRequest, type RoutingStrategy, type Task } from '@symphony/core';

/** What a function that routes finds beside the task and the candidates. */
export type CustomRouteContext = Omit<RankRequest, 'task' | 'candidates'>;

/** Chooses the agent for a task by its id; undefined abstains. */
export type CustomRoute = (
  task: Task,
  candidates: Candidates,
  context: CustomRouteContext,
) => string | undefined | Promise<string | undefined>;

/** Makes a strategy of a function. */
export function routeByFunction(route: CustomRoute): RoutingStrategy {
  return {
    name: RoutingStrategies.Custom,
    async rank({ task, candidates, ...context }) {
      const agentId = await route(task, candidates, context);
      if (agentId === undefined || agentId === null) return [];
      return [{ agentId, score: 1, reasons: ['the custom router chose it'] }];
    },
  };
}
