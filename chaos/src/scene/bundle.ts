import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';

/** A bug that a lane is to find: a change of one source file, made in the copy that the lane's processes run. */
export interface Plant {
  /** End of the path of the source file. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/**
 * The planted bug of that name, as {@link bundle} takes it; none if no name is given.
 *
 * @throws Error if the lane has no such bug
 */
export function toPlants(known: Readonly<Record<string, Plant>>, name: string | undefined): readonly Plant[] {
  if (name === undefined) return [];
  const plant = known[name];
  if (plant !== undefined) return [plant];
  throw new Error(`This lane has no bug "${name}" to plant. It has: ${Object.keys(known).join(', ')}.`);
}

const packages = resolve(import.meta.dirname, '../../../packages');

/** What programs are put together from. */
export interface BundleOptions {
  /** Sources by the name of their program: `worker` becomes `worker.js`. */
  readonly entries: Readonly<Record<string, string>>;
  /** A source that every program, and every thread of it, runs before anything else. */
  readonly first?: string;
  readonly plants?: readonly Plant[];
}

/**
 * Puts programs together, each with all it needs in one file: a process then starts in a quarter of the time, and all
 * processes of a run are of the same sources, whatever happens to those meanwhile.
 *
 * @throws Error if the sources do not hold what the planted bug replaces
 */
export async function bundle(folder: string, { entries, first, plants = [] }: BundleOptions): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const planted = new Set<Plant>();
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
          builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            let contents: string | undefined;
            for (const plant of plants) {
              if (!path.endsWith(plant.file)) continue;
              const source = contents ?? readFileSync(path, 'utf8');
              if (!source.includes(plant.find)) continue;
              planted.add(plant);
              contents = source.replace(plant.find, () => plant.put);
            }
            return contents === undefined ? undefined : { contents, loader: 'ts' };
          });
        },
      },
    ],
  });
  for (const plant of plants)
    if (!planted.has(plant)) throw new Error(`No source file takes the planted bug "${plant.find}".`);
}

/** Built packages look for their threads beside themselves. */
function threads(): Record<string, string> {
  const sources = globSync(['*/src/{thread,*-thread}.ts', '*/*/src/{thread,*-thread}.ts'], { cwd: packages });
  return Object.fromEntries(sources.map((source) => [basename(source, '.ts'), join(packages, source)]));
}
