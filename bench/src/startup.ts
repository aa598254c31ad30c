import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceRegistry } from '@symphony/registry';

const processes = Number(process.argv[2] ?? 25);
const tasks = Number(process.argv[3] ?? 1_000);

type Times = Readonly<Record<string, number>>;

const folder = mkdtempSync(join(tmpdir(), 'symphony-startup-'));
try {
  const path = join(folder, 'symphony.db');
  await fill(path);
  probe(path); // from now on the file knows the agents, and the disk cache the code
  const size = (statSync(path).size / 1_000_000).toFixed(1);
  const all = Array.from({ length: processes }, () => probe(path));
  console.log(
    `${processes} fresh processes, a file of ${tasks} tasks (${size} MB), Node ${process.version}; milliseconds`,
  );
  for (const name of Object.keys(all[0] ?? {})) {
    const times = all.map((each) => each[name] as number).sort((first, second) => first - second);
    const [median, slowest] = [times[times.length >> 1] as number, times.at(-1) as number];
    console.log(`${name.padEnd(32)} p50 ${median.toFixed(0).padStart(4)}   max ${slowest.toFixed(0).padStart(4)}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function fill(path: string): Promise<void> {
  const symphony = await ServiceRegistry.open({ persistence: `sqlite:${path}` });
  const input = { text: 'x'.repeat(180) };
  await Promise.all(Array.from({ length: tasks }, () => symphony.submit({ name: 'waiting', input })));
  await symphony.close();
}

function probe(path: string): Times {
  const probed = execFileSync(process.execPath, [join(import.meta.dirname, 'startup-probe.ts'), path], {
    encoding: 'utf8',
  });
  return JSON.parse(probed) as Times;
}
