import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import type { Unit } from '../desk/unit.ts';
import { strictSettings } from '../project/settings.ts';

/** A pinned package whose sources are repaired. */
export interface PackageSource {
  readonly name: string;
  /** The files and folders of it that are sources. */
  readonly include: readonly string[];
}

/** What the demonstration works on: two packages written in JavaScript, at the versions that this example's package.json pins. */
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

/** Where a copy of a package finds what it requires, in the form of NODE_PATH. */
export function dependencyPath(name: string): string {
  const folder = installedFolder(name);
  return [join(folder, 'node_modules'), dirname(folder)].join(delimiter);
}

/** Copies a package's sources into a folder, and says what the compiler is to look at there. */
export function unpack({ name, include }: PackageSource, folder: string): Unit {
  mkdirSync(folder, { recursive: true });
  const installed = installedFolder(name);
  for (const entry of [...include, 'package.json']) {
    cpSync(join(installed, entry), join(folder, entry), { recursive: true });
  }
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { readonly version: string };
  return {
    name,
    version: manifest.version,
    root: realpathSync(folder),
    files: listSources(folder),
    others: [],
    settings: strictSettings('NodeNext'),
    // Old code without a type in it: the first types are what makes the compiler look.
    mayReveal: true,
    isOwned: false,
  };
}

/** The JavaScript files below a folder, relative to it, in a fixed order. */
function listSources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.js'))
    .map((file) => file.replaceAll('\\', '/'))
    .sort();
}
