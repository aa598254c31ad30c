import { Container } from 'inversify';
import { Tokens } from '@symphony/core';
import { ServiceRegistry } from '@symphony/registry';
import { newAgent } from '@symphony/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findServer } from '../test/server.ts';
import { PostgresStore } from './index.ts';
import { postgresModule } from './module.ts';

let server: Awaited<ReturnType<typeof findServer>>;
beforeAll(async () => void (server = await findServer()), 60_000);
afterAll(() => server.stop(), 60_000);

it('runs an application whose persistence is a URL', async () => {
  const agents = [newAgent('echo')];
  const persistence = server.newUrl();
  const resolveFrom = import.meta.dirname;
  const submitter = await ServiceRegistry.open({ persistence, agents, resolveFrom });
  const handles = await Promise.all(
    Array.from({ length: 20 }, (_, index) => submitter.submit({ name: `echo ${index}`, input: { index } })),
  );
  const worker = await ServiceRegistry.open({ persistence, agents, resolveFrom });
  await worker.startWorker({ concurrency: 4 });
  const results = await Promise.all(handles.map((handle) => handle.result()));
  expect(results).toEqual(handles.map((_, index) => ({ index })));
  await worker.close();
  await submitter.close();
});

it('binds one PostgresStore and closes it with the container', async () => {
  const container = new Container();
  container.load(postgresModule({ url: server.newUrl() }));
  const store = await container.getAsync(Tokens.Store);
  expect(store).toBeInstanceOf(PostgresStore);
  expect(await container.getAsync(Tokens.Store)).toBe(store);
  await container.unbindAsync(Tokens.Store);
  await expect(store.lastPosition()).rejects.toMatchObject({ code: 'STORE_CLOSED' });
});
