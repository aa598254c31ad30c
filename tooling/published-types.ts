import { readFileSync } from 'node:fs';
import { checkPackage, createPackageFromTarballData, type Problem } from '@arethetypeswrong/core';
import { inParallel } from './in-parallel.ts';
import type { Packed } from './pack.ts';

/** How importers resolve that packages of ES modules alone do not serve: TypeScript's oldest mode, and `require`. */
const notServed = ['node10', 'node16-cjs'];

/** Asks of each tarball whether TypeScript finds, for every import path, the types of what Node finds there. */
export async function checkPublishedTypes(all: readonly Packed[]): Promise<void> {
  const complaints = await inParallel(all, async ({ manifest, tarball }) => {
    const result = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))));
    if (!result.types) return [`${manifest.name}: no types are published`];
    return result.problems.filter(isServed).map((problem) => `${manifest.name}: ${JSON.stringify(problem)}`);
  });
  if (complaints.flat().length > 0) throw new Error(complaints.flat().join('\n'));
}

function isServed(problem: Problem): boolean {
  return !('resolutionKind' in problem) || !notServed.includes(problem.resolutionKind);
}
