// Hands in orders, one after the other, and writes down each that the store has acknowledged.
import { setTimeout as wait } from 'node:timers/promises';
import { SymphonyError } from '@symphony/registry';
import { Logbook } from './logbook.ts';
import { orders, type Order } from './orders.ts';
import { openSymphony } from './symphony.ts';

const logbook = new Logbook(process.argv[2]!);
const symphony = await openSymphony();
process.once('disconnect', () => process.exit(1));
process.channel?.unref();

for (const order of orders) {
  logbook.write({ task: await handIn(order), attempt: 0, what: 'acknowledged', of: order.idempotencyKey });
  await wait(35);
}
await symphony.close();

/** The key makes it safe to say it again: an order that was stored though nobody heard of it is found, not doubled. */
async function handIn(order: Order): Promise<string> {
  for (;;) {
    try {
      return (await symphony.submit(order)).id;
    } catch (error) {
      if (!SymphonyError.is(error, 'STORE_FAILED')) throw error; // the server is away for longer than usual
    }
  }
}
