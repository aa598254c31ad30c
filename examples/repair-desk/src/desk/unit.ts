import type ts from 'typescript';

/**
 * The files that the compiler looks at together: a package of the demonstration, or what one `tsconfig.json` names. Plain
 * data, so that the processes of a run can hand it to each other.
 */
export interface Unit {
  /** Unique in a run. */
  readonly name: string;
  readonly version?: string;
  /** Where its sources lie. The compiler takes them to be here, whatever their texts are by now, so that imports are found. */
  readonly root: string;
  /** The files to repair, relative to the root, with forward slashes. */
  readonly files: readonly string[];
  /** Absolute names of what the compiler needs beside: declarations, and files outside the root. */
  readonly others: readonly string[];
  readonly settings: ts.CompilerOptions;
  /** Whether a repair may bring other errors to light, as long as there are fewer of them in all. */
  readonly mayReveal: boolean;
  /** Whether the sources are somebody's own, who may edit them in the meantime. */
  readonly isOwned: boolean;
}
