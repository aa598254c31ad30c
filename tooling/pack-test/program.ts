// A user's first program, outside the workspace: type-checked and run against the packed packages.
import { ServiceRegistry } from '@symphony/registry';
import type { Agent } from '@symphony/core';

const writer: Agent = {
  id: 'writer',
  description: 'Writes a short brief about a question',
  run: async (task) => ({ brief: `About: ${JSON.stringify(task.input)}` }),
};

const symphony = await ServiceRegistry.open({ persistence: 'sqlite:./symphony.db', agents: [writer] });
const handle = await symphony.submit({
  name: 'brief',
  input: { query: 'What changed in Node 24?' },
  idempotencyKey: 'brief-1',
});
await symphony.startWorker({ concurrency: 8 });
const result = await handle.result();
await symphony.close();

if (JSON.stringify(result) !== '{"brief":"About: {\\"query\\":\\"What changed in Node 24?\\"}"}') {
  throw new Error(`unexpected result: ${JSON.stringify(result)}`);
}
