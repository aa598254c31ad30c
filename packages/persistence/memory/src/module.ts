import { Tokens } from '@symphony/core';
import { ContainerModule } from 'inversify';
import { MemoryStore } from './memory-store.ts';

/** Binds the store of an application to a {@link MemoryStore} on the container's clock. */
export function memoryModule(): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(Tokens.Store)
      .toResolvedValue((clock) => new MemoryStore({ clock }), [Tokens.Clock])
      .inSingletonScope()
      .onDeactivation((store) => store.close());
  });
}
