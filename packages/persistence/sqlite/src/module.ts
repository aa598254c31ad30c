import { ContainerModule } from 'inversify';
import { Tokens } from '@symphony/core';
import { SqliteStore, type SqliteStoreOptions } from './sqlite-store.ts';

/** Binds the store of an application to a SQLite file. The store is opened when it is first asked for and closed with the container. */
export function sqliteModule(options: SqliteStoreOptions): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(Tokens.Store)
      .toDynamicValue(() => SqliteStore.open(options))
      .inSingletonScope()
      .onDeactivation((store) => store.close());
  });
}
