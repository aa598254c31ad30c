import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { ImportGraph } from './import-graph.ts';
import type { Unit } from './unit.ts';

/** One thing the compiler has to say, as plain data that outlives the program it came from. */
export interface Finding {
  readonly file: string;
  readonly start: number;
  readonly length: number;
  /** The compiler's number for this kind of message: recipes go by it, tasks never carry it. */
  readonly code: number;
  readonly message: string;
}

/** A name for a text that two processes agree on. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 20);
}

/**
 * The TypeScript language service over the files of a unit, whose texts may lie in another folder than the files are taken
 * to lie in. There are two services: one knows the files as they are, the other tries drafts, so that a draft that is turned
 * down costs the first one nothing. Once a draft has become the file, they change places, and what was worked out for the
 * draft is not worked out again.
 */
export class Compiler {
  readonly files: readonly string[];
  readonly #root: string;
  readonly #folder: string;
  readonly #current = new Map<string, string>();
  readonly #checked = new Map<string, readonly Finding[]>();
  #base: View;
  #trial: View;

  /** @param folder where the texts are read */
  constructor({ root, files, others, settings }: Pick<Unit, 'root' | 'files' | 'others' | 'settings'>, folder = root) {
    this.#root = root;
    this.#folder = folder;
    const texts = files.map((file): [string, string] => [join(root, file), readFileSync(join(folder, file), 'utf8')]);
    // What the compiler reports depends a little on what it has looked at before, so the order is always the same; the
    // largest file comes first because most drafts are for it and need nothing checked before it.
    texts.sort(([, a], [, b]) => b.length - a.length);
    this.files = texts.map(([file]) => file);
    for (const [file, text] of texts) this.#current.set(file, text);
    const graph = new ImportGraph({ files: this.files, settings });
    this.#base = new View(this.#current, { others, settings, graph });
    this.#trial = new View(this.#current, { others, settings, graph });
  }

  /** The file's text as last read from disk. */
  text(file: string): string {
    const text = this.#current.get(file);
    if (text === undefined) throw new RangeError(`${file} is not part of the project`);
    return text;
  }

