import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceRegistry, type WorkflowTask } from '@symphony/registry';
import { medianOf, rangeOf } from './statistics.ts';

const runs = Number(process.argv[2] ?? 3);
// Another store: a URL, with an empty database behind it.
const url = process.argv[3];
const agentId = 'noop';
const noop = { id: agentId, run: () => null };

/** The shapes that a workflow of tasks may take, each of 10,000 tasks but the chain. */
const shapes: Readonly<Record<string, () => readonly WorkflowTask[]>> = {
  'no edges, 10,000': () => Array.from({ length: 10_000 }, () => ({ name: 'leaf', agentId })),
  'fan-out to 10,000': () => [
    { key: 'root', name: 'root', agentId },
    ...Array.from({ length: 10_000 }, () => ({ name: 'leaf', agentId, dependsOn: ['root'] })),
  ],
  'fan-in from 10,000': () => {
    const leaves = Array.from({ length: 10_000 }, (_, index) => ({ key: String(index), name: 'leaf', agentId }));
    return [...leaves, { name: 'sum', agentId, dependsOn: leaves.map(({ key }) => key) }];
  },
  'chain of 1,000': () =>
    Array.from({ length: 1_000 }, (_, index) => ({
      key: String(index),
      name: 'link',
      agentId,
      ...(index === 0 ? {} : { dependsOn: [String(index - 1)] }),
    })),
  'grid of 100 × 100': () =>
    Array.from({ length: 10_000 }, (_, index) => {
      const [row, column] = [Math.floor(index / 100), index % 100];
      const dependsOn = [...(row > 0 ? [String(index - 100)] : []), ...(column > 0 ? [String(index - 1)] : [])];
      return { key: String(index), name: 'cell', agentId, dependsOn };
    }),
};

interface Figures {
  readonly create: number;
  readonly run: number;
}

async function measure(tasks: readonly WorkflowTask[]): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'symphony-bench-'));
  const persistence = url ?? `sqlite:${join(folder, 'symphony.db')}`;
  const symphony = await ServiceRegistry.open({ persistence, agents: [noop] });
  try {
    const startedAt = performance.now();
    const { id } = await symphony.getWorkflowTracker().createWorkflow({ name: 'graph', tasks });
    const createdAt = performance.now();
    await symphony.startWorker({ concurrency: 100 });
    const done = await symphony.getWorkflowTracker().waitForWorkflow(id);
    if (done.tasks.completed !== tasks.length) throw new Error('Not every task was completed.');
    return { create: createdAt - startedAt, run: performance.now() - createdAt };
  } finally {
    await symphony.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

console.log(
  `${runs} runs, ${url === undefined ? 'SQLite synchronous=FULL' : new URL(url).protocol}, Node ${process.version}`,
);
console.log(`${'shape'.padEnd(22)}${'create, ms'.padStart(12)}${'run, ms'.padStart(12)}${'tasks/s'.padStart(10)}`);
for (const [name, make] of Object.entries(shapes)) {
  const all: Figures[] = [];
  for (let run = 0; run < runs; run++) all.push(await measure(make()));
  const create = medianOf(all.map((each) => each.create));
  const run = medianOf(all.map((each) => each.run));
  const rate = Math.round((make().length / run) * 1_000);
  console.log(
    `${name.padEnd(22)}${create.toFixed(0).padStart(12)}${run.toFixed(0).padStart(12)}${String(rate).padStart(10)}   run ${rangeOf(all.map((each) => each.run))}`,
  );
}
