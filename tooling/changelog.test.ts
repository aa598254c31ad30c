import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addSection, newestSection, readChange, renderSection } from './changelog.ts';
import { listPublicPackages, root } from './workspace.ts';

const router = "---\n'@symphony/router': minor\n---\n\nRoutes by cost.\n\nWrite `cheapest`.\n";
const sqlite = '---\n"@symphony/persistence-sqlite": patch\n---\n\nNo longer waits for a full disk.\n';
const everywhere = `---\n${['a', 'b', 'c', 'd'].map((name) => `'${name}': minor\n`).join('')}---\n\nBreaking: every call takes one more argument.\n`;
const nothing = '---\n---\n';

const section = (version: string, ...changesets: string[]): string =>
  renderSection(
    version,
    changesets.flatMap((text) => readChange(text) ?? []),
  );

test('a section says what breaks, what is new and what is fixed, and names packages where they are few', () => {
  expect(section('0.2.0', router, sqlite, everywhere, nothing)).toBe(`## 0.2.0

### Breaking

- every call takes one more argument.

### New

- \`@symphony/router\`: Routes by cost.

  Write \`cheapest\`.

### Fixed

- \`@symphony/persistence-sqlite\`: No longer waits for a full disk.
`);
});

test('the newest version stands first and is what a release is announced with', () => {
  const first = addSection('# Changelog\n\nNewest first.\n\n', section('0.1.0', router));
  const second = addSection(first, section('0.1.1', sqlite));
  expect([...second.matchAll(/^## (.*)$/gm)].map((match) => match[1])).toEqual(['0.1.1', '0.1.0']);
  expect(second.startsWith('# Changelog\n\nNewest first.\n\n## 0.1.1\n')).toBe(true);
  expect(newestSection(second)).toBe('### Fixed\n\n- `@symphony/persistence-sqlite`: No longer waits for a full disk.');
});

test('every changeset names packages that exist and says something', () => {
  const names = listPublicPackages().map(({ manifest }) => manifest.name);
  for (const file of globSync('.changeset/*.md', { cwd: root })) {
    const change = readChange(readFileSync(join(root, file), 'utf8'));
    expect([file, change?.packages.filter((name) => !names.includes(name))]).toEqual([file, change && []]);
    expect(change?.summary).not.toBe('');
  }
});
