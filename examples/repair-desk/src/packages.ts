import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';

/** A pinned package whose sources are repaired. */
export interface PackageSource {
  readonly name: string;
  /** The files and folders of it that are sources. */
  readonly include: readonly string[];
}

/** What the desk works on: two packages written in JavaScript, at the versions that this example's package.json pins. */
export const packages: readonly PackageSource[] = [
  { name: 'commander', include: ['index.js', 'lib'] },
  { name: 'minimatch', include: ['minimatch.js'] },
];

const require = createRequire(import.meta.url);

/** The folder that a package is installed in. */
function installedFolder(name: string): string {
  const folders = (require.resolve.paths(name) ?? []).map((folder) => join(folder, name));
  const found = folders.find((folder) => existsSync(join(folder, 'package.json')));
  if (found === undefined) throw new Error(`${name} is not installed. Run pnpm install.`);
  return realpathSync(found);
}

/** The folder that holds the `@types` packages. */
export function typesFolder(): string {
  return dirname(installedFolder('@types/node'));
}

/** The version that a package is installed at. */
export function installedVersion(name: string): string {
  const manifest = readFileSync(join(installedFolder(name), 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

/** Where a copy of a package finds what it requires, in the form of NODE_PATH. */
export function dependencyPath(name: string): string {
  const folder = installedFolder(name);
  return [join(folder, 'node_modules'), dirname(folder)].join(delimiter);
}

/** Copies a package's sources into a folder. */
export function copySources({ name, include }: PackageSource, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const entry of [...include, 'package.json']) {
    cpSync(join(installedFolder(name), entry), join(folder, entry), { recursive: true });
  }
}

/** The JavaScript files below a folder, relative to it, in a fixed order. */
export function listSources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.js'))
    .map((file) => file.replaceAll('\\', '/'))
    .sort();
}
