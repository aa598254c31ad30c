import { chmodSync, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { uncommitted, workTreeOf } from './git.ts';

/** A file to write, by its absolute name. */
export interface Replacement {
  readonly file: string;
  /** What is expected to be there. */
  readonly before: string;
  readonly after: string;
}

/** What came of it. */
export interface Written {
  readonly written: readonly string[];
  /** Files left alone, and why. */
  readonly left: readonly { readonly file: string; readonly why: string }[];
}

/**
 * Puts repaired texts in the place of the files, each in one move. A file that is not what the repairs were made for is left
 * alone, and so is one that git could not bring back, unless `force`.
 */
export function writeBack(replacements: readonly Replacement[], { force }: { readonly force: boolean }): Written {
  const risky = new Set(force ? [] : atRisk(replacements.map(({ file }) => file)));
  const written: string[] = [];
  const left: { file: string; why: string }[] = [];
  for (const replacement of replacements) {
    const { file } = replacement;
    const why = risky.has(file) ? 'it has uncommitted changes' : replace(replacement);
    if (why === undefined) written.push(file);
    else left.push({ file, why });
  }
  return { written, left };
}

/** Which of these files git has in another form than they are, or not at all; none outside a work tree. */
export function atRisk(files: readonly string[]): string[] {
  const byFolder = Map.groupBy(files, dirname);
  const byTree = new Map<string, string[]>();
  for (const [folder, inFolder] of byFolder) {
    const tree = workTreeOf(folder);
    if (tree !== undefined) byTree.set(tree, [...(byTree.get(tree) ?? []), ...inFolder]);
  }
  return [...byTree].flatMap(([tree, inTree]) => uncommitted(tree, inTree));
}

function replace({ file, before, after }: Replacement): string | undefined {
  if (!existsSync(file)) return 'it is no longer there';
  const beside = join(dirname(file), `.${basename(file)}.${process.pid}.new`);
  writeFileSync(beside, after, { flag: 'wx' });
  try {
    chmodSync(beside, statSync(file).mode);
    // As late as it can be: between this look and the move nothing else happens here.
    if (readFileSync(file, 'utf8') !== before) return 'it has changed in the meantime';
    renameSync(beside, file);
    return undefined;
  } finally {
    rmSync(beside, { force: true });
  }
}
