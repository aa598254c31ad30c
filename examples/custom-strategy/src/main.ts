import { ServiceRegistry, SymphonyError, type Agent } from '@symphony/registry';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const agents: Agent[] = [
  {
    id: 'quick',
    description: 'Translates at once, and charges by length',
    cost: { perTask: 0, perKilobyte: 1 },
    run: () => 'translated at once',
  },
  {
    id: 'bulk',
    description: 'Translates over night, and charges hardly by length',
    cost: { perTask: 1.5, perKilobyte: 0.01 },
    run: () => 'translated over night',
  },
  { id: 'person', description: 'Decides what to do with the rest', run: () => 'put aside' },
];

// The strategy is named in a file, loaded from this folder's packages and checked; this program imports no line of it.
const folder = join(import.meta.dirname, '..');
const config = JSON.parse(await readFile(join(folder, 'symphony.config.json'), 'utf8')) as Configuration;
const symphony = await ServiceRegistry.open({ ...config, agents, resolveFrom: folder });
await symphony.startWorker();

for (const [name, length] of Object.entries({ note: 120, brochure: 1_900, book: 600_000 })) {
  const handle = await symphony.submit<string>({ name, input: 'x'.repeat(length) });
  const result = await handle.result();
  console.log(`${name.padEnd(8)} → ${await whoAndWhy(handle.id)} → ${result}`);
}
await symphony.close();

console.log('\nWith a limit of -1 the program does not even start:');
const [strategy] = config.routing.strategy;
await ServiceRegistry.open({
  ...config,
  routing: { ...config.routing, strategy: [strategy, { limit: -1 }] },
  resolveFrom: folder,
}).catch((error: unknown) => {
  if (!SymphonyError.is(error)) throw error;
  console.log(`${error.code}: ${error.message}`);
});

interface Configuration {
  readonly strategies: string[];
  readonly routing: { readonly strategy: [name: string, options: unknown]; readonly fallback: string };
}

/** What the task's log says about its route. */
async function whoAndWhy(taskId: string): Promise<string> {
  for (const event of await symphony.history(taskId)) {
    if (event.type !== 'task.routed') continue;
    const { agentId, candidates, fallback } = event.data;
    return `${agentId}: ${candidates[0]?.reasons.join(', ') ?? fallback?.reason}`;
  }
  throw new Error(`Task ${taskId} was never routed.`);
}
