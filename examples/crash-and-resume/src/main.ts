// An agent writes a report in eight steps that are slow and cost money. The first run is killed after the fifth;
// run the program again, and it goes on with the sixth.
import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ServiceRegistry, type Agent } from '@symphony/registry';

const folder = process.argv[2] ?? join(import.meta.dirname, '..');
const store = join(folder, 'report.db');
/** What was paid for, one line each. The store knows nothing of it. */
const ledger = join(folder, 'paid.log');
const chapters = ['question', 'sources', 'method', 'findings', 'figures', 'doubts', 'summary', 'title'];

const before = readLedger();
const isFirstRun = before.length === 0;
console.log(
  isFirstRun ? 'First run.' : `Second run: ${before.length} steps were paid for before the process was killed.`,
);

const author: Agent = {
  id: 'author',
  async run(_task, context) {
    for (const [index, chapter] of chapters.entries()) {
      let isPaid = false;
      await context.step(chapter, async () => {
        await wait(250);
        appendFileSync(ledger, `${chapter}\n`);
        isPaid = true;
        return `the ${chapter}, written for money`;
      });
      console.log(
        `  ${index + 1} ${chapter.padEnd(10)} ${isPaid ? 'executed, and paid for' : 'replayed from the journal'}`,
      );
      if (isFirstRun && index === 4) {
        console.log('Killed with SIGKILL, as a crash would. Run the same command again.');
        process.kill(process.pid, 'SIGKILL');
      }
    }
    return 'the report';
  },
};

// A short lease, so that the second run has not long to wait until the first one counts as dead.
const lease = { leaseMs: 2_000, renewMs: 500, sweepMs: 250 };
const symphony = await ServiceRegistry.open({ persistence: `sqlite:${store}`, lease });
// The key is how the second run finds the task of the first.
const task = await symphony.getTaskManager().createTask({ name: 'report', idempotencyKey: 'report' });
const { status } = await symphony.getEnhancedExecutor().executeTask(task.id, author);
await symphony.close();

const after = readLedger();
const executed = after.length - before.length;
const twice = after.length - new Set(after).size;
console.log(`The task is ${status}.`);
console.log(`${chapters.length - executed} replayed, ${twice} paid twice, ${executed} executed`);
// The next run begins anew.
for (const file of [store, ledger]) rmSync(file);

function readLedger(): readonly string[] {
  return existsSync(ledger) ? readFileSync(ledger, 'utf8').trimEnd().split('\n') : [];
}
