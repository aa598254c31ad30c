import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { readCatalog, readManifest, root } from '../workspace.ts';
import type { Kind, Names } from './names.ts';

/** A package to write. */
export interface Plan {
  readonly kind: Kind;
  readonly names: Names;
  readonly description: string;
  /** Absolute. */
  readonly folder: string;
  /** Whether it stands alone, outside of this workspace. */
  readonly isStandalone: boolean;
}

const templates = join(import.meta.dirname, 'templates');

/** Writes the package; answers with the paths of its files. */
export async function render(plan: Plan): Promise<string[]> {
  const files = new Map<string, string>();
  const folder = join(templates, plan.kind);
  for (const path of globSync('**/*.template', { cwd: folder })) {
    files.set(path.slice(0, -'.template'.length), fill(readFileSync(join(folder, path), 'utf8'), plan));
  }
  files.set('package.json', JSON.stringify(manifestOf(plan)));
  files.set('tsconfig.json', JSON.stringify(tsconfigOf(plan)));
  files.set('tsup.config.ts', tsupOf(plan));
  if (plan.isStandalone) files.set('.gitignore', 'node_modules\ndist\n');

  const style =
    (await resolveConfig(join(root, 'package.json'), { config: join(root, 'tooling/prettier.json') })) ?? {};
  for (const [path, text] of files) {
    const file = join(plan.folder, path);
    const isCode = /\.(ts|json)$/.test(path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, isCode ? await format(text, { ...style, filepath: file }) : text);
  }
  return [...files.keys()].sort();
}

function fill(text: string, plan: Plan): string {
  const { kind, names, description, isStandalone, folder } = plan;
  const page = `docs/writing-a-${kind}.md`;
  const link = relative(folder, join(root, page)).split(sep).join('/');
  const here = relative(root, folder).split(sep).join('/');
  const values: Readonly<Record<string, string>> = {
    name: names.name,
    camel: names.camel,
    Pascal: names.pascal,
    package: names.package,
    description,
    guide: isStandalone ? `The guide is \`${page}\` in Symphony's repository.` : `The guide: [${page}](${link}).`,
    test: isStandalone ? 'npm test' : `pnpm test ${here}`,
    build: isStandalone ? 'npm run build' : 'pnpm build',
  };
  return text.replaceAll(/\{\{(\w+)\}\}/g, (_whole, key: string) => {
    const value = values[key];
    if (value === undefined) throw new Error(`The template names {{${key}}}, which there is not.`);
    return value;
  });
}

/** What the tests of each kind need besides the suites. */
const testPackages: Readonly<Record<Kind, readonly string[]>> = {
  strategy: ['@symphony/registry', '@symphony/testing'],
  store: ['@symphony/persistence-memory', '@symphony/registry', '@symphony/testing'],
};

function manifestOf({ kind, names, description, folder, isStandalone }: Plan): object {
  const symphony = isStandalone ? `^${readManifest(join(root, 'packages/core')).version}` : 'workspace:^';
  const catalog = readCatalog();
  const shared = (name: string): string => {
    const version = catalog[name];
    if (version === undefined) throw new Error(`${name} is not in the catalog of pnpm-workspace.yaml.`);
    return isStandalone ? `^${version}` : 'catalog:';
  };
  const ours = Object.fromEntries(testPackages[kind].map((name) => [name, symphony]));
  const tools = isStandalone ? ['@types/node', 'tsup', 'typescript', 'vitest'] : [];
  const others = [...tools, ...(kind === 'store' ? ['fast-check'] : [])].sort();
  const up = relative(folder, root).split(sep).join('/');
  return {
    name: names.package,
    version: isStandalone ? '0.1.0' : '0.0.0',
    description,
    keywords: ['symphony', `symphony-${kind}`],
    license: 'MIT',
    type: 'module',
    sideEffects: false,
    engines: { node: '>=22.18' },
    exports: {
      '.': {
        ...(isStandalone ? {} : { '@symphony/source': './src/index.ts' }),
        types: './dist/index.d.ts',
        default: './dist/index.js',
      },
      './package.json': './package.json',
    },
    files: isStandalone ? ['dist'] : ['dist', 'src', '!src/**/*.test.ts', '!src/**/*.test-d.ts'],
    // The provenance of what stands alone is its own affair: it needs a release that runs where npm can see it.
    publishConfig: isStandalone ? { access: 'public' } : { access: 'public', provenance: true },
    scripts: isStandalone
      ? { build: 'tsup', typecheck: 'tsc', test: 'vitest run', prepack: 'tsup' }
      : {
          build: 'tsup',
          typecheck: 'tsc',
          lint: 'eslint .',
          test: `vitest run --root ${up} --project ${names.package}`,
        },
    // Of a plugin that stands alone, the application chooses the version of core.
    ...(isStandalone
      ? { peerDependencies: { '@symphony/core': symphony } }
      : { dependencies: { '@symphony/core': symphony } }),
    devDependencies: {
      ...(isStandalone ? { '@symphony/core': symphony } : {}),
      ...ours,
      ...Object.fromEntries(others.map((name) => [name, shared(name)])),
    },
  };
}

function tsconfigOf({ folder, isStandalone }: Plan): object {
  const base = join(root, 'tooling/tsconfig.base.json');
  const include = ['src'];
  if (!isStandalone) return { extends: relative(folder, base).split(sep).join('/'), include };
  const { compilerOptions } = JSON.parse(readFileSync(base, 'utf8')) as { compilerOptions: Record<string, unknown> };
  const { customConditions: _, ...options } = compilerOptions;
  return { compilerOptions: options, include };
}

function tsupOf({ folder, isStandalone }: Plan): string {
  if (!isStandalone) {
    const preset = relative(folder, join(root, 'tooling/tsup.ts')).split(sep).join('/');
    return `import { preset } from '${preset}';\n\nexport default preset();\n`;
  }
  return `import { defineConfig } from 'tsup';

export default defineConfig({ entry: ['src/index.ts'], format: 'esm', target: 'node22', dts: true, clean: true, removeNodeProtocol: false });
`;
}
