import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { inParallel } from './in-parallel.ts';
import type { Packed } from './pack.ts';
import { run } from './run.ts';
import { readSnippets } from './snippets.ts';
import { importPaths, readCatalog, root } from './workspace.ts';

/** Subpaths that need an optional peer; every other one works without. */
const needsPeers = (path: string): boolean => path.endsWith('/module');

/** A folder of one user, who has installed what `dependencies` says and nothing else. */
interface Project {
  readonly folder: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly programs: Program[];
}

interface Program {
  readonly file: string;
  readonly code: string;
  /** What it must print. */
  readonly output?: string | undefined;
  /** False for what needs more than a computer, such as a database server: its types are checked, and no more. */
  readonly runs?: boolean;
}

/**
 * Installs every package alone, from its tarball and with what it declares; where its README names companions or its
 * `./module` needs a peer, with those in a folder of their own. Type-checks in each what users write there, strictly and
 * with every declaration file, and runs it: all import paths, and the first lines of the README.
 */
export async function installAlone(all: readonly Packed[]): Promise<void> {
  const place = mkdtempSync(join(tmpdir(), 'symphony-alone-'));
  try {
    const projects = planProjects(all);
    writeProjects(place, projects, all);
    await run('pnpm', ['install', '--prefer-offline', '--config.verify-deps-before-run=false'], place);
    await run('tsc', ['--project', place, '--pretty', 'false']);
    const programs = projects.flatMap(({ folder, programs }) => programs.map((program) => ({ folder, program })));
    await inParallel(programs, ({ folder, program }) => runProgram(join(place, folder), program));
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function planProjects(all: readonly Packed[]): readonly Project[] {
  const projects = new Map<string, Project>();
  const projectWith = (dependencies: Readonly<Record<string, string>>): Project => {
    const folder = Object.keys(dependencies)
      .sort()
      .map((name) => name.replace('@', '').replace('/', '-'))
      .join('+');
    const project = projects.get(folder) ?? { folder, dependencies, programs: [] };
    projects.set(folder, project);
    return project;
  };
  const tarballOf = (name: string): string => {
    const packed = all.find(({ manifest }) => manifest.name === name);
    return packed === undefined ? '*' : `file:${packed.tarball}`;
  };
  const withCompanions = (names: readonly string[]): Project =>
    projectWith(Object.fromEntries(names.map((name) => [name, tarballOf(name)])));

  for (const { folder, manifest } of all) {
    const paths = importPaths(manifest);
    const file = (part: string): string => `${folder.slice(root.length + 1).replaceAll('/', '-')}-${part}.ts`;
    const alone = paths.filter((path) => !needsPeers(path));
    withCompanions([manifest.name]).programs.push({ file: file('imports'), code: importAll(alone) });
    if (alone.length < paths.length) {
      const project = projectWith({ [manifest.name]: tarballOf(manifest.name), ...manifest.peerDependencies });
      project.programs.push({ file: file('all-imports'), code: importAll(paths) });
    }
    const page = join(relative(root, folder), 'README.md');
    const [snippet] = readSnippets(page);
    if (snippet === undefined) throw new Error(`${page} has no example in a \`\`\`ts block`);
    withCompanions(readInstall(page, manifest.name)).programs.push({ file: file('readme'), ...snippet });
  }
  return [...projects.values()];
}

/** The packages that a README tells its reader to install: those of its first `npm install` line. */
function readInstall(page: string, own: string): readonly string[] {
  const line = /^npm install (.*)$/m.exec(readFileSync(join(root, page), 'utf8'))?.[1] ?? '';
  const names = line.split(' ').filter((word) => !word.startsWith('-'));
  if (!names.includes(own)) throw new Error(`${page} does not say "npm install ${own}"`);
  return names;
}

function importAll(paths: readonly string[]): string {
  return paths
    .map((path, index) => [
      `import * as path${index} from '${path}';`,
      `if (Object.keys(path${index}).length === 0) throw new Error('${path} exports nothing');`,
    ])
    .flat()
    .join('\n');
}

/** One workspace of all projects, so that pnpm installs and links them in one go; they see nothing of each other. */
function writeProjects(place: string, projects: readonly Project[], all: readonly Packed[]): void {
  const write = (file: string, content: unknown): void => {
    writeFileSync(join(place, file), typeof content === 'string' ? content : JSON.stringify(content, null, 2));
  };
  write('package.json', { name: 'users-of-symphony', private: true });
  write('pnpm-workspace.yaml', {
    packages: projects.map(({ folder }) => folder),
    overrides: overrides(all),
    // Nothing is lent: neither undeclared packages to packages, nor the optional peers of one project to another.
    hoist: false,
    dedupePeerDependents: false,
  });
  write('tsconfig.json', {
    compilerOptions: {
      strict: true,
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
      target: 'es2024',
      module: 'nodenext',
      lib: ['es2024', 'esnext.disposable'],
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
      verbatimModuleSyntax: true,
      erasableSyntaxOnly: true,
      noEmit: true,
    },
    include: projects.map(({ folder }) => `${folder}/*.ts`),
  });
  for (const { folder, dependencies, programs } of projects) {
    mkdirSync(join(place, folder));
    write(`${folder}/package.json`, { name: folder, private: true, type: 'module', dependencies });
    for (const { file, code } of programs) write(`${folder}/${file}`, code);
  }
}

/** Siblings come from their tarballs, and what others made in the versions that we test with, not in whatever is newest. */
export function overrides(all: readonly Packed[]): Readonly<Record<string, string>> {
  return {
    ...readCatalog(),
    ...Object.fromEntries(all.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`])),
  };
}

async function runProgram(folder: string, { file, output, runs = true }: Program): Promise<void> {
  if (!runs) return;
  const printed = await run('node', [file], folder);
  if (output !== undefined && printed.trim() !== output.trim()) {
    throw new Error(`${file} does not print what its page says, but\n${printed}`);
  }
}
