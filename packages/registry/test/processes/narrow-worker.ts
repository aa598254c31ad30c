// A worker for an agent that may run two attempts at once, wherever they run; its agent notes when it begins and ends.
import { appendFileSync } from 'node:fs';
import type { Agent } from '@symphony/core';
import { ServiceRegistry } from '@symphony/registry';

const [path = '', ledger = ''] = process.argv.slice(2);
const note = (change: 1 | -1): void => appendFileSync(ledger, `${process.hrtime.bigint()} ${change} ${process.pid}\n`);
const narrow: Agent = {
  id: 'narrow',
  limits: { concurrency: 2 },
  async run() {
    note(1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    note(-1);
  },
};
const symphony = await ServiceRegistry.open({ persistence: `sqlite:${path}`, agents: [narrow] });
const worker = await symphony.startWorker({ concurrency: 1 });
process.send?.('ready');
const orphaned = (): never => process.exit(3);
process.once('disconnect', orphaned);
await worker.stopOnSignals();
await symphony.close();
process.off('disconnect', orphaned).disconnect();
