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
  readonly description?: string;
  readonly keywords?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
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

/** The packages that users can install. */
export function listPublicPackages(): Package[] {
  return listPackages('packages').filter(({ manifest }) => manifest.private !== true);
}

/** What users write to import from a package: `@symphony/router`, `@symphony/router/module`. */
export function importPaths({ name, exports = {} }: Manifest): string[] {
  return Object.keys(exports)
    .filter((subpath) => !subpath.endsWith('.json'))
    .map((subpath) => name + subpath.slice(1));
}

/** The versions that the catalog of pnpm-workspace.yaml gives shared dependencies, by name. */
export function readCatalog(): Readonly<Record<string, string>> {
  const workspace = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8');
  const [, section = ''] = /^catalog:\n((?: {2}.*\n)*)/m.exec(workspace) ?? [];
  const entries = [...section.matchAll(/^ {2}'?([^':#]+)'?: (\S+)$/gm)];
  return Object.fromEntries(entries.map(([, name = '', version = '']) => [name, version]));
}

/** The version that the catalog gives one of them. */
export function catalogVersion(name: string): string {
  const version = readCatalog()[name];
  if (version === undefined) throw new Error(`${name} is not in the catalog of pnpm-workspace.yaml`);
  return version;
}
