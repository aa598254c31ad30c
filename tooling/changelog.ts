// The one CHANGELOG.md of all packages, since they share one version. `pnpm release:version` gives them the next version
// and turns the changesets into its section; `node tooling/changelog.ts notes` prints the newest section.
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.ts';
import { listPublicPackages, readManifest, root } from './workspace.ts';

type Bump = 'major' | 'minor' | 'patch';

/** What one changeset says. */
export interface Change {
  /** The largest of what it asks for. */
  readonly bump: Bump;
  readonly packages: readonly string[];
  /** For users: one sentence, and perhaps more lines. */
  readonly summary: string;
}

/** Before 1.0 a minor version may break. A changeset that does so begins with this word. */
const breaking = /^breaking:\s*/i;

const headings: readonly (readonly [heading: string, has: (change: Change) => boolean])[] = [
  ['Breaking', ({ bump, summary }) => bump === 'major' || breaking.test(summary)],
  ['New', ({ bump, summary }) => bump === 'minor' && !breaking.test(summary)],
  ['Fixed', ({ bump, summary }) => bump === 'patch' && !breaking.test(summary)],
];

/** A change that concerns more packages than this concerns Symphony. */
const namedPackages = 3;

/** The section of one version. */
export function renderSection(version: string, changes: readonly Change[]): string {
  const parts = headings.flatMap(([heading, has]) => {
    const lines = changes.filter(has).map(renderChange);
    return lines.length === 0 ? [] : [`### ${heading}\n\n${lines.join('\n')}\n`];
  });
  return [`## ${version}\n`, ...(parts.length === 0 ? ['Nothing that users notice.\n'] : parts)].join('\n');
}

function renderChange({ packages, summary }: Change): string {
  const names = packages.length > namedPackages ? '' : `${packages.map((name) => `\`${name}\``).join(', ')}: `;
  return `- ${names}${summary.replace(breaking, '').replaceAll(/\n(?=.)/g, '\n  ')}`;
}

/** Puts a section above those of earlier versions. */
export function addSection(changelog: string, section: string): string {
  const [head = '', ...earlier] = changelog.split(/^(?=## )/m);
  return [head, `${section}\n`, ...earlier].join('').trimEnd() + '\n';
}

/** The newest section, without its heading. */
export function newestSection(changelog: string): string {
  const [, section = ''] = changelog.split(/^## .*$/m);
  return section.trim();
}

/** What a file in .changeset says; undefined for one that releases nothing. */
export function readChange(text: string): Change | undefined {
  const [, front = '', summary = ''] = /^---\n(.*?)---\n(.*)$/s.exec(text) ?? [];
  const lines = [...front.matchAll(/^['"]?([^'":]+)['"]?: (major|minor|patch)$/gm)];
  const bump = (['major', 'minor', 'patch'] as const).find((each) => lines.some(([, , asked]) => asked === each));
  return bump && { bump, packages: lines.map(([, name = '']) => name), summary: summary.trim() };
}

const page = join(root, 'CHANGELOG.md');

function readPage(): string {
  if (existsSync(page)) return readFileSync(page, 'utf8');
  return '# Changelog\n\nAll packages of Symphony share one version. Newest first.\n\n';
}

async function version(): Promise<void> {
  const files = globSync('.changeset/*.md', { cwd: root }).sort();
  const changes = files.flatMap((file) => readChange(readFileSync(join(root, file), 'utf8')) ?? []);
  await run('changeset', ['version']);
  const versions = new Set(listPublicPackages().map(({ folder }) => readManifest(folder).version));
  if (versions.size !== 1) throw new Error(`Packages have different versions: ${[...versions].join(', ')}`);
  writeFileSync(page, addSection(readPage(), renderSection([...versions].join(), changes)));
}

if (import.meta.main) {
  if (process.argv[2] === 'notes') console.log(newestSection(readPage()));
  else await version();
}
