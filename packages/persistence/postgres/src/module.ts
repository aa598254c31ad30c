import { ContainerModule } from 'inversify';
import { Tokens } from '@symphony/core';
import { PostgresStore, type PostgresStoreOptions } from './index.ts';

/** Binds the store of an application to a PostgreSQL database. It is opened when it is first asked for and closed with the container. */
export function postgresModule(options: PostgresStoreOptions): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(Tokens.Store)
      .toDynamicValue(() => PostgresStore.open(options))
      .inSingletonScope()
      .onDeactivation((store) => store.close());
  });
}
