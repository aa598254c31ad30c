// Claims with a thousand to a million due tasks: pnpm --dir bench scale [sqlite|postgres|all] [largest size] [claims]
// and beside a transaction that somebody leaves open: pnpm --dir bench scale foreign [seconds]
import { openPlace, storeKinds, type Place } from './place.ts';
import { printMachine, printTable, type Row } from './print.ts';
import { batch, claimByHand, claimByWorker, claimUntilHeld, type Claimer } from './scale-claims.ts';
import { measureForeign } from './scale-foreign.ts';
import { agentIds, ScaleQueue } from './scale-queue.ts';
import { percentileOf } from './statistics.ts';

const [which = 'all', ...numbers] = process.argv.slice(2);
const [largest = 1_000_000, claims = 1_000] = numbers.map(Number);
const sizes = [1_000, 10_000, 100_000, 1_000_000].filter((size) => size <= largest);
const rounds = 10;

/** A queue of one length, and what was measured on it. */
interface Subject extends Claimer {
  readonly name: string;
  readonly times: { readonly store: number[]; readonly worker: number[] };
}

if (which === 'foreign') await measureForeign(Number(numbers[0] ?? 120));
for (const kind of storeKinds.filter((each) => which === 'all' || which === each)) {
  await using place = await openPlace(kind);
  await measure(place);
}

async function measure(place: Place): Promise<void> {
  printMachine(place.settings);
  console.log(
    `claims of ${batch}; mixed priorities; half of the tasks for agents that nobody hosts; a store for each length, by turns`,
  );
  const subjects: Subject[] = [];
  try {
    for (const size of sizes) subjects.push(await fill(place, size));
    await claimByTurns(subjects);
    const rows = subjects.flatMap(rowsOf);
    printRatios(subjects);

    const [shortest, longest] = [subjects[0], subjects.at(-1)] as [Subject, Subject];
    const paused = Math.min(100_000, largest / 10);
    const whilePausing = await pauseAhead(longest, paused);
    const again = [shortest, { ...longest, name: `${longest.name}, ${number(paused)} paused ahead` }].map(
      (subject): Subject => ({ ...subject, times: { store: [], worker: [] } }),
    );
    await claimByTurns(again);
    printRatios(again);
    rows.push(rowOf(`${longest.name}, while ${number(paused)} ahead are paused`, 'store', whilePausing));
    rows.push(...rowsOf(again[1] as Subject));
    printTable(`scale ${place.kind}`, rows);
  } finally {
    for (const { store } of subjects) await store.close();
  }
}

async function fill(place: Place, size: number): Promise<Subject> {
  const store = await place.open(`due_${size}`);
  const queue = new ScaleQueue(store);
  const workerId = 'wrk_bench';
  await store.openWorker({ id: workerId, hosts: agentIds.here, leaseMs: 3_600_000, renewMs: 600_000 });
  const startedAt = performance.now();
  await queue.fillTo(size);
  const seconds = (performance.now() - startedAt) / 1_000;
  console.log(`filled with ${number(size)} in ${seconds.toFixed(1)} s, ${number(Math.round(size / seconds))} tasks/s`);
  return { name: `${number(size)} due`, store, queue, workerId, times: { store: [], worker: [] } };
}

/** By turns, so that whatever else the machine does meets all lengths alike. */
async function claimByTurns(subjects: readonly Subject[]): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const subject of subjects) {
      subject.times.store.push(...(await claimByHand(subject, claims / rounds)));
      subject.times.worker.push(...(await claimByWorker(subject, claims / rounds)));
    }
  }
}

/** Puts tasks before all others, and pauses their workflow: claims pass over them and hold them, until all are held. */
async function pauseAhead(subject: Subject, count: number): Promise<readonly number[]> {
  const id = await subject.queue.addWorkflowAhead(count);
  const startedAt = performance.now();
  await subject.store.commit({ groups: [[{ type: 'pauseWorkflow', id }]] });
  const times = await claimUntilHeld(subject, id);
  console.log(
    `a workflow of ${number(count)} was held back in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`,
  );
  return times;
}

function rowsOf({ name, times }: Subject): readonly Row[] {
  return [rowOf(name, 'store', times.store), rowOf(name, 'worker', times.worker)];
}

function rowOf(queue: string, by: string, times: readonly number[]): Row {
  return {
    queue,
    'claimed by': by,
    claims: times.length,
    'p50, ms': percentileOf(times, 0.5),
    'p99, ms': percentileOf(times, 0.99),
    'longest, ms': Math.max(...times),
  };
}

function printRatios(subjects: readonly Subject[]): void {
  const [first, last] = [subjects[0], subjects.at(-1)] as [Subject, Subject];
  for (const by of ['store', 'worker'] as const) {
    const ratio = (share: number): string =>
      (percentileOf(last.times[by], share) / percentileOf(first.times[by], share)).toFixed(2);
    console.log(`${last.name} : ${first.name}, claimed by ${by}: p50 × ${ratio(0.5)}, p99 × ${ratio(0.99)}`);
  }
}

function number(value: number): string {
  return value.toLocaleString('en');
}
