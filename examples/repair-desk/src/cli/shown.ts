import { relative, resolve } from 'node:path';

/** Where the caller stands: pnpm and npm change to the package's folder before they start a script. */
export const callersFolder = process.env['INIT_CWD'] ?? process.cwd();

/** A path as short as it can be said from there. */
export function shown(path: string): string {
  const short = relative(callersFolder, resolve(path));
  return short === '' || short.startsWith('../../') ? path : short;
}
