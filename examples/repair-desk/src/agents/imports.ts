import { codeFixes } from '../code/code-fixes.ts';
import type { Recipe } from './recipe.ts';

const kinds: ReadonlySet<string> = new Set(['import', 'convertToTypeOnlyImport', 'fixInvalidImportSyntax']);

/** Imports what is used and not imported. */
export const imports: Recipe = {
  id: 'imports',
  name: 'Imports',
  role: 'Imports what is missing',
  description:
    'Adds missing imports: the compiler cannot find a name that another module of the project, or Node itself, exports. Also makes an import of a type a type-only import.',
  capabilities: ['imports', 'modules'],
  examples: [
    "Cannot find name 'readFile'",
    "Cannot find name 'Options'. Is it exported by another module?",
    "'Options' is a type and must be imported using a type-only import when 'verbatimModuleSyntax' is enabled",
    "'Store' cannot be used as a value because it was imported using 'import type'",
  ],
  about: /^Cannot find name|type-only import|imported using 'import type'|refers to a UMD global/,
  *drafts(scene) {
    const drafts = codeFixes(scene, ({ fixName }) => kinds.has(fixName));
    // A package may export the same name by chance; the project's own modules and Node's are meant more often.
    yield* drafts.filter(({ title }) => /"(\.{1,2}\/|node:)|type-only/.test(title) || !/from "/.test(title));
  },
};
