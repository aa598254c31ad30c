import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';

/** One file before and after. */
export interface FilePair {
  /** Relative to the folder that the patch is for. */
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

/** A unified diff that `git apply` and `patch -p1` take in that folder. Files that are the same are left out. */
export function makePatch(pairs: readonly FilePair[]): string {
  return pairs
    .filter(({ before, after }) => before !== after)
    .map(({ file, before, after }) => {
      const body = createTwoFilesPatch(`a/${file}`, `b/${file}`, before, after, undefined, undefined, {
        context: 3,
        headerOptions: FILE_HEADERS_ONLY,
      });
      return `diff --git a/${file} b/${file}\n${body}`;
    })
    .join('');
}

/** How many lines a patch adds and takes away. */
export function countLines(patch: string): { readonly added: number; readonly removed: number } {
  const lines = patch.split('\n');
  return {
    added: lines.filter((line) => line.startsWith('+') && !line.startsWith('+++')).length,
    removed: lines.filter((line) => line.startsWith('-') && !line.startsWith('---')).length,
  };
}
