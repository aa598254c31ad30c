// The process that does the repairs. It is started, killed and replaced by a supervisor.
import { openCrew } from './crew.ts';
import { Place } from './place.ts';
import { readPlan } from './plan.ts';
import { openSymphony } from './symphony.ts';

const place = new Place(process.argv[2]!);
const plan = readPlan(place)!;
const symphony = await openSymphony(plan, openCrew(place, plan));
// A few more than there are seats, so that those who give a task away at once need not wait for one.
const worker = await symphony.startWorker({ concurrency: plan.seats * plan.units.length + 4 });

// Without a supervisor nobody would ever end it.
process.once('disconnect', () => process.exit(1));
await worker.stopOnSignals();
await symphony.close();
process.disconnect();
