// The API reference, made from the comments in the sources: `pnpm reference` writes it to docs/api, which is not committed.
// It insists that every link in a comment leads somewhere, and that whatever the API mentions is part of it.
import { join } from 'node:path';
import { Application, Logger, LogLevel, type ProjectReflection } from 'typedoc';
import { listPackages, root, sourceCondition, type Manifest } from './workspace.ts';

/** Where the pages are written. */
const folder = join(root, 'docs/api');

/** Reads the API of every package; writes its pages, if asked to. Answers how many packages and paths of packages it holds. */
export async function makeApiReference({ write }: { readonly write: boolean }): Promise<number> {
  const names = entryPoints();
  const app = await Application.bootstrap({
    name: 'Symphony',
    entryPoints: [...names.keys()],
    tsconfig: join(root, 'tsconfig.json'),
    readme: 'none',
    excludeInternal: true,
    excludePrivate: true,
    disableSources: true,
    hideGenerator: true,
    sortEntryPoints: false,
    skipErrorChecking: true, // that is a stage of its own in `pnpm check`
    validation: { invalidLink: true, notExported: true, invalidPath: true, notDocumented: false },
  });
  const notes = new Notes();
  app.logger = notes;
  const project = convert(app, names);
  app.validate(project);
  notes.expectNone();
  if (write) await app.generateDocs(project, folder);
  notes.expectNone();
  return names.size;
}

/** The source of every path that a package exports, and the name by which it is imported. */
function entryPoints(): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  // What two packages export is described where it is met first: with the one that the other depends on.
  const packages = listPackages('packages');
  const manifests = new Map(packages.map(({ manifest }) => [manifest.name, manifest]));
  packages.sort((a, b) => floor(a.manifest, manifests) - floor(b.manifest, manifests));
  for (const { folder, manifest } of packages) {
    for (const [path, target] of Object.entries(manifest.exports ?? {})) {
      const source = typeof target === 'string' ? undefined : target[sourceCondition];
      if (source !== undefined) names.set(join(folder, source), join(manifest.name, path));
    }
  }
  return names;
}

/** How many packages of ours stand below one another under this one. */
function floor({ dependencies = {} }: Manifest, manifests: ReadonlyMap<string, Manifest>): number {
  const below = Object.keys(dependencies).flatMap((name) => manifests.get(name) ?? []);
  return Math.max(0, ...below.map((manifest) => 1 + floor(manifest, manifests)));
}

function convert(app: Application, names: ReadonlyMap<string, string>): ProjectReflection {
  const found = app.getEntryPoints() ?? [];
  return app.converter.convert(
    found.map((entry) => ({ ...entry, displayName: names.get(entry.sourceFile.fileName) ?? entry.displayName })),
  );
}

/** Keeps warnings and errors. */
class Notes extends Logger {
  readonly #kept: string[] = [];

  override log(message: string, level: LogLevel): void {
    if (level >= LogLevel.Warn) this.#kept.push(message);
  }

  expectNone(): void {
    if (this.#kept.length > 0) throw new Error(`The API reference is not whole:\n${this.#kept.join('\n')}`);
  }
}

if (import.meta.main) {
  console.log(`${await makeApiReference({ write: true })} entry points: docs/api/index.html`);
}
