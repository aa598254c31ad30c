// The process that does the repairs. It is started, killed and replaced by main.ts.
import { openCrew } from './crew.ts';
import { Place } from './place.ts';
import { openSymphony } from './symphony.ts';

const place = new Place(process.argv[2]!);
const symphony = await openSymphony(place, openCrew(place));
const worker = await symphony.startWorker({ concurrency: 6 });

// Without a supervisor nobody would ever end it.
process.once('disconnect', () => process.exit(1));
await worker.stopOnSignals();
await symphony.close();
process.disconnect();
