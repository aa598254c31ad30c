import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { planted, type PlantName } from './plants.ts';

const here = import.meta.dirname;
const packages = resolve(here, '../../../packages');

/** The driver of PostgreSQL asks for modules in the old way, which a file of the new one knows only with this. */
const banner = `import { createRequire as requireIn } from 'node:module'; const require = requireIn(import.meta.url);`;

/**
 * Puts the programs of fleets together, each with all it needs in one file: a process then starts in half the time, and all
 * processes of a run are of the same sources, whatever happens to those meanwhile. A planted bug goes in here, so the product
 * has no switch for it.
 */
export async function buildPrograms(folder: string, plant?: PlantName): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  let isPlanted = plant === undefined;
  await build({
    entryPoints: {
      worker: join(here, 'worker.ts'),
      submitter: join(here, 'submitter.ts'),
      script: join(here, 'script.ts'),
      // Where the built SQLite store looks for its thread: beside itself.
      thread: join(packages, 'persistence/sqlite/src/thread.ts'),
    },
    outdir: folder,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    conditions: ['@symphony/source'],
    external: ['pg-native'],
    banner: { js: banner },
    logLevel: 'error',
    plugins: [
      {
        name: 'plant',
        setup(bundle) {
          if (plant === undefined) return;
          bundle.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const contents = planted(plant, path, readFileSync(path, 'utf8'));
            if (contents === undefined) return undefined;
            isPlanted = true;
            return { contents, loader: 'ts' };
          });
        },
      },
    ],
  });
  if (!isPlanted) throw new Error(`No source file takes the planted bug "${String(plant)}".`);
}
