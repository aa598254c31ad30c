// The public API of every package as the built declarations have it, one page each in api/. `pnpm api` writes the pages
// after a build; `pnpm check` fails where they differ, so that a change of the API is seen where changes are reviewed.
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { run } from './run.ts';
import { importPaths, listPublicPackages, readManifest, root, type Package } from './workspace.ts';

const reports = join(root, 'api');

/** Compares the built API with the committed pages. */
export async function checkApi(): Promise<void> {
  const made = await renderReports();
  const written = new Map(globSync('*.md', { cwd: reports }).map((file) => [file, readReport(file)]));
  const changed = [...new Set([...made.keys(), ...written.keys()])].filter(
    (file) => made.get(file) !== written.get(file),
  );
  if (changed.length === 0) return;
  const differences = changed.sort().map((file) => `api/${file}\n${difference(written.get(file), made.get(file))}`);
  throw new Error(
    `The public API has changed. If that is on purpose, write it down with "pnpm api".\n\n${differences.join('\n\n')}`,
  );
}

async function writeReports(): Promise<void> {
  const made = await renderReports();
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports);
  for (const [file, text] of made) writeFileSync(join(reports, file), text);
}

function readReport(file: string): string {
  return readFileSync(join(reports, file), 'utf8');
}

/** Lines that only one of two pages has. */
function difference(before = '', after = ''): string {
  const [old, now] = [new Set(before.split('\n')), new Set(after.split('\n'))];
  const gone = [...old].filter((line) => !now.has(line)).map((line) => `- ${line}`);
  const come = [...now].filter((line) => !old.has(line)).map((line) => `+ ${line}`);
  return [...gone, ...come].slice(0, 40).join('\n');
}

async function renderReports(): Promise<ReadonlyMap<string, string>> {
  const packages = listPublicPackages();
  const files = packages.flatMap(({ folder, manifest }) => Object.values(entries({ folder, manifest })));
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2024,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    noEmit: true,
  });
  const pages = new Map<string, string>();
  for (const pkg of packages) pages.set(pageOf(pkg.manifest.name), render(pkg, program));
  return pages;
}

function pageOf(name: string): string {
  return `${name.replace(/^@symphony\//, '')}.md`;
}

/** The declaration file behind each import path. */
function entries({ folder, manifest }: Package): Readonly<Record<string, string>> {
  return Object.fromEntries(
    importPaths(manifest).map((path) => {
      const target = manifest.exports?.[`.${path.slice(manifest.name.length)}`];
      const types = typeof target === 'object' ? target['types'] : undefined;
      if (types === undefined) throw new Error(`${path} has no types in exports`);
      return [path, join(folder, types)];
    }),
  );
}

function render(pkg: Package, program: ts.Program): string {
  const checker = program.getTypeChecker();
  const sections = Object.entries(entries(pkg)).map(([path, file]) => {
    const source = program.getSourceFile(file);
    const module = source && checker.getSymbolAtLocation(source);
    if (module === undefined) throw new Error(`${file} is missing: build first`);
    const page = new Section(pkg, checker, checker.getExportsOfModule(module));
    return [`## ${path}`, '', '```ts', ...page.lines(), '```', ''].join('\n');
  });
  return [`# API of ${pkg.manifest.name}`, '', 'Written by `pnpm api`.', '', ...sections].join('\n');
}

/** The declarations that one import path offers, by name, and those of the package that they lean on without offering them. */
class Section {
  readonly #home: string;
  readonly #checker: ts.TypeChecker;
  readonly #exports: readonly ts.Symbol[];

  constructor({ folder }: Package, checker: ts.TypeChecker, exports: readonly ts.Symbol[]) {
    this.#home = folder;
    this.#checker = checker;
    this.#exports = exports;
  }

  lines(): string[] {
    const offered = new Map(this.#exports.map((symbol) => [this.#resolve(symbol), symbol.name]));
    const printed = [...offered].map(([symbol, name]) => ({ name, text: this.#print(symbol, name) }));
    const hidden = [...this.#leanedOn([...offered.keys()])].map((symbol) => ({
      name: symbol.name,
      text: `// not exported\n${this.#print(symbol, symbol.name)}`,
    }));
    return [...sorted(printed), ...sorted(hidden)];
  }

  #resolve(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
  }

  #print(symbol: ts.Symbol, name: string): string {
    const declarations = symbol.declarations ?? [];
    const [first] = declarations;
    if (first === undefined) return `export ${name};`;
    if (!this.#isOurs(first)) return `export { ${name} } from '${packageOf(first)}';`;
    const renamed = name === symbol.name ? '' : `\nexport { ${symbol.name} as ${name} };`;
    return declarations.map((declaration) => printDeclaration(declaration)).join('\n') + renamed;
  }

  #isOurs(declaration: ts.Declaration): boolean {
    return declaration.getSourceFile().fileName.startsWith(`${this.#home}/dist/`);
  }

  /** What the declarations mention, and what that mentions in turn, as far as it is of this package and not offered. */
  #leanedOn(offered: readonly ts.Symbol[]): ReadonlySet<ts.Symbol> {
    const hidden = new Set<ts.Symbol>();
    const visit = (node: ts.Node): void => {
      if (ts.isIdentifier(node) && !isPrivate(node.parent)) {
        const mentioned = this.#checker.getSymbolAtLocation(node);
        const symbol = mentioned && this.#resolve(mentioned);
        const [declaration] = symbol?.declarations ?? [];
        const isNew = symbol !== undefined && !offered.includes(symbol) && !hidden.has(symbol);
        if (isNew && declaration !== undefined && isTopLevel(declaration) && this.#isOurs(declaration)) {
          hidden.add(symbol);
          declaration.forEachChild(visit);
        }
      }
      node.forEachChild(visit);
    };
    for (const symbol of offered) {
      for (const declaration of symbol.declarations ?? []) if (this.#isOurs(declaration)) visit(declaration);
    }
    return hidden;
  }
}

function isTopLevel(declaration: ts.Declaration): boolean {
  const holder = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  return !ts.isSourceFile(holder) && ts.isSourceFile(holder.parent);
}

function isPrivate(node: ts.Node): boolean {
  return (
    ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword)
  );
}

const printer = ts.createPrinter({ removeComments: true });

/** A declaration without comments and without what no user can reach. */
function printDeclaration(declaration: ts.Declaration): string {
  const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  const source = declaration.getSourceFile();
  const text = printer.printNode(ts.EmitHint.Unspecified, node, source);
  return text
    .replace(/^declare /, '')
    .replace(/^(export )?(declare )?/, 'export ')
    .split('\n')
    .filter((line) => !/^\s+(#private;|private .*;)$/.test(line))
    .join('\n');
}

/** The package that a declaration file lies in. */
function packageOf(declaration: ts.Declaration): string {
  for (let folder = dirname(declaration.getSourceFile().fileName); folder !== root; folder = dirname(folder)) {
    if (globSync('package.json', { cwd: folder }).length > 0) return readManifest(folder).name;
    if (folder === dirname(folder)) break;
  }
  return 'typescript';
}

function sorted(entries: readonly { readonly name: string; readonly text: string }[]): string[] {
  return entries.toSorted((one, other) => (one.name < other.name ? -1 : 1)).map(({ text }) => text);
}

if (import.meta.main) {
  await run('turbo', ['run', 'build', '--output-logs', 'errors-only', '--filter', './packages/**']);
  await writeReports();
  console.log('api/ is written');
}
