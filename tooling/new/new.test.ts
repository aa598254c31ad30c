import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { check, resolveConfig } from 'prettier';
import { afterAll, describe, expect, test } from 'vitest';
import { listPackages, readManifest, root, sourceCondition } from '../workspace.ts';
import { plan } from './new.ts';
import { toNames, type Kind } from './names.ts';
import { render } from './render.ts';

const programs = {
  depcruise: 'dependency-cruiser/bin/dependency-cruiser.mjs',
  eslint: 'eslint/bin/eslint.js',
  tsc: 'typescript/bin/tsc',
  vitest: 'vitest/vitest.mjs',
};

const scratch = mkdtempSync(join(tmpdir(), 'symphony-new-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('what is wanted', () => {
  test('is read from the command line, and nothing is asked', async () => {
    const folder = join(scratch, 'mine');
    const wanted = await plan(
      'store',
      ['by-row', '--standalone', folder, '--description', ' Keeps \n rows. '],
      undefined,
    );
    expect(wanted).toEqual({
      kind: 'store',
      names: { name: 'by-row', camel: 'byRow', pascal: 'ByRow', package: 'symphony-persistence-by-row' },
      description: 'Keeps rows.',
      folder,
      isStandalone: true,
    });
  });

  test('has its place in this workspace unless it says otherwise', async () => {
    const { folder, names } = await plan('strategy', ['by-cost'], undefined);
    expect([relative(root, folder), names.package]).toEqual([
      join('packages', 'strategies', 'by-cost'),
      '@symphony/strategy-by-cost',
    ]);
  });

  test('is asked for where it was left out and somebody is there, again until it is a name', async () => {
    const asked: string[] = [];
    const answers = ['By Cost', 'round-robin', 'by-cost', 'Saves money.'];
    const wanted = await plan('strategy', [], async (question) => {
      asked.push(question);
      return answers.shift() ?? '';
    });
    expect([wanted.names.name, wanted.description]).toEqual(['by-cost', 'Saves money.']);
    expect(asked).toEqual([
      expect.stringMatching(/^What is the strategy called/),
      expect.stringMatching(/"By Cost" is no name/),
      expect.stringMatching(/"round-robin" already/),
      expect.stringMatching(/one sentence/),
    ]);
  });

  test.each<[string, Kind, string[], RegExp]>([
    ['no name, where nobody can be asked', 'strategy', [], /^pnpm new:strategy NAME/],
    ['two names', 'store', ['a', 'b'], /^pnpm new:store NAME/],
    ['an unknown flag', 'store', ['a', '--dri', 'x'], /--dri[^]*pnpm new:store NAME/],
    ['help', 'store', ['--help'], /^pnpm new:store NAME/],
    ['capital letters', 'strategy', ['ByCost'], /"ByCost" is no name for a strategy/],
    ['a path', 'store', ['../mine'], /is no name for a store/],
    ['a path, with a name that would do for a store', 'store', ['../mine'], /such as "by-row"/],
    ['a dash at the end', 'store', ['mine-'], /is no name for a store/],
    ['a word of the language', 'strategy', ['new'], /"new" is a word of the language/],
    [
      'a strategy that comes with Symphony',
      'strategy',
      ['content-match'],
      /There is a strategy "content-match" already/,
    ],
    ['a store that comes with Symphony', 'store', ['sqlite'], /There is a store "sqlite" already/],
    ['a folder that is there', 'store', ['mine', '--standalone', root], /is there already/],
    ['a folder outside of the workspace', 'store', ['mine', '--dir', '/mine'], /not where the workspace looks/],
    ['a folder of the workspace that no package lives in', 'store', ['mine', '--dir', 'docs/mine'], /not where/],
    ['both folders', 'store', ['mine', '--dir', 'packages/mine', '--standalone', '/mine'], /either --dir/],
    ['a description that ends a comment', 'store', ['mine', '--description', 'a */ b'], /leave "\*\/" out/],
  ])('is refused in a sentence: %s', async (_what, kind, parameters, sentence) => {
    await expect(plan(kind, parameters, undefined)).rejects.toThrow(sentence);
  });

  test('cannot take the name of a package that is there', async () => {
    const [first] = listPackages('packages').filter(({ manifest }) => manifest.name.startsWith('@symphony/strategy-'));
    const name = first?.manifest.name.slice('@symphony/strategy-'.length) ?? '';
    const dir = join(root, 'packages/strategies/other');
    await expect(plan('strategy', [name, '--dir', dir], undefined)).rejects.toThrow(/already/);
  });
});

