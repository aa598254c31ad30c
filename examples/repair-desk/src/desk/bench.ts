import { join, relative } from 'node:path';
import { hashOf, type Compiler, type Finding } from './compiler.ts';
import { inOrder } from './edits.ts';
import type { Edit } from './ledger.ts';

/** Where repairs are thought out: a compiler with the texts as they were when it last looked. Nothing is changed here. */
export class Bench {
  readonly compiler: Compiler;
  readonly mayReveal: boolean;
  readonly #root: string;

  constructor(options: { readonly compiler: Compiler; readonly root: string; readonly mayReveal: boolean }) {
    this.compiler = options.compiler;
    this.mayReveal = options.mayReveal;
    this.#root = options.root;
  }

  /** The name under which the compiler knows one of the unit's files. */
  path(file: string): string {
    return join(this.#root, file);
  }

  /** What the compiler says about one file. */
  findings(file: string): readonly Finding[] {
    return this.compiler.check([this.path(file)]);
  }

  /** Changes of a file, bound to the text they were drafted for and written with its line ends. */
  edit(id: string, path: string, changes: Edit['changes'], message: string): Edit {
    const text = this.compiler.text(path);
    const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
    return {
      id,
      file: relative(this.#root, path).replaceAll('\\', '/'),
      changes: inOrder(changes).map((change) => ({ ...change, text: change.text.replace(/\r?\n/g, lineEnd) })),
      base: hashOf(text),
      message,
    };
  }
}
