import { Tokens } from '@symphony/core';
import { ContainerModule } from 'inversify';
import { TaskRouter, type TaskRouterOptions } from './task-router.ts';

/** Binds {@link TaskRouter}, also as the `Router` of core, to what the container knows of agents, time and state. */
export const routerModule = new ContainerModule(({ bind }) => {
  bind(TaskRouter)
    .toResolvedValue(
      (options, directory, clock, logger, state) =>
        new TaskRouter({ ...(options as TaskRouterOptions), directory, clock, logger, state }),
      [Tokens.RouterOptions, Tokens.AgentDirectory, Tokens.Clock, Tokens.Logger, Tokens.StrategyState],
    )
    .inSingletonScope();
  bind(Tokens.Router).toService(TaskRouter);
});
