import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { planted, type Plant } from './plant.ts';

const packages = resolve(import.meta.dirname, '../../../packages');

/** What programs are put together from. */
export interface BundleOptions {
  /** Sources by the name of their program: `worker` becomes `worker.js`. */
  readonly entries: Readonly<Record<string, string>>;
  /** A source that every program, and every thread of it, runs before anything else. */
  readonly first?: string;
  /** A bug in every program. The product has no switch for it. */
  readonly plant?: Plant | undefined;
}

/**
 * Puts programs together, each with all it needs in one file: a process then starts in a quarter of the time, and all
 * processes of a run are of the same sources, whatever happens to those meanwhile.
 *
 * @throws Error if the sources do not hold what the planted bug replaces
 */
export async function bundle(folder: string, { entries, first, plant }: BundleOptions): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  let isPlanted = plant === undefined;
  await build({
    entryPoints: { ...threads(), ...entries },
    inject: first === undefined ? [] : [first],
    outdir: folder,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    conditions: ['@symphony/source'],
    external: ['pg-native'],
    // What `pg` brings asks for its parts in the old way.
    banner: {
      js: `import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);`,
    },
    logLevel: 'error',
    plugins: [
      {
        name: 'plant',
        setup(builder) {
          if (plant === undefined) return;
          builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const contents = planted(plant, path, readFileSync(path, 'utf8'));
            if (contents === undefined) return undefined;
            isPlanted = true;
            return { contents, loader: 'ts' };
          });
        },
      },
    ],
  });
  if (!isPlanted) throw new Error(`No program holds ${String(plant?.file)}, where the bug is to be planted.`);
}

/** Built packages look for their threads beside themselves. */
function threads(): Record<string, string> {
  const sources = globSync(['*/src/{thread,*-thread}.ts', '*/*/src/{thread,*-thread}.ts'], { cwd: packages });
  return Object.fromEntries(sources.map((source) => [basename(source, '.ts'), join(packages, source)]));
}
