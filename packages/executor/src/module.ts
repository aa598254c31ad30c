import { ContainerModule } from 'inversify';
import { Tokens } from '@symphony/core';
import { EnhancedExecutor } from './executor.ts';
import type { ExecutorOptions } from './services.ts';

/** Binds the executor; needs a store, a router, a clock, randomness, ids, a logger and its options. */
export const executorModule = new ContainerModule(({ bind }) => {
  bind(EnhancedExecutor)
    .toResolvedValue(
      (store, router, clock, random, makeId, logger, options) =>
        new EnhancedExecutor({
          ...(options as Partial<ExecutorOptions>),
          store,
          router,
          clock,
          random,
          makeId,
          logger,
        }),
      [Tokens.Store, Tokens.Router, Tokens.Clock, Tokens.Random, Tokens.MakeId, Tokens.Logger, Tokens.ExecutorOptions],
    )
    .inSingletonScope();
});
