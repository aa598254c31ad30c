import { globSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { overrides } from './install-alone.ts';
import type { Packed } from './pack.ts';
import { run } from './run.ts';

/** What an installation puts on the disk of a user. */
export interface InstalledSize {
  /** How many packages, the installed one included. */
  readonly packages: number;
  /** Bytes of all their files. */
  readonly bytes: number;
}

/** Installs one packed package with npm into an empty folder and measures what has come. */
export async function measureInstalled(name: string, all: readonly Packed[]): Promise<InstalledSize> {
  const { [name]: tarball, ...others } = overrides(all);
  const folder = mkdtempSync(join(tmpdir(), 'symphony-installed-'));
  try {
    const manifest = { name: 'a-user', private: true, dependencies: { [name]: tarball }, overrides: others };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel', 'error'], folder);
    const files = globSync('node_modules/**', { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
    const isManifest = /node_modules\/(@[^/]+\/)?[^/@]+$/;
    return {
      packages: files.filter((file) => file.name === 'package.json' && isManifest.test(file.parentPath)).length,
      bytes: files.reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
