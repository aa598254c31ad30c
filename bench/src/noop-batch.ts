import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceRegistry } from '@symphony/registry';
import { measureRawSqlite } from './raw-sqlite.ts';
import { medianOf, rangeOf } from './statistics.ts';

const runs = Number(process.argv[2] ?? 5);
const count = Number(process.argv[3] ?? 10_000);
const input = { text: 'x'.repeat(180) };
const noop = { id: 'noop', run: () => ({ text: 'y'.repeat(80) }) };

interface Figures {
  readonly [name: string]: number;
}

async function measure(folder: string): Promise<Figures> {
  const raw = measureRawSqlite(join(folder, 'raw.db'), count);
  const symphony = await ServiceRegistry.open({ persistence: `sqlite:${join(folder, 'symphony.db')}`, agents: [noop] });
  const tasks = symphony.getTaskManager();
  const executor = symphony.getEnhancedExecutor();
  const figures: Record<string, number> = { 'raw create': raw.create, 'raw execute': raw.execute };
  const ids: string[] = [];
  figures['createTask, all at once'] = await perSecond(async () => {
    const created = await Promise.all(Array.from({ length: count }, () => tasks.createTask({ name: 'noop', input })));
    ids.push(...created.map(({ id }) => id));
  });
  for (const maxConcurrent of [100, 1_000]) {
    const batch = maxConcurrent === 100 ? ids : (await createAgain(symphony)).map(({ id }) => id);
    figures[`batchExecute, ${maxConcurrent} at once`] = await perSecond(async () => {
      const done = await executor.batchExecute(
        batch.map((id) => [id, noop] as const),
        { maxConcurrent },
      );
      if (!done.every(({ status }) => status === 'completed')) throw new Error('Not every task was completed.');
    });
  }
  const handles = await Promise.all(
    Array.from({ length: count }, () => symphony.submit({ name: 'noop', input, agentId: 'noop' })),
  );
  figures['worker, 100 at once'] = await perSecond(async () => {
    await symphony.startWorker({ concurrency: 100 });
    await Promise.all(handles.map((handle) => handle.result()));
  });
  await symphony.close();
  return figures;
}

async function createAgain(symphony: ServiceRegistry): Promise<readonly { readonly id: string }[]> {
  return Promise.all(
    Array.from({ length: count }, () => symphony.getTaskManager().createTask({ name: 'noop', input })),
  );
}

async function perSecond(action: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await action();
  return (count / (performance.now() - startedAt)) * 1000;
}

const all: Figures[] = [];
for (let run = 0; run < runs; run++) {
  const folder = mkdtempSync(join(tmpdir(), 'symphony-bench-'));
  try {
    all.push(await measure(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

console.log(`${count} tasks, ${runs} runs, SQLite synchronous=FULL, Node ${process.version}; tasks per second`);
for (const name of Object.keys(all[0] ?? {})) {
  const values = all.map((figures) => figures[name] as number);
  const limit = medianOf(
    all.map((figures) => figures[name.includes('create') ? 'raw create' : 'raw execute'] as number),
  );
  console.log(
    `${name.padEnd(28)} ${String(Math.round(medianOf(values))).padStart(8)}  (${rangeOf(values)})  ${(medianOf(values) / limit).toFixed(2)} of the raw limit`,
  );
}