  /** Reads the file from disk again. */
  reload(file: string): void {
    const text = readFileSync(join(this.#folder, relative(this.#root, file)), 'utf8');
    if (text === this.#current.get(file)) return;
    this.#current.set(file, text);
    if (this.#trial.shows(this.#current)) [this.#base, this.#trial] = [this.#trial, this.#base];
    else this.#base.show(this.#current);
  }

  /** Everything the compiler objects to in the files as they are, or in some of them. */
  check(within: readonly string[] = this.files): readonly Finding[] {
    return this.#checkAll(this.#base, within);
  }

  /** Everything it would object to, in some files or in all, if one file had another text; the disk is not touched. */
  try(file: string, text: string, within: readonly string[] = this.files): readonly Finding[] {
    this.#trial.show(new Map([...this.#current, [file, text]]));
    return this.#checkAll(this.#trial, within);
  }

  /** The program of the files as they are, for recipes that look around in it. */
  program(): ts.Program {
    return this.#base.program();
  }

  /** The service of the files as they are, for its own code fixes and references. */
  get service(): ts.LanguageService {
    return this.#base.service;
  }

  #checkAll(view: View, within: readonly string[]): readonly Finding[] {
    const wanted = new Set(within);
    const last = this.files.findLastIndex((file) => wanted.has(file));
    const findings = this.files.slice(0, last + 1).flatMap((file) => this.#check(view, file));
    return findings.filter(({ file }) => wanted.has(file));
  }

  #check(view: View, file: string): readonly Finding[] {
    const key = view.name(file);
    const known = this.#checked.get(key);
    if (known !== undefined) return known;
    const program = view.program();
    const source = program.getSourceFile(file);
    const said = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    const findings = said.map((diagnostic) => toFinding(file, diagnostic));
    this.#checked.set(key, findings);
    return findings;
  }
}

interface ViewOptions {
  readonly others: readonly string[];
  readonly settings: ts.CompilerOptions;
  readonly graph: ImportGraph;
}

/** One language service and the texts it sees. */
class View {
  readonly service: ts.LanguageService;
  readonly #graph: ImportGraph;
  #texts: ReadonlyMap<string, string>;
  #hashes: ReadonlyMap<string, string>;
  #names: ReadonlyMap<string, string> | undefined;

  constructor(texts: ReadonlyMap<string, string>, { others, settings, graph }: ViewOptions) {
    this.#graph = graph;
    this.#texts = new Map(texts);
    this.#hashes = hashesOf(texts);
    const own = {
      files: [...texts.keys(), ...others],
      text: (file: string) => this.#texts.get(file),
      version: (file: string) => this.#hashes.get(file),
    };
    this.service = ts.createLanguageService(host(own, settings), registry);
  }

  /** A name for all that has a say in what the compiler thinks of a file. */
  name(file: string): string {
    this.#names ??= this.#graph.names(this.#texts, this.#hashes);
    return this.#names.get(file)!;
  }

  show(texts: ReadonlyMap<string, string>): void {
    this.#texts = new Map(texts);
    this.#hashes = hashesOf(texts);
    this.#names = undefined;
  }

  shows(texts: ReadonlyMap<string, string>): boolean {
    return [...texts].every(([file, text]) => this.#texts.get(file) === text);
  }

  program(): ts.Program {
    const program = this.service.getProgram();
    if (program === undefined) throw new Error('The language service has no program');
    return program;
  }
}

function hashesOf(texts: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...texts].map(([file, text]) => [file, hashOf(text)]));
}

function toFinding(file: string, diagnostic: ts.Diagnostic): Finding {
  return {
    file,
    start: diagnostic.start ?? 0,
    length: diagnostic.length ?? 0,
    code: diagnostic.code,
    message: ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'),
  };
}

/** Parsed files, shared by all views of this process: most of them are the same libraries for everybody. */
const registry = ts.createDocumentRegistry();

/** Texts of the libraries, which do not change while a process runs: they would else be read again for every draft. */
const snapshots = new Map<string, ts.IScriptSnapshot>();

interface OwnFiles {
  readonly files: readonly string[];
  text(file: string): string | undefined;
  version(file: string): string | undefined;
}

function host(own: OwnFiles, settings: ts.CompilerOptions): ts.LanguageServiceHost {
  const known = new Map<string, boolean>();
  return {
    getScriptFileNames: () => [...own.files],
    getScriptVersion: (file) => own.version(file) ?? '1',
    getScriptSnapshot: (file) => {
      const text = own.text(file);
      return text === undefined ? librarySnapshot(file) : ts.ScriptSnapshot.fromString(text);
    },
    getCompilationSettings: () => settings,
    getCurrentDirectory: () => '/',
    getDefaultLibFileName: (options) => ts.getDefaultLibFilePath(options),
    fileExists: (file) => remember(known, file, () => ts.sys.fileExists(file)),
    readFile: (file) => ts.sys.readFile(file),
    directoryExists: (folder) => remember(known, folder, () => ts.sys.directoryExists(folder)),
    getDirectories: (folder) => ts.sys.getDirectories(folder),
    realpath: (path) => ts.sys.realpath?.(path) ?? path,
  };
}

function librarySnapshot(file: string): ts.IScriptSnapshot | undefined {
  const kept = snapshots.get(file);
  if (kept !== undefined) return kept;
  const text = ts.sys.readFile(file);
  if (text === undefined) return undefined;
  const snapshot = ts.ScriptSnapshot.fromString(text);
  snapshots.set(file, snapshot);
  return snapshot;
}

function remember(known: Map<string, boolean>, name: string, look: () => boolean): boolean {
  const seen = known.get(name) ?? look();
  known.set(name, seen);
  return seen;
}
