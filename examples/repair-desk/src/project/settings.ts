import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import ts from 'typescript';

/** The folder that holds the `@types` packages of this tool. */
function ownTypes(): string {
  return dirname(dirname(createRequire(import.meta.url).resolve('@types/node/package.json')));
}

/**
 * As strict as the compiler gets: for sources that come without settings of their own.
 *
 * @param modules `NodeNext` for what Node is to load; `Preserve` for what may be bundled, where imports are looser
 * @param root where `@types` packages are looked for before those of this tool
 */
export function strictSettings(modules: 'NodeNext' | 'Preserve', root?: string): ts.CompilerOptions {
  const theirs = root === undefined ? undefined : join(root, 'node_modules', '@types');
  const typeRoots = [...(theirs !== undefined && existsSync(theirs) ? [theirs] : []), ownTypes()];
  return {
    ...quiet,
    allowJs: true,
    checkJs: true,
    strict: true,
    noImplicitAny: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    target: ts.ScriptTarget.ES2022,
    lib: modules === 'NodeNext' ? ['lib.es2023.d.ts'] : ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    module: ts.ModuleKind[modules],
    moduleResolution: modules === 'NodeNext' ? ts.ModuleResolutionKind.NodeNext : ts.ModuleResolutionKind.Bundler,
    jsx: ts.JsxEmit.Preserve,
    types: ['node'],
    typeRoots,
  };
}

/** What a compiler needs that is asked for errors and for nothing else. */
export const quiet = {
  noEmit: true,
  skipLibCheck: true,
  maxNodeModuleJsDepth: 0,
} as const satisfies ts.CompilerOptions;
