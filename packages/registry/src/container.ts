import 'reflect-metadata';
import { Container } from 'inversify';
import { createMakeId, stderrLogger, systemClock, systemRandom, Tokens, type Clock, type Store } from '@symphony/core';
import { EnhancedExecutor } from '@symphony/executor';
import { executorModule } from '@symphony/executor/module';
import type { TaskRouterOptions } from '@symphony/router';
import { routerModule } from '@symphony/router/module';
import { trackerModule } from '@symphony/tracker/module';
import type { OpenOptions } from './options.ts';
import { StoreDirectory } from './store-directory.ts';

/** What a container is made of beside the options of the application. */
export interface ContainerParts {
  readonly routerOptions: TaskRouterOptions;
  /** Opens the store that the options name; asked only if no module brings one. */
  readonly openStore: (clock: Clock) => Promise<Store>;
}

/**
 * Binds everything. What the registry brings lies in a parent container and the application's modules in a child, so that
 * a module can bind any token, known or new, without asking what is there.
 */
export async function createContainer(
  options: OpenOptions,
  { routerOptions, openStore }: ContainerParts,
): Promise<Container> {
  const parent = new Container();
  const container = new Container({ parent });
  parent.bind(Tokens.Clock).toConstantValue(options.clock ?? systemClock);
  parent.bind(Tokens.Random).toConstantValue(options.random ?? systemRandom);
  parent.bind(Tokens.Logger).toConstantValue(options.logger ?? stderrLogger);
  parent
    .bind(Tokens.MakeId)
    .toResolvedValue((clock) => options.makeId ?? createMakeId(clock), [Tokens.Clock])
    .inSingletonScope();
  parent
    .bind(Tokens.Store)
    .toResolvedValue((clock) => openStore(clock), [Tokens.Clock])
    .inSingletonScope();
  parent
    .bind(Tokens.StrategyState)
    .toResolvedValue((store) => store.state, [Tokens.Store])
    .inSingletonScope();
  parent
    .bind(StoreDirectory)
    .toResolvedValue(
      (store) => new StoreDirectory(store, () => container.get(EnhancedExecutor).workerCount > 0),
      [Tokens.Store],
    )
    .inSingletonScope();
  parent.bind(Tokens.AgentDirectory).toService(StoreDirectory);
  parent.bind(Tokens.RouterOptions).toConstantValue(routerOptions);
  const hooks = options.hooks === undefined ? {} : { hooks: options.hooks };
  const retention = options.retention === undefined ? {} : { retention: options.retention };
  parent.bind(Tokens.ExecutorOptions).toConstantValue({ ...options.lease, ...hooks, ...retention });
  parent.load(trackerModule, routerModule, executorModule);
  await container.loadAsync(...(options.modules ?? []));
  return container;
}
