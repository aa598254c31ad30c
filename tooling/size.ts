// What the packages weigh. `node tooling/size.ts`, after a build, shows all of it beside the budgets.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { measureInstalled, type InstalledSize } from './installed-size.ts';
import { packAll, type Packed } from './pack.ts';
import { root } from './workspace.ts';

/** What may not be exceeded; kB are 1,000 bytes. */
interface Budgets {
  /** kB of each tarball. */
  readonly packed: Readonly<Record<string, number>>;
  /** kB of a program that imports everything from a package: bundled with what it depends on, minified, gzipped. */
  readonly bundled: Readonly<Record<string, number>>;
  /** What `npm install` of a package brings. */
  readonly installed: Readonly<Record<string, { readonly kB: number; readonly packages: number }>>;
}

/** One measured value and what it may be at most; without a budget the check fails. */
interface Weight {
  readonly what: string;
  readonly value: number;
  readonly budget: number | undefined;
  readonly unit: string;
}

const budgetsFile = 'tooling/budgets.json';

/**
 * Measures every tarball, the bundles, and the installed umbrella, and fails where a budget is exceeded or missing, or
 * where README.md tells its reader other figures.
 */
export async function checkSizes(all: readonly Packed[]): Promise<void> {
  const { weights, installed } = await weigh(all);
  const complaints = weights.flatMap(({ what, value, budget, unit }) => {
    if (budget === undefined) return [`${what} has no budget; it is ${value} ${unit}`];
    return value > budget ? [`${what} is ${value} ${unit}, and the budget is ${budget}`] : [];
  });
  if (complaints.length > 0) throw new Error([...complaints, `The budgets stand in ${budgetsFile}.`].join('\n'));
  for (const [name, size] of installed) checkReadme(name, size);
}

async function weigh(all: readonly Packed[]): Promise<{
  readonly weights: readonly Weight[];
  readonly installed: ReadonlyMap<string, InstalledSize>;
}> {
  const budgets = readBudgets();
  const weights: Weight[] = [];
  const add = (what: string, value: number, unit: string, budget: number | undefined): void =>
    void weights.push({ what, value, budget, unit });
  for (const { manifest, tarball } of all) {
    add(`${manifest.name}, packed,`, toKb(statSync(tarball).size), 'kB', budgets.packed[manifest.name]);
  }
  for (const [name, budget] of Object.entries(budgets.bundled)) {
    add(`${name}, bundled,`, toKb(await bundledBytes(findPacked(name, all))), 'kB', budget);
  }
  const installed = new Map<string, InstalledSize>();
  for (const [name, budget] of Object.entries(budgets.installed)) {
    const size = await measureInstalled(name, all);
    installed.set(name, size);
    add(`${name}, installed,`, toKb(size.bytes), 'kB', budget.kB);
    add(`${name}, installed,`, size.packages, 'packages', budget.packages);
  }
  return { weights, installed };
}

function readBudgets(): Budgets {
  return JSON.parse(readFileSync(join(root, budgetsFile), 'utf8')) as Budgets;
}

function findPacked(name: string, all: readonly Packed[]): Packed {
  const packed = all.find(({ manifest }) => manifest.name === name);
  if (packed === undefined) throw new Error(`${budgetsFile} names ${name}, which is no package of ours`);
  return packed;
}

async function bundledBytes({ folder }: Packed): Promise<number> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, 'dist/index.js')],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    write: false,
    logLevel: 'silent',
  });
  return outputFiles.reduce((sum, file) => sum + gzipSync(file.contents).length, 0);
}

/** The README's sentence on an installation: its packages exactly, its size within a tenth. */
function checkReadme(name: string, { packages, bytes }: InstalledSize): void {
  const sentence = new RegExp(`\`npm install ${name}\` brings (\\d+) packages, (\\d+\\.\\d) MB`);
  const [, statedPackages, statedMegabytes] = sentence.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? [];
  const megabytes = bytes / 1_000_000;
  const isTrue = Number(statedPackages) === packages && Math.abs(Number(statedMegabytes) - megabytes) <= megabytes / 10;
  if (isTrue) return;
  throw new Error(
    `README.md must say: "\`npm install ${name}\` brings ${packages} packages, ${megabytes.toFixed(1)} MB"`,
  );
}

function toKb(bytes: number): number {
  return Math.ceil(bytes / 1000);
}

if (import.meta.main) {
  for (const { what, value, budget, unit } of (await weigh(await packAll())).weights) {
    console.log(`${what.padEnd(44)} ${value} ${unit}, budget ${budget ?? 'missing'}`);
  }
}
