import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Packed } from '../pack.ts';
import { run } from '../run.ts';
import { catalogVersion } from '../workspace.ts';

/**
 * Installs all tarballs together with npm into an empty project outside the workspace, type-checks a program that uses
 * the front door and one that imports every subpath, strictly and with every declaration file, and runs both.
 */
export async function packTest(all: readonly Packed[]): Promise<void> {
  const project = mkdtempSync(join(tmpdir(), 'symphony-installed-'));
  try {
    write(project, 'package.json', {
      name: 'a-user-of-symphony',
      private: true,
      type: 'module',
      dependencies: Object.fromEntries(all.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`])),
      devDependencies: { '@types/node': catalogVersion('@types/node'), typescript: catalogVersion('typescript') },
    });
    write(project, 'tsconfig.json', {
      compilerOptions: {
        strict: true,
        skipLibCheck: false,
        exactOptionalPropertyTypes: true,
        target: 'es2024',
        module: 'nodenext',
        lib: ['es2024', 'esnext.disposable'],
        types: ['node'],
        verbatimModuleSyntax: true,
        erasableSyntaxOnly: true,
        noEmit: true,
      },
    });
    copyFileSync(join(import.meta.dirname, 'program.ts'), join(project, 'program.ts'));
    writeFileSync(join(project, 'subpaths.ts'), importOfEverySubpath(all));

    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel', 'error'], project);
    await run('node', ['node_modules/typescript/bin/tsc', '--project', '.'], project);
    await run('node', ['subpaths.ts'], project);
    await run('node', ['program.ts'], project);
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

function write(project: string, file: string, content: unknown): void {
  writeFileSync(join(project, file), JSON.stringify(content, null, 2));
}

function importOfEverySubpath(all: readonly Packed[]): string {
  const paths = all.flatMap(({ manifest }) =>
    Object.keys(manifest.exports ?? {})
      .filter((subpath) => !subpath.endsWith('.json'))
      .map((subpath) => manifest.name + subpath.slice(1)),
  );
  const imports = paths.map((path, index) => `import * as path${index} from '${path}';`);
  const checks = paths.map(
    (path, index) => `if (Object.keys(path${index}).length === 0) throw new Error('${path} is empty');`,
  );
  return [...imports, ...checks, ''].join('\n');
}
