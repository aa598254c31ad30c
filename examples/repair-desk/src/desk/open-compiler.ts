import { join } from 'node:path';
import { Compiler } from './compiler.ts';
import { listSources, typesFolder } from '../packages.ts';

/** A compiler for the sources below a folder. */
export function openCompiler(folder: string): Compiler {
  return new Compiler({ files: listSources(folder).map((file) => join(folder, file)), typeRoots: [typesFolder()] });
}