// Both kinds of package have the same sources, so that it is enough to run the tests of one.
describe.concurrent.each<[Kind, 'in this workspace' | 'that stands alone']>([
  ['strategy', 'in this workspace'],
  ['store', 'in this workspace'],
  ['strategy', 'that stands alone'],
  ['store', 'that stands alone'],
])('a new %s %s', (kind, where) => {
  const isStandalone = where === 'that stands alone';
  test(
    isStandalone
      ? 'is formatted and has the right types'
      : 'is formatted, has the right types, keeps the rules of the linter and of imports, and passes its own tests',
    async ({ expect }) => {
      // As deep in a root of its own as it would be in this one: the rules go by the path.
      const own = join(scratch, `${kind} ${where}`);
      const folder = join(own, 'packages', kind === 'store' ? 'persistence' : 'strategies', 'brand-new');
      const names = toNames(kind, 'brand-new', isStandalone);
      const description = 'Shows that "quotes", {braces} and `ticks` do no harm.';
      const files = await render({ kind, names, description, folder, isStandalone });
      expect(files).toEqual(expect.arrayContaining(['README.md', 'package.json', 'src/index.ts', 'tsconfig.json']));

      const style = await resolveConfig(join(root, 'package.json'), { config: join(root, 'tooling/prettier.json') });
      for (const file of files) {
        const text = readFileSync(join(folder, file), 'utf8');
        expect(text, file).not.toMatch(/\{\{|undefined\//);
        const isCode = /\.(ts|json)$/.test(file);
        if (isCode) expect(await check(text, { ...style, filepath: join(folder, file) }), file).toBe(true);
      }

      // The same sources under the same compiler options: once is enough.
      if (isStandalone && kind === 'store') return;
      install(folder);
      await execute('tsc', ['--project', folder, '--customConditions', sourceCondition], folder);
      if (isStandalone) return;
      await lint(own, folder);
      const rules = join(root, 'tooling/dependency-cruiser.cjs');
      await execute('depcruise', ['--config', rules, '--output-type', 'err', 'packages'], own);
      expect(readManifest(folder)).toMatchObject({
        keywords: ['symphony', `symphony-${kind}`],
        publishConfig: { access: 'public', provenance: true },
      });
      const config = join(root, 'tooling/vitest/sources.config.ts');
      // Without those that write thousands of tasks: they take long, and show nothing more of what was generated.
      const small = '^(?!.*(a large graph| \\d{4}))';
      expect(await execute('vitest', ['run', '--root', folder, '--config', config, '-t', small], folder)).toMatch(
        /Tests +\d+ passed/,
      );
    },
    120_000,
  );
});

/** What an install would do: links to the packages that the new one names. */
function install(folder: string): void {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, object>;
  const wanted = ['dependencies', 'peerDependencies', 'devDependencies'].flatMap((kind) =>
    Object.keys(manifest[kind] ?? {}),
  );
  const ours = new Map(listPackages('packages').map((each) => [each.manifest.name, each.folder]));
  for (const name of new Set([...wanted, '@types/node', 'vitest'])) {
    const target = ours.get(name) ?? join(root, 'node_modules', name);
    if (!existsSync(target)) throw new Error(`The new package names ${name}, which is not there.`);
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link, 'junction');
  }
}

/** The rules of this workspace, for a package that is elsewhere. */
async function lint(own: string, folder: string): Promise<void> {
  const rules = pathToFileURL(join(root, 'tooling/eslint.js')).href;
  const parserOptions = { project: join(folder, 'tsconfig.json'), tsconfigRootDir: own };
  const local = { files: ['**/*.ts'], languageOptions: { parserOptions } };
  const config = `import rules from '${rules}';\nexport default [...rules, ${JSON.stringify(local)}];\n`;
  writeFileSync(join(own, 'eslint.config.mjs'), config);
  await execute('eslint', ['--max-warnings', '0', 'packages'], own);
}

async function execute(program: keyof typeof programs, parameters: readonly string[], folder: string): Promise<string> {
  const file = programs[program];
  // A test runner inside a test runner must not take itself for the other one.
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('VITEST')));
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'node_modules', file), ...parameters], {
      cwd: folder,
      env: { ...env, NODE_OPTIONS: `--conditions=${sourceCondition}`, NO_COLOR: '1' },
    });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} failed in ${folder}\n${stdout ?? ''}\n${stderr ?? ''}`, { cause: error });
  }
}
