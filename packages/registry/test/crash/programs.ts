import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'tsup';
import { planted, type PlantName } from './plants.ts';

const here = import.meta.dirname;
const packages = resolve(here, '../../..');

/**
 * Puts the programs of the lane together, each with all it needs in one file: a process then starts in half the time, and
 * all processes of a run are of the same sources, whatever happens to those meanwhile. A planted bug goes in here, so the
 * product has no switch for it.
 */
export async function buildPrograms(folder: string, plant?: PlantName): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  let isPlanted = plant === undefined;
  await build({
    entry: {
      worker: join(here, 'worker.ts'),
      submitter: join(here, 'submitter.ts'),
      script: join(here, 'script.ts'),
      // Where the built SQLite store looks for its thread: beside itself.
      thread: join(packages, 'persistence/sqlite/src/thread.ts'),
    },
    outDir: folder,
    config: false,
    silent: true,
    format: 'esm',
    outExtension: () => ({ js: '.js' }),
    platform: 'node',
    target: 'node22',
    splitting: false,
    clean: false,
    removeNodeProtocol: false,
    noExternal: [/./],
    esbuildOptions(options) {
      options.conditions = ['@symphony/source'];
    },
    esbuildPlugins: [
      {
        name: 'plant',
        setup({ onLoad }) {
          if (plant === undefined) return;
          onLoad({ filter: /\.ts$/ }, ({ path }) => {
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
