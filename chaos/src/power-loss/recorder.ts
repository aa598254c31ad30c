// The program that is traced: works on a store and writes down, outside it, what was acknowledged and when.
import { spawn } from 'node:child_process';
import { openSync, writeSync } from 'node:fs';
import { SqliteStore } from '@symphony/persistence-sqlite';
import { ServiceRegistry } from '@symphony/registry';
import { Chance } from '../fleet/chance.ts';
import { makeAgent } from './agent.ts';
import type { Acknowledgement, RecordedWork, RecorderConfig } from './work.ts';

const config = JSON.parse(process.argv[2] ?? '') as RecorderConfig;
process.once('disconnect', () => process.exit(0));
const file = openSync(config.acknowledgements, 'a');
const acknowledge = (fact: Acknowledgement): void => void writeSync(file, `${JSON.stringify(fact)}\n`);
const agent = makeAgent((task, step) => acknowledge({ kind: 'step', task, agent: 'recorded', step }));

async function open(): Promise<{ readonly symphony: ServiceRegistry; readonly close: () => Promise<void> }> {
  const store = await SqliteStore.open({ path: config.store, synchronous: config.synchronous });
  const symphony = await ServiceRegistry.open({ persistence: store, agents: [agent] });
  const close = async (): Promise<void> => {
    await symphony.close();
    await store.close();
  };
  return { symphony, close };
}

/** Submits, works, and leaves: the last one to leave empties the log of the store into its file. */
async function submit(chance: Chance, count: number): Promise<void> {
  const { symphony, close } = await open();
  const tasks = symphony.getTaskManager();
  await symphony.startWorker({ concurrency: 4 });
  const draw = (): RecordedWork => ({ steps: chance.between(1, 3), characters: chance.between(10, 3_000) });
  const one = async (): Promise<void> => {
    const handle = await symphony.submit({ name: 'one', agentId: 'recorded', input: { ...draw() } });
    acknowledge({ kind: 'submitted', task: handle.id });
    if (chance.next() < 0.1) {
      const { status } = await tasks.cancelTask(handle.id);
      if (status === 'cancelled') acknowledge({ kind: 'cancelled', task: handle.id });
      return;
    }
    const { id, status, output } = await tasks.waitForTask(handle.id);
    acknowledge({ kind: 'ended', task: id, status, output: JSON.stringify(output) });
  };
  const graph = async (): Promise<void> => {
    const { id } = await symphony.getWorkflowTracker().createWorkflow({
      name: 'graph',
      tasks: [
        { key: 'first', name: 'first', agentId: 'recorded', input: { ...draw() } },
        { name: 'second', agentId: 'recorded', input: { ...draw() }, dependsOn: ['first'] },
      ],
    });
    acknowledge({ kind: 'workflow', workflow: id, tasks: 2 });
  };
  for (let done = 0; done < count; done += 4)
    await Promise.all([one(), one(), one(), chance.next() < 0.3 ? graph() : one()]);
  await close();
}

if (config.submits) {
  const helper = { ...config, submits: false };
  const child = spawn(process.execPath, [process.argv[1] as string, JSON.stringify(helper)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const chance = new Chance('power-loss', config.seed);
  const rounds = 3;
  for (let round = 0; round < rounds; round++) {
    // For one round nobody else has the store open.
    if (round === rounds - 1) child.disconnect();
    await submit(chance, Math.ceil(config.tasks / rounds));
  }
} else {
  const { symphony } = await open();
  await symphony.startWorker({ concurrency: 4 });
}
