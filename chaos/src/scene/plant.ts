/** A bug that a lane is to find: a change of one source file, made in the copy that the lane's processes run. */
export interface Plant {
  /** End of the path of the source file. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/**
 * The planted bug of that name; none if no name is given.
 *
 * @throws Error if the lane has no such bug
 */
export function toPlant<Bug>(known: Readonly<Record<string, Bug>>, name: string | undefined): Bug | undefined {
  if (name === undefined) return undefined;
  if (Object.hasOwn(known, name)) return known[name];
  throw new Error(`This lane has no bug "${name}" to plant. It has: ${Object.keys(known).join(', ')}.`);
}

/**
 * The source text of a file with the bug in it; undefined for files that the bug does not touch.
 *
 * @throws Error if the source was rewritten: the plant would then be a bug of nothing
 */
export function planted({ file, find, put }: Plant, path: string, source: string): string | undefined {
  if (!path.endsWith(file)) return undefined;
  if (!source.includes(find)) throw new Error(`A planted bug has no place any more: ${file} has no "${find}".`);
  return source.replaceAll(find, () => put);
}
