import { setTimeout as wait } from 'node:timers/promises';
import { churn } from './bloat-churn.ts';
import type { PostgresPlace } from './place.ts';
import { printTable, type Row } from './print.ts';

const mebibyte = 2 ** 20;
/** How long what has ended stays. */
const keepMs = 3_000;

interface TableFigures {
  readonly name: string;
  readonly live: number;
  readonly dead: number;
  readonly bytes: number;
  readonly indexBytes: number;
  readonly vacuums: number;
  readonly updates: number;
  readonly hot: number;
}

interface Sample {
  /** How many were done. */
  readonly tasks: number;
  readonly tables: readonly TableFigures[];
}

/** Rows, dead rows and sizes of every table over a churn in which what has ended is soon removed. */
export async function measureTables(place: PostgresPlace, count: number): Promise<void> {
  const samples: Sample[] = [];
  const look = async (tasks: number): Promise<void> => {
    samples.push({ tasks, tables: await readTables(place) });
  };
  const startedAt = performance.now();
  await churn(place, { count, keepMs, onTenth: look });
  console.log(
    `${count} tasks of one step and one progress, in workflows of 1,000; two workers that renew every 200 ms; what ended ${keepMs / 1_000} s ago is removed; ${Math.round((performance.now() - startedAt) / 1_000)} s`,
  );
  printTable('bloat postgres, over time', samples.map(overTime));
  await wait(15_000); // for autovacuum to look once more
  printTable('bloat postgres, 15 s later', (await readTables(place)).map(afterwards));
}

/** Dead rows and sizes at one time: the tables that every task adds to, and the small ones together. */
function overTime({ tasks, tables }: Sample): Row {
  const row: Record<string, number | string> = { tasks };
  for (const group of [['tasks'], ['events'], ['steps'], ['workflows', 'workers', 'commits']]) {
    const members = tables.filter(({ name }) => group.includes(name));
    const name = group.length === 1 ? group[0] : 'the small';
    row[`${name} dead`] = members.reduce((sum, { dead }) => sum + dead, 0);
    row[`${name} MiB`] = members.reduce((sum, { bytes, indexBytes }) => sum + bytes + indexBytes, 0) / mebibyte;
  }
  return row;
}

function afterwards({ name, live, dead, bytes, indexBytes, vacuums, updates, hot }: TableFigures): Row {
  return {
    table: name,
    live,
    dead,
    'MiB of rows': bytes / mebibyte,
    'MiB of indexes': indexBytes / mebibyte,
    vacuums,
    updates,
    'of these HOT, %': updates === 0 ? '—' : Math.round((hot / updates) * 100),
  };
}

async function readTables(place: PostgresPlace): Promise<readonly TableFigures[]> {
  const rows = await place.ask(
    `SELECT relname AS name, n_live_tup::float AS live, n_dead_tup::float AS dead,
       pg_table_size(relid)::float AS bytes, pg_indexes_size(relid)::float AS "indexBytes",
       (autovacuum_count)::float AS vacuums, n_tup_upd::float AS updates, n_tup_hot_upd::float AS hot
     FROM pg_stat_user_tables
     WHERE schemaname = '${place.schema}' AND relname IN ('tasks', 'steps', 'events', 'workflows', 'workers', 'commits')
     ORDER BY relname`,
  );
  return rows as unknown as readonly TableFigures[];
}
