// A worker process. Start as many as you like, on as many machines as you like; SIGTERM drains it.
import { createAgents } from './agents.ts';
import { Logbook } from './logbook.ts';
import { openSymphony } from './symphony.ts';

const symphony = await openSymphony(createAgents(new Logbook(process.argv[2]!)));
const worker = await symphony.startWorker({ concurrency: 4 });
process.send?.('ready');

// Nobody is left who would end it.
process.once('disconnect', () => process.exit(1));
process.channel?.unref();
await worker.stopOnSignals();
await symphony.close();
