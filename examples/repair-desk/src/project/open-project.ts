import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import ts from 'typescript';
import { plainName } from '../desk/problems.ts';
import type { Unit } from '../desk/unit.ts';
import { UsageError } from '../usage-error.ts';
import { quiet, strictSettings } from './settings.ts';

/** A project of the user's own. */
export interface Project {
  /** Absolute: what was asked for, links followed. */
  readonly path: string;
  /** The folder that it is in. */
  readonly base: string;
  /** One for each `tsconfig.json`. */
  readonly units: readonly Unit[];
}

const sourceFile = /\.[cm]?[jt]sx?$/;
const declarationFile = /\.d\.[cm]?ts$/;

/**
 * Finds out what there is to look at, without looking yet.
 *
 * @param path a source file, a folder or a `tsconfig.json`
 * @throws UsageError if there is nothing there that could be repaired
 */
export function openProject(path: string): Project {
  if (!existsSync(path)) throw new UsageError(`There is no file or folder ${path}.`);
  const real = realpathSync(resolve(path));
  const isFolder = statSync(real).isDirectory();
  const base = isFolder ? real : dirname(real);
  const units = isFolder ? unitsOfFolder(real) : real.endsWith('.json') ? unitsOfConfig(real) : [unitOfFile(real)];
  const filled = units.filter(({ files }) => files.length > 0);
  if (filled.length === 0) throw new UsageError(`There are no TypeScript or JavaScript files to check in ${path}.`);
  return { path: real, base, units: withOwnNames(filled) };
}

function unitsOfFolder(folder: string): Unit[] {
  const config = ['tsconfig.json', 'jsconfig.json'].map((name) => join(folder, name)).find((name) => existsSync(name));
  if (config !== undefined) return unitsOfConfig(config);
  const settings = strictSettings('Preserve', folder);
  const names = ts.sys.readDirectory(
    folder,
    ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs'],
    ['**/node_modules', '**/dist', '**/.*/*'],
  );
  return names.length === 0 ? [] : [makeUnit(folder, names, settings)];
}

/** One file, by the settings of the nearest folder that has some. */
function unitOfFile(file: string): Unit {
  if (!sourceFile.test(file)) throw new UsageError(`${file} is neither TypeScript nor JavaScript nor a tsconfig.json.`);
  const config = ts.findConfigFile(dirname(file), existsSync);
  const { root, names, settings } =
    config === undefined
      ? { root: dirname(file), names: [], settings: strictSettings('Preserve', dirname(file)) }
      : readConfig(config);
  const unit = makeUnit(root, [file, ...names.filter((name) => declarationFile.test(name))], settings);
  const own = relativeTo(root, file);
  const others = unit.files.filter((each) => each !== own).map((each) => join(root, each));
  return { ...unit, files: [own], others: [...unit.others, ...others] };
}

function unitsOfConfig(config: string, seen = new Set<string>()): Unit[] {
  if (seen.has(config)) return [];
  seen.add(config);
  const { root, names, settings, references } = readConfig(config);
  const referenced = references.flatMap((reference) => {
    const path = ts.resolveProjectReferencePath(reference);
    if (!existsSync(path)) throw new UsageError(`${config} refers to ${path}, which is not there.`);
    return unitsOfConfig(realpathSync(path), seen);
  });
  return names.length === 0 ? referenced : [makeUnit(root, names, settings), ...referenced];
}

interface Config {
  readonly root: string;
  readonly names: readonly string[];
  readonly settings: ts.CompilerOptions;
  readonly references: readonly ts.ProjectReference[];
}

function readConfig(path: string): Config {
  const refuse = (error: ts.Diagnostic): UsageError =>
    new UsageError(`${path} cannot be used: ${ts.flattenDiagnosticMessageText(error.messageText, ' ')}`);
  const { config, error } = ts.readConfigFile(path, (name) => ts.sys.readFile(name)) as {
    config: unknown;
    error?: ts.Diagnostic;
  };
  if (error !== undefined) throw refuse(error);
  const parsed = ts.parseJsonConfigFileContent(config, ts.sys, dirname(path), undefined, path);
  // That it names no files is not its fault: it may only refer to others.
  const [fault] = parsed.errors.filter(({ code }) => code !== 18_002 && code !== 18_003);
  if (fault !== undefined) throw refuse(fault);
  return {
    root: dirname(path),
    names: parsed.fileNames,
    settings: { ...parsed.options, ...quiet, composite: false, incremental: false, declaration: false },
    references: parsed.projectReferences ?? [],
  };
}

/** Everything that the compiler would look at, and which of it lies below the root and is nobody else's. */
function makeUnit(root: string, names: readonly string[], settings: ts.CompilerOptions): Unit {
  const program = ts.createProgram({ rootNames: [...names], options: settings });
  const sources = program
    .getSourceFiles()
    .filter((source) => !program.isSourceFileDefaultLibrary(source) && !program.isSourceFileFromExternalLibrary(source))
    .map(({ fileName }) => fileName);
  const isOwn = (name: string): boolean =>
    sourceFile.test(name) &&
    !declarationFile.test(name) &&
    name.startsWith(root + sep) &&
    !name.includes('/node_modules/');
  const declared = new Set(names);
  return {
    ...manifestOf(root),
    root,
    files: sources
      .filter(isOwn)
      .map((name) => relativeTo(root, name))
      .sort(),
    others: sources.filter((name) => !isOwn(name) && declared.has(name)),
    settings,
    mayReveal: false,
    isOwned: true,
  };
}

/** Name and version of the package that a folder belongs to. */
function manifestOf(folder: string): Pick<Unit, 'name' | 'version'> {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return { name: basename(folder) || 'project' };
  try {
    const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown; version?: unknown };
    return {
      name: typeof name === 'string' && name.trim() !== '' ? name : basename(folder),
      ...(typeof version === 'string' ? { version } : {}),
    };
  } catch {
    // Its name is all that was wanted.
    return { name: basename(folder) };
  }
}

function withOwnNames(units: readonly Unit[]): Unit[] {
  const taken = new Set<string>();
  return units.map((unit) => {
    const base = plainName(unit.name);
    let name = base;
    for (let number = 2; taken.has(name); number++) name = `${base} (${number})`;
    taken.add(name);
    return { ...unit, name };
  });
}

function relativeTo(root: string, name: string): string {
  return relative(root, name).replaceAll('\\', '/');
}
