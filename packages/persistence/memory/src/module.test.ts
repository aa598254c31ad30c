import { Tokens } from '@symphony/core';
import { VirtualClock } from '@symphony/testing';
import { Container } from 'inversify';
import { expect, it } from 'vitest';
import { MemoryStore } from './index.ts';
import { memoryModule } from './module.ts';

it('binds one MemoryStore to the clock of the container', async () => {
  const clock = new VirtualClock();
  const container = new Container();
  container.bind(Tokens.Clock).toConstantValue(clock);
  container.load(memoryModule());

  const store = container.get(Tokens.Store);
  expect(store).toBeInstanceOf(MemoryStore);
  expect(container.get(Tokens.Store)).toBe(store);
  await store.openWorker({ id: 'wrk_1', hosts: [], leaseMs: 10_000, renewMs: 3_000 });
  expect((await store.worker('wrk_1'))?.startedAt).toBe(clock.now());
});
