import { globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The root folder of the repository. */
export const root = resolve(import.meta.dirname, '..');

/** The export condition under which packages answer with their TypeScript sources. */
export const sourceCondition = '@symphony/source';

/** What the tooling reads of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

/** One package of the workspace: its absolute folder and its manifest. */
export interface Package {
  readonly folder: string;
  readonly manifest: Manifest;
}

/** Reads the manifest of the package in `folder`. */
export function readManifest(folder: string): Manifest {
  // A package.json of ours always has this shape; pnpm refuses it otherwise.
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** Every package of the workspace below `top`: `packages` or `examples`. */
export function listPackages(top: 'packages' | 'examples'): Package[] {
  return globSync([`${top}/*/package.json`, `${top}/*/*/package.json`], {
    cwd: root,
    exclude: (path) => path.includes('node_modules'),
  })
    .map((file) => dirname(join(root, file)))
    .sort()
    .map((folder) => ({ folder, manifest: readManifest(folder) }));
}

/** The version that the catalog of pnpm-workspace.yaml gives a shared dependency. */
export function catalogVersion(name: string): string {
  const workspace = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8');
  const version = new RegExp(`^ {2}'?${name}'?: (\\S+)$`, 'm').exec(workspace)?.[1];
  if (version === undefined) throw new Error(`${name} is not in the catalog of pnpm-workspace.yaml`);
  return version;
}
