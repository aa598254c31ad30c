import { createHash } from 'node:crypto';
import ts from 'typescript';

/** What a graph is made of. */
export interface ImportGraphOptions {
  /** The files between which imports are followed. */
  readonly files: readonly string[];
  readonly settings: ts.CompilerOptions;
}

interface Imports {
  readonly targets: readonly string[];
  /** Whether the others see it without importing it. */
  readonly isGlobal: boolean;
}

/**
 * Knows which files can change what the compiler says of another. After an edit only the files that import the edited one,
 * directly or not, need another look.
 */
export class ImportGraph {
  readonly #files: ReadonlySet<string>;
  readonly #settings: ts.CompilerOptions;
  readonly #cache: ts.ModuleResolutionCache;
  readonly #imports = new Map<string, Imports>();

  constructor({ files, settings }: ImportGraphOptions) {
    this.#files = new Set(files);
    this.#settings = settings;
    this.#cache = ts.createModuleResolutionCache('/', (name) => name, settings);
  }

  /**
   * Names for what the compiler may say of each file: two equal names, equal words.
   *
   * @param texts every file with its text
   * @param hashes every file with a hash of its text
   */
  names(texts: ReadonlyMap<string, string>, hashes: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const imports = new Map([...texts].map(([file, text]) => [file, this.#importsOf(file, text, hashes.get(file)!)]));
    const globals = [...imports].flatMap(([file, { isGlobal }]) => (isGlobal ? [file] : []));
    return new Map(
      [...texts.keys()].map((file) => {
        const hash = createHash('sha256');
        for (const each of [...reach(imports, [file, ...globals])].sort()) hash.update(hashes.get(each)!);
        return [file, `${file}\0${hash.digest('hex')}`];
      }),
    );
  }

  #importsOf(file: string, text: string, hash: string): Imports {
    const known = this.#imports.get(`${file}\0${hash}`);
    if (known !== undefined) return known;
    const targets = importedNames(text).flatMap((name) => {
      const found = ts.resolveModuleName(name, file, this.#settings, ts.sys, this.#cache).resolvedModule;
      return found !== undefined && this.#files.has(found.resolvedFileName) ? [found.resolvedFileName] : [];
    });
    const imports = { targets, isGlobal: isGlobal(text) };
    this.#imports.set(`${file}\0${hash}`, imports);
    return imports;
  }
}

function reach(imports: ReadonlyMap<string, Imports>, from: readonly string[]): Set<string> {
  const seen = new Set(from);
  for (const file of seen) for (const target of imports.get(file)?.targets ?? []) seen.add(target);
  return seen;
}

function importedNames(text: string): string[] {
  const { importedFiles } = ts.preProcessFile(text, true, true);
  const inComments = [...text.matchAll(/import\(\s*['"]([^'"\n]+)['"]\s*\)/g)].map(([, name]) => name!);
  return [...new Set([...importedFiles.map(({ fileName }) => fileName), ...inComments])];
}

/** A script without imports and exports shares its names with everybody; so does a module that says so. */
function isGlobal(text: string): boolean {
  if (/\bdeclare\s+(global|module)\b/.test(text)) return true;
  return !/\b(import|export|require|module\.exports|exports)\b/.test(text);
}
