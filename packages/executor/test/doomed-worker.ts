// Runs an agent in a process of its own, tells what the agent tells of itself, and waits to be killed. Argument: the act.
import { MemoryStore } from '@symphony/persistence-memory';
import { EnhancedExecutor } from '@symphony/executor';
import { TaskManager } from '@symphony/tracker';

const store = new MemoryStore();
const { id } = await new TaskManager({ store }).createTask({ name: process.argv[2] ?? '' });
store.onChange(() => void tell());
await new EnhancedExecutor({ store }).executeTask(id, {
  id: 'ada',
  module: new URL('./isolated/acts.ts', import.meta.url),
  isolation: 'process',
  env: process.env,
});

async function tell(): Promise<void> {
  const [step] = await store.steps(id, 'ada');
  if (step !== undefined) process.stdout.write(step.output);
}
