import { join, parse } from 'node:path';
import { defineConfig } from 'tsup';
import { readManifest, sourceCondition } from './workspace.ts';

interface Extra {
  /** Files that no `exports` entry names because they start in a thread of their own: `src/thread.ts`. */
  readonly threads?: readonly string[];
}

/**
 * How every package is built: ES modules, declarations and source maps, one entry for each path of the package's
 * `exports`. All of them land side by side in `dist`, so a thread is found as `new URL('./thread.js', import.meta.url)`.
 */
export function preset({ threads = [] }: Extra = {}): ReturnType<typeof defineConfig> {
  const exported = Object.values(readManifest(process.cwd()).exports ?? {}).flatMap((target) =>
    typeof target === 'string' ? [] : (target[sourceCondition] ?? []),
  );
  const entry = (files: readonly string[]) => Object.fromEntries(files.map((file) => [parse(file).name, join(file)]));

  return defineConfig({
    entry: entry([...exported, ...threads]),
    format: 'esm',
    target: 'node22',
    sourcemap: true,
    clean: true,
    silent: true,
    removeNodeProtocol: false, // `node:sqlite` has no name without the protocol
    // Declarations are made against the built declarations of other packages, as a user sees them.
    dts: { entry: entry(exported), compilerOptions: { customConditions: [] } },
  });
}
