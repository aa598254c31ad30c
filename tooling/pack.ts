import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { inParallel } from './in-parallel.ts';
import { run } from './run.ts';
import { listPublicPackages, type Package } from './workspace.ts';

/** A package together with the tarball that npm users would get. */
export interface Packed extends Package {
  /** Absolute path of the tarball. */
  readonly tarball: string;
}

let packed: Promise<Packed[]> | undefined;

/** Packs every public package once per run, into a temporary folder that goes with the process. */
export function packAll(): Promise<Packed[]> {
  return (packed ??= pack());
}

async function pack(): Promise<Packed[]> {
  const target = mkdtempSync(join(tmpdir(), 'symphony-pack-'));
  process.once('exit', () => rmSync(target, { recursive: true, force: true }));
  return inParallel(listPublicPackages(), async (pkg) => {
    const tarball = join(target, `${pkg.manifest.name.replace('@', '').replace('/', '-')}-${pkg.manifest.version}.tgz`);
    await run('pnpm', ['pack', '--out', tarball], pkg.folder);
    return { ...pkg, tarball };
  });
}

/** Runs publint over the tarballs, as strictly as it can. */
export async function lintTarballs(all: readonly Packed[]): Promise<void> {
  const complaints: string[] = [];
  for (const { manifest, tarball } of all) {
    const bytes = new Uint8Array(readFileSync(tarball)); // a copy with a buffer of its own
    const { messages, pkg } = await publint({ pack: { tarball: bytes.buffer }, strict: true });
    complaints.push(...messages.map((message) => `${manifest.name}: ${formatMessage(message, pkg) ?? message.code}`));
  }
  if (complaints.length > 0) throw new Error(complaints.join('\n'));
}
