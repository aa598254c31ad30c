// Loaded before all else by Node itself, so that the threads and processes which a test starts have the bug too.
import { registerHooks } from 'node:module';
import { plantOfProcess, planted } from './plant.ts';

const plant = plantOfProcess();
if (plant !== undefined) {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const { source } = loaded;
      if (!url.startsWith('file:') || source == null) return loaded;
      const changed = planted(plant, url, typeof source === 'string' ? source : new TextDecoder().decode(source));
      return changed === undefined ? loaded : { ...loaded, source: changed };
    },
  });
}
