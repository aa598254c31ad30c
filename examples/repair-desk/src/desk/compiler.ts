import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import ts from 'typescript';

/** One thing the compiler has to say, as plain data that outlives the program it came from. */
export interface Finding {
  readonly file: string;
  readonly start: number;
  readonly length: number;
  /** The compiler's number for this kind of message: recipes go by it, tasks never carry it. */
  readonly code: number;
  readonly message: string;
}

/** Where one project lies and where its types come from. */
export interface CompilerOptions {
  readonly files: readonly string[];
  /** Folders that hold `@types` packages. */
  readonly typeRoots: readonly string[];
}

/** A name for a text that two processes agree on. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 20);
}

/**
 * The TypeScript language service over a few JavaScript files, as strict as it gets. There are two services: one knows
 * the files as they are, the other tries drafts, so that a draft that is turned down costs the first one nothing. Once a
 * draft has become the file, they change places, and what was worked out for the draft is not worked out again.
 */
export class Compiler {
  readonly files: readonly string[];
  readonly #current = new Map<string, string>();
  readonly #checked = new Map<string, readonly Finding[]>();
  #base: View;
  #trial: View;

  constructor(options: CompilerOptions) {
    const texts = options.files.map((file): [string, string] => [file, readFileSync(file, 'utf8')]);
    // What the compiler reports depends a little on what it has looked at before, so the order is always the same; the
    // largest file comes first because most drafts are for it and need nothing checked before it.
    texts.sort(([, a], [, b]) => b.length - a.length);
    this.files = texts.map(([file]) => file);
    for (const [file, text] of texts) this.#current.set(file, text);
    const settings = strictSettings(options.typeRoots);
    this.#base = new View(this.#current, settings);
    this.#trial = new View(this.#current, settings);
  }

  /** The file's text as last read from disk. */
  text(file: string): string {
    const text = this.#current.get(file);
    if (text === undefined) throw new RangeError(`${file} is not part of the project`);
    return text;
  }

  /** Reads the file from disk again. */
  reload(file: string): void {
    this.#current.set(file, readFileSync(file, 'utf8'));
    if (this.#trial.shows(this.#current)) [this.#base, this.#trial] = [this.#trial, this.#base];
    else this.#base.show(this.#current);
  }

  /** Everything the compiler objects to in the files as they are. */
  check(): readonly Finding[] {
    return this.files.flatMap((file) => this.#check(this.#base, file));
  }

  /** Everything it would object to, in some files or in all, if one file had another text; the disk is not touched. */
  try(file: string, text: string, within: readonly string[] = this.files): readonly Finding[] {
    this.#trial.show(new Map([...this.#current, [file, text]]));
    const last = this.files.findLastIndex((each) => within.includes(each));
    const findings = this.files.slice(0, last + 1).flatMap((each) => this.#check(this.#trial, each));
    return findings.filter((finding) => within.includes(finding.file));
  }

  /** The program of the files as they are, for recipes that look around in it. */
  program(): ts.Program {
    return this.#base.program();
  }

  /** The service of the files as they are, for its own code fixes and references. */
  get service(): ts.LanguageService {
    return this.#base.service;
  }

  #check(view: View, file: string): readonly Finding[] {
    const key = `${file}\0${view.name}`;
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

/** One language service and the texts it sees. */
class View {
  readonly service: ts.LanguageService;
  #texts: ReadonlyMap<string, string>;
  #hashes: ReadonlyMap<string, string>;

  constructor(texts: ReadonlyMap<string, string>, settings: ts.CompilerOptions) {
    this.#texts = new Map(texts);
    this.#hashes = hashesOf(texts);
    const own = {
      files: [...texts.keys()],
      text: (file: string) => this.#texts.get(file),
      version: (file: string) => this.#hashes.get(file),
    };
    this.service = ts.createLanguageService(host(own, settings), registry);
  }

  /** A name for what it sees. */
  get name(): string {
    return [...this.#hashes.values()].join();
  }

  show(texts: ReadonlyMap<string, string>): void {
    this.#texts = new Map(texts);
    this.#hashes = hashesOf(texts);
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

function strictSettings(typeRoots: readonly string[]): ts.CompilerOptions {
  return {
    allowJs: true,
    checkJs: true,
    strict: true,
    noImplicitAny: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    noEmit: true,
    skipLibCheck: true,
    maxNodeModuleJsDepth: 0,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
    typeRoots: [...typeRoots],
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
