// Runs an agent in a thread and in a process of its own, and tells what these know of this one's environment and flags.
import { MemoryStore } from '@symphony/persistence-memory';
import { EnhancedExecutor } from '@symphony/executor';
import { TaskManager } from '@symphony/tracker';

const store = new MemoryStore();
const tasks = new TaskManager({ store });
const executor = new EnhancedExecutor({ store });
const told: unknown[] = [{ environment: process.env, flags: process.execArgv }];
for (const isolation of ['thread', 'process'] as const) {
  const { id } = await tasks.createTask({ name: 'environment and flags' });
  const module = new URL('./isolated/acts.ts', import.meta.url);
  const { output, error } = await executor.executeTask(id, { id: 'ada', module, isolation, env: { GIVEN: 'given' } });
  told.push(output ?? error);
}
await executor.close();
process.stdout.write(JSON.stringify(told));
