import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A small file system in memory that can be filled to the last byte, and freed. */
export class SmallDisk {
  readonly folder: string;
  readonly #ballast: string;

  /**
   * @param folder where it is mounted; created
   * @param bytes how much it holds
   * @throws Error if this process may not mount: it has to be root's
   */
  constructor(folder: string, bytes: number) {
    mkdirSync(folder, { recursive: true });
    const options = `size=${bytes},mode=700`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'pipe' });
    this.folder = folder;
    this.#ballast = join(folder, 'ballast');
  }

  /** Takes what is left. What others give back meanwhile is taken by the next call. */
  fill(): void {
    const file = openSync(this.#ballast, 'a');
    try {
      for (let size = 64 * 1024; size >= 1;) {
        try {
          if (writeSync(file, Buffer.alloc(size)) < size) size = Math.floor(size / 2);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
          size = Math.floor(size / 2);
        }
      }
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  unmount(): void {
    execFileSync('umount', ['--lazy', this.folder], { stdio: 'pipe' });
  }
}
