import { globSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errorCodes } from '../packages/core/src/errors.ts';
import { plantedBugs } from './planted/bugs.ts';
import { readTransitions, renderTransitions } from './transition-docs.ts';
import { root } from './workspace.ts';

const read = (page: string): string => readFileSync(join(root, page), 'utf8');

const pages = globSync(['*.md', 'docs/**/*.md', 'packages/**/README.md', 'examples/*/README.md'], {
  cwd: root,
  exclude: (path) => /(^|\/)(node_modules|dist)(\/|$)/.test(path),
});

test('the transitions in docs/architecture.md are those of the table (mend: node tooling/transition-docs.ts)', () => {
  expect(readTransitions()).toBe(renderTransitions());
});

test('docs/errors.md has one paragraph for each error code, in the order of the list, and for nothing else', () => {
  const sections = read('docs/errors.md').split(/^## /m).slice(1);
  const codes = sections.map((section) => section.slice(0, section.indexOf('\n')));
  expect(codes).toEqual(Object.keys(errorCodes));
  for (const section of sections) expect(section.trim().split('\n\n').length).toBeGreaterThan(1);
});

describe('the error codes', () => {
  const codes = Object.keys(errorCodes);
  /** Of the environment; they are written like codes. */
  const variables = ['NODE_OPTIONS', 'SYMPHONY_POSTGRES_URL', 'SYMPHONY_TEST_POSTGRES_URL'];
  const sources = globSync(['packages/*/src/**/*.ts', 'packages/*/*/src/**/*.ts'], { cwd: root })
    .filter((path) => !path.endsWith('.test.ts'))
    .map((path) => ({ path, text: read(path) }));

  test('of the list are all raised or recorded somewhere', () => {
    const idle = codes.filter((code) => !sources.some(({ text }) => text.includes(`'${code}'`)));
    expect(idle).toEqual([]);
  });

  test('that comments and pages name are on the list', () => {
    const comments = sources.flatMap(({ path, text }) =>
      [...text.matchAll(/^\s*\*.*$/gm)].map(([line]) => ({ path, text: line })),
    );
    const unknown = [...comments, ...pages.map((path) => ({ path, text: read(path) }))].flatMap(({ path, text }) =>
      [...text.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)]
        .map(([, code = '']) => code)
        .filter((code) => !codes.includes(code) && !variables.includes(code))
        .map((code) => `${path}: ${code}`),
    );
    expect(unknown).toEqual([]);
  });
});

test('docs/README.md leads to every page of the folder', () => {
  const index = read('docs/README.md');
  const pages = globSync('*.md', { cwd: join(root, 'docs') }).filter((page) => page !== 'README.md');
  expect(pages.filter((page) => !index.includes(`](${page})`))).toEqual([]);
});

test('docs/adr/README.md lists every decision under its title', () => {
  const pages = globSync('[0-9]*.md', { cwd: join(root, 'docs/adr') }).sort();
  const titles = pages.map((page) => `- [${read(`docs/adr/${page}`).split('\n')[0]?.slice(2)}](${page})`);
  const listed = read('docs/adr/README.md')
    .split('\n')
    .filter((line) => line.startsWith('- ['));
  expect(listed).toEqual(titles);
});

test('every sentence that docs/invariants.md quotes is in the file beside it', () => {
  const missing = read('docs/invariants.md')
    .split('\n')
    .flatMap((line) => {
      const file = /\]\(\.\.\/(\S+\.ts)\)/.exec(line)?.[1];
      const quoted = file === undefined ? [] : [...line.matchAll(/“([^”]*)”/g)].map(([, sentence = '']) => sentence);
      return quoted
        .filter((sentence) => !read(file ?? '').includes(sentence))
        .map((sentence) => `${file}: ${sentence}`);
    });
  expect(missing).toEqual([]);
});

describe('a planted bug has its place in the sources, its test, and its line in docs/invariants.md:', () => {
  const suites = globSync('packages/testing/src/**/*.ts', { cwd: root }).map(read).join('\n');
  const sections = new Map(
    read('docs/invariants.md')
      .split(/^## /m)
      .map((section) => [section.slice(0, section.indexOf(':')), section]),
  );
  test.each(plantedBugs)('$bug', ({ breaks, bug, plant, foundBy }) => {
    expect(read(plant.file)).toContain(plant.find);
    expect(read(foundBy.file) + suites).toContain(foundBy.test);
    expect(sections.get(breaks)).toContain(`“${bug}”`);
  });
});

describe('every relative link leads to a file and a heading that exist', () => {
  test.each(pages.sort())('%s', (page) => {
    expect(brokenLinks(page)).toEqual([]);
  });
});

function brokenLinks(page: string): string[] {
  const prose = read(page).replaceAll(/^```.*?^```$/gms, '');
  // A picture is made by running an example; its page is right without it.
  const links = [...prose.matchAll(/(?<!!)\[[^\]]*\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? join(root, page) : join(root, dirname(page), path);
    if (!existsSync(target)) return true;
    return anchor !== undefined && !anchors(readFileSync(target, 'utf8')).includes(anchor);
  });
}

/** The anchors of a page's headings, made as GitHub makes them. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
