import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../workspace.ts';

/** A change of one source text that breaks one rule. */
export interface Plant {
  /** The source file, from the root folder. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** The variable in which a process is told what to plant, as JSON. */
export const plantVariable = 'SYMPHONY_PLANT';

/**
 * The text of a source with the bug in it; undefined where the bug is of another file.
 *
 * @param path absolute path or `file:` URL
 * @throws Error if the rule was rewritten: the plant would then be a bug of nothing
 */
export function planted({ file, find, put }: Plant, path: string, text: string): string | undefined {
  const [whole = ''] = (path.startsWith('file:') ? fileURLToPath(path) : path).split('?');
  if (relative(root, whole).split(sep).join('/') !== file) return undefined;
  if (!text.includes(find)) throw new Error(`A planted bug has no place any more: ${file} has no "${find}".`);
  return text.replaceAll(find, () => put);
}

/** What this process is told to plant. */
export function plantOfProcess(): Plant | undefined {
  const text = process.env[plantVariable];
  return text === undefined ? undefined : (JSON.parse(text) as Plant); // written by run.ts
}
