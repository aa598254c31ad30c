import { join } from 'node:path';
import { bundle } from '../scene/bundle.ts';
import { toPlant } from '../scene/plant.ts';
import { plants } from './plants.ts';

const here = import.meta.dirname;

/** Puts the programs of fleets together, if asked with a planted bug in them. */
export async function buildPrograms(folder: string, plant?: string): Promise<void> {
  await bundle(folder, {
    entries: {
      worker: join(here, 'worker.ts'),
      submitter: join(here, 'submitter.ts'),
      script: join(here, 'script.ts'),
    },
    plant: toPlant(plants, plant),
  });
}
