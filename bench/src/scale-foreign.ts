import pg from 'pg';
import { openPostgresPlace } from './place.ts';
import { printMachine, printTable, type Row } from './print.ts';
import { batch, claim, type Claimer } from './scale-claims.ts';
import { agentIds, ScaleQueue } from './scale-queue.ts';
import { percentileOf } from './statistics.ts';

/** Due tasks, half of them for agents that are hosted. */
const size = 10_000;
/** Tasks that the churn takes at once. */
const churnBatch = 200;
const windowMs = 10_000;

/**
 * Claims while many other tasks are claimed, completed and replaced, before, during and after a transaction of somebody
 * else that keeps the server from removing dead rows.
 */
export async function measureForeign(seconds: number): Promise<void> {
  await using place = await openPostgresPlace();
  const [store, other] = [await place.open(), await place.open()];
  const queue = new ScaleQueue(store);
  const foreign = new pg.Client({ connectionString: place.serverUrl });
  const stopping = new AbortController();
  const churned = { tasks: 0 };
  try {
    await foreign.connect();
    printMachine(place.settings);
    console.log(
      `claims of ${batch} from ${size} due while ${churnBatch} at a time are claimed, completed and replaced beside it`,
    );
    const beat = { hosts: agentIds.here, leaseMs: 3_600_000, renewMs: 600_000 };
    await store.openWorker({ ...beat, id: 'wrk_bench' });
    await store.openWorker({ ...beat, id: 'wrk_churn' });
    await queue.fillTo(size);
    const churning = churn(
      { store: other, queue: new ScaleQueue(other), workerId: 'wrk_churn' },
      stopping.signal,
      churned,
    );
    const rows: Row[] = [];
    const measure = async (phase: string, windows: number): Promise<void> => {
      for (let index = 0; index < windows; index++) {
        const times = await claimFor({ store, queue, workerId: 'wrk_bench' }, windowMs);
        const [table] = await place.ask(
          `SELECT n_dead_tup::float AS dead, pg_relation_size(indexrelid)::float / 1048576 AS mebibytes
           FROM pg_stat_user_tables JOIN pg_stat_user_indexes USING (relid)
           WHERE pg_stat_user_tables.schemaname = '${place.schema}' AND indexrelname = 'tasks_due'`,
        );
        rows.push({
          transaction: phase,
          'tasks churned': churned.tasks,
          claims: times.length,
          'p50, ms': percentileOf(times, 0.5),
          'p99, ms': percentileOf(times, 0.99),
          'dead tasks': Number(table?.['dead']),
          'tasks_due, MiB': Number(table?.['mebibytes']),
        });
      }
    };
    await measure('none', 2);
    await foreign.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await foreign.query('SELECT 1');
    await measure('open', Math.max(1, Math.round((seconds * 1_000) / windowMs)));
    await foreign.query('COMMIT');
    await measure('ended', 6);
    stopping.abort();
    await churning;
    printTable('scale foreign', rows);
    const [base, worst] = [rows[1], rows.findLast((row) => row['transaction'] === 'open')];
    const ratio = (column: string): string => (Number(worst?.[column]) / Number(base?.[column])).toFixed(2);
    console.log(`after ${seconds} s of an open transaction: p50 × ${ratio('p50, ms')}, p99 × ${ratio('p99, ms')}`);
  } finally {
    stopping.abort();
    await foreign.end();
    await store.close();
    await other.close();
  }
}

async function claimFor(claimer: Claimer, ms: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (const until = performance.now() + ms; performance.now() < until;) {
    const { ms: took, got } = await claim(claimer);
    if (got > 0) times.push(took); // else the other holds all that come first
  }
  return times;
}

async function churn(claimer: Claimer, signal: AbortSignal, churned: { tasks: number }): Promise<void> {
  while (!signal.aborted) churned.tasks += (await claim(claimer, churnBatch)).got;
}
