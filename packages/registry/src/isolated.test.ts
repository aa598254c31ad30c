import type { IsolatedAgent } from '@symphony/core';
import { expect, it } from 'vitest';
import { ServiceRegistry } from './index.ts';

const doubler = {
  id: 'doubler',
  description: 'Doubles numbers',
  module: new URL('../test/isolated-agent.ts', import.meta.url),
  isolation: 'process',
  env: { KEY: 'a secret' },
} satisfies IsolatedAgent;

it('an isolated agent is registered, routed to and hosted like any other, and its environment is not stored', async () => {
  const hooked: string[] = [];
  await using symphony = await ServiceRegistry.open({
    persistence: 'sqlite::memory:',
    agents: [doubler],
    hooks: {
      preExecution: (_task, agent) =>
        void hooked.push(`${agent.id} in a ${agent.run === undefined ? agent.isolation : 'worker'}`),
    },
  });
  await symphony.startWorker();
  const { doubled, pid } = await (
    await symphony.submit<{ doubled: number; pid: number }>({ name: 'double', input: 21 })
  ).result();
  expect(doubled).toBe(42);
  expect(pid).not.toBe(process.pid);
  expect(hooked).toEqual(['doubler in a process']);
  const entry = await symphony.getAgentManager().getAgent('doubler');
  expect(entry?.config).toMatchObject({ id: 'doubler', description: 'Doubles numbers' });
  expect(JSON.stringify(entry)).not.toMatch(/secret|module|isolat/);
});
